"""One page of threads, straight from the files.

The created order walks the dated folders from the newest on and stops at the page; the other orders and
directions look at every name first, ``updated`` and ``size`` also at every file's status, ``active`` at every
file's tail, ``name`` and ``tokens`` at heads and tails. Otherwise heads are read only for the rows of the page and
for those that a filter hides on the way. There is no cap: every thread is reached by paging, and ``cap_reached``
is always False.

``hidden`` counts every thread on the other side of the archive filter, copies, and what could not be told
apart, as far as the walk went; and by reason what the other filters skipped on the way to this page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.query import Cursor, Page, Thread, checked, is_past, narrowed, sort_key, why_hidden
from rollout.store.local.collector import without_collector
from rollout.store.local.config import read_config
from rollout.store.local.cwd import Folders
from rollout.store.local.paths import time_ms, time_text
from rollout.store.local.rows import Rows
from rollout.store.local.walk import Group, Walk, by_thread
from rollout.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.journal.filesystem import Filesystem
    from rollout.query import Key, Order, ThreadQuery
    from rollout.store.local.finding import Finder
    from rollout.store.local.given import Given
    from rollout.store.local.walk import File

_LOOK_AHEAD = 64
"""After a full page: how many more threads are tried before it is said that there may be another page."""


class Listed(NamedTuple):
    """One candidate that stands behind the cursor: its sort key, its files, its row or why it is hidden."""

    key: tuple[Key, str]
    group: Group
    row: Thread | None
    reason: str | None


class Listing:
    """One answer in the making; made for one query, used once, by one thread."""

    def __init__(self, home: str, fs: Filesystem, given: Given, finder: Finder) -> None:
        """Nothing is read yet."""
        self._home = home
        self._fs = fs
        self._rows = Rows(home, fs, given, finder.rollout)
        self._walk = self._new_walk()
        self._known: set[str] | None = None
        self._seen: set[str] = set()
        self._archived: set[str] = set()
        self._hidden: dict[str, int] = {}
        self._scanned = 0

    def page(self, query: ThreadQuery) -> Page:
        """The page that a query asks for; ``limit`` below 1 counts as 1.

        Raises InvalidQueryError for an unknown order and for a cursor of another one.
        """
        limit = max(1, query.limit)
        rows: list[Thread] = []
        last: tuple[Key, str] | None = None
        ahead: list[str] = []
        more = False
        for listed in self.rows(query):
            if len(rows) == limit:
                more = listed.reason is None or len(ahead) >= _LOOK_AHEAD
                if more:
                    break
                ahead.append(str(listed.reason))
            elif listed.row is None or listed.reason is not None:
                self._hide(str(listed.reason))
            else:
                rows.append(listed.row)
                last = listed.key
        return self._page(rows, Cursor(*last) if more and last else None, [] if more else ahead, query)

    def _page(self, rows: list[Thread], after: Cursor | None, ahead: list[str], query: ThreadQuery) -> Page:
        for reason in ahead:
            self._hide(reason)
        self._hide("archived", len(self._archived - self._seen))
        for reason, count in self._walk.skipped.items():
            self._hide(reason, count)
        complete = after is None and query.cursor is None
        return Page(tuple(rows), after, dict(self._hidden), complete, self._scanned)

    def rows(self, query: ThreadQuery) -> Iterator[Listed]:
        """Every candidate behind the cursor, in the query's order, hidden ones with their reason."""
        query = checked(query)
        if query.providers and query.default_provider is None:
            query = query._replace(default_provider=read_config(self._home).model_provider)
        folders = Folders(query.cwds) if query.cwds else None
        for key, group in self._newest_first(query) if can_stop_early(query) else self._sorted(query):
            row = self._rows.row(group)
            if row is None:
                yield Listed(key, group, None, "vanished")
                continue
            yield Listed(key, group, row, self._reason(row, group, query, folders))

    def _reason(self, row: Thread, group: Group, query: ThreadQuery, folders: Folders | None) -> str | None:
        if row.id != group.newest.thread_id and row.id in self._all_ids():
            return "duplicate"
        reason = why_hidden(row, query)
        if reason is None and folders is not None and not folders.match(row.summary.cwd):
            return narrowed(query)
        return reason

    def _newest_first(self, query: ThreadQuery) -> Iterator[tuple[tuple[Key, str], Group]]:
        """Active threads in descending created order.

        Names from the newest on are looked at even when a cursor stands far behind, because only they tell
        whether a thread has a newer file and was listed before.
        """
        order, cursor = query.order, query.cursor
        latest = time_text(int(cursor.key)) if cursor else ""
        self._archived = self._archived_ids()
        files: set[tuple[str, str]] = set()
        for file in self._walk.newest_first():
            if (file.thread_id, file.rollout_id) in files:
                self._hide("duplicate")
            files.add((file.thread_id, file.rollout_id))
            if file.thread_id in self._seen:
                continue
            self._seen.add(file.thread_id)
            self._scanned += 1
            if cursor and file.key > latest:
                continue
            key = (order.cut(time_ms(file.key)), file.thread_id)
            if is_past(key, cursor, order):
                yield key, Group([file]) if file.rollout_id == file.thread_id else self._whole(file)

    def _sorted(self, query: ThreadQuery) -> Iterator[tuple[tuple[Key, str], Group]]:
        """All threads that the archive filter wants, sorted."""
        with without_collector():
            groups = self._wanted(query)
            keyed = [(key, group) for group in groups if (key := self._key(group, query.order)) is not None]
            self._hide("vanished", len(groups) - len(keyed))
            keyed = [each for each in keyed if is_past(each[0], query.cursor, query.order)]
            keyed.sort(key=lambda each: each[0], reverse=not query.order.ascending)
        return iter(keyed)

    def _wanted(self, query: ThreadQuery) -> list[Group]:
        """The threads on the side of the archive that is asked for; those on the other one are counted."""
        groups, copies = by_thread(self._walk.everything())
        self._hide("duplicate", copies)
        self._known = {group.newest.thread_id for group in groups}
        wanted = groups
        if query.archived is not None:
            wanted = [group for group in groups if group.newest.archived == query.archived]
            self._hide("archived" if query.archived is False else "active", len(groups) - len(wanted))
        self._scanned = len(wanted)
        return wanted

    def _key(self, group: Group, order: Order) -> tuple[Key, str] | None:
        newest = group.newest
        if order.key == "created":
            time: int | None = time_ms(newest.key)
        elif order.key == "updated":
            time = self._rows.modified_ms(group)
        elif order.key == "active":
            time = self._rows.active_ms(group)
        else:
            row = self._rows.row(group)
            return None if row is None else (sort_key(row, order)[0], newest.thread_id)
        return None if time is None else (order.cut(time), newest.thread_id)

    def _new_walk(self, only: str = "") -> Walk:
        return Walk(self._home, self._fs, only=only)

    def _archived_ids(self) -> set[str]:
        return {group.newest.thread_id for group in by_thread(self._walk.archived())[0]}

    def _all_ids(self) -> set[str]:
        if self._known is None:
            self._known = {file.thread_id for file in self._new_walk().everything()}
        return self._known

    def _whole(self, newest: File) -> Group:
        """A thread of several files with all of them; only such threads cost a walk over all names."""
        walk = self._new_walk(newest.thread_id)
        own = [file for file in walk.everything() if file.thread_id == newest.thread_id]
        return by_thread(own or [newest])[0][0]

    def _hide(self, reason: str, count: int = 1) -> None:
        if count:
            self._hidden[reason] = self._hidden.get(reason, 0) + count


def can_stop_early(query: ThreadQuery) -> bool:
    """Whether the order of the folders is the order of the answer."""
    order = query.order
    return query.archived is False and order.key == "created" and not order.ascending and 1000 % order.tick_ms == 0
