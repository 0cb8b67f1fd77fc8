"""SIGKILL at every write to an index that is being made anew or caught up: the next listing answers like the files."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import apsw
import pytest

from campaign.words import FULL, SEED
from index_homes import orders, walked
from lifecycle.words import keep, legacy, paginated
from rollout.query import EVERYTHING
from rollout.store.local.index_path import IndexPlace
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Work = Callable[[LocalStore, IndexPlace], object]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),  # the child needs none of the threads of other tests
]
STRIDE = 1 if FULL else 29
THREADS = 12


def rebuild(store: LocalStore, place: IndexPlace) -> object:
    """Make the index anew."""
    return store.index_rebuild(place).run()


def listing(store: LocalStore, place: IndexPlace) -> object:
    """List through the index, which catches up first; the second time also where a bad file was put aside."""
    return [LocalStore(store.home, index=place).list(EVERYTHING) for _ in range(2)]


WORKS: dict[str, Work] = {"rebuild": rebuild, "catch-up": listing}


@pytest.mark.parametrize("old", ["none", "old", "bad"])
@pytest.mark.parametrize("work", WORKS)
def test_a_killed_index_costs_no_answer(tmp_path: Path, work: str, old: str) -> None:
    """Whatever it was doing; the same command, made once more, ends with an index that agrees with the files."""
    home, place = LocalStore(tmp_path / "home"), IndexPlace(str(tmp_path / "index.sqlite"), ours=True)
    for number in range(1, THREADS):
        keep(home, (paginated if number % 2 else legacy)(number), number)
    expected = [walked(home, EVERYTHING._replace(order=order)) for order in orders(coarse=False)]
    call, killed = 1 + SEED % STRIDE, True
    while killed:
        prepare(home, place, old)
        killed = killed_at(call, lambda: WORKS[work](home, place))
        indexed = LocalStore(home.home, index=place)

        assert expected[0] == walked(indexed, EVERYTHING._replace(order=next(orders(coarse=False))))
        rebuild(home, place)
        assert "" == indexed.list(EVERYTHING).note
        assert expected == [walked(indexed, EVERYTHING._replace(order=order)) for order in orders(coarse=False)]
        call += STRIDE
    assert call > 2 * STRIDE  # it was killed at least once


def prepare(home: LocalStore, place: IndexPlace, old: str) -> None:
    """Nothing at the index's place, an index that lags behind, or something that is no index."""
    for name in os.listdir(os.path.dirname(place.path)):
        if name.startswith("index.sqlite"):
            os.unlink(os.path.join(os.path.dirname(place.path), name))
    if old == "bad":
        with open(place.path, "wb") as file:
            file.write(b"no database" * 2000)
    if old == "old":
        path = home.find_path(b.thread_id(1)) or ""
        os.rename(path, path + ".away")
        rebuild(home, place)
        os.rename(path + ".away", path)


def killed_at(call: int, work: Callable[[], object]) -> bool:
    """Work in a child that dies at one of SQLite's calls that change files; whether it died."""
    child = os.fork()
    if child == 0:
        _Killing.left = call
        shim = _KillingSystem()
        with suppress(BaseException):
            work()
        shim.unregister()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


class _Killing(apsw.VFSFile):
    """A file of a database; the process dies before the call whose turn it is."""

    left = 0

    @classmethod
    def count(cls) -> None:
        """One more call."""
        cls.left -= 1
        if cls.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        """Write."""
        self.count()
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - SQLite's name
        """Cut."""
        self.count()
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        """Sync; a kill takes nothing from the operating system."""
        assert flags
        self.count()


class _KillingSystem(apsw.VFS):
    """SQLite's calls of the operating system, the default one while it is registered."""

    def __init__(self) -> None:
        self.real = apsw.vfs_names()[0]
        super().__init__("killing", self.real, makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name and value
        """Open."""
        return _Killing(self.real, name, flags)

    def xDelete(self, name: str, syncdir: bool) -> None:  # noqa: N802 - SQLite's name
        """Take a file away."""
        _Killing.count()
        super().xDelete(name, syncdir)
