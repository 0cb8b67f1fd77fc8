"""Where a long thread is cut into blocks: where a turn begins, if that is near."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from rollout.lines import Damage, Line, Position
from rollout.long_lines import LONG, shorter
from rollout.search_bytes import may_begin_turn
from rollout.search_text import begins_turn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.lines import Found
    from rollout.store.base import ThreadStore

_LINES, _MOST_LINES, _BYTES = 60, 300, 1 << 19
START = Position(0, 0)


class Lines:
    """The lines of a thread from a place on, or ``back`` from it, a block at a time; reads as much as is asked for."""

    def __init__(self, found: Iterator[Found], *, back: bool = False) -> None:
        """Read the first one."""
        self._found, self._back = found, back
        self.next: Found | None = None
        self._size = 0
        self._read()

    def block(self) -> list[Found]:
        """The next block in the order in which it is read, long lines shortened; empty at the end."""
        taken: list[Found] = []
        size = 0
        while self.next is not None and len(taken) < _MOST_LINES and size < _BYTES:
            if len(taken) >= _LINES and self._is_cut(taken[-1], self.next):
                break
            size += self._size
            taken.append(self.next)
            self._read()
        return taken

    def _is_cut(self, before: Found, behind: Found) -> bool:
        """Both forms of a question begin its turn; they are never parted."""
        if self._back:
            before, behind = behind, before
        return begins(behind) and not begins(before)

    def _read(self) -> None:
        thing = next(self._found, None)
        self._size = size_of(thing) if thing else 0
        self.next = shorter(thing) if isinstance(thing, Line) and len(thing.data) >= LONG else thing


def lines_between(store: ThreadStore, thread_id: str, start: Position, end: Position) -> Iterator[Found]:
    """What stands from a position up to another."""
    return takewhile(lambda thing: thing.position < end, store.lines_from(thread_id, start))


def near(store: ThreadStore, thread_id: str, place: Position) -> Position:
    """Where the block begins that has a place: at the turn that it belongs to, if that is not far above."""
    first = next(lines_between(store, thread_id, place, place._replace(offset=place.offset + 1)), None)
    if first is None:
        return place
    above = Lines(store.lines_back(thread_id, first.position), back=True)
    start = first
    for over in [*above.block(), above.next]:
        if over is None or (begins(start) and not begins(over)):
            break
        start = over
    return start.position


def place_at(store: ThreadStore, thread_id: str, tenths: int) -> Position:
    """About so many tenths of a thread; inside of a line, as it comes."""
    end = store.end(thread_id)
    lengths = [_end_of(store, thread_id, number).offset for number in range(end.segment)] + [end.offset]
    wanted = sum(lengths) * tenths // 10
    for number, length in enumerate(lengths):
        if wanted < length:
            return Position(number, wanted)
        wanted -= length
    return end


def _end_of(store: ThreadStore, thread_id: str, segment: int) -> Position:
    """Where the last line of a file begins that others build on."""
    last = next(iter(store.lines_back(thread_id, Position(segment + 1, 0))), None)
    return last.position if last and last.position.segment == segment else Position(segment, 0)


def begins(thing: Found) -> bool:
    """Whether a line begins a turn."""
    return isinstance(thing, Line) and may_begin_turn(thing.data) and bool(begins_turn(thing.record))


def size_of(thing: Found) -> int:
    """How many bytes it has."""
    return thing.length if isinstance(thing, Damage) else len(thing.data)

