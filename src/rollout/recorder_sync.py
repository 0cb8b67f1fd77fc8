"""SyncRolloutRecorder: the synchronous twin of RolloutRecorder, for programs without an event loop.

The same promises by the same names. Each ``record`` is handed to the operating system at once, so ``flush``
finds little to do; a write that fails leaves its lines pending, exactly as in the asyncio recorder.
"""

from __future__ import annotations

import time
from threading import RLock
from typing import TYPE_CHECKING

from rollout.errors import WriteError
from rollout.recording import CreateParams, Options, Recording, Shutdown, Statistics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Self

    from rollout.ids import ThreadId
    from rollout.store.base import ThreadStore

_RETRY_S = (0.02, 1.0)


class SyncRolloutRecorder:
    """Records one thread; a context manager. Safe from any thread; calls are served one after the other."""

    def __init__(self, recording: Recording, sleep: Callable[[float], None] = time.sleep) -> None:
        """Use ``create`` or ``resume``."""
        self._recording = recording
        self._sleep = sleep
        self._lock = RLock()
        self._flushed = self._synced = 0
        self._end: Shutdown | None = None

    @classmethod
    def create(cls, store: ThreadStore, params: CreateParams | None = None, options: Options | None = None) -> Self:
        """A new thread; nothing is stored until ``persist``."""
        return cls(Recording.create(store, params or CreateParams(), options or Options()))

    @classmethod
    def resume(cls, store: ThreadStore, thread: str, options: Options | None = None, *, wait: float = 0.0) -> Self:
        """An existing thread, to append to; see ``RolloutRecorder.resume``."""
        return cls(Recording.resume(store, thread, options or Options(), wait))

    @property
    def thread_id(self) -> ThreadId:
        """The thread that is recorded."""
        return self._recording.writer.thread_id

    @property
    def path(self) -> str:
        """Where the thread is (or will be) stored."""
        return self._recording.writer.path

    @property
    def persisted(self) -> bool:
        """Whether the thread exists in the store."""
        return not self._recording.deferred

    def statistics(self) -> Statistics:
        """Counts since the recorder was made."""
        return self._recording.statistics(self._flushed, self._synced)

    def record(self, items: Iterable[object]) -> int:
        """Accept items in order, all or none; returns how many the policy keeps.

        Blocks while more than the budget is unwritten. A write error is kept for the next barrier.
        """
        with self._lock:
            self._wait_for_room()
            kept = self._recording.accept(items)
            if kept and not self._recording.deferred:
                self._write_quietly()
            return kept

    def persist(self) -> None:
        """Make the thread exist, then write what waited. Idempotent; a second call only flushes."""
        with self._lock:
            self._recording.check_open()
            self._recording.begin()
            self._recording.release_deferred()
            self._flushed = self._recording.flush()

    def flush(self) -> None:
        """Barrier: what was accepted survives the death of the process; see ``RolloutRecorder.flush``."""
        with self._lock:
            self._recording.check_open()
            if not self._recording.deferred:
                self._flushed = self._recording.flush()
            elif self._recording.options.flush_persists and self._recording.waiting:
                self.persist()

    def sync(self) -> None:
        """Barrier: ``flush``, and stable storage has it all."""
        with self._lock:
            self.flush()
            upto = self._flushed
            if self._recording.deferred:
                return
        self._recording.writer.sync()
        self._synced = max(self._synced, upto)

    def shutdown(self) -> Shutdown:
        """Drain and close; says how many items a never persisted thread drops. A second call does nothing."""
        with self._lock:
            if self._end is None:
                self.flush()
                self._end = self._recording.close()
            return self._end

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()

    def _write_quietly(self) -> None:
        try:
            self._flushed = self._recording.flush()
        except WriteError:
            return  # the lines stay pending; ``last_error`` and the next barrier tell

    def _wait_for_room(self) -> None:
        delay, longest = _RETRY_S
        while not self._recording.has_room():
            self._write_quietly()
            if not self._recording.has_room():
                self._sleep(delay)
                delay = min(delay * 2, longest)
