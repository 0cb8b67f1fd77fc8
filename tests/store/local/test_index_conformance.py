"""A home with an index against the contract and the reference: the index changes no answer."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, settings

from index_homes import Indexed
from rollout.testing.conformance import StoreConformance
from rollout.testing.stateful import StoreComparison


class TestIndexedStore(StoreConformance):
    """Every fact of the contract."""

    def make_store(self, tmp_path: Path) -> Indexed:
        """A store of a new home with an index beside it."""
        return Indexed(tmp_path / "home", tmp_path / "cache" / "index.sqlite")


class IndexedComparison(StoreComparison):
    """Random histories of a home."""

    def make_store(self) -> Indexed:
        """A store of a new home with an index beside it."""
        return Indexed(Path(self.folder) / "home", Path(self.folder) / "index.sqlite")


TestIndexedComparison = IndexedComparison.TestCase
TestIndexedComparison.settings = settings(
    max_examples=20, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
