"""One page of threads through the index: catch up, answer, and look at each file of the page once more.

What the index says is checked against the files before it counts: a row whose file has changed since is made from
the file, one whose file is gone is left out. Whatever is wrong with the index raises IndexUnusableError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.query import Cursor, Page, checked, narrowed, why_hidden
from rollout.store.local.catchup import CatchUp
from rollout.store.local.config import read_config
from rollout.store.local.cwd import Folders
from rollout.store.local.index import IndexUnusableError, open_index, usable
from rollout.store.local.index_path import identity_of
from rollout.store.local.index_query import answer, stored_rows
from rollout.store.local.index_rows import id_of, path_of, thread_of
from rollout.store.local.index_scan import stamp_at

if TYPE_CHECKING:
    from rollout.journal.filesystem import Filesystem
    from rollout.query import Thread, ThreadQuery
    from rollout.store.local.catchup import Clock
    from rollout.store.local.given import Given
    from rollout.store.local.index import Index
    from rollout.store.local.index_path import IndexPlace
    from rollout.store.local.index_query import Answer
    from rollout.store.local.index_rows import Stored

_TRIES = 10
BUDGET_S = 3.0
"""How long a listing goes on making an index; then the files answer, and the next listing goes on."""


class IndexedListing:
    """Answers queries on one home through its index; keeps nothing between calls."""

    def __init__(self, place: IndexPlace, home: str, fs: Filesystem, given: Given, clock: Clock) -> None:
        """Nothing is opened yet."""
        self._place, self._home, self._fs, self._given, self._clock = place, home, fs, given, clock

    def page(self, query: ThreadQuery) -> Page:
        """The page that a query asks for, the same as from the files; ``hidden`` covers the whole home.

        Raises InvalidQueryError, and IndexUnusableError when the index cannot answer.
        """
        query = checked(query)
        if query.providers and query.default_provider is None:
            query = query._replace(default_provider=read_config(self._home).model_provider)
        with usable(self._place), open_index(self._place, identity_of(self._home)) as index:
            catchup = CatchUp(index, self._home, self._fs, self._given, self._clock)
            for _ in range(_TRIES):
                if not catchup.run(BUDGET_S):
                    break
                with index.reading():
                    if not catchup.left():  # else another program has begun to take in what came since
                        return PageMaker(index, self._home, self._fs, self._given).page(query)
            raise IndexUnusableError(
                f"the index at {self._place.path} is not complete yet ({catchup.left()} threads are left):"
                " each listing goes on with it, `rollout index rebuild` finishes it"
            )


class PageMaker:
    """Makes a page from an index that has just caught up; called inside ``Index.reading``."""

    def __init__(self, index: Index, home: str, fs: Filesystem, given: Given) -> None:
        """Nothing is read yet."""
        self._index, self._home, self._fs, self._given = index, home, fs, given
        self._folders: dict[int, str] = {}
        self._archived: dict[int, bool] = {}

    def page(self, query: ThreadQuery) -> Page:
        """The answer to a checked query; its rows agree with their files."""
        found = answer(self._index, query)
        hidden = dict(found.hidden)
        rows: list[Thread] = []
        for stored in stored_rows(self._index, found.places):
            kept = self._kept(stored)
            row, reason = (kept, "") if self._agrees(kept, stored) else self._made(stored, query)
            if row is None:
                hidden[reason] = hidden.get(reason, 0) + 1
            else:
                rows.append(row)
        return Page(tuple(rows), _next(found), hidden, found.complete, found.total)

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
