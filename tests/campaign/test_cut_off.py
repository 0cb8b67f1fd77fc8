"""SIGKILL at every call of every change of whole threads: the next command finds a consistent home and no lost thread.

A change is made in a child that dies at one of its calls. After that every file is whole and in one place, the thread
is listed or restorable, the next change of any other thread heals what was cut off, and the same change, made once more,
ends where it would have ended at once.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from campaign.words import FULL, SEED
from lifecycle.words import LATER, asked, keep, legacy, options, paginated
from rollout.errors import RolloutError
from rollout.lifecycle import archive, delete, find_removed, fork, removed, rename, restore, rollback, unarchive, undo
from rollout.query import EVERYTHING
from rollout.store.local.index_path import IndexPlace
from rollout.store.local.paths import TRASH, UNDERWAY
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b
from rollout.testing.faults import WatchedFilesystem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rollout.journal.filesystem import Filesystem

    Change = Callable[[LocalStore], object]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),  # the child needs none of the threads of other tests
]
THREAD, CHILD, GRANDCHILD, BYSTANDER = (b.thread_id(number) for number in (1, 2, 3, 9))
STRIDE = 1 if FULL else 17


def back(store: LocalStore, thread_id: str = THREAD) -> None:
    """Restore what there is of a thread in the trash."""
    for one in find_removed(store, thread_id):
        restore(store, one, options=options(LATER + 90_000))


CHANGES: dict[str, Change] = {
    "archive": lambda store: archive(store, THREAD, options=options(LATER + 60_000)),
    "unarchive": lambda store: unarchive(store, THREAD, options=options(LATER + 60_000)),
    "rename": lambda store: rename(store, THREAD, "newest"),
    "fork": lambda store: fork(store, THREAD, None, options(LATER + 60_000)),
    "rollback": lambda store: rollback(store, THREAD, options=options(LATER + 60_000)),
    "undo": lambda store: undo(store, THREAD, options=options(LATER + 60_000)),
    "delete": lambda store: delete(store, THREAD, children="keep"),
    "delete now": lambda store: delete(store, THREAD, children="keep", now=True),
    "delete all": lambda store: delete(store, THREAD, children="with"),
    "delete all now": lambda store: delete(store, THREAD, children="with", now=True),
    "restore": back,
}
BEFORE: dict[str, list[str]] = {"undo": ["rollback"], "unarchive": ["archive"], "restore": ["delete"]}
ONCE = {"fork", "rollback", "undo"}
"""What is not repeated when it is found to be done."""


class Thing(NamedTuple):
    """What must be the same in the end: a thread's questions, side, name and tags, and in how many files it lies."""

    questions: list[str]
    archived: bool
    name: str | None
    tags: tuple[str, ...]
    files: int


