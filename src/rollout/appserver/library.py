"""What methods read from a store: rows of threads, their first records, their turns.

Synchronous: methods call it through worker threads. Outlines are remembered while their thread does not grow, so that
a walk over pages reads a long thread once, and then only the stretch of each page.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING

from rollout.errors import NotFoundError
from rollout.lines import Line
from rollout.store.local.store import LocalStore
from rollout.store.rows import row_from
from rollout.turns import Outline, Turn, outline, read_turns

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from rollout.codec import Record
    from rollout.lines import Position
    from rollout.query import Thread
    from rollout.store.base import ThreadStore

_REMEMBERED = 32


class Library:
    """Reads one store. Safe from any thread."""

    def __init__(self, store: ThreadStore, *, later: bool) -> None:
        """``later``: how turns of legacy files are read."""
        self.store = store
        self._later = later
        self._outlines: OrderedDict[str, tuple[Position, Outline]] = OrderedDict()
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

    def records(self, thread_id: str, count: int) -> list[Record]:
        """The first good records of a thread."""
        lines = (found for found in self.store.lines(thread_id) if isinstance(found, Line))
        return [line.record for line in islice(lines, count)]

    def outline(self, thread_id: str) -> Outline:
        """All turns without their items. Raises NotFoundError."""
        end = self.store.end(thread_id)
        with self._lock:
            known = self._outlines.get(thread_id)
        if known is not None and known[0] == end:
            return known[1]
        made = outline(self.store.lines(thread_id), later=self._later)
        with self._lock:
            self._outlines[thread_id] = (end, made)
            self._outlines.move_to_end(thread_id)
            while len(self._outlines) > _REMEMBERED:
                self._outlines.popitem(last=False)
        return made

    def turns(self, thread_id: str, outlined: Outline, wanted: Collection[int] | None = None) -> Iterator[Turn]:
        """Turns with their items, in order, one at a time; ``wanted`` as in ``read_turns``."""
        starts = [turn.n for turn in outlined.turns if wanted is None or turn.seq in wanted]
        if not starts:
            return iter(())
        return read_turns(self.store.lines(thread_id, min(starts)), outlined, wanted)
