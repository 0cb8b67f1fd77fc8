"""Answers through the index: catch up, answer, and look at each file of the answer once more.

What the index says is checked against the files before it counts: a row whose file has changed since is made from
the file, one whose file is gone is left out. Whatever is wrong with the index raises IndexUnusableError.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from rollout.ids import ThreadId, try_parse
from rollout.query import Cursor, Page, checked, narrowed, why_hidden
from rollout.store.local.catchup import CatchUp
from rollout.store.local.config import read_config
from rollout.store.local.cwd import Folders
from rollout.store.local.finding import prefix_of
from rollout.store.local.index import IndexUnusableError, open_existing, open_index, usable
from rollout.store.local.index_path import identity_of
from rollout.store.local.index_query import answer, stored_rows
from rollout.store.local.index_rows import fid_of, id_of, path_of, thread_of
from rollout.store.local.index_scan import stamp_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TypeAlias

    from rollout.journal.filesystem import Filesystem
    from rollout.query import Key, Thread, ThreadQuery
    from rollout.store.local.clock import Clock
    from rollout.store.local.given import Given
    from rollout.store.local.index import Index
    from rollout.store.local.index_path import IndexPlace
    from rollout.store.local.index_query import Answer
    from rollout.store.local.index_rows import Stored

    Placed: TypeAlias = tuple[tuple[Key, str], Thread]

_T = TypeVar("_T")
_TRIES = 10
_AT_ONCE, _MANY = 16, 500
BUDGET_S = 3.0
"""How long a listing goes on making an index; then the files answer, and the next listing goes on."""
PATIENCE_S = 0.3
"""The same for looking up one thread, which the files answer quickly too."""


class IndexedListing:
    """Answers questions on one home through its index; keeps nothing between calls."""

    def __init__(self, place: IndexPlace, home: str, fs: Filesystem, given: Given, clock: Clock) -> None:
        """Nothing is opened yet."""
        self._place, self._home, self._fs, self._given, self._clock = place, home, fs, given, clock

    def page(self, query: ThreadQuery) -> Page:
        """The page that a query asks for, the same as from the files; ``hidden`` covers the whole home.

        Raises InvalidQueryError, and IndexUnusableError when the index cannot answer.
        """
        query = self._whole(query)
        with usable(self._place), open_index(self._place, identity_of(self._home)) as index:
            return self._caught_up(index, BUDGET_S, lambda: self._pages(index).page(query))

    def latest(self, query: ThreadQuery, cwd: str | None, belongs: Callable[[Thread], bool]) -> Thread | None:
        """The first thread of a query that belongs to a folder, None when none does. Raises as ``page`` does.

        ``belongs`` decides; the index only says of which threads it need not be asked.
        """
        query = self._whole(query)._replace(limit=_AT_ONCE)
        where = (cwd,) if cwd else ()

        def first() -> Thread | None:
            asked = query
            while True:
                page = self._pages(index).page(asked, where)
                found = next((row for row in page.threads if belongs(row)), None)
                if found is not None or page.next is None:
                    return found
                asked = asked._replace(cursor=page.next)

        with usable(self._place), open_index(self._place, identity_of(self._home)) as index:
            return self._caught_up(index, BUDGET_S, first)

    def walk(self, query: ThreadQuery) -> Iterator[Placed]:
        """All rows of a query in its order, each with its key, read while iterated; makes no index.

        Raises IndexUnusableError when the index cannot answer, at whatever point.
        """
        asked = self._whole(query)._replace(limit=_MANY, cursor=None)
        with usable(self._place):
            opened = open_existing(self._place, identity_of(self._home))
            if opened is None:
                raise IndexUnusableError(f"there is no index at {self._place.path} yet")
            with opened as index:
                left = self._caught_up(index, PATIENCE_S, lambda: 0)
                with index.reading():
                    pages, left = self._pages(index), left + int(index.one("SELECT count(*) FROM todo"))
                    while not left:
                        found, rows = pages.placed(asked)
                        yield from rows
                        after = _next(found)
                        if after is None:
                            return
                        asked = asked._replace(cursor=after)
            raise IndexUnusableError(f"the index at {self._place.path} is being caught up by another program")

    def forget(self, thread_id: str, names: Iterable[str]) -> None:
        """Take in that a thread's files are gone, and keep not a byte of it, nor of where its words stood.

        What is in use or cannot be used stays as it is, for nobody would hear here what became of it; nothing is made.
        """
        from rollout.store.local import fulltext  # noqa: PLC0415 - a listing needs no words

        home, index_place = identity_of(self._home), self._place._replace(ours=False)
        with suppress(IndexUnusableError), usable(index_place):
            opened = open_existing(index_place, home)
            if opened is not None:
                with opened as index:
                    CatchUp(index, self._home, self._fs, self._given, self._clock).run(PATIENCE_S)
                    index.scrub(thread_id)
        words_place = fulltext.words_place(self._place)._replace(ours=False)
        with suppress(IndexUnusableError), fulltext.usable(words_place):
            words = fulltext.open_words(words_place, home, new=False)
            if words is not None:
                with words:
                    words.scrub(names)

    def stands(self, thread_id: ThreadId) -> bool:
        """Whether a file bears this id in its name; False: the index does not know. Nothing is caught up or made."""
        with usable(self._place):
            opened = open_existing(self._place, identity_of(self._home))
            if opened is None:
                return False
            with opened as index:
                sql = "SELECT o.path, f.name FROM file f JOIN folder o ON o.id = f.folder WHERE f.thread = ? AND f.named"
                return any(self._is_there(f"{path_of(folder)}/{path_of(name)}") for folder, name in index.rows(sql, (thread_id,)))

    def resolve(self, text: str) -> tuple[ThreadId, ...] | None:
        """The threads that a text means, as from the files; None without an index. Raises IndexUnusableError."""
        with usable(self._place):
            opened = open_existing(self._place, identity_of(self._home))
            if opened is None:
                return None
            with opened as index:
                return self._caught_up(index, PATIENCE_S, lambda: self._resolved(index, text))

    def _resolved(self, index: Index, text: str) -> tuple[ThreadId, ...]:
        wanted = try_parse(text)
        if wanted is not None:
            known = index.one("SELECT 1 FROM thread WHERE fid = ?1 OR claims = ?1", (fid_of(wanted),))
            return (wanted,) if known else ()
        bearers = self._given.names.bearers(text.strip())
        found = {one for one in bearers if index.one("SELECT 1 FROM thread WHERE fid = ?", (fid_of(one),))}
        digits = prefix_of(text)
        if digits:
            ends = (bytes.fromhex(digits.ljust(32, "0")), bytes.fromhex(digits.ljust(32, "f")))
            found |= {id_of(fid) for (fid,) in index.rows("SELECT fid FROM thread WHERE fid BETWEEN ? AND ?", ends)}
        return tuple(sorted(found))

    def _whole(self, query: ThreadQuery) -> ThreadQuery:
        query = checked(query)
        if query.providers and query.default_provider is None:
            return query._replace(default_provider=read_config(self._home).model_provider)
        return query

    def _pages(self, index: Index) -> PageMaker:
        return PageMaker(index, self._home, self._fs, self._given)

    def _caught_up(self, index: Index, budget_s: float, ask: Callable[[], _T]) -> _T:
        """An answer from a state that agrees with the files. Raises IndexUnusableError when there is none in time."""
        catchup = CatchUp(index, self._home, self._fs, self._given, self._clock)
        for _ in range(_TRIES):
            if not catchup.run(budget_s):
                break
            with index.reading():
                if not catchup.left():  # else another program has begun to take in what came since
                    return ask()
        raise IndexUnusableError(
            f"the index at {self._place.path} is not complete yet ({catchup.left()} threads are left):"
            " each listing goes on with it, `rollout index rebuild` finishes it"
        )

    def _is_there(self, place: str) -> bool:
        try:
            self._fs.stat(f"{self._home}/{place}")
        except OSError:
            return False
        return True


class PageMaker:
    """Makes a page from an index that has just caught up; called inside ``Index.reading``."""

    def __init__(self, index: Index, home: str, fs: Filesystem, given: Given) -> None:
        """Nothing is read yet."""
        self._index, self._home, self._fs, self._given = index, home, fs, given
        self._folders: dict[int, str] = {}
        self._archived: dict[int, bool] = {}

    def page(self, query: ThreadQuery, where: tuple[str, ...] = ()) -> Page:
        """The answer to a checked query; its rows agree with their files. ``where``: see ``answer``."""
        found = answer(self._index, query, where)
        rows = tuple(self._rows(found, query).values())
        return Page(rows, _next(found), found.hidden, found.complete, found.total)

    def placed(self, query: ThreadQuery) -> tuple[Answer, list[Placed]]:
        """The same before it is a page: the rows with their keys."""
        found = answer(self._index, query)
        rows = self._rows(found, query)
        return found, [((one.key, id_of(one.fid)), rows[one.number]) for one in found.places if one.number in rows]

    def _rows(self, found: Answer, query: ThreadQuery) -> dict[int, Thread]:
        """The rows of an answer by their numbers, in its order; what is left out is counted as hidden."""
        rows: dict[int, Thread] = {}
        for stored in stored_rows(self._index, found.places):
            kept = self._kept(stored)
            row, reason = (kept, "") if self._agrees(kept, stored) else self._made(stored, query)
            if row is None:
                found.hidden[reason] = found.hidden.get(reason, 0) + 1
            else:
                rows[stored.thread] = row
        return rows

    def _kept(self, stored: Stored) -> Thread:
        """The row as the index has it."""
        folder, archived = self._folders.get(stored.folder), self._archived.get(stored.kind)
        if folder is None:
            path = self._index.one("SELECT path FROM folder WHERE id = ?", (stored.folder,))
            folder = self._folders[stored.folder] = f"{self._home}/{path_of(path)}"
        if archived is None:
            archived = bool(self._index.one("SELECT archived FROM kind WHERE id = ?", (stored.kind,)))
            self._archived[stored.kind] = archived
        return thread_of(stored, folder, archived=archived)

    def _agrees(self, row: Thread, stored: Stored) -> bool:
        try:
            return stamp_at(row.path, self._fs) == stored.stamp
        except OSError:
            return False

    def _made(self, stored: Stored, query: ThreadQuery) -> tuple[Thread | None, str]:
        """The row made from the files as they are now; without one, why it is left out."""
        from rollout.store.local.index_threads import ThreadRows  # noqa: PLC0415 - hardly ever

        row = ThreadRows(self._index, self._home, self._fs, self._given, lambda: 0).row(stored.thread)
        if row is None:
            return None, "vanished"
        reason = why_hidden(row, query)
        if reason is None and query.cwds and not Folders(query.cwds).match(row.summary.cwd):
            reason = narrowed(query)
        return (row, "") if reason is None else (None, reason)


def _next(found: Answer) -> Cursor | None:
    if not (found.more and found.places):
        return None
    last = found.places[-1]
    return Cursor(last.key, id_of(last.fid))
