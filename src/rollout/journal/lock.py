"""The mechanism of locks: flock a path, write down who holds it, tell who holds it.

Which path is a fact of a home and is decided above. ``flock`` and not ``lockf``, because that is what Codex
takes and the two do not exclude each other (spec: interop-facts E1). A lock file's existence proves nothing;
only the operating system's lock does. There is no steal: unlinking a held lock file makes two writers.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import sys
from contextlib import suppress
from threading import Event, Lock, Thread
from time import monotonic, time
from typing import NamedTuple, Self

from rollout.journal import forksafe
from rollout.journal.filesystem import OS, Filesystem
from rollout.times import to_text

_BUSY = (errno.EWOULDBLOCK, errno.EACCES)


class Holder(NamedTuple):
    """Who holds a lock, as far as the machine tells; 0 and "" are unknown."""

    pid: int = 0
    program: str = ""
    host: str = ""
    started: str = ""


class HeldLock:
    """A lock that is held until ``release``; a context manager.

    The file's content is the holder's record while it is held. A child of ``os.fork()`` does not hold it.
    """

    def __init__(self, fs: Filesystem, path: str, fd: int) -> None:
        """Take over a descriptor that carries the lock, or is waiting for it."""
        self.path = path
        self._fs = fs
        self._fd = fd
        forksafe.close_in_child(self)

    @property
    def held(self) -> bool:
        """Whether this process still holds the lock."""
        return self._fd >= 0

    def sign(self, holder: Holder) -> None:
        """Write the holder's record into the lock file; raises OSError."""
        record = json.dumps(holder._asdict(), ensure_ascii=False).encode() + b"\n"
        self._fs.ftruncate(self._fd, 0)
        self._fs.pwrite(self._fd, record, 0)

    def release(self, *, unlink: bool = False) -> None:
        """Let go; idempotent. ``unlink`` takes the file away too: only under the coordination lock."""
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        with suppress(OSError):  # what is left behind is an unheld file, which means nothing
            if unlink and _is_same(self._fs, self.path, fd):
                self._fs.unlink(self.path)
        with suppress(OSError):
            self._fs.close(fd)

    def after_fork(self) -> None:
        """In a forked child: close the copy; the parent's lock stays."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def try_lock(fs: Filesystem, path: str, *, shared: bool = False) -> HeldLock | None:
    """Take the lock of a path, making the file if need be; None while somebody else holds it. Raises OSError.

    Between open and flock the holder before us may have unlinked the file: then the lock is on a file that
    nobody can find, so it is checked and taken anew.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    while True:
        fd = fs.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fs.flock(fd, kind | fcntl.LOCK_NB)
            if _is_same(fs, path, fd):
                return HeldLock(fs, path, fd)
        except OSError as error:
            fs.close(fd)
            if error.errno in _BUSY:
                return None
            raise
        fs.close(fd)


def lock_in_turn(fs: Filesystem, path: str, queue: str, patience: float) -> HeldLock | None:
    """Take the lock of a path behind all who have asked before; None when its turn has not come in time. Raises OSError.

    The kernel lets waiters through in order, but whoever asks at the moment of a release goes before them all. So
    one waits at a time, the one who holds ``queue``, a file that stays; the others queue for that. Programs that
    know no queue (Codex) are excluded all the same.
    """
    until = monotonic() + patience
    turn = _wait_lock(fs, queue, patience)
    if turn is None:
        return None
    with turn:
        return _wait_lock(fs, path, until - monotonic())


def _wait_lock(fs: Filesystem, path: str, patience: float) -> HeldLock | None:
    held = try_lock(fs, path)
    if held is not None or patience <= 0:
        return held
    return _Waiter(fs, path).result(patience)


