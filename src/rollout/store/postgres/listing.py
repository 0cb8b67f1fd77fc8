"""One page of threads: the query's filters and order in SQL, and the count of what they left out.

The broad filters (archive, source, provider, titled or not) look at kinds of threads, of which there are few and whose
numbers are kept in ``kinds``: what they hide is known without counting. What a narrow filter leaves out is counted
where few threads are left, else as far as the page reaches. So the time of a page does not grow with the number of
threads.
"""

from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from rollout.query import TIMES, Cursor, Kind, Page, checked, narrowed, plain_id, sort_key, wanted_text, why_kind_hidden
from rollout.store.postgres.connections import Planned
from rollout.store.postgres.folding import exact, plain
from rollout.store.postgres.threads import COLUMNS, thread_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from rollout.query import Key, Order, Thread, ThreadQuery
    from rollout.store.postgres.connections import Fetch

FEW = 500
_KEYS = {
    "active": "active_ms", "created": "named_ms", "updated": "modified_ms",
    "name": "title", "size": "size", "tokens": "tokens",
}  # fmt: skip
_KINDS = """
SELECT archived, state, source, provider, sum(threads)::bigint FROM rollout.kinds WHERE tenant = %(tenant)s
GROUP BY 1, 2, 3, 4
"""


class Keyed(NamedTuple):
    """A row with its place in an order."""

    key: tuple[Key, str]
    thread: Thread


class Scope(NamedTuple):
    """The threads that are asked: of one tenant, of these kinds, ``few``: of these alone."""

    fetch: Fetch
    tenant: str
    kinds: Collection[Kind]
    few: Collection[str] | None = None


