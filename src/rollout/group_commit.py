"""One group commit for all recorders of a process.

Stable storage is slow and likes company: requests for a writer whose sync is in flight wait together for the
next one, and up to 16 threads sync side by side, each a share of the writers that wait, so that a crowd costs
few hand-overs between threads. Never ``syncfs``: it would wait for strangers' data.
"""

from __future__ import annotations

import os
from collections import deque
from threading import Condition, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollout.store.base import Writer

    Done = Callable[[BaseException | None], None]

WIDTH = 16


class GroupCommit:
    """Syncs writers in a few threads, made when first used; idle ones sleep. Safe from any thread."""

    def __init__(self, width: int = WIDTH) -> None:
        """Nothing runs until the first request."""
        self._width = width
        self._asked: dict[Writer, list[Done]] = {}
        self._queue: deque[Writer] = deque()
        self._in_flight: set[Writer] = set()
        self._changed = Condition()
        self._threads = self._idle = 0

    def submit(self, writer: Writer, done: Done) -> None:
        """Sync what the writer has flushed by now; ``done`` is called from another thread, with the error or None.

        ``done`` must be quick and must not raise.
        """
        with self._changed:
            known = self._asked.setdefault(writer, [])
            known.append(done)
            if len(known) > 1 or writer in self._in_flight:
                return  # queued already; or the round in flight began before this flush: the next one is ours
            self._queue.append(writer)
            if self._idle:
                self._changed.notify()
            elif self._threads < self._width:
                self._threads += 1
                Thread(target=self._work, name="rollout-sync", daemon=True).start()

    def _work(self) -> None:
        while True:
            for writer, asked in self._take_share():
                _sync(writer, asked)
                self._finish(writer)

    def _take_share(self) -> list[tuple[Writer, list[Done]]]:
        with self._changed:
            while not self._queue:
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
            count = -(-len(self._queue) // self._width)
            share = [self._queue.popleft() for _ in range(count)]
            self._in_flight.update(share)
            return [(writer, self._asked.pop(writer)) for writer in share]

    def _finish(self, writer: Writer) -> None:
        with self._changed:
            self._in_flight.discard(writer)
            if writer in self._asked:
                self._queue.append(writer)


def _sync(writer: Writer, asked: list[Done]) -> None:
    error: BaseException | None = None
    try:
        writer.sync()
    except Exception as failure:  # noqa: BLE001 - the last line of defence: it is told, not swallowed
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
