"""Reading a thread for a command: what damage was met, only its end, or as it grows."""

from __future__ import annotations

import signal
from itertools import dropwhile, islice, takewhile
from typing import TYPE_CHECKING

from rollout.cli.progress import Progress
from rollout.errors import FormatError
from rollout.lines import Damage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Self

    from rollout.cli.output import Output
    from rollout.ids import ThreadId
    from rollout.lines import Found, Position
    from rollout.store.base import ThreadStore

_PATIENCE_S = 1.0


class Interrupt:
    """Ctrl-C ends a wait at once, but never tears what is being written. Main thread only."""

    def __init__(self) -> None:
        """Nobody asked for the end."""
        self.asked = self._waiting = False

    def __enter__(self) -> Self:
        """Take over SIGINT."""
        self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        """Give SIGINT back."""
        signal.signal(signal.SIGINT, self._before)

    def _ask(self, _number: int, _frame: object) -> None:
        self.asked = True
        if self._waiting:
            raise KeyboardInterrupt

    def wait(self, store: ThreadStore, thread_id: ThreadId, after: Position) -> Position:
        """The end of the thread once it is beyond a position, or that position when nothing came."""
        try:
            self._waiting = True
            return store.wait(thread_id, after, _PATIENCE_S)
        except KeyboardInterrupt:
            return after
        finally:
            self._waiting = False


class Reading:
    """One reading of a thread: counts the damage and the bytes of what passes through ``watch``.

    ``problem`` says why not all of the thread could be read; ``interrupted`` that a follow was ended.
    """

    def __init__(self, progress: Progress | None = None) -> None:
        """Nothing was met."""
        self._progress = progress
        self.damaged = 0
        self.damaged_bytes = 0
        self.first_damage: Damage | None = None
        self.problem = ""
        self.interrupted = False

    def lines(self, store: ThreadStore, thread_id: ThreadId, start: int = 0) -> Iterator[Found]:
        """The thread from a line on; where its base is missing, at least its own lines."""
        try:
            found = store.lines(thread_id, start)
        except FormatError as error:
            self.problem = str(error)
            found = store.lines(thread_id, start, own=True)
        return self.watch(found)

    def follow(self, store: ThreadStore, thread_id: ThreadId, after: Position) -> Iterator[Found]:
        """What is appended behind a position, as it comes, until an interrupt; ``interrupted`` is set then."""
        with Interrupt() as interrupt:
            while not interrupt.asked:
                end = interrupt.wait(store, thread_id, after)
                if end > after:
                    yield from self.watch(_between(store, thread_id, after, end))
                    after = end
        self.interrupted = True

    def watch(self, found: Iterable[Found]) -> Iterator[Found]:
        """Pass everything on, and count."""
        for thing in found:
            if isinstance(thing, Damage):
                self.damaged += 1
                self.damaged_bytes += thing.length
                self.first_damage = self.first_damage or thing
            self.passed(thing.length if isinstance(thing, Damage) else len(thing.data))
            yield thing
            del thing  # a line may be long: it is not held while the next one is read
        self.passed(None)

    def passed(self, size: int | None) -> None:
        """So many bytes more were read; None is the end."""
        if self._progress and size is not None:
            self._progress.add(size)
        elif self._progress:
            self._progress.done()


def reading_of(store: ThreadStore, thread_id: ThreadId, out: Output) -> Reading:
    """A reading that tells its progress while standard output is a file; elsewhere one sees what comes."""
    return Reading(Progress(out, "reading", size_of(store, thread_id)) if out.is_file else None)


def size_of(store: ThreadStore, thread_id: ThreadId) -> int:
    """About how many bytes a thread has; less where bases of a fork or compressed files add to it."""
    return sum(max(segment.bytes, segment.data_length) for segment in store.segments(thread_id))


def last(back: Iterable[Found], wanted: int) -> list[Found]:
    """The first so many things of a thread that is read backwards, in file order; no more of them are read."""
    return list(islice(back, wanted))[::-1]


def read_again(store: ThreadStore, thread_id: ThreadId, end: Position | None, wanted: int) -> Iterator[Found]:
    """The last so many things before a position, in file order: read backwards for their places, then held one by one."""
    number, start, n = 0, None, -1
    for found in islice(store.lines_back(thread_id, end), wanted):
        number, start, n = number + 1, found.position, found.n
        del found  # a line may be long
    if start is not None:
        behind = dropwhile(lambda thing: thing.position < start, store.lines_from(thread_id, start, n))
        yield from islice(behind, number)


def up_to(found: Iterable[Found], end: Position | None) -> Iterator[Found]:
    """What stands before a position; None is the end of the thread."""
    return iter(found) if end is None else takewhile(lambda thing: thing.position < end, found)


def _between(store: ThreadStore, thread_id: ThreadId, after: Position, end: Position) -> list[Found]:
    """What stands between two positions, in file order; read backwards, so that it costs only itself."""
    return list(takewhile(lambda thing: thing.position >= after, store.lines_back(thread_id, end)))[::-1]
