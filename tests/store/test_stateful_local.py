"""A home on disk compared with the reference over random histories."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, settings

from rollout.store.local.store import LocalStore
from rollout.testing.stateful import StoreComparison


class LocalComparison(StoreComparison):
    """Random histories of a home."""

    def make_store(self) -> LocalStore:
        """A store of a new home."""
        return LocalStore(Path(self.folder) / "home")

    restarted = make_store


TestLocalComparison = LocalComparison.TestCase
TestLocalComparison.settings = settings(
    max_examples=20, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
