from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rollout.store.local.store import LocalStore
from rollout.store.memory import MemoryStore

if TYPE_CHECKING:
    from pathlib import Path

    from rollout.store.base import ThreadStore


@pytest.fixture
def home(tmp_path: Path) -> LocalStore:
    """An empty home."""
    return LocalStore(tmp_path / "home")


@pytest.fixture(params=["memory", "home"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ThreadStore:
    """An empty store: each test holds for both."""
    return MemoryStore() if request.param == "memory" else LocalStore(tmp_path / "home")
