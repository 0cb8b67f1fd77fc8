from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from lifecycle.words import LATER, asked, files, keep, legacy, options, paginated
from rollout import RolloutError
from rollout.errors import InvalidQueryError, NotFoundError
from rollout.lifecycle import archive, delete, find_removed, fork, rename, restore, rollback, unarchive, undo
from rollout.query import EVERYTHING
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b
from rollout.testing.faults import FullDisk, fail_each_call

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rollout.journal.filesystem import Filesystem
    from rollout.testing.faults import FaultyFilesystem

    Step = Callable[[LocalStore, str], Any]


STEPS: dict[str, Step] = {
    "fork": lambda store, thread: fork(store, thread, None, options(LATER + 60_000)),
    "rollback": lambda store, thread: rollback(store, thread, options=options(LATER + 60_000)),
    "undo": lambda store, thread: undo(store, thread, options=options(LATER + 60_000)),
    "archive": lambda store, thread: archive(store, thread, options=options(LATER + 60_000)),
    "unarchive": lambda store, thread: unarchive(store, thread, options=options(LATER + 60_000)),
    "rename": lambda store, thread: rename(store, thread, "new"),
    "delete": delete,
    "restore": lambda store, thread: [restore(store, one) for one in find_removed(store, thread)],
}
BEFORE: dict[str, list[str]] = {"undo": ["rollback"], "unarchive": ["archive"], "restore": ["delete"]}


class Scene:
    """A fresh home with one thread of several files, brought to where a step can be made."""

    def __init__(self, folder: Path, era: str, step: str, number: int) -> None:
        """Make it; ``number`` keeps the scenes of one test apart."""
        self.home = str(folder / f"{era}-{step}-{number}")
        self.step = STEPS[step]
        store = self.store()
        self.thread = keep(store, (legacy if era == "legacy" else paginated)(questions="1234"))
        if era == "paginated":
            rollback(store, self.thread, options=options(LATER))
        for before in BEFORE.get(step, []):
            STEPS[before](store, self.thread)
        self.kept = sorted(self.stored())

    def store(self, fs: Filesystem | None = None) -> LocalStore:
        """The home, through a filesystem."""
        return LocalStore(self.home) if fs is None else LocalStore(self.home, fs)

    def stored(self) -> list[bytes]:
        """The bytes of every rollout, wherever it lies; the trash too."""
        found: list[bytes] = []
        for folder, _, names in os.walk(self.home):
            for name in names:
                if (name.startswith("rollout-") and name.endswith(".jsonl")) or name.endswith(".kept"):
                    with open(os.path.join(folder, name), "rb") as file:
                        found.append(file.read())
        return found

    def check_nothing_is_lost(self) -> None:
        """Every file that there was is there once, whole; a file may have grown, another may have been added."""
        now = self.stored()
        for data in self.kept:
            assert 1 == sum(one.startswith(data) for one in now if one)

    def check_it_can_be_repeated(self) -> None:
        """The same step, or what it has left to do, goes through; then the thread is there, once, and readable."""
        with suppress(InvalidQueryError, NotFoundError):  # it was done already
            self.step(self.store(), self.thread)
        store = self.store()
        if not store.resolve(self.thread):
            STEPS["restore"](store, self.thread)
        listed = [str(row.id) for row in store.list(EVERYTHING).threads]
        assert 1 == listed.count(self.thread)
        assert "1" == asked(store, self.thread)[0]
        assert files(store, self.thread)


@pytest.mark.slow
@pytest.mark.parametrize("era", ["legacy", "paginated"])
@pytest.mark.parametrize("step", STEPS)
def test_whatever_call_fails_nothing_is_lost_and_it_can_be_repeated(tmp_path: Path, era: str, step: str) -> None:
    """Each call of the operating system in turn, with an error; the caller hears of it."""
    number = iter(range(100_000))

    def scenario(fs: FaultyFilesystem) -> None:
        scene = Scene(tmp_path, era, step, next(number))
        with suppress(RolloutError, OSError):
            scene.step(scene.store(fs), scene.thread)
        fs.heal()

        scene.check_nothing_is_lost()
        scene.check_it_can_be_repeated()

    assert fail_each_call(scenario) > 5


def test_an_undo_that_fails_half_way_is_finished_by_the_next(tmp_path: Path) -> None:
    """A disk that was full in the middle of it leaves no turn twice."""
    items = [item for number in range(40) for item in b.turn(str(number), "x" * 100_000, turn_id=str(number))]
    for room in (1, 100_001, 1_200_000, 3_000_000):
        home = str(tmp_path / str(room))
        thread = keep(LocalStore(home), b.rollout_bytes(b.thread_id(), *items))
        rollback(LocalStore(home), thread, 39, options=options())
        disk = FullDisk(room)
        with pytest.raises(RolloutError):
            undo(LocalStore(home, disk), thread)

        undo(LocalStore(home), thread)

        assert [str(number) for number in range(40)] == asked(LocalStore(home), thread)
