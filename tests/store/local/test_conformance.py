"""The store of a home against the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.store.local.store import LocalStore
from rollout.testing.conformance import StoreConformance

if TYPE_CHECKING:
    from pathlib import Path


class TestLocalStore(StoreConformance):
    """Every fact of the contract, on files."""

    def make_store(self, tmp_path: Path) -> LocalStore:
        """A home that does not exist yet."""
        return LocalStore(tmp_path / "home")
