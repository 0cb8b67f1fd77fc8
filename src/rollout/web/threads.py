"""The threads that a server shows: one store, and for each thread lately looked at its timeline."""

from __future__ import annotations

from collections import OrderedDict
from itertools import dropwhile, takewhile
from threading import Event, Lock, Thread
from time import sleep
from typing import TYPE_CHECKING

from rollout.errors import FormatError, RolloutError
from rollout.long_lines import brief
from rollout.render.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rollout.lines import Found, Position
    from rollout.query import Thread as Row
    from rollout.store.base import ThreadStore

_KEPT = 16
_STRETCH = 64
_ASIDE_S = 0.02


class Precedence:
    """Pages first: who reads in the background steps aside, again and again, while somebody waits for a page."""

    def __init__(self) -> None:
        """Nobody waits."""
        self._waiting = 0
        self._lock = Lock()

    def __enter__(self) -> None:
        with self._lock:
            self._waiting += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._waiting -= 1

    def pieces(self, made: Iterable[str]) -> Iterator[str]:
        """A page that somebody waits for."""
        with self:
            yield from made

    def step_aside(self) -> None:
        """Leave the interpreter to whoever makes a page."""
        if self._waiting:
            sleep(_ASIDE_S)


class Threads:
    """One store for the pages; safe from any thread."""

    def __init__(self, store: ThreadStore, row: Callable[[str], Row]) -> None:
        """``row`` gives the facts of one thread, as a listing has them; it raises NotFoundError."""
        self.store, self.row = store, row
        self.stopping = Event()
        self.precedence = Precedence()
        self._lock = Lock()
        self._timelines: OrderedDict[str, Watched] = OrderedDict()

    def find(self, text: str) -> str | None:
        """The one thread that a text means, None when there is none or not only one."""
        found = self.store.resolve(text)
        return found[0] if len(found) == 1 else None

    def lines(self, thread_id: str, start: int = 0) -> Iterator[Found]:
        """The thread from a line on, for pages: of very long lines how their texts begin and end."""
        return brief(self.whole(thread_id, start))

    def whole(self, thread_id: str, start: int = 0) -> Iterator[Found]:
        """The same, exact; where the base of the thread is missing, at least its own lines."""
        try:
            return self.store.lines(thread_id, start)
        except FormatError:
            return self.store.lines(thread_id, start, own=True)

    def lines_from(self, thread_id: str, place: Position, n: int) -> Iterator[Found]:
        """The same from the place of line ``n`` on, without reading what stands before."""
        return brief(self.store.lines_from(thread_id, place, n))

    def lines_back(self, thread_id: str, before: Position | None) -> Iterator[Found]:
        """The same back from a place, or from the end."""
        return brief(self.store.lines_back(thread_id, before))

    def timeline(self, thread_id: str) -> Watched:
        """The timeline of a thread; it is brought up to date in the background."""
        with self._lock:
            watched = self._timelines.pop(thread_id, None) or Watched(self, thread_id)
            self._timelines[thread_id] = watched
            while len(self._timelines) > _KEPT:
                self._timelines.popitem(last=False)[1].stop()
        watched.catch_up()
        return watched


class Watched:
    """The timeline of one thread, kept; ``timeline`` may be read while it grows."""

    def __init__(self, threads: Threads, thread_id: str) -> None:
        """Nothing is read."""
        self.timeline = Timeline()
        self.ready = Event()
        self.problem = ""
        self._threads, self._thread_id = threads, thread_id
        self._end: Position | None = None
        self._counted: tuple[Position, int] | None = None
        self._stopped = False
        self._lock = Lock()

    @property
    def count(self) -> int | None:
        """How many turns the thread has, None while it is read."""
        return len(self.timeline.turns) if self.ready.is_set() else None

    def number(self, place: Position) -> int:
        """The number of the line at a place; the lines before it are counted once, then from there on."""
        timeline = self.timeline
        if self.ready.is_set() and timeline.place is not None:
            self._counted = timeline.place, timeline.next_n - 1
        if self._counted is None or place < self._counted[0]:
            self._counted = place, self._threads.store.number(self._thread_id, place)
        found = self._threads.lines_from(self._thread_id, *self._counted)
        return next((thing.n for thing in found if thing.position >= place), self._counted[1])

    def stop(self) -> None:
        """Read no further."""
        self._stopped = True

    def catch_up(self) -> None:
        """Read what came since, unless somebody is at it."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            end = self._threads.store.end(self._thread_id)
            if end == self._end:
                self._lock.release()
                return
            if self._end is not None and end < self._end:
                self.timeline, self._counted = Timeline(), None
            self._end = end
            self.ready.clear()
            Thread(target=self._read, daemon=True).start()
        except BaseException:
            self._lock.release()
            raise

    def _read(self) -> None:
        try:
            for number, found in enumerate(self._new()):
                if self._stopped or self._threads.stopping.is_set():
                    return
                self.timeline.take(found)
                if not number % _STRETCH:
                    self._threads.precedence.step_aside()
        except (RolloutError, OSError) as error:
            self.problem = str(error)
        finally:
            self.ready.set()
            self._lock.release()

    def _new(self) -> Iterator[Found]:
        """What the timeline has not taken: up to the end as it is known, for behind it a line may be half written."""
        last, end = self.timeline.place, self._end
        if last is None:
            found = self._threads.lines(self._thread_id)
        else:
            found = self._threads.lines_from(self._thread_id, last, self.timeline.next_n - 1)
            found = dropwhile(lambda thing: thing.position <= last, found)
        return takewhile(lambda thing: end is None or thing.position < end, found)
