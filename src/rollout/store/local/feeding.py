"""What a writer has written, brought to the index beside the recording: who appends never waits for it.

A writer leaves word which file it wrote, and that is all it does. A thread of its own takes the folders of those files
in, now and then, by the same catching up that a listing does: every fact comes from the file, through ``summary.fold``,
and counts while the file's size and time agree. Whatever is in the way (no index yet, a lock, another catching up), the
word is dropped: the next listing finds the difference by itself.
"""

from __future__ import annotations

import atexit
import os
from contextlib import suppress
from threading import Event, Thread
from time import perf_counter
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rollout.journal.filesystem import Filesystem
    from rollout.store.local.clock import Clock
    from rollout.store.local.given import Given
    from rollout.store.local.index_path import IndexPlace

_PAUSE_S = 1.0
"""So long after a write the index is told of it; at once when the writer is closed."""
_REST = 20
"""So many times as long as the last feeding took nothing is fed: at most a twentieth of one processor."""
_PATIENCE_S = 1.0


class Feeder:
    """Feeds the index of one home with what the writers of this process write. Safe from any thread; not over a fork."""

    def __init__(self, home: str, fs: Filesystem, given: Given, clock: Clock, place: Callable[[], IndexPlace | None]) -> None:
        """Nothing runs until the first word."""
        self._home, self._fs, self._given, self._clock, self._place = home, fs, given, clock, place
        self.process = os.getpid()
        self._written: dict[str, None] = {}
        self._thread: Thread | None = None
        self._wake, self._over = Event(), Event()
        _feeders.add(self)

    def written(self, path: str) -> None:
        """A file was written to; costs its writer one entry in a dictionary."""
        self._written[path] = None
        if self._thread is None:
            self._start()

    def closed(self, path: str) -> None:
        """Nothing more will come for now."""
        self.written(path)
        self._wake.set()

    def stop(self) -> None:
        """Feed no more; what is being fed ends, within a second."""
        self._over.set()
        self._wake.set()
        thread = self._thread
        if thread is not None:
            thread.join(_PATIENCE_S)

    def _start(self) -> None:
        if self._over.is_set():
            return
        self._thread = Thread(target=self._work, name="rollout-index", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # the system gives no more threads, or the interpreter ends: recording goes on
            self._thread = None

    def _work(self) -> None:
        """Feed as long as something is written."""
        while not self._over.is_set():
            self._wake.wait(_PAUSE_S)
            self._wake.clear()
            written, self._written = list(self._written), {}
            if not written or self._over.is_set():
                break
            began = perf_counter()
            self.feed(written)
            self._over.wait(_REST * (perf_counter() - began))
        self._thread = None
        if self._written:  # it came while this thread was about to end
            self._start()

    def feed(self, written: Iterable[str]) -> bool:
        """Bring these files' folders to the index, if it is there and free; whether that was done."""
        with suppress(OSError):  # of a home or a cache folder that is gone; a listing tells about it
            place = self._place()
            if place is not None and os.path.exists(place.path):
                return self._feed(place, written)
        return False

    def _feed(self, place: IndexPlace, written: Iterable[str]) -> bool:
        from rollout.store.local.catchup import CatchUp  # noqa: PLC0415 - only where there is an index
        from rollout.store.local.index import IndexUnusableError, open_existing, usable  # noqa: PLC0415 - the same
        from rollout.store.local.index_path import identity_of  # noqa: PLC0415 - the same

        place = place._replace(ours=False)  # nobody would hear here what became of a bad one
        with suppress(IndexUnusableError), usable(place):
            index = open_existing(place, identity_of(self._home))
            if index is not None:
                with index:
                    index.in_passing()
                    return CatchUp(index, self._home, self._fs, self._given, self._clock).take(written)
        return False


_feeders: WeakSet[Feeder] = WeakSet()


def _stop_all() -> None:
    for feeder in list(_feeders):
        if feeder.process == os.getpid():
            feeder.stop()


atexit.register(_stop_all)  # a thread that the end of the interpreter meets inside SQLite could keep the process
