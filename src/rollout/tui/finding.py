"""Finding a text in a thread of any size: by the bytes of its lines, from a place on, until something is found that is shown.

The same sieve and matcher as a search's tell which lines have it. A line may be shown by its twin, or by nothing: such a line
is passed over, so that each find leads to a row.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from rollout.lines import Position
from rollout.long_lines import LONG, brief
from rollout.search_match import Matcher
from rollout.search_query import SearchQuery
from rollout.search_sieve import Sieve
from rollout.search_words import fold
from rollout.tui.painting import Key, Look, Row, painted, plain
from rollout.tui.stretches import Lines, near

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from rollout.lines import Line
    from rollout.store.base import ThreadStore

_TELL_S = 0.1


class Wanted(NamedTuple):
    """What is looked for in which thread, how that is shown, and what of it is unfolded already."""

    thread_id: str
    text: str
    look: Look
    unfolded: frozenset[Key] = frozenset()


class Hit(NamedTuple):
    """A row with the text: what it belongs to, how far below the first row of that it stands, and what was unfolded to show it."""

    key: Key
    below: int
    unfolded: set[Key]


class Way(NamedTuple):
    """From where to look and whither; a row beyond which nothing nearer can be, and a line that was found before."""

    start: Position
    back: bool
    row: Hit | None = None
    passed: Position | None = None


class Progress:
    """How much was looked through."""

    def __init__(self) -> None:
        """Nothing."""
        self.bytes = 0
        self._last: Position | None = None
        self._told = time.monotonic()

    def is_worth_telling(self, place: Position) -> bool:
        """Take in how far it has got; whether the last time that it was told is some time ago."""
        if self._last and self._last.segment == place.segment:
            self.bytes += abs(place.offset - self._last.offset)
        self._last = place
        is_due = time.monotonic() - self._told > _TELL_S
        self._told = time.monotonic() if is_due else self._told
        return is_due


class Finder:
    """Looks for a text; may be used beside the screen, since it shares nothing with it."""

    def __init__(self, store: ThreadStore, wanted: Wanted) -> None:
        """Nothing is read yet."""
        self._store, self._wanted = store, wanted
        self._folded = fold(wanted.text)
        query = SearchQuery(wanted.text, "part", everything=wanted.look.raw)
        self._sieve, self._matcher = Sieve(query), Matcher(query)

    def nearest(self, way: Way) -> Iterator[Hit | Position]:
        """Ends with the nearest row, if there is one; positions tell how far it has got."""
        for told in self._hits(way.start, back=way.back):
            place = told.key[0] if isinstance(told, Hit) else told
            if way.row and (place <= way.row.key[0] if way.back else place >= way.row.key[0]):
                break
            if isinstance(told, Position):
                yield told
            elif place != way.passed:
                yield told
                return
        if way.row:
            yield way.row

    def _hits(self, start: Position, *, back: bool) -> Iterator[Hit | Position]:
        """The rows that have it, with positions between them; a line is let go of before what is around it is read."""
        found: Position | None = None
        while True:
            behind = yield from self._next_line(start, found, back=back)
            if behind is None:
                return
            found, start = behind
            if hit := self._shown(found):
                yield hit

    def _next_line(
        self, start: Position, passed: Position | None, *, back: bool
    ) -> Generator[Position, None, tuple[Position, Position] | None]:
        """Where the next line with it stands, and from where to go on; ``passed`` is one that was looked at."""
        for thing in self._store.sift(self._wanted.thread_id, self._sieve.may_hold, start, back=back):
            if isinstance(thing, Position):
                yield thing
            elif thing.position != passed and self._is_in(thing):
                place = thing.position
                return place, place if back else place._replace(offset=place.offset + len(thing.data))
        return None

    def _is_in(self, line: Line) -> bool:
        if self._wanted.look.raw and len(line.data) < LONG and self._folded in fold(line.data.decode("utf-8", "replace")):
            return True
        return self._matcher.match_line(line) is not None

    def _shown(self, place: Position) -> Hit | None:
        """The row that shows what was found in a line; None where nothing shows it."""
        start = near(self._store, self._wanted.thread_id, place)
        lines = Lines(self._store.lines_from(self._wanted.thread_id, start))
        found = list(brief(lines.block()))
        while lines.next is not None and found[-1].position < place:
            found = list(brief(lines.block()))
        keys = {row.key for row in painted(found, self._wanted.look, self._wanted.unfolded) if row.key[0] == place}
        for more in (set[Key](), keys):
            rows = painted(found, self._wanted.look, self._wanted.unfolded | more)
            hit = self._row_with_it([row for row in rows if row.key[0] == place], more)
            if hit is not None:
                return hit
        return Hit(min(keys), 0, set()) if keys else None

    def _row_with_it(self, rows: list[Row], unfolded: set[Key]) -> Hit | None:
        below, key = 0, None
        for row in rows:
            below, key = (below + 1 if row.key == key else 0), row.key
            if self._folded in fold(plain(row.text)):
                return Hit(row.key, below, unfolded)
        return None
