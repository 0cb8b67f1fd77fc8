"""A home with an index against the contract and the reference: the index changes no answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings

from index_homes import Indexed
from rollout.store.local.store import LocalStore
from rollout.testing.conformance import StoreConformance
from rollout.testing.stateful import StoreComparison

if TYPE_CHECKING:
    from rollout.query import Page, ThreadQuery


class TestIndexedStore(StoreConformance):
    """Every fact of the contract."""

    def make_store(self, tmp_path: Path) -> Indexed:
        """A store of a new home with an index beside it."""
        return Indexed(tmp_path / "home", tmp_path / "cache" / "index.sqlite")


class Losing(Indexed):
    """A store whose index must answer until it was lost."""

    lost = False

    def list(self, query: ThreadQuery) -> Page:
        """One page, through the index unless somebody has spoilt it: then from the files, which is said."""
        return LocalStore.list(self, query) if self.lost else super().list(query)


class IndexedComparison(StoreComparison):
    """Random histories of a home."""

    mine: Losing

    def make_store(self) -> Losing:
        """A store of a new home with an index beside it."""
        return Losing(Path(self.folder) / "home", Path(self.folder) / "index.sqlite")

    def restarted(self) -> Losing:
        """The same home; what was lost stays lost until a listing has found out."""
        lost, self.mine = self.mine.lost, self.make_store()
        self.mine.lost = lost
        return self.mine

    def lose_index(self, how: str) -> None:
        """Take the index away, cut it, or put something else in its place."""
        self.mine.lost = how != "deleted"
        for path in Path(self.folder).glob("index.sqlite*"):
            data = path.read_bytes()
            if how == "deleted":
                path.unlink()
            elif not path.name.endswith("-shm"):  # the shared memory of a feeder at work: to cut it kills the process
                path.write_bytes(data[: len(data) // 2] if how == "cut" else b"no database" * 1000)


TestIndexedComparison = IndexedComparison.TestCase
TestIndexedComparison.settings = settings(
    max_examples=20, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
