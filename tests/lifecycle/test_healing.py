"""What a kill in the middle of a change leaves, and what the next command makes of it."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lifecycle.test_delete import child, holding
from lifecycle.words import files, keep, legacy, options, paginated
from rollout import NotFoundError
from rollout.journal.filesystem import OS
from rollout.journal.temporary import open_temporary
from rollout.lifecycle import delete, find_removed, fork, removed, rename, restore, rollback
from rollout.query import EVERYTHING
from rollout.store.local.names import Names
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b
from rollout.testing.faults import WatchedFilesystem

if TYPE_CHECKING:
    from collections.abc import Callable

    Hit = Callable[[str, tuple[Any, ...]], bool]

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # the child needs no other thread
THREAD, BELOW, BYSTANDER = b.thread_id(1), b.thread_id(2), 9


class _Killing(WatchedFilesystem):
    """Kills the process at the first call that is meant, after ``just`` bytes of it when it is a write."""

    def __init__(self, hit: Hit, just: int = 0) -> None:
        super().__init__()
        self.hit, self.just = hit, just

    def called(self, name: str, *args: Any, **kwargs: Any) -> Any:
        if self.hit(name, args):
            if self.just:
                self.inner.write(args[0], args[1][: self.just])
            os.kill(os.getpid(), signal.SIGKILL)
        return super().called(name, *args, **kwargs)


def killed(home: LocalStore, change: Callable[[LocalStore], object], hit: Hit, just: int = 0) -> None:
    """Make a change in a child that dies of it."""
    pid = os.fork()
    if pid == 0:
        with suppress(BaseException):
            change(LocalStore(home.home, _Killing(hit, just)))
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status)


def renaming(target: str) -> Hit:
    """The rename to a path that holds these words."""
    return lambda name, args: name == "rename" and target in args[1]


def hit(call: str | Hit) -> Hit:
    """The first call of this name, or the one that is meant."""
    return (lambda name, _: name == call) if isinstance(call, str) else call


def writing(words: bytes) -> Hit:
    """The write of bytes that hold these words."""
    return lambda name, args: name == "write" and words in bytes(args[1])


def next_command(home: LocalStore) -> None:
    """A change of another thread."""
    if not home.resolve(b.thread_id(BYSTANDER)):
        keep(home, legacy(BYSTANDER), BYSTANDER)
    rename(home, b.thread_id(BYSTANDER), "x")


def test_a_delete_that_was_cut_off_before_its_names_went_is_ended(home: LocalStore) -> None:
    """By the same command, which says what it would have said, and by any other."""
    for end in (lambda: delete(home, THREAD), lambda: next_command(home)):
        rename(home, keep(home, legacy()), "login")
        before = files(home, THREAD)
        killed(home, lambda store: delete(store, THREAD), renaming("session_index.jsonl"))
        left = THREAD in home.names()
        end()

        assert (True, []) == (left, holding(home.home, THREAD))
        restore(home, find_removed(home, THREAD)[0])
        assert (before, "login") == (files(home, THREAD), home.names()[THREAD])
        delete(home, THREAD, now=True)


def test_a_delete_that_is_repeated_says_that_it_was_done(home: LocalStore) -> None:
    """With the receipt that restores it; a thread that never was is not found."""
    thread = keep(home, legacy())
    first, again = delete(home, thread), delete(home, thread)

    assert (False, True, first.receipts) == (first.before, again.before, again.receipts)
    with pytest.raises(NotFoundError):
        delete(home, b.thread_id(5))


def test_a_delete_that_was_cut_off_between_two_files_is_undone(home: LocalStore) -> None:
    """Nobody must see half a thread, or go on with it: the next command brings it back whole."""
    thread = keep(home, paginated())
    rollback(home, thread, options=options())
    before = files(home, thread), home.segments(thread)
    killed(home, lambda store: delete(store, thread), renaming("0.kept"))
    half = len(home.segments(thread))
    next_command(home)

    assert (1, before) == (half, (files(home, thread), home.segments(thread)))
    assert [] == list(removed(home))


def test_a_thread_that_is_half_gone_is_whole_for_who_goes_on_with_it(home: LocalStore) -> None:
    """Opening it to write heals it, too."""
    thread = keep(home, paginated())
    rollback(home, thread, options=options())
    killed(home, lambda store: delete(store, thread), renaming("0.kept"))
    home.open_writer(thread).close()

    assert 2 == len(home.segments(thread))


def test_a_restore_that_was_cut_off_between_two_names_brings_the_newest(home: LocalStore) -> None:
    """Also when the last line was cut in its middle."""
    thread = keep(home, legacy())
    rename(home, thread, "old")
    rename(home, thread, "new")
    lines = Names(home.home).lines_of(thread)
    for just in (lines.index(b"\n") + 1, len(lines) - 10):
        receipt = delete(home, thread).receipts[0]
        killed(home, lambda store, one=receipt: restore(store, one), lambda name, _: name == "write", just)  # type: ignore[misc]  # bound early
        restore(home, receipt)

        assert "new" == home.names()[thread]
    delete(home, thread)
    assert [] == holding(home.home, thread)


def test_a_restore_that_was_cut_off_is_finished(home: LocalStore) -> None:
    """By the id, which is found though all its files are back; by any other command as well."""
    thread = keep(home, legacy())
    before = files(home, thread)
    for cut, end in (
        (renaming("sessions/"), lambda: restore(home, find_removed(home, thread)[0])),
        (hit("rmdir"), lambda: restore(home, find_removed(home, thread)[0])),
        (renaming("sessions/"), lambda: next_command(home)),
    ):
        receipt = delete(home, thread).receipts[0]
        killed(home, lambda store, one=receipt: restore(store, one), cut)  # type: ignore[misc]  # bound early
        end()

        assert (before, []) == (files(home, thread), list(removed(home)))


@pytest.mark.parametrize("cut", ["rename", "unlink", "rmdir"])
def test_a_destruction_that_was_cut_off_is_ended(home: LocalStore, cut: str) -> None:
    """By the same command, and by any other; it is never listed as something to restore."""
    for end in (lambda: delete(home, THREAD, now=True), lambda: next_command(home)):
        receipt = delete(home, keep(home, legacy())).receipts[0]
        killed(home, lambda store, one=receipt: store.purge(one), lambda name, _: name == cut)  # type: ignore[misc]  # bound early
        listed = len(removed(home))
        end()
        home.purge(receipt)

        assert int(cut == "rename") == listed
        assert [] == [name for _, _, names in os.walk(os.path.join(home.home, "trash")) for name in names]


def test_a_family_that_was_to_be_destroyed_is_destroyed_by_the_same_command(home: LocalStore) -> None:
    """Cut off when all were in the trash, or when only some were."""
    for cut in (renaming("purging"), renaming(f"trash/{b.thread_id(2)}-")):
        keep(home, legacy())
        child(home, 2, THREAD)
        child(home, 3, BELOW)
        killed(home, lambda store: delete(store, THREAD, children="with", now=True), cut)
        gone = delete(home, THREAD, children="with", now=True)

        assert (True, [b.thread_id(3), BELOW, THREAD]) == (gone.destroyed, list(gone.plan.threads))
        assert ([], []) == (list(removed(home)), [*home.resolve(THREAD), *home.resolve(BELOW)])


def temporary_files(home: LocalStore) -> list[str]:
    """What lies beside rollouts and is none."""
    return [name for _, _, names in os.walk(home.home) for name in names if name.endswith(".tmp")]


def test_a_fork_that_was_cut_off_before_it_was_there_leaves_nothing(home: LocalStore) -> None:
    """No file, no name, no tags: not while it is written, nor between its name and its file."""
    rename(home, keep(home, legacy()), "login")
    home.set_tags(THREAD, ["kept", "pinned"])
    for cut, just in ((writing(b"session_meta"), 10), ("link", 0)):
        killed(home, lambda store: fork(store, THREAD, None, options()), hit(cut), just)
        left = temporary_files(home)
        next_command(home)

        assert (1, []) == (len(left), temporary_files(home))
        assert ({THREAD, b.thread_id(BYSTANDER)}, {THREAD}) == ({*home.names()}, {*home.labels()})


def test_a_fork_that_was_cut_off_once_it_was_there_is_whole(home: LocalStore) -> None:
    """With its name and tags from the first moment; the next command takes away what was left beside it."""
    rename(home, keep(home, legacy()), "login")
    home.set_tags(THREAD, ["kept", "pinned"])
    killed(home, lambda store: fork(store, THREAD, None, options()), hit("utime"))
    (made,) = {row.id for row in home.list(EVERYTHING).threads} - {THREAD}
    given = home.names()[made], home.labels()[made].tags
    next_command(home)

    assert ("login", ("kept",)) == given == (home.names()[made], home.labels()[made].tags)
    assert ([], []) == (temporary_files(home), os.listdir(os.path.join(home.home, "trash", ".underway")))


def test_a_temporary_file_is_left_to_its_maker_while_that_lives(home: LocalStore) -> None:
    """Its lock tells, not its name: the process number may be somebody else's by now."""
    path = home.find_path(keep(home, legacy())) or ""
    mine, fd = open_temporary(OS, path)
    nobodys = mine.replace(f".{os.getpid()}-", f".{os.getpid()}-9")
    Path(nobodys).touch()
    home.heal()
    left = temporary_files(home)
    os.close(fd)
    home.heal()

    assert ([os.path.basename(mine)], []) == (left, temporary_files(home))


def test_a_temporary_file_that_was_swept_before_it_was_locked_is_made_anew(home: LocalStore) -> None:
    """Between its making and its lock it looks like a dead process's; nothing is written into a file without a name."""
    path = home.find_path(keep(home, legacy())) or ""

    class Sweeping(WatchedFilesystem):
        """Somebody sweeps just before the first lock is taken."""

        swept = 0

        def called(self, name: str, *args: Any, **kwargs: Any) -> Any:
            if name == "flock" and not self.swept:
                self.swept = 1
                home.heal()
            return super().called(name, *args, **kwargs)

    made, fd = open_temporary(Sweeping(), path)
    os.close(fd)

    assert [os.path.basename(made)] == temporary_files(home)
