"""Which lock guards which thread of a home: ``thread-writer-locks/<id>.lock`` under ``.coordination.lock``.

The same files, in the same order, as Codex from 0.147 on, so that we and Codex exclude each other (spec:
interop-facts E1). Codex sweeps away lock files that nobody holds, under the coordination lock; whoever takes
or releases a thread's lock therefore holds the coordination lock for those few microseconds. Our own programs
queue for it, so that none of many waits longer than its turn. 0.100 takes no lock at all.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Protocol, Self

from rollout.errors import BusyError, LockError
from rollout.journal.filesystem import OS, Filesystem, make_folders
from rollout.journal.lock import HeldLock, Holder, holder_of, lock_in_turn, myself, try_lock
from rollout.store.base import Owner
from rollout.store.local.clock import RealClock

if TYPE_CHECKING:
    from rollout.ids import ThreadId

FOLDER = "thread-writer-locks"
COORDINATION = ".coordination.lock"
QUEUE = ".coordination.queue"
_POLL = 0.01
_PATIENCE = 0.05  # for the coordination lock, which everybody holds for microseconds only
_LONG_PATIENCE = 10.0  # when many come at once; Codex waits as well


class Clock(Protocol):
    """Time as the locks need it."""

    def now(self) -> float:
        """Seconds that only go forward."""
        ...

    def sleep(self, seconds: float, /) -> None:
        """Let time pass."""
        ...


class ThreadLock:
    """The lock of one thread, held; ``release`` gives it back and takes its file away."""

    def __init__(self, locks: ThreadLocks, held: HeldLock) -> None:
        """Made by ``ThreadLocks.acquire`` only."""
        self._locks = locks
        self._held = held

    @property
    def held(self) -> bool:
        """Whether this process still holds it (a forked child does not)."""
        return self._held.held

    def release(self) -> None:
        """Give the thread free; idempotent.

        Without the coordination lock the file is left where it is: an unheld lock file means nothing.
        """
        if not self._held.held:
            return
        try:
            coordination = self._locks.coordinate(_LONG_PATIENCE)
        except OSError:
            coordination = None  # the thread must become free all the same
        self._held.release(unlink=coordination is not None)
        if coordination is not None:
            coordination.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class ThreadLocks:
    """The locks of a home. Safe from any thread; two locks of one thread exclude each other in one process too."""

    def __init__(self, home: str, fs: Filesystem = OS, *, program: str = "", clock: Clock | None = None) -> None:
        """Nothing is made until a lock is taken."""
        self.folder = os.path.join(home, FOLDER)
        self._fs = fs
        self._program = program
        self._clock: Clock = clock or RealClock()

    def path(self, thread_id: str) -> str:
        """The lock file of a thread."""
        return os.path.join(self.folder, f"{thread_id}.lock")

    def owner(self, thread_id: ThreadId | str) -> Owner | None:
        """Who holds the thread now; takes no lock."""
        found = holder_of(self.path(thread_id), self._fs)
        return None if found is None else Owner(*found)

    def acquire(self, thread_id: ThreadId | str, wait: float = 0.0) -> ThreadLock:
        """Take a thread's lock, waiting up to ``wait`` seconds for its holder.

        Raises BusyError naming the holder (within 100 ms when ``wait`` is 0), LockError when the lock file
        cannot be made: nothing is ever written without the lock.
        """
        until = self._clock.now() + wait
        try:
            make_folders(self._fs, self.folder)
            while True:
                held = self._try(thread_id)
                if held is not None:
                    return ThreadLock(self, held)
                if self._clock.now() >= until:
                    raise self._busy(thread_id)
                self._clock.sleep(_POLL)
        except OSError as error:
            raise LockError(f"cannot lock thread {thread_id} at {self.path(thread_id)}: {error}") from error

    def coordinate(self, patience: float) -> HeldLock | None:
        """Take the coordination lock in turn, None when it could not be had in time. Raises OSError."""
        path, queue = (os.path.join(self.folder, name) for name in (COORDINATION, QUEUE))
        return lock_in_turn(self._fs, path, queue, patience)

    def _try(self, thread_id: str) -> HeldLock | None:
        """One attempt; None while the thread has a holder. Raises OSError."""
        coordination = self.coordinate(_PATIENCE)
        if coordination is None:
            if self.owner(thread_id) is not None:
                return None
            coordination = self.coordinate(_LONG_PATIENCE)
        if coordination is None:
            holder = holder_of(os.path.join(self.folder, COORDINATION), self._fs) or Holder()
            raise TimeoutError(errno.ETIMEDOUT, f"{COORDINATION} is held by pid {holder.pid or 'unknown'}")
        with coordination:
            held = try_lock(self._fs, self.path(thread_id))
            if held is not None:
                self._sign(held)
            return held

    def _sign(self, held: HeldLock) -> None:
        """Say who holds it; a lock that cannot be signed is given back, since nobody could be told whose it is."""
        try:
            held.sign(myself(self._program))
        except OSError:
            held.release(unlink=True)
            raise

    def _busy(self, thread_id: str) -> BusyError:
        holder = self.owner(thread_id) or Owner(0, "", "", "")
        return BusyError(str(thread_id), holder.facts())
