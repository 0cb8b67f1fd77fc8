"""A thread as rows on a screen, read a block at a time from its end, or from its beginning.

However long the thread, only the blocks that were looked at lately are held; of the others their place and their
height are known, so that they can be read again.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections import OrderedDict
from itertools import accumulate, takewhile
from typing import TYPE_CHECKING, NamedTuple

from rollout.lines import Damage, Line
from rollout.long_lines import brief
from rollout.render.entries import Reader, dropped_stretches
from rollout.render.safe import fit, safe, safe_line
from rollout.render.text import Style, Transcript, damage_text
from rollout.search_bytes import may_begin_turn
from rollout.search_text import begins_turn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rollout.lines import Found, Position
    from rollout.store.base import ThreadStore

_LINES, _MOST_LINES, _BYTES = 60, 300, 1 << 20
_HELD = 48
_MOST_RESTYLED = 200
_RAW_WIDTH = 2000
_CODES = re.compile("\x1b\\[[0-9;]*m")
Key = tuple["Position", int]


class Look(NamedTuple):
    """How a thread is shown: its style, and whether as a transcript or as the ``raw`` records."""

    style: Style
    raw: bool = False


class Row(NamedTuple):
    """One row: safe text with colours, and what it belongs to."""

    text: str
    key: Key


class Mark(NamedTuple):
    """A row that is to be found again: what it belongs to, and how far below the first row of that it stands."""

    key: Key
    below: int


class Block:
    """A stretch of a thread, and how many rows it has."""

    __slots__ = ("end", "height", "start")

    def __init__(self, start: Position, end: Position) -> None:
        """A stretch that was not rendered yet."""
        self.start, self.end = start, end
        self.height = 0


class Document:
    """The rows of one thread. Used by one thread of execution; every call reads at most one block or what has grown."""

    def __init__(self, store: ThreadStore, thread_id: str, look: Look) -> None:
        """Open at the end; nothing is read yet."""
        self._store, self._id, self.look = store, thread_id, look
        self._held: OrderedDict[int, list[Row]] = OrderedDict()
        self._unfolded: set[Key] = set()
        self._ahead: Iterator[Found] | None = None
        self._peeked: Found | None = None
        self.damage = 0
        self.to_end()

    def to_end(self) -> None:
        """Begin anew from the end."""
        self._clear()
        self._ahead = None
        self.first = self.last = self._store.end(self._id)
        self.at_start = False
        self.load_earlier()

    def to_start(self) -> None:
        """Begin anew from the beginning."""
        self._clear()
        self._ahead = self._store.lines(self._id)
        self._peeked = next(self._ahead, None)
        self.at_start = True
        if self._peeked is not None:
            self.first = self.last = self._peeked.position
        self.load_later()

    @property
    def at_end(self) -> bool:
        """Whether everything behind the first row was read."""
        return self._ahead is None

    def __len__(self) -> int:
        ends = self._row_ends()
        return ends[-1] if ends else 0

    def row(self, at: int) -> Row:
        """A row by its number; its block is read again when it is no longer held."""
        number, within = self._place_of(at)
        return self._rows(number)[within]

    def mark(self, at: int) -> Mark:
        """What a row is, for ``at`` to find it again when everything looks another way."""
        key = self.row(at).key
        first = next(above for above in range(at, -1, -1) if above == 0 or self.row(above - 1).key != key)
        return Mark(key, at - first)

    def at(self, mark: Mark) -> int | None:
        """The row that is nearest to a mark: of the same entry, or of the same record; None where neither is there."""
        for number, block in enumerate(self._blocks):
            if block.start <= mark.key[0] < block.end:
                keys = [row.key for row in self._rows(number)]
                key = mark.key if mark.key in keys else (mark.key[0], 0)
                if key not in keys:
                    return None
                first, count = keys.index(key), keys.count(key)
                return self._row_ends()[number] - block.height + first + min(mark.below, count - 1)
        return None

    def load_earlier(self) -> int:
        """Read the block before the first; how many rows came, 0 at the beginning of the thread."""
        if self.at_start:
            return 0
        found = self._back(self.first)
        if not found:
            self.at_start = True
            return 0
        block = Block(found[0].position, self.first)
        self.first = block.start
        self._blocks.insert(0, block)
        self._held = OrderedDict((number + 1, rows) for number, rows in self._held.items())
        self._keep(0, self._render(found))
        return block.height or self.load_earlier()

    def load_later(self) -> int:
        """Read the block behind the last, when opened at the beginning; how many rows came, 0 at the end."""
        if self._ahead is None:
            return 0
        found: list[Found] = []
        size, end = 0, self.last
        while self._peeked is not None and len(found) < _MOST_LINES and size < _BYTES:
            if len(found) >= _LINES and _begins(self._peeked) and not _begins(found[-1]):
                break
            size, end = size + _size(self._peeked), _behind(self._peeked)
            found += brief([self._peeked])
            self._peeked = next(self._ahead, None)
        if self._peeked is None:
            self._ahead = None
        else:
            end = self._peeked.position
        return self._append(found, end) if found else 0

    def grow(self) -> int:
        """Read what was appended since; how many rows came."""
        if self._ahead is not None:
            return 0
        end = self._store.end(self._id)
        if end <= self.last:
            return 0
        found = self._between(self.last, end)
        return self._append(found, end) if found else 0

    def toggle(self, at: int) -> None:
        """Fold or unfold what a row belongs to."""
        self._unfolded ^= {self.row(at).key}
        number, _ = self._place_of(at)
        self._held.pop(number, None)
        self._keep(number, self._render(self._read(self._blocks[number])))

    def restyle(self, look: Look) -> None:
        """Look at it another way: at all that was read, or from its end where that was very much."""
        self.look = look
        if len(self._blocks) > _MOST_RESTYLED:
            self.to_end()
            return
        self._held.clear()
        for number, block in enumerate(self._blocks):
            self._keep(number, self._render(self._read(block)))

    def find(self, text: str, at: int, step: int) -> int | None:
        """The next row from ``at`` on (up with -1, down with 1) that has a text, among those that were read."""
        wanted = text.casefold()
        count = len(self)
        while 0 <= at < count:
            if wanted in plain(self.row(at).text).casefold():
                return at
            at += step
        return None

    def _clear(self) -> None:
        self._blocks: list[Block] = []
        self._ends: list[int] | None = None
        self._held.clear()
        self._peeked = None

    def _append(self, found: list[Found], end: Position) -> int:
        block = Block(found[0].position, end)
        self.last = end
        self._blocks.append(block)
        self._keep(len(self._blocks) - 1, self._render(found))
        return block.height

    def _rows(self, number: int) -> list[Row]:
        rows = self._held.get(number)
        if rows is None:
            rows = self._render(self._read(self._blocks[number]))
            self._keep(number, rows)
        self._held.move_to_end(number)
        return rows

    def _keep(self, number: int, rows: list[Row]) -> None:
        self._blocks[number].height = len(rows)
        self._ends = None
        self._held[number] = rows
        while len(self._held) > _HELD:
            self._held.popitem(last=False)

    def _row_ends(self) -> list[int]:
        """Of each block the number of rows up to its end."""
        if self._ends is None:
            self._ends = list(accumulate(block.height for block in self._blocks))
        return self._ends

    def _place_of(self, at: int) -> tuple[int, int]:
        """The number of the block that has a row, and which of its rows it is."""
        ends = self._row_ends()
        number = bisect_right(ends, at)
        if at < 0 or number == len(ends):
            raise IndexError(at)
        return number, at - ends[number] + self._blocks[number].height

    def _back(self, before: Position) -> list[Found]:
        """The block that ends at a position: up to where a turn begins, if that is near."""
        found: list[Found] = []
        size = 0
        for whole in self._store.lines_back(self._id, before):
            (thing,) = brief([whole])
            if len(found) >= _LINES and _begins(found[-1]) and not _begins(thing):
                break
            found.append(thing)
            size += _size(whole)
            if len(found) >= _MOST_LINES or size >= _BYTES:
                break
        else:
            self.at_start = True
        return found[::-1]

    def _read(self, block: Block) -> list[Found]:
        return self._between(block.start, block.end)

    def _between(self, start: Position, end: Position) -> list[Found]:
        found = takewhile(lambda thing: thing.position >= start, self._store.lines_back(self._id, end))
        return list(brief(found))[::-1]

    def _render(self, found: Sequence[Found]) -> list[Row]:
        self.damage = max(self.damage, sum(isinstance(thing, Damage) for thing in found))
        return list(self._raw(found) if self.look.raw else self._transcript(found))

    def _transcript(self, found: Sequence[Found]) -> Iterator[Row]:
        dropped = dropped_stretches(thing for thing in found if isinstance(thing, Line))
        transcript, reader = Transcript(self.look.style, dropped, numbered=False), Reader()
        for thing in found:
            if isinstance(thing, Damage):
                yield Row(self.look.style.paint("error", damage_text(thing)), (thing.position, 0))
                continue
            for number, entry in enumerate(reader.read(thing)):
                key = (thing.position, number)
                text = transcript.entry(entry, full=key in self._unfolded)
                yield from (Row(line, key) for line in text.removesuffix("\n").split("\n"))

    def _raw(self, found: Sequence[Found]) -> Iterator[Row]:
        for thing in found:
            key = (thing.position, 0)
            if isinstance(thing, Damage):
                yield Row(self.look.style.paint("error", damage_text(thing)), key)
            elif key in self._unfolded:
                yield from (Row(line[:_RAW_WIDTH], key) for line in _indented(thing.data).split("\n"))
            else:
                start = thing.data[: 4 * _RAW_WIDTH].decode("utf-8", "replace")
                yield Row(fit(safe_line(start), self.look.style.width), key)


def plain(text: str) -> str:
    """A row without its colours."""
    return _CODES.sub("", text)


def _begins(thing: Found) -> bool:
    """Whether a line begins a turn; both forms of a question do, so a block is never cut between them."""
    return isinstance(thing, Line) and may_begin_turn(thing.data) and bool(begins_turn(thing.record))


def _size(thing: Found) -> int:
    return thing.length if isinstance(thing, Damage) else len(thing.data)


def _behind(thing: Found) -> Position:
    return thing.position._replace(offset=thing.position.offset + _size(thing))


def _indented(data: bytes) -> str:
    try:
        return safe(json.dumps(json.loads(data), indent=2, ensure_ascii=False))
    except (ValueError, RecursionError):
        return safe(data.decode("utf-8", "replace")).rstrip("\n")
