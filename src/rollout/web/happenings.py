"""That something happened to the threads of a store, for the lists that are open, as server-sent events."""

from __future__ import annotations

from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

import anyio

from rollout.errors import RolloutError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from rollout.store.base import ThreadStore

_WAIT_S = 1.0
_LOOK_S = 0.25
_QUIET = 60


class Happenings:
    """One watch for all lists, as long as there are any; safe from any thread."""

    def __init__(self, store: ThreadStore, stopping: Event) -> None:
        """Nothing is watched."""
        self._store, self._stopping = store, stopping
        self._lists = self._times = 0
        self._watching = Event()
        self._lock = Lock()

    async def events(self, is_over: Callable[[], bool]) -> AsyncIterator[str]:
        """``ready`` once the store is watched, ``changed`` whenever something happened since; until it is over."""
        self._come()
        try:
            yield "retry: 5000\n\n"
            seen, quiet = -1, 0
            while not is_over():
                if seen < 0 and self._watching.is_set():
                    seen = self._times
                    yield "event: ready\ndata: 1\n\n"
                elif 0 <= seen < self._times:
                    seen, quiet = self._times, 0
                    yield "event: changed\ndata: 1\n\n"
                quiet += 1
                if not quiet % _QUIET:
                    yield ": here\n\n"
                await anyio.sleep(_LOOK_S)
        finally:
            with self._lock:
                self._lists -= 1

    def _come(self) -> None:
        with self._lock:
            self._lists += 1
            if self._lists == 1:
                self._watching = Event()
                Thread(target=self._watch, args=(self._watching,), name="rollout serve watch", daemon=True).start()

    def _watch(self, watching: Event) -> None:
        """Count what happens while this is the newest watch and somebody wants it; a store that is away is asked again."""
        while self._is_wanted(watching):
            try:
                watch = self._store.watch()
            except (RolloutError, OSError):
                self._stopping.wait(_WAIT_S)
                continue
            watching.set()
            while self._is_wanted(watching):
                try:
                    changes = watch.wait(_WAIT_S)
                except (RolloutError, OSError):
                    self._stopping.wait(_WAIT_S)
                    continue
                if changes.told or not changes.complete:
                    self._times += 1
            watch.close()

    def _is_wanted(self, watching: Event) -> bool:
        return self._lists > 0 and watching is self._watching and not self._stopping.is_set()
