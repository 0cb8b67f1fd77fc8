"""What methods read from a store: rows of threads, their first records, their turns.

Synchronous: methods call it through worker threads. Outlines are remembered while their thread does not grow, so that
a walk over pages reads a long thread once, and then only the stretch of each page.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import islice
from operator import attrgetter
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from rollout.errors import NotFoundError
from rollout.lines import Line
from rollout.store.local.store import LocalStore
from rollout.store.rows import row_from
from rollout.turns import Outline, Reading, Spelled, Turn, first_line, outline_as, read_turns

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from rollout.codec import Record
    from rollout.lines import Found, Gap, Position
    from rollout.query import Page, Thread, ThreadQuery
    from rollout.store.base import ThreadStore
    from rollout.store.local.kept import KeptListings
    from rollout.turns import TurnItem

T = TypeVar("T")
_LOOKS = 4000
_HELD_TURNS = 100_000
"""How many turns are remembered at most, unless one thread alone has more: about 50 MB."""
_HELD_BYTES = 32 << 20
"""How many bytes of spelled-out items are held at most to spare a second reading."""


class Library:
    """Reads one store. Safe from any thread."""

    def __init__(self, store: ThreadStore, *, later: bool) -> None:
        """``later``: how turns of legacy files are read."""
        self.store: ThreadStore = store
        self._kept: KeptListings | None = None
        if isinstance(store, LocalStore):
            self.store, self._kept = store.kept()
        self._later = later
        self._outlines: OrderedDict[str, tuple[Position, Outline]] = OrderedDict()
        self._looks: OrderedDict[tuple[object, ...], Any] = OrderedDict()
        self._lock = Lock()

    @property
    def home(self) -> str | None:
        """The folder of the store, None when it has none."""
        return self.store.home if isinstance(self.store, LocalStore) else None

    def row(self, thread_id: str) -> Thread | None:
        """The row of a thread, active or archived; None when there is none."""
        try:
            return row_from(self.store, thread_id)
        except NotFoundError:
            return None

    def page(self, query: ThreadQuery) -> Page:
        """One page; of the newest threads what was read before is not read again. What is hidden need not be counted.

        Raises InvalidQueryError.
        """
        page = self._kept.page(query) if self._kept is not None else None
        return self.store.list(query._replace(counted=False)) if page is None else page

    def once(self, row: Thread, look: Callable[[Thread], T]) -> T:
        """What a look into a thread tells, remembered as long as its file is as it was."""
        key = look.__name__, row.id, row.path, row.bytes, row.modified_ms
        with self._lock:
            if key in self._looks:
                self._looks.move_to_end(key)
                known: T = self._looks[key]
                return known
        told = look(row)
        with self._lock:
            self._looks[key] = told
            while len(self._looks) > _LOOKS:
                self._looks.popitem(last=False)
        return told

    def records(self, thread_id: str, count: int) -> list[Record]:
        """The first good records of a thread."""
        lines = (found for found in self.store.lines(thread_id) if isinstance(found, Line))
        return [line.record for line in islice(lines, count)]

    def outline(self, thread_id: str) -> Outline:
        """All turns without their items. Raises NotFoundError."""
        return self._known(thread_id) or self._outlined(thread_id, outline_as)

    def spelled(self, thread_id: str, spell: Callable[[list[TurnItem]], bytes]) -> Iterator[tuple[Turn, bytes]]:
        """All turns that stand, each with what ``spell`` makes of its items, one at a time. Raises NotFoundError.

        A thread that nobody has asked for is read once when its items come to little; else a second time, turn by turn.
        """
        outlined, items = self._known(thread_id), None
        if outlined is None:

            def read(reading: Reading, lines: Iterator[Found | Gap]) -> Outline:
                nonlocal items
                spelled = Spelled(reading, spell, _HELD_BYTES)
                made = spelled.read(lines)
                items = spelled.items
                return made

            outlined = self._outlined(thread_id, read)
        if items is not None:
            return ((turn, items[turn.seq]) for turn in outlined.standing)
        return ((turn, spell(turn.items)) for turn in self.turns(thread_id, outlined))

    def _known(self, thread_id: str) -> Outline | None:
        """The outline that is remembered, if the thread has not grown since."""
        with self._lock:
            known = self._outlines.get(thread_id)
        return known[1] if known is not None and known[0] == self.store.end(thread_id) else None

    def _outlined(self, thread_id: str, read: Callable[[Reading, Iterator[Found | Gap]], Outline]) -> Outline:
        """Read a thread's turns, and remember them; of those that were remembered before as many as are not too much."""
        end = self.store.end(thread_id)
        first = first_line(self.store.lines(thread_id))
        reading = Reading.of(first.record, later=self._later) if first else Reading(later=self._later)
        made = read(reading, self._lines(thread_id, reading))
        with self._lock:
            self._outlines[thread_id] = (end, made)
            self._outlines.move_to_end(thread_id)
            while len(self._outlines) > 1 and sum(len(one.turns) for _, one in self._outlines.values()) > _HELD_TURNS:
                self._outlines.popitem(last=False)
        return made

    def turns(self, thread_id: str, outlined: Outline, wanted: Collection[int] | None = None) -> Iterator[Turn]:
        """Turns with their items, in order, one at a time; ``wanted`` as in ``read_turns``."""
        chosen = [turn for turn in outlined.turns if wanted is None or turn.seq in wanted]
        if not chosen:
            return iter(())
        return read_turns(self._lines(thread_id, outlined.reading, min(chosen, key=attrgetter("n"))), outlined, wanted)

    def _lines(self, thread_id: str, reading: Reading, first: Turn | None = None) -> Iterator[Found | Gap]:
        """The lines that tell of turns, from where a turn begins; a store of files reads past the others."""
        if reading.kinds is None or not isinstance(self.store, LocalStore):
            return self.store.lines(thread_id, first.n if first else 0)
        if first is None:
            return self.store.skim(thread_id, reading.kinds)
        return self.store.skim(thread_id, reading.kinds, first.position, first.n)
