"""One group commit for all recorders of a process.

Stable storage is slow and likes company: requests for a writer whose sync is in flight wait together for the
next one, and up to 16 writers are synced side by side. Never ``syncfs``: it would wait for strangers' data.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollout.store.base import Writer

    Done = Callable[[BaseException | None], None]

WIDTH = 16


class GroupCommit:
    """Syncs writers in a few threads, made when first used. Safe from any thread."""

    def __init__(self, width: int = WIDTH) -> None:
        """Nothing runs until the first request."""
        self._width = width
        self._lock = Lock()
        self._waiting: dict[Writer, list[Done]] = {}
        self._in_flight: set[Writer] = set()
        self._pool: ThreadPoolExecutor | None = None

    def submit(self, writer: Writer, done: Done) -> None:
        """Sync what the writer has flushed by now; ``done`` is called from another thread, with the error or None."""
        with self._lock:
            self._waiting.setdefault(writer, []).append(done)
            if writer in self._in_flight:
                return  # the round in flight began before this flush was complete: wait for the next
            self._in_flight.add(writer)
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._width, thread_name_prefix="rollout-sync")
            self._pool.submit(self._run, writer)

    def _run(self, writer: Writer) -> None:
        while True:
            with self._lock:
                asked = self._waiting.pop(writer, None)
                if asked is None:
                    self._in_flight.discard(writer)
                    return
            error: BaseException | None = None
            try:
                writer.sync()
            except Exception as failure:  # noqa: BLE001 - whatever it is belongs to those who asked
                error = failure
            for done in asked:
                done(error)


_shared = GroupCommit()


def shared() -> GroupCommit:
    """The group commit of this process."""
    return _shared


def _renew() -> None:
    """A forked child has none of its parent's threads."""
    global _shared  # noqa: PLW0603 - one per process is the point
    _shared = GroupCommit()


os.register_at_fork(after_in_child=_renew)
