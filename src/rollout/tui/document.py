"""A thread as rows on a screen, read a block at a time from its end, from its beginning or from anywhere.

However long the thread, only the blocks that were looked at lately are held; of the others their place and their
height are known, so that they can be read again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from rollout.lines import Damage, Position
from rollout.long_lines import brief
from rollout.tui.painting import Key, Look, Row, painted, plain
from rollout.tui.stretches import START, Lines, lines_between, near

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollout.lines import Found
    from rollout.store.base import ThreadStore

_HELD = 16 << 20
_OF_A_ROW = 200


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
    """The rows of one thread. Used by one thread of execution; every call reads at most one block or what has grown.

    It has one stretch of the thread, which grows at both ends: ``first`` to ``last``.
    """

    def __init__(self, store: ThreadStore, thread_id: str, look: Look) -> None:
        """Open at the end; nothing is read yet."""
        self._store, self._id, self.look = store, thread_id, look
        self._held: OrderedDict[int, list[Row]] = OrderedDict()
        self._blocks: list[Block] = []
        self._above: Lines | None = None
        self._below: Lines | None = None
        self.first = self.last = self.end = START
        self.unfolded: set[Key] = set()
        self.damage = 0
        self.to_end()

    def to_end(self) -> None:
        """Begin anew from the end."""
        self.end = self._store.end(self._id)
        self._clear(self.end)
        self.load_earlier()

    def to_start(self) -> None:
        """Begin anew from the beginning."""
        self.to(START)

    def to(self, place: Position) -> None:
        """Begin anew with the block that has a place."""
        self.end = self._store.end(self._id)
        self._clear(min(near(self._store, self._id, place), self.end))
        while self.load_later() and self.last <= place:
            pass
        if not self._blocks:
            self.load_earlier()

    @property
    def at_start(self) -> bool:
        """Whether nothing stands before the first row."""
        return self.first <= START or (self._above is not None and self._above.next is None)

    @property
    def at_end(self) -> bool:
        """Whether everything behind the first row was read, as far as is known."""
        return self.last >= self.end

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
        if self._above is None:
            self._above = Lines(self._store.lines_back(self._id, self.first), back=True)
        found = self._above.block()[::-1]
        if not found:
            return 0
        block = Block(found[0].position, self.first)
        self.first = block.start
        self._blocks.insert(0, block)
        self._held = OrderedDict((number + 1, rows) for number, rows in self._held.items())
        self._keep(0, self._paint(found))
        return block.height or self.load_earlier()

    def load_later(self) -> int:
        """Read the block behind the last; how many rows came, 0 at the end."""
        if self.at_end:
            return 0
        if self._below is None:
            self._below = Lines(lines_between(self._store, self._id, self.last, self.end))
        found = self._below.block()
        block = Block(self.last, self._below.next.position if self._below.next else self.end)
        self.last = block.end
        self._blocks.append(block)
        self._keep(len(self._blocks) - 1, self._paint(found))
        return block.height or self.load_later()

    def grow(self) -> int:
        """Where all was read: read what was appended since, or a block of it; how many rows came."""
        if not self.at_end:
            return 0
        end = self._store.end(self._id)
        if end <= self.last:
            return 0
        self._below, self.end = None, end
        return self.load_later()

    def toggle(self, at: int) -> None:
        """Fold or unfold what a row belongs to."""
        self.unfolded ^= {self.row(at).key}
        self._paint_again(self._place_of(at)[0])

    def unfold(self, place: Position, keys: set[Key]) -> None:
        """Show whole what stands at a place that was read."""
        self.unfolded |= keys
        for number, block in enumerate(self._blocks):
            if keys and block.start <= place < block.end:
                self._paint_again(number)

    def has(self, place: Position) -> bool:
        """Whether a place is among what was read."""
        return self.first <= place < self.last

    def restyle(self, look: Look, at: int) -> int:
        """Look at it another way, from around a row on; where that row is then."""
        mark = self.mark(at)
        self.look = look
        self.to(mark.key[0])
        found = self.at(mark)
        return max(0, len(self) - 1) if found is None else found

    def find(self, text: str, at: int, step: int) -> int | None:
        """The next row from ``at`` on (up with -1, down with 1) that has a text, among those that are held."""
        wanted = text.casefold()
        count = len(self)
        while 0 <= at < count and self._place_of(at)[0] in self._held:
            if wanted in plain(self.row(at).text).casefold():
                return at
            at += step
        return None

    def _clear(self, place: Position) -> None:
        self.first = self.last = place
        self._blocks = []
        self._ends: list[int] | None = None
        self._above = self._below = None
        self._held.clear()
        self._weight = 0

    def _rows(self, number: int) -> list[Row]:
        rows = self._held.get(number)
        if rows is None:
            rows = self._paint_again(number)
        self._held.move_to_end(number)
        return rows

    def _paint_again(self, number: int) -> list[Row]:
        block = self._blocks[number]
        rows = self._paint(list(brief(lines_between(self._store, self._id, block.start, block.end))))
        self._keep(number, rows)
        return rows

    def _paint(self, found: Sequence[Found]) -> list[Row]:
        self.damage = max(self.damage, sum(isinstance(thing, Damage) for thing in found))
        return painted(found, self.look, self.unfolded)

    def _keep(self, number: int, rows: list[Row]) -> None:
        self._blocks[number].height = len(rows)
        self._ends = None
        self._weight += _weight(rows) - _weight(self._held.pop(number, []))
        self._held[number] = rows
        while self._weight > _HELD and len(self._held) > 1:
            self._weight -= _weight(self._held.popitem(last=False)[1])

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


def _weight(rows: Sequence[Row]) -> int:
    """About how much memory rows take."""
    return sum(len(row.text) + _OF_A_ROW for row in rows)
