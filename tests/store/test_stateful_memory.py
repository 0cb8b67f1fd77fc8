"""Two reference stores, and the same random history for both: the comparison itself must hold."""

from __future__ import annotations

from hypothesis import settings

from rollout.store.memory import MemoryStore
from rollout.testing.stateful import StoreComparison


class MemoryComparison(StoreComparison):
    """The reference compared with itself."""

    def make_store(self) -> MemoryStore:
        """A second reference, with a clock of its own."""
        return MemoryStore(clock=lambda: 1_770_000_000_000_000_000)


TestMemoryComparison = MemoryComparison.TestCase
TestMemoryComparison.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
