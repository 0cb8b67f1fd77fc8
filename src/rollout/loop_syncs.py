"""The syncs that the tasks of one event loop wait for.

What the tasks of one tick ask for goes to the group commit in one piece, and all answers that have come are told
with one wake-up. A thread that was woken for each request would take the interpreter away from the loop in the
middle of the tick, once for every system call that the loop makes.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, ref

from rollout import group_commit

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future

    from rollout.store.base import Writer


class LoopSyncs:
    """One for each loop; use ``syncs_of``."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        """Nothing is asked for yet."""
        self._loop = ref(loop)  # the table of these must not keep a loop alive
        self._asked: list[tuple[Writer, Future[None]]] = []
        self._come: deque[tuple[Future[None], BaseException | None]] = deque()
        self._awake = False

    def synced(self, writer: Writer) -> Future[None]:
        """Done once all that the writer has flushed by now is on stable storage; to be called on the loop."""
        loop = self._loop()
        if loop is None:
            raise RuntimeError("the event loop of this recorder is gone")
        done: Future[None] = loop.create_future()
        if not self._asked:
            loop.call_soon(self._hand_over)
        self._asked.append((writer, done))
        return done

    def _hand_over(self) -> None:
        asked, self._asked = self._asked, []
        group_commit.shared().submit((writer, partial(self._put, done)) for writer, done in asked)

    def _put(self, done: Future[None], error: BaseException | None) -> None:
        """Take an answer, from any thread."""
        self._come.append((done, error))
        loop = self._loop()
        if not self._awake and loop is not None:
            self._awake = True
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self._awake = False  # before the first is taken: what comes from now on wakes the loop again
        while self._come:
            _resolve(*self._come.popleft())


_of_loops: WeakKeyDictionary[AbstractEventLoop, LoopSyncs] = WeakKeyDictionary()


def syncs_of(loop: AbstractEventLoop) -> LoopSyncs:
    """The one of this loop."""
    found = _of_loops.get(loop)
    if found is None:
        found = _of_loops[loop] = LoopSyncs(loop)
    return found


def _resolve(done: Future[None], error: BaseException | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
