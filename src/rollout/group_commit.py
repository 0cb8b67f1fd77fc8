"""One group commit for all recorders of a process.

Stable storage is slow and likes company: all who ask while a round is under way go together in the next one, which
is handed to the store in one piece (``Writer.sync_together``). A second round may begin before the first has ended,
so that one slow file does not hold up everybody. Never ``syncfs``: it would wait for strangers' data.
"""

from __future__ import annotations

import os
from threading import Condition, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rollout.store.base import Writer

    Done = Callable[[BaseException | None], None]
    Round = dict[Writer, list[Done]]

WIDTH = 4


class GroupCommit:
    """Syncs writers in a few threads, made when first used; idle ones sleep. Safe from any thread."""

    def __init__(self, width: int = WIDTH) -> None:
        """Nothing runs until the first request; ``width``: how many rounds may be under way at once."""
        self._width = width
        self._asked: Round = {}
        self._in_flight: set[Writer] = set()
        self._changed = Condition()
        self._threads = self._idle = 0

    def submit(self, requests: Iterable[tuple[Writer, Done]]) -> None:
        """Sync what each writer has flushed by now; ``done`` is called from another thread, with the error or None.

        ``done`` must be quick and must not raise.
        """
        with self._changed:
            for writer, done in requests:
                self._asked.setdefault(writer, []).append(done)
            if self._idle:
                self._changed.notify()
            elif self._threads < self._width:
                self._threads += 1
                Thread(target=self._work, name="rollout-sync", daemon=True).start()

    def _work(self) -> None:
        while True:
            asked = self._take_round()
            for kind in {type(writer) for writer in asked}:
                writers = [writer for writer in asked if type(writer) is kind]
                for writer, failure in zip(writers, _failures(kind, writers), strict=True):
                    for done in asked[writer]:
                        done(failure)
            self._finish(asked)

    def _take_round(self) -> Round:
        """Everything that is asked for, but writers of a round in flight: theirs began before they were flushed."""
        with self._changed:
            while not (writers := [writer for writer in self._asked if writer not in self._in_flight]):
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
            self._in_flight.update(writers)
            return {writer: self._asked.pop(writer) for writer in writers}

    def _finish(self, asked: Round) -> None:
        with self._changed:
            self._in_flight.difference_update(asked)
            if self._idle and not self._asked.keys().isdisjoint(asked):
                self._changed.notify()


def _failures(kind: type[Writer], writers: list[Writer]) -> list[Exception | None]:
    try:
        return kind.sync_together(writers)
    except Exception as failure:  # noqa: BLE001 - the last line of defence: it is told, not swallowed
        return [failure] * len(writers)


_shared = GroupCommit()


def shared() -> GroupCommit:
    """The group commit of this process."""
    return _shared


def _renew() -> None:
    """A forked child has none of its parent's threads."""
    global _shared  # noqa: PLW0603 - one per process is the point
    _shared = GroupCommit()


os.register_at_fork(after_in_child=_renew)
