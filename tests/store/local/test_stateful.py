"""Random histories, step by step the same in a home as in memory."""

from __future__ import annotations

from hypothesis import settings

from rollout.store.local.store import LocalStore
from rollout.testing.stateful import StoreComparison


class LocalComparison(StoreComparison):
    """A home compared with the reference."""

    def make_store(self) -> LocalStore:
        """A home that does not exist yet."""
        return LocalStore(f"{self.folder}/home")


TestLocalComparison = LocalComparison.TestCase
TestLocalComparison.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
