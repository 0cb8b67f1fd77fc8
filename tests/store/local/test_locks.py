"""The locks of a home: one writer a thread, across processes, with an owner that can be named."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Self

import pytest

from rollout.errors import BusyError, LockError
from rollout.store.local.locks import COORDINATION, QUEUE, ThreadLocks
from rollout.testing.facts import Aside

THREAD = "019c511c-68ed-7c51-8de2-3834474012ce"

HOLD = """
import sys
sys.path[:0] = {path!r}
from rollout.store.local.locks import ThreadLocks
held = ThreadLocks({home!r}, program="other").acquire({thread!r})
print("held", flush=True)
sys.stdin.read()
"""


class OtherProcess:
    """Another process that holds the lock until it is told to end."""

    def __init__(self, home: Path, code: str = HOLD) -> None:
        program = code.format(path=sys.path, home=str(home), thread=THREAD)
        self.process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.process.stdout.readline()

    def __enter__(self) -> Self:
        return self

    def kill(self) -> None:
        self.process.kill()
        self.__exit__()

    def __exit__(self, *_: object) -> None:
        self.process.communicate()


GREEDY = """
import os, sys, time
sys.path[:0] = {path!r}
from rollout.store.local.locks import ThreadLocks
locks = ThreadLocks({home!r})
os.makedirs(locks.folder)
rounds = os.open({home!r} + "/rounds", os.O_RDWR | os.O_CREAT)
for number in range(1, 1000):
    with locks.coordinate(60.0):
        os.pwrite(rounds, str(number).encode(), 0)
        if number == 1:
            print("ready", flush=True)
        time.sleep(0.02)
"""


class FakeClock:
    """A clock that only goes on when somebody sleeps."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def test_the_second_writer_is_told_who_holds_the_thread_within_100_ms(tmp_path: Path) -> None:
    """The error names pid, program, host and start time of the other process."""
    with OtherProcess(tmp_path) as other:
        began = perf_counter()
        with pytest.raises(BusyError) as caught:
            ThreadLocks(str(tmp_path)).acquire(THREAD)
        took = perf_counter() - began

        expected = {"pid": other.process.pid, "program": "other", "host": os.uname().nodename}
        assert expected == {key: caught.value.owner[key] for key in expected}
        assert str(caught.value.owner["started"]).endswith("Z")
        assert took < 0.1


def test_two_writers_in_one_process_exclude_each_other_too(tmp_path: Path) -> None:
    """A lock belongs to the writer, not to the process."""
    locks = ThreadLocks(str(tmp_path))
    with locks.acquire(THREAD), pytest.raises(BusyError):
        locks.acquire(THREAD)


def test_a_dead_owner_holds_nothing(tmp_path: Path) -> None:
    """A killed process leaves a file behind, and the thread is free."""
    other = OtherProcess(tmp_path)
    other.kill()
    locks = ThreadLocks(str(tmp_path))
    left = os.path.exists(locks.path(THREAD))
    with locks.acquire(THREAD) as held:
        assert (True, True, None) == (left, held.held, None)


