"""What an index holds and how far it agrees with the files; nothing is changed, and nothing is made."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from rollout.query import EVERYTHING, Order
from rollout.store.local.catchup import CatchUp
from rollout.store.local.finding import Finder
from rollout.store.local.index import open_existing, usable
from rollout.store.local.index_files import FileTable
from rollout.store.local.index_path import identity_of
from rollout.store.local.index_query import answer, stored_rows
from rollout.store.local.index_rebuild import threads_in
from rollout.store.local.index_rows import kept_text, path_of, thread_of
from rollout.store.local.listing import Listing
from rollout.store.stored_summary import fill
from rollout.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.journal.filesystem import Filesystem
    from rollout.query import Thread
    from rollout.store.local.clock import Clock
    from rollout.store.local.given import Given
    from rollout.store.local.index import Index
    from rollout.store.local.index_path import IndexPlace

_ALL = 1 << 40


class Event(NamedTuple):
    """One way in which files were found to differ from the index, how often, and when and where last."""

    kind: str
    times: int
    last_ms: int
    last_path: str


class Missing(NamedTuple):
    """A thread that was here and whose files are gone, other than into the trash."""

    id: str
    path: str
    title: str
    noticed_ms: int


class Difference(NamedTuple):
    """A row that is not as the files have it.

    ``missing`` from the index, ``gone`` from the disk, ``moved`` (to or from the archive, or elsewhere), or ``stale``:
    ``facts`` names what differs.
    """

    kind: str
    id: str
    path: str
    facts: tuple[str, ...] = ()


class Status(NamedTuple):
    """An index that can be used.

    ``waiting``: threads without a row yet; ``differs``: files by what has become of them since the last catching up.
    """

    path: str
    bytes: int
    threads: int
    files: int
    waiting: int
    differs: dict[str, int]
    events: tuple[Event, ...]
    missing: tuple[Missing, ...]


class IndexStatus:
    """Looks at the index of one home."""

    def __init__(self, place: IndexPlace, home: str, fs: Filesystem, given: Given, clock: Clock) -> None:
        """Nothing is opened yet."""
        self._place, self._home, self._fs, self._given, self._clock = place, home, fs, given, clock

    def look(self) -> Status | None:
        """What the index holds; None when there is none. Raises IndexUnusableError."""
        with usable(self._place):
            index = open_existing(self._place, identity_of(self._home))
            if index is None:
                return None
            with index, index.reading():
                return Status(
                    path=self._place.path,
                    bytes=os.path.getsize(self._place.path),
                    threads=threads_in(index),
                    files=int(index.one("SELECT coalesce(sum(files), 0) FROM folder")),
                    waiting=int(index.one("SELECT count(*) FROM todo")),
                    differs=self._differs(index),
                    events=_events(index),
                    missing=_missing(index),
                )

    def verify(self) -> Iterator[Difference]:
        """Every row that is not as the files have it, without catching up first; reads every file's head and tail.

        Raises IndexUnusableError.
        """
        with usable(self._place):
            index = open_existing(self._place, identity_of(self._home))
            known: dict[str, Thread] = {}
            if index is not None:
                with index, index.reading():
                    known = {row.path: row for row in self._rows(index)}
        query = EVERYTHING._replace(order=Order("created"), limit=_ALL)
        finder = Finder(self._home, self._fs, self._given.names)
        for listed in Listing(self._home, self._fs, self._given, finder).rows(query):
            if listed.row is not None and listed.reason is None:
                yield from self._compared(listed.row, known)
        for row in known.values():
            yield Difference("gone", row.id, row.path)

    def _compared(self, row: Thread, known: dict[str, Thread]) -> Iterator[Difference]:
        kept = known.pop(row.path, None)
        if kept is None:
            moved = next((other for other in known.values() if other.id == row.id), None)
            if moved is not None:
                del known[moved.path]
            yield Difference("missing" if moved is None else "moved", row.id, row.path)
            return
        facts = tuple(differing(row, kept))
        if facts:
            yield Difference("stale", row.id, row.path, facts)

    def _rows(self, index: Index) -> Iterator[Thread]:
        """The rows of the index as it stands."""
        if index.one("SELECT loading FROM home"):  # it answers nothing before its first rows are all there
            return
        found = answer(index, EVERYTHING._replace(limit=_ALL))
        folders = {number: path_of(path) for number, path in index.rows("SELECT id, path FROM folder")}
        kinds = dict(index.rows("SELECT id, archived FROM kind"))
        for stored in stored_rows(index, found.places):
            folder = f"{self._home}/{folders[stored.folder]}"
            row = thread_of(stored, folder, archived=bool(kinds[stored.kind]))
            yield row._replace(summary=fill(Summary(), stored.summary))

    def _differs(self, index: Index) -> dict[str, int]:
        """How many files differ now, by what has become of them."""
        changes = CatchUp(index, self._home, self._fs, self._given, self._clock).changes()
        table = FileTable(index, self._home)
        counts: Counter[str] = Counter()
        for folder in changes.folders:
            known, stamps = table.known(folder.path), folder.stamps()
            counts["new"] += len(stamps.keys() - known.keys())
            counts["gone"] += len(known.keys() - stamps.keys())
            counts["changed"] += sum(known[name].stamp != stamps[name] for name in known.keys() & stamps.keys())
        for path in changes.gone:
            counts["gone"] += len(table.known(path))
        counts["names"] += changes.names is not None
        counts["tags"] += changes.tags is not None
        return {kind: number for kind, number in counts.items() if number}


def differing(row: Thread, other: Thread) -> Iterator[str]:
    """The names of the facts in which two rows differ."""
    for name, one, two in zip(row._fields, row, other, strict=True):
        if name != "summary" and one != two:
            yield name
    for name in Summary.__slots__:
        if getattr(row.summary, name) != getattr(other.summary, name):
            yield name


def _events(index: Index) -> tuple[Event, ...]:
    rows = index.rows("SELECT kind, times, last_ms, last_path FROM event ORDER BY times DESC, kind")
    return tuple(Event(kind, times, last_ms, path_of(path)) for kind, times, last_ms, path in rows)


def _missing(index: Index) -> tuple[Missing, ...]:
    rows = index.rows("SELECT thread, path, title, noticed_ms FROM missing ORDER BY noticed_ms DESC, thread")
    return tuple(Missing(thread, path_of(path), kept_text(title) or "", at_ms) for thread, path, title, at_ms in rows)
