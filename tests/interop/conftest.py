from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from interop.lab import Lab, opened_lab
from support import shared_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType


@pytest.fixture(scope="session")
def oracle() -> Iterator[tuple[ModuleType, ModuleType]]:
    """The driver and the scripted model, from the shared folder."""
    folder = str(shared_path("oracle"))
    sys.path.insert(0, folder)
    try:
        yield import_module("codex_driver"), import_module("mock_responses")
    finally:
        sys.path.remove(folder)


@pytest.fixture
def lab(tmp_path: Path, oracle: tuple[ModuleType, ModuleType]) -> Iterator[Lab]:
    """A lab of this test alone."""
    with opened_lab(tmp_path, oracle) as made:
        yield made