def test_waiting_takes_the_lock_when_it_becomes_free(tmp_path: Path) -> None:
    """``wait`` asks again until the holder has gone."""
    locks = ThreadLocks(str(tmp_path))
    first = locks.acquire(THREAD)

    class Releasing(FakeClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            first.release()

    with ThreadLocks(str(tmp_path), clock=Releasing()).acquire(THREAD, wait=5) as held:
        assert held.held


def test_waiting_ends(tmp_path: Path) -> None:
    """After ``wait`` seconds the holder is named."""
    clock = FakeClock()
    with ThreadLocks(str(tmp_path)).acquire(THREAD), pytest.raises(BusyError):
        ThreadLocks(str(tmp_path), clock=clock).acquire(THREAD, wait=3)

    assert 3 <= clock.time < 3.2


def test_the_owner_is_told_by_the_kernel_and_not_by_the_file(tmp_path: Path) -> None:
    """A lock file that nobody holds means nobody."""
    locks = ThreadLocks(str(tmp_path))
    with locks.acquire(THREAD):
        during = locks.owner(THREAD)
    Path(locks.path(THREAD)).write_text(json.dumps({"pid": 1, "program": "ghost", "host": "h", "started": ""}))

    assert (os.getpid(), None) == (during.pid if during else None, locks.owner(THREAD))


def test_a_holder_that_signs_nothing_is_told_through_proc(tmp_path: Path) -> None:
    """Codex leaves its lock files empty; pid and program come from the kernel."""
    code = """
import fcntl, os, sys
os.makedirs({home!r} + "/thread-writer-locks")
fd = os.open({home!r} + "/thread-writer-locks/{thread}.lock", os.O_RDWR | os.O_CREAT)
fcntl.flock(fd, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""
    with OtherProcess(tmp_path, code) as other:
        owner = ThreadLocks(str(tmp_path)).owner(THREAD)

    assert owner is not None
    assert (other.process.pid, True, True) == (owner.pid, bool(owner.program), owner.started.endswith("Z"))


def test_releasing_takes_the_file_away(tmp_path: Path) -> None:
    """Only what is common to all threads stays."""
    locks = ThreadLocks(str(tmp_path))
    locks.acquire(THREAD).release()

    assert [COORDINATION, QUEUE] == sorted(os.listdir(locks.folder))


def test_who_waits_is_not_overtaken_again_and_again(tmp_path: Path) -> None:
    """Another program that takes the coordination lock anew as soon as it has let go leaves a turn to the others."""
    locks = ThreadLocks(str(tmp_path))
    overtaken: list[int] = []
    with OtherProcess(tmp_path, GREEDY) as other:
        for _ in range(5):
            before = int((tmp_path / "rounds").read_text())
            held = locks.coordinate(60.0)
            assert held is not None
            overtaken.append(int((tmp_path / "rounds").read_text()) - before)
            held.release()
        other.kill()

    assert max(overtaken) <= 5


def test_what_was_waited_for_in_vain_is_free_again(tmp_path: Path) -> None:
    """Whoever gave up waiting does not hold the lock once it could have had it."""
    locks = ThreadLocks(str(tmp_path))
    locks.acquire(THREAD).release()
    held = locks.coordinate(0.0)
    assert held is not None
    missed = locks.coordinate(0.01)
    held.release()

    with locks.coordinate(60.0) or pytest.fail("it is free") as again:
        assert (None, True) == (missed, again.held)


def test_a_child_forked_while_somebody_waits_does_not_hold_the_lock(tmp_path: Path) -> None:
    """Descriptors of waiters are given back in the child too."""
    locks = ThreadLocks(str(tmp_path))
    locks.acquire(THREAD).release()
    held = locks.coordinate(0.0)
    assert held is not None
    waiter = Aside(lambda: locks.coordinate(60.0))
    _until_somebody_waits_for(locks)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    held.release()
    waiter.result().release()
    again = locks.coordinate(1.0)
    os.close(writing)
    os.waitpid(pid, 0)
    os.close(reading)

    assert again is not None
    again.release()


def _until_somebody_waits_for(locks: ThreadLocks) -> None:
    inode = os.stat(os.path.join(locks.folder, COORDINATION)).st_ino
    while not any("->" in row and f":{inode} " in row for row in Path("/proc/locks").read_text().splitlines()):
        pass


def test_a_sweep_under_the_coordination_lock_does_no_harm(tmp_path: Path) -> None:
    """Somebody who unlinks every unlocked file, as Codex does, cannot split a lock in two."""
    locks = ThreadLocks(str(tmp_path))
    held = locks.acquire(THREAD)
    with open(locks.path(THREAD), "rb+") as swept, pytest.raises(BlockingIOError):
        fcntl.flock(swept, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with pytest.raises(BusyError):
        locks.acquire(THREAD)
    held.release()


def test_a_home_that_cannot_be_written_is_an_error_and_never_unlocked(tmp_path: Path) -> None:
    """A file in the place of the locks' folder: nothing is written without the lock."""
    (tmp_path / "thread-writer-locks").write_text("in the way")

    with pytest.raises(LockError, match="cannot lock thread"):
        ThreadLocks(str(tmp_path)).acquire(THREAD)


def test_a_forked_child_does_not_hold_the_lock(tmp_path: Path) -> None:
    """After the parent lets go the thread is free, though its child lives on."""
    locks = ThreadLocks(str(tmp_path))
    held = locks.acquire(THREAD)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    held.release()
    again = locks.acquire(THREAD)
    free = again.held
    again.release()
    os.close(writing)
    os.waitpid(pid, 0)
    os.close(reading)

    assert free
