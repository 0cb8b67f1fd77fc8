"""A home for every test that asks for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local_homes import Home

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home."""
    return Home(tmp_path / "home")