class _Waiter(Thread):
    """Waits for a lock in the kernel's queue, which nothing but the lock can end: hence in a thread of its own.

    One that was given up lets go of the lock as soon as it has it.
    """

    def __init__(self, fs: Filesystem, path: str) -> None:
        super().__init__(name="rollout-lock", daemon=True)
        self._fs, self._path = fs, path
        self._ended = Event()
        self._handing_over = Lock()
        self._given_up = False
        self._outcome: HeldLock | OSError | None = None

    def result(self, patience: float) -> HeldLock | None:
        """The lock, None when it could not be had in time. Raises OSError."""
        try:
            self.start()
            self._ended.wait(patience)
        finally:
            with self._handing_over:
                self._given_up, outcome = True, self._outcome
        if isinstance(outcome, OSError):
            raise outcome
        return outcome

    def run(self) -> None:
        """Take the lock, and hand it over or let it go."""
        try:
            outcome: HeldLock | OSError = self._taken()
        except OSError as error:
            outcome = error
        with self._handing_over:
            if not self._given_up:
                self._outcome = outcome
            elif isinstance(outcome, HeldLock):
                outcome.release()
        self._ended.set()

    def _taken(self) -> HeldLock:
        """The lock of the file that the path leads to once it is ours: others unlink lock files."""
        while True:
            fd = self._fs.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            waiting = HeldLock(self._fs, self._path, fd)  # from here on a forked child gives its copy back
            try:
                self._fs.flock(fd, fcntl.LOCK_EX)
                if _is_same(self._fs, self._path, fd):
                    return waiting
            except BaseException:
                waiting.release()
                raise
            waiting.release()


def _is_same(fs: Filesystem, path: str, fd: int) -> bool:
    """Whether the path still leads to the file behind the descriptor."""
    try:
        there = fs.stat(path)
    except FileNotFoundError:
        return False
    here = fs.fstat(fd)
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


def myself(program: str = "") -> Holder:
    """The record of this process."""
    pid = os.getpid()
    name = program or os.path.basename(sys.argv[0] or "") or "python"
    return Holder(pid, name, os.uname().nodename, _started(pid))


def holder_of(path: str, fs: Filesystem = OS) -> Holder | None:
    """Who holds the lock of a path now, None when nobody does. Takes no lock and changes nothing.

    The holder's own record counts while its pid agrees with the kernel's; a holder that wrote none (Codex)
    is told through /proc. Where the kernel's table cannot be read, every fact is unknown.
    """
    try:
        found = fs.stat(path)
    except OSError:
        return None
    pid = _locking_pid(found)
    if pid is None:
        return None
    signed = _signed(path, fs)
    if signed is not None and signed.pid in (pid, 0):
        return signed
    return Holder(pid, _program(pid), os.uname().nodename, _started(pid))


def _locking_pid(found: os.stat_result) -> int | None:
    """The pid that /proc/locks names for a file's flock; None when there is none."""
    mark = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    with suppress(OSError), open("/proc/locks", encoding="ascii") as table:
        for row in table:
            fields = row.split()
            if "->" not in row and len(fields) > 5 and fields[1] == "FLOCK" and fields[5] == mark:
                return int(fields[4])
    return None


def _signed(path: str, fs: Filesystem) -> Holder | None:
    """The record inside a lock file, when there is a readable one."""
    try:
        fd = fs.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        record = json.loads(fs.pread(fd, 4096, 0))
        return Holder(int(record["pid"]), str(record["program"]), str(record["host"]), str(record["started"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    finally:
        fs.close(fd)


def _program(pid: int) -> str:
    with suppress(OSError), open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as comm:
        return comm.read().strip()
    return ""


def _started(pid: int) -> str:
    """When a process started, from the kernel's tick count since boot."""
    with suppress(OSError, ValueError, IndexError):
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as facts:
            ticks = int(facts.read().rpartition(")")[2].split()[19])
        with open("/proc/uptime", encoding="ascii") as uptime:
            age = float(uptime.read().split()[0]) - ticks / os.sysconf("SC_CLK_TCK")
        return to_text(int((time() - age) * 1000), millis=False)
    return ""
