"""The cyclic garbage collector, kept out of work that makes many small values."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator


@contextmanager
def without_collector() -> Generator[None]:
    """Let no cycles be looked for while hundreds of thousands of small values are made: it doubles their cost."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
