"""A home on disk against the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.store.local.store import LocalStore
from rollout.testing.conformance import StoreConformance

if TYPE_CHECKING:
    from pathlib import Path


class TestLocalStore(StoreConformance):
    """Every fact of the contract, in a home that does not exist yet."""

    def make_store(self, tmp_path: Path) -> LocalStore:
        """A store of a new home."""
        return LocalStore(tmp_path / "home")
