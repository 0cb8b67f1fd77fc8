"""Reading a thread for a command: what damage was met, only its end, or as it grows."""

from __future__ import annotations

import signal
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from rollout.lines import Damage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Self

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
    """Counts the damage in what passes through ``watch``."""

    def __init__(self) -> None:
        """Nothing was met."""
        self.damaged = 0
        self.damaged_bytes = 0
        self.first_damage: Damage | None = None
        self.interrupted = False

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
        """Pass everything on, and count the damage."""
        for thing in found:
            if isinstance(thing, Damage):
                self.damaged += 1
                self.damaged_bytes += thing.length
                self.first_damage = self.first_damage or thing
            yield thing


def last(store: ThreadStore, thread_id: ThreadId, wanted: int, end: Position | None) -> list[Found]:
    """The last things of a thread in file order, without reading more than them."""
    return list(islice(store.lines_back(thread_id, end), wanted))[::-1]


def up_to(found: Iterable[Found], end: Position | None) -> Iterator[Found]:
    """What stands before a position; None is the end of the thread."""
    return iter(found) if end is None else takewhile(lambda thing: thing.position < end, found)


def _between(store: ThreadStore, thread_id: ThreadId, after: Position, end: Position) -> list[Found]:
    """What stands between two positions, in file order; read backwards, so that it costs only itself."""
    return list(takewhile(lambda thing: thing.position >= after, store.lines_back(thread_id, end)))[::-1]