class Asked(NamedTuple):
    """One query to the threads of one tenant: conditions in SQL with their values."""

    fetch: Fetch
    query: ThreadQuery
    values: Mapping[str, Any]
    broad: tuple[str, ...]
    narrow: tuple[str, ...]

    @property
    def column(self) -> str:
        """What the rows are sorted by, before times are made coarse."""
        return _KEYS[self.query.order.key]

    @property
    def tick_ms(self) -> int:
        """So coarse are times; 1 where an index has the order itself."""
        return int(self.query.order.tick_ms) if self.query.order.key in TIMES else 1

    def where(self, *more: str, narrow: bool = True) -> str:
        """The conditions of the query and these."""
        return " AND ".join(("tenant = %(tenant)s", *self.broad, *(self.narrow if narrow else ()), *more))

    def rows(self, sql: str, **more: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - values of columns
        """Ask; how many rows narrow filters leave, and so the best index, depends on their values."""
        return self.fetch(Planned(sql) if self.narrow else sql, {**self.values, **more})


def page_of(fetch: Fetch, tenant: str, query: ThreadQuery) -> Page:
    """The page of a query. Raises InvalidQueryError."""
    query, limit = checked(query), max(1, query.limit)
    kinds = kinds_of(fetch, tenant)
    asked = _asked(Scope(fetch, tenant, kinds), query)
    found = first_rows(asked, limit + 1) if any(why_kind_hidden(kind, query) is None for kind in kinds) else []
    page = found[:limit]
    more = Cursor(*page[-1].key) if len(found) > limit else None
    hidden, whole = _hidden(asked, kinds, page, more)
    return Page(tuple(row.thread for row in page), more, hidden, whole, sum(kinds.values()))


def kinds_of(fetch: Fetch, tenant: str) -> dict[Kind, int]:
    """How many threads there are of each kind."""
    return {Kind(*row[:4]): row[4] for row in fetch(_KINDS, {"tenant": tenant}) if row[4] > 0}


def keyed_rows(scope: Scope, query: ThreadQuery, limit: int) -> list[Keyed]:
    """Up to so many rows that a query wants, in its order, each with its key."""
    return first_rows(_asked(scope, query), limit)


def key_of(row: Thread, named_ms: int, order: Order) -> tuple[Key, str]:
    """Where a row stands in an order; by creation that is the time in the file's name."""
    return (order.cut(named_ms), row.id) if order.key == "created" else sort_key(row, order)


def first_rows(asked: Asked, limit: int) -> list[Keyed]:
    """Up to so many rows behind the cursor.

    Where times are coarse the ids decide within a tick: what an index gives in its own order is right but for the last
    tick, which is asked for by itself.
    """
    tick, order = asked.tick_ms, asked.query.order
    rows = _along(asked, f"{asked.column} {_way(order)}, threads.thread_id", limit)
    if tick == 1:
        return rows
    cut = [row._replace(key=(order.cut(int(row.key[0])), row.key[1])) for row in rows]
    if len(cut) < limit:
        return _sorted(cut, order)
    last = cut[-1].key[0]
    kept = [row for row in cut if row.key[0] != last]
    within = f"{asked.column} >= %(last)s AND {asked.column} < %(last)s + {tick}"
    rest = _along(asked, "threads.thread_id", limit - len(kept), within, last=last)
    return _sorted(kept, order) + [row._replace(key=(last, row.key[1])) for row in rest]


def _along(asked: Asked, by: str, limit: int, *more: str, **values: Any) -> list[Keyed]:  # noqa: ANN401 - values of columns
    rows = asked.rows(
        f"SELECT {asked.column}, {COLUMNS} FROM rollout.threads WHERE {asked.where(*_behind(asked), *more)}"
        f" ORDER BY {by} {_way(asked.query.order)} LIMIT {int(limit)}",
        **values,
    )
    return [Keyed((row[0], row[1]), thread_of(row[1:])) for row in rows]


def _sorted(rows: list[Keyed], order: Order) -> list[Keyed]:
    return sorted(rows, key=lambda row: row.key, reverse=not order.ascending)


def _way(order: Order) -> str:
    return "ASC" if order.ascending else "DESC"


def _behind(asked: Asked) -> list[str]:
    """What stands behind the cursor; with coarse times the first condition is there for the index."""
    query, column, tick = asked.query, asked.column, asked.tick_ms
    if query.cursor is None:
        return []
    ascending = query.order.ascending
    key = f"({column} - mod({column}, {tick}))" if tick > 1 else column
    past = f"({key}, thread_id) {'>' if ascending else '<'} (%(key)s::{_type(query)}, %(after)s::uuid)"
    if tick == 1:
        return [past]
    return [f"{column} >= %(key)s::bigint" if ascending else f"{column} < %(key)s::bigint + {tick}", past]


def _type(query: ThreadQuery) -> str:
    return "text" if query.order.key == "name" else "bigint"


def _asked(scope: Scope, query: ThreadQuery) -> Asked:
    """Conditions that say what ``why_hidden`` says, and the values that they need."""
    wanted = [kind for kind in scope.kinds if why_kind_hidden(kind, query) is None]
    values: dict[str, Any] = {
        "tenant": scope.tenant, "few": list(scope.few or ()), "archived": query.archived, "sources": sorted({kind.source for kind in wanted}),
        "providers": sorted({kind.provider for kind in wanted}),
        "cwds": [exact(str(PurePosixPath(one))) for one in query.cwds],
        "branches": [exact(one) for one in query.branches], "since": query.since_ms, "until": query.until_ms,
        "parent": plain(plain_id(query.parent) or ""), "forked_from": plain(plain_id(query.forked_from) or ""),
        "name": exact((query.name or "").strip()), "tags": [plain(one) for one in query.tags], "text": wanted_text(query.text or ""),
    }  # fmt: skip
    if query.cursor is not None:
        values |= {"key": query.cursor.key, "after": query.cursor.id}
    broad = (
        (query.archived is not None, "archived = %(archived)s"),
        (not query.untitled, "state = 'titled'"),
        (query.sources, "source = ANY(%(sources)s)"),
        (query.providers, "provider = ANY(%(providers)s)"),
    )
    narrow = (
        (query.cwds, "cwd = ANY(%(cwds)s)"),
        (query.branches, "branch = ANY(%(branches)s)"),
        (query.since_ms is not None, "active_ms >= %(since)s"),
        (query.until_ms is not None, "active_ms <= %(until)s"),
        (query.parent is not None, "parent = %(parent)s"),
        (query.forked_from is not None, "forked_from = %(forked_from)s"),
        (query.name is not None, "name = %(name)s"),
        (query.tags, "tags <> '{}' AND tags @> %(tags)s::text[]"),
        (query.text, "strpos(texts, %(text)s) > 0"),
        (scope.few is not None, "thread_id = ANY(%(few)s::uuid[])"),
    )
    return Asked(
        scope.fetch, query, values, tuple(sql for asked, sql in broad if asked), tuple(sql for asked, sql in narrow if asked)
    )


def _hidden(
    asked: Asked, kinds: Mapping[Kind, int], page: list[Keyed], more: Cursor | None
) -> tuple[dict[str, int], bool]:
    """What was left out, by the first reason, and whether that is all there is to count."""
    found: Counter[str] = Counter()
    for kind, number in kinds.items():
        found[why_kind_hidden(kind, asked.query) or ""] += number
    wanted, whole = found.pop("", 0), True
    if asked.narrow and wanted:
        number, whole = _left_out(asked, wanted, len(page), more)
        found[narrowed(asked.query)] += max(0, number)
    return {reason: number for reason, number in found.items() if number}, whole


def _left_out(asked: Asked, wanted: int, shown: int, more: Cursor | None) -> tuple[int, bool]:
    """How many threads of the wanted kinds the narrow filters leave out, and whether of all that there are."""
    if asked.query.cursor is None and more is None:
        return wanted - shown, True
    if not asked.query.text:
        few = asked.rows(f"SELECT count(*) FROM (SELECT FROM rollout.threads WHERE {asked.where()} LIMIT {FEW + 1}) AS few")
        if few[0][0] <= FEW:
            return wanted - few[0][0], True
    until: list[str] = []
    if more is not None:
        back = "<=" if asked.query.order.ascending else ">="
        until = [f"({asked.column}, thread_id) {back} (%(last)s::{_type(asked.query)}, %(last_id)s::uuid)"]
    told = {"last": more.key, "last_id": more.id} if more is not None else {}
    where = asked.where(*_behind(asked), *until, narrow=False)
    return asked.rows(f"SELECT count(*) FROM rollout.threads WHERE {where}", **told)[0][0] - shown, False