class Scene:
    """A home with a family of three and a bystander, brought to where a change can be made."""

    def __init__(self, folder: Path, era: str, change: str) -> None:
        """Make it; the thread has several files where its era knows such, and two names."""
        folder.mkdir()
        self.home, self.name, self.index = str(folder / "home"), change, str(folder / "index.sqlite")
        store = self.store()
        make = legacy if era == "legacy" else paginated
        keep(store, make(questions="1234"))
        for number, parent in ((2, THREAD), (3, CHILD)):
            spawned = {"subagent": {"thread_spawn": {"parent_thread_id": parent, "depth": number}}}
            keep(store, make(number, source=spawned), number)
        keep(store, make(9), 9)
        for name in ("older", "newer"):
            store.set_name(THREAD, name)
        store.set_tags(THREAD, ["kept"])
        if era == "paginated":
            rollback(store, THREAD, options=options(LATER))
        for before in BEFORE.get(change, []):
            CHANGES[before](store)
        self.listed(index=True)
        self.kept = self.stored()

    def store(self, fs: Filesystem | None = None) -> LocalStore:
        """The home, through a filesystem."""
        return LocalStore(self.home, fs or _Unsynced())

    def change(self, fs: Filesystem | None = None) -> None:
        """Make the change."""
        CHANGES[self.name](self.store(fs))

    def stored(self) -> list[bytes]:
        """The bytes of every rollout, wherever it lies; the trash too."""
        found: list[bytes] = []
        for folder, _, names in os.walk(self.home):
            for name in names:
                if (name.startswith("rollout-") and name.endswith(".jsonl")) or name.endswith(".kept"):
                    with open(os.path.join(folder, name), "rb") as file:
                        found.append(file.read())
        return found

    def listed(self, *, index: bool = False) -> list[str]:
        """The threads that are listed; ``index``: with an index as well, which must agree."""
        plain = [row.id for row in self.store().list(EVERYTHING).threads]
        if index:
            indexed = LocalStore(self.home, index=IndexPlace(self.index, ours=False)).list(EVERYTHING).threads
            assert plain == [row.id for row in indexed]
        return list(plain)

    def killed_at(self, call: int) -> bool:
        """Make the change in a child that dies at one of its calls; whether it died."""
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                self.change(_Killing(call))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        return os.WIFSIGNALED(status)

    def outcome(self) -> tuple[dict[str, Thing], list[tuple[str, int]]]:
        """What there is, forks under one name, and what is in the trash."""
        store = self.store()
        found: dict[str, Thing] = {}
        for row in store.list(EVERYTHING).threads:
            known = row.id in (THREAD, CHILD, GRANDCHILD, BYSTANDER)
            given = store.names().get(row.id), row.tags
            thing = Thing(asked(store, row.id), row.archived, *given, len(store.segments(row.id)))
            found[row.id if known else "fork"] = thing
        return found, sorted((one.receipt.thread_id, len(one.receipt.names)) for one in removed(store))

    def check_nothing_is_lost(self) -> None:
        """Each file that there was is there once, whole, unless it is to be destroyed; its thread can be found."""
        if "now" not in self.name:
            now = self.stored()
            assert [1] * len(self.kept) == [sum(one.startswith(data) for one in now if one) for data in self.kept]
            assert THREAD in {*self.listed(), *(one.receipt.thread_id for one in removed(self.store()))}
        assert BYSTANDER in self.listed()

    def check_the_home_is_consistent(self) -> None:
        """Nothing is half done: a thread is here or in the trash, with all its files, and so are its names."""
        store = self.store()
        underway = os.path.join(self.home, TRASH, UNDERWAY)
        assert not os.path.isdir(underway) or [] == os.listdir(underway)
        assert [] == [name for _, _, names in os.walk(self.home) for name in names if name.endswith(".tmp")]
        kept = {one.receipt.thread_id for one in removed(store)}
        here = set(self.listed(index=True))
        assert set() == kept & here
        assert {*store.names(), *store.labels()} <= here
        for thread in (THREAD, CHILD, GRANDCHILD, BYSTANDER):
            if thread in here:
                store.segments(thread)
                assert asked(store, thread)[0] in ("1", "one")
        for beside in ("session_index.jsonl", "rollout_tags.jsonl"):
            with open(os.path.join(self.home, beside), "rb") as given:
                told = given.read()
            assert [] == [one for one in (THREAD, CHILD, GRANDCHILD) if one not in here and one.encode() in told]


class _Unsynced(WatchedFilesystem):
    """Leaves stable storage out: a kill takes nothing from the operating system, and disks are slow."""

    def called(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return None if name in ("fsync", "fdatasync") else super().called(name, *args, **kwargs)


class _Killing(_Unsynced):
    """Kills the process at a call, before it is made."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.left = at

    def called(self, name: str, *args: Any, **kwargs: Any) -> Any:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().called(name, *args, **kwargs)


@pytest.mark.parametrize("era", ["legacy", "paginated"])
@pytest.mark.parametrize("change", CHANGES)
def test_whatever_a_kill_cuts_off_is_healed_and_ends_as_it_would_have(tmp_path: Path, era: str, change: str) -> None:
    """At each call in turn, with the next command on the same thread, and with one on another thread in between."""
    whole = Scene(tmp_path / "whole", era, change)
    whole.change()
    after = _without_bystander(whole.outcome())
    call, killed = 1 + SEED % STRIDE, True
    while killed:
        scene = Scene(tmp_path / str(call), era, change)
        before = _without_bystander(scene.outcome())
        killed = scene.killed_at(call)

        scene.check_nothing_is_lost()
        if (call // STRIDE) % 2:
            rename(scene.store(), BYSTANDER, "the next command")
            scene.check_the_home_is_consistent()
        now = _without_bystander(scene.outcome())
        if now == after:
            with suppress(RolloutError):  # it was done: whatever is said of that, it stays done
                _again(scene, change)
        elif change not in ONCE or now == before:
            scene.change()
        scene.check_the_home_is_consistent()
        assert after == _without_bystander(scene.outcome())
        call += STRIDE
    assert call > 10


def _again(scene: Scene, change: str) -> None:
    if change in ONCE:
        scene.store().heal()
    else:
        scene.change()


def _without_bystander(outcome: tuple[dict[str, Thing], object]) -> tuple[dict[str, Thing], object]:
    """The bystander's name tells which command came next."""
    return {one: thing for one, thing in outcome[0].items() if one != BYSTANDER}, outcome[1]
