"""The reference store against the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.store.memory import MemoryStore
from rollout.testing.conformance import StoreConformance

if TYPE_CHECKING:
    from pathlib import Path


class TestMemoryStore(StoreConformance):
    """Every fact of the contract, in memory."""

    def make_store(self, tmp_path: Path) -> MemoryStore:
        """An empty store; it needs no folder."""
        assert tmp_path.is_dir()
        return MemoryStore()
