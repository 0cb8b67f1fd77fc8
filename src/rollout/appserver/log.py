"""What the operator is told: one line on standard error, and never an error of its own."""

from __future__ import annotations

import sys
from contextlib import suppress
from traceback import format_exc


def say(text: str) -> None:
    """One line; where nobody listens it is lost."""
    _write(f"rollout app-server: {text}\n")


def say_exception() -> None:
    """The traceback of the exception that is being handled."""
    _write(format_exc())


def _write(text: str) -> None:
    if sys.stderr is None:
        return
    with suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()
