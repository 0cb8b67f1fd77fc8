"""Where a page of a transcript begins. With the place of its first line known, nothing that stands before is read."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from itertools import islice, takewhile
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from rollout.lines import Line, Position
from rollout.render.entries import Reader
from rollout.render.sharing import Sharing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rollout.lines import Found
    from rollout.web.threads import Threads, Watched

UNKNOWN = -1
OVERLAP = 64
"""So many lines before a page are read with it, so that twins of what stands there are known as such."""
_LINES, _WEIGHT, _HEAVIEST = 300, 300_000, 20_000
_TWIN = 8
"""The two forms of one question stand within so many lines."""
_PLACE = re.compile(r"(\d{1,6})-(\d{1,15})")
_n = attrgetter("n")


class Start(NamedTuple):
    """The number of the first line of a page, how many turns began before that, and where the line stands.

    ``before`` is UNKNOWN while nobody has counted, ``place`` None where only counting lines would tell.
    """

    n: int = 0
    before: int = 0
    place: Position | None = None

    @property
    def query(self) -> str:
        """As an address has it."""
        before = "" if self.before == UNKNOWN else f"&before={self.before}"
        place = f"&at={self.place.segment}-{self.place.offset}" if self.place else ""
        return f"{self.n}{before}{place}"


def place_in(text: str) -> Position | None:
    """The place that an address names."""
    found = _PLACE.fullmatch(text)
    return Position(int(found[1]), int(found[2])) if found else None


def lines_of(threads: Threads, thread_id: str, start: Start) -> Iterator[Found]:
    """The lines of a page and those that follow, and a few before it."""
    if start.place is None:
        return threads.lines(thread_id, max(0, start.n - OVERLAP))
    first = start.place
    for found in islice(threads.lines_back(thread_id, start.place), OVERLAP):
        first = found.position
    return threads.lines_from(thread_id, first, max(0, start.n - _between(threads, thread_id, first, start.place)))


def last_start(threads: Threads, thread_id: str, watched: Watched) -> Start:
    """Where a page begins that shows the end of a thread, whether its turns are counted or not."""
    seen = _look_back(threads, thread_id, None)
    if not seen or seen[-1].is_first:
        return Start()
    count = watched.count
    newest = Start(watched.number(seen[0].place), UNKNOWN if count is None else count, seen[0].place)
    return _begun(threads, thread_id, _chosen(seen), newest, None)


def earlier_start(threads: Threads, thread_id: str, start: Start) -> Start:
    """Where a page begins that ends about where another one starts."""
    known = placed(threads, thread_id, start)
    seen = _look_back(threads, thread_id, known.place)
    if not seen or seen[-1].is_first:
        return Start()
    return _begun(threads, thread_id, _chosen(seen), known, known.place)


def turn_start(watched: Watched, number: int) -> Start | None:
    """Where a page begins that starts with a turn, None while it is not known."""
    turns = watched.timeline.turns
    if not 0 < number <= len(turns):
        return None
    turn = turns[number - 1]
    return Start(turn.n, number - 1, turn.position)


def line_start(watched: Watched, n: int) -> Start:
    """Where a page begins that shows a line: with the line's turn, or with the line where that is far from it."""
    number = bisect_right(watched.timeline.turns, n, key=_n)
    found = turn_start(watched, number)
    if found is None:
        return Start()
    return found if n - found.n < _LINES else Start(n, number)


def placed(threads: Threads, thread_id: str, start: Start) -> Start:
    """A start with its place; without one the lines before it are counted, once."""
    if start.place is not None or not start.n:
        return start
    first = next((found for found in threads.lines(thread_id, start.n)), None)
    return start if first is None or first.n != start.n else start._replace(place=first.position)


def turns_before(watched: Watched, n: int) -> int:
    """How many turns began before a line."""
    return bisect_left(watched.timeline.turns, n, key=_n)


class _Seen(NamedTuple):
    """A line on the way back: where it stands, whether somebody asks something in it, whether none comes before."""

    place: Position
    asks: bool
    is_first: bool = False


def _look_back(threads: Threads, thread_id: str, before: Position | None) -> list[_Seen]:
    """As many lines as fill a page, the newest first."""
    seen: list[_Seen] = []
    weight = 0
    for found in threads.lines_back(thread_id, before):
        if len(seen) >= _LINES or weight >= _WEIGHT:
            return seen
        seen.append(_Seen(found.position, _asks(found)))
        weight += min(_HEAVIEST, len(found.data)) if isinstance(found, Line) else 0
    if seen:
        seen[-1] = seen[-1]._replace(is_first=True)
    return seen


def _asks(found: Found) -> bool:
    if not isinstance(found, Line) or not (b"user" in found.data or b"UserMessage" in found.data):
        return False
    return any(entry.kind == "user" for entry in Reader().read(found))


def _chosen(seen: Sequence[_Seen]) -> Position:
    """The earliest question that has no other form before it; without one, the earliest line."""
    oldest = [one.asks for one in reversed(seen)]
    for at in range(_TWIN, len(oldest)):
        if oldest[at] and not any(oldest[at - _TWIN : at]):
            return seen[-1 - at].place
    return seen[-1].place


def _begun(threads: Threads, thread_id: str, place: Position, known: Start, end: Position | None) -> Start:
    """The start at a place, reckoned back from a later one with a place, or in turns from the end of what is read."""
    n = known.n - (_between(threads, thread_id, place, known.place) if known.place else 0)
    if known.before == UNKNOWN:
        return Start(n, UNKNOWN, place)
    lines = takewhile(lambda found: end is None or found.position < end, threads.lines_from(thread_id, place, n))
    turns = sum(item.entry.kind == "user" for item in Sharing(None, full=True).items(lines))
    return Start(n, max(0, known.before - turns), place)


def _between(threads: Threads, thread_id: str, first: Position, second: Position) -> int:
    """How many lines there are from one place to a later one."""
    begun = None
    for found in threads.lines_from(thread_id, first, 0):
        begun = found.n if begun is None else begun
        if found.position >= second:
            return found.n - begun
    return 0
