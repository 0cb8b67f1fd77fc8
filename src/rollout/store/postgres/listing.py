"""One page of threads: the query's filters and order in SQL, and the count of what they left out.

The count is left out where nobody asked for it (``ThreadQuery.counted``). The broad filters (archive, source, provider,
titled or not) look at kinds of threads, of which there are few and whose numbers are kept in ``kinds``: what they hide
is known without counting. What a narrow filter leaves out is counted where few threads are left, else as far as the page
reaches. So the time of a page does not grow with the number of threads.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from rollout.folders import spelled
from rollout.query import TIMES, Cursor, Kind, Page, checked, narrowed, plain_id, sort_key, wanted_text, why_kind_hidden
from rollout.sources import INTERACTIVE
from rollout.store.postgres.connections import Planned
from rollout.store.postgres.folding import exact, plain
from rollout.store.postgres.threads import COLUMNS, thread_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from rollout.query import Key, Order, Thread, ThreadQuery
    from rollout.store.postgres.connections import Fetch

FEW = 200
_KEYS = {
    "active": "active_ms", "created": "named_ms", "updated": "modified_ms",
    "name": "title", "size": "size", "tokens": "tokens",
}  # fmt: skip
_FAMILIES = frozenset({"custom", "internal", "subagent"})
_KINDS = """
SELECT NULL, 'kind', source, archived, sum(threads)::bigint, 0, 0, 0, provider, '', 0, state, '{}', NULL
FROM rollout.kinds WHERE tenant = %(tenant)s GROUP BY archived, state, source, provider HAVING sum(threads) > 0
"""
_LEFT = """
SELECT few, CASE WHEN few > {most} THEN (SELECT count(*) FROM rollout.threads WHERE {passed}) END
FROM (SELECT count(*) AS few FROM (SELECT FROM rollout.threads WHERE {whole} LIMIT {most} + 1) AS counted) AS known
"""


class Keyed(NamedTuple):
    """A row with its place in an order."""

    key: tuple[Key, str]
    thread: Thread


class Scope(NamedTuple):
    """The threads that are asked: of one tenant, ``few``: these alone."""

    fetch: Fetch
    tenant: str
    few: Collection[str] | None = None


class Found(NamedTuple):
    """The rows of a page, and the numbers of kinds that came with them."""

    rows: list[Keyed]
    kinds: Mapping[Kind, int]


class Asked(NamedTuple):
    """One query to the threads of one tenant: conditions in SQL with their values."""

    fetch: Fetch
    query: ThreadQuery
    values: Mapping[str, Any]
    broad: tuple[str, ...]
    narrow: tuple[str, ...]
    is_of_few: bool = False

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

    @property
    def has_few(self) -> bool:
        """Whether so few threads are left, by an index of their own, that all of them may be looked at."""
        query = self.query
        return self.is_of_few or any((query.parent, query.forked_from, query.name))

    @property
    def some(self) -> str:
        """Whether there is a thread of a wanted kind at all: without one no index says so as fast."""
        conditions = " AND ".join(("tenant = %(tenant)s", *self.broad))
        kinds = f"SELECT FROM rollout.kinds WHERE {conditions} GROUP BY archived, state, source, provider"
        return f"(SELECT EXISTS ({kinds} HAVING sum(threads) > 0))"

    def ask(self, sql: str, **more: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - values of columns
        """Ask. The best index may depend on the values, by how many rows they leave; then each question is planned."""
        return self.fetch(sql if self._has_one_plan else Planned(sql), {**self.values, **more})

    @property
    def _has_one_plan(self) -> bool:
        """Whether one index gives the rows in order for any values."""
        query = self.query
        if (query.sources, query.providers) != (INTERACTIVE, ()):
            return False
        single = max(len(query.cwds), len(query.branches), len(query.origins)) <= 1
        return not self.narrow or (query.order.key == "active" and single and not (query.text or query.tags or self.is_of_few))


def page_of(fetch: Fetch, tenant: str, query: ThreadQuery) -> Page:
    """The page of a query. Raises InvalidQueryError."""
    query, limit = checked(query), max(1, query.limit)
    asked = _asked(Scope(fetch, tenant), query)
    found = _first_rows(asked, limit + 1)
    page = found.rows[:limit]
    more = Cursor(*page[-1].key) if len(found.rows) > limit else None
    hidden, whole = _hidden(asked, found, len(page), more) if query.counted else ({}, False)
    return Page(tuple(row.thread for row in page), more, hidden, whole, sum(found.kinds.values()))


def keyed_rows(scope: Scope, query: ThreadQuery, limit: int) -> list[Keyed]:
    """Up to so many rows that a query wants, in its order, each with its key."""
    return _first_rows(_asked(scope, query._replace(counted=False)), limit).rows


def key_of(row: Thread, named_ms: int, order: Order) -> tuple[Key, str]:
    """Where a row stands in an order; by creation that is the time in the file's name."""
    return (order.cut(named_ms), row.id) if order.key == "created" else sort_key(row, order)


def _first_rows(asked: Asked, limit: int) -> Found:
    """Up to so many rows behind the cursor.

    Where times are coarse the ids decide within a tick: what an index gives in its own order is right but for the last
    tick, which is asked for by itself.
    """
    tick, order = asked.tick_ms, asked.query.order
    found = _page(asked, limit)
    if tick == 1:
        return found
    cut = [row._replace(key=(order.cut(int(row.key[0])), row.key[1])) for row in found.rows]
    if len(cut) < limit:
        return found._replace(rows=_sorted(cut, order))
    last = cut[-1].key[0]
    kept = [row for row in cut if row.key[0] != last]
    within = f"{asked.column} >= %(last)s AND {asked.column} < %(last)s + {tick}"
    rest = asked.ask(_select(asked, "threads.thread_id", limit - len(kept), within), last=last)
    return found._replace(rows=_sorted(kept, order) + [Keyed((last, row[1]), thread_of(row[1:])) for row in rest])


def _page(asked: Asked, limit: int) -> Found:
    """The rows in the order of an index; in the same round trip the numbers that say what is left out."""
    by = f"{asked.column} {_way(asked.query.order)}, threads.thread_id"
    rows, kinds = list[Keyed](), dict[Kind, int]()
    select = _select(asked, by, limit, *(() if asked.has_few else (asked.some,)))
    for row in asked.ask(f"({select}) UNION ALL ({_KINDS})" if asked.query.counted else select):
        if row[1] == "kind":
            kinds[Kind(row[3], row[11], row[2], row[8])] = row[4]
        else:
            rows.append(Keyed((row[0], row[1]), thread_of(row[1:])))
    return Found(rows, kinds)


def _select(asked: Asked, by: str, limit: int, *more: str) -> str:
    return (
        f"SELECT {asked.column}, {COLUMNS} FROM rollout.threads WHERE {asked.where(*_behind(asked), *more)}"
        f" ORDER BY {by} {_way(asked.query.order)} LIMIT {int(limit)}"
    )


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
    values: dict[str, Any] = {
        "tenant": scope.tenant, "few": list(scope.few or ()), "archived": query.archived,
        "sources": [plain(one) for one in query.sources],
        "providers": [plain(one) for one in query.providers] + [""] * (query.default_provider in query.providers),
        "cwds": [exact(spelled(one)) for one in query.cwds],
        "branches": [exact(one) for one in query.branches], "origins": [exact(one) for one in query.origins],
        "since": query.since_ms, "until": query.until_ms,
        "parent": plain(plain_id(query.parent) or ""), "forked_from": plain(plain_id(query.forked_from) or ""),
        "name": exact((query.name or "").strip()), "tags": [plain(one) for one in query.tags],
        "text": wanted_text(query.text or ""),
    }  # fmt: skip
    if query.cursor is not None:
        values |= {"key": query.cursor.key, "after": query.cursor.id}
    broad = (
        (query.archived is not None, "archived = %(archived)s"),
        (not query.untitled, "state = 'titled'"),
        (query.sources, _source(query)),
        (query.providers, "provider = ANY(%(providers)s)"),
    )
    narrow = (
        (query.cwds, _one_of("cwd", "cwds", len(query.cwds))),
        (query.branches, _one_of("branch", "branches", len(query.branches))),
        (query.origins, _one_of("origin", "origins", len(query.origins))),
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
        scope.fetch, query, values, tuple(sql for asked, sql in broad if asked), tuple(sql for asked, sql in narrow if asked),
        is_of_few=scope.few is not None,
    )  # fmt: skip


def _one_of(column: str, name: str, number: int) -> str:
    """One value is asked for by itself: an index gives its rows in the order of the listing."""
    return f"{column} = (%({name})s::text[])[1]" if number == 1 else f"{column} = ANY(%({name})s)"


def _source(query: ThreadQuery) -> str:
    """The wanted sources; a family is the range of the keys that begin with its name."""
    plainly = [_one_of("source", "sources", len(query.sources))] if {*query.sources} - _FAMILIES else []
    ranges = [f"source >= '{one}:' AND source < '{one};'" for one in sorted(_FAMILIES.intersection(query.sources))]
    return f"({' OR '.join(plainly + ranges)})"


def _hidden(asked: Asked, found: Found, shown: int, more: Cursor | None) -> tuple[dict[str, int], bool]:
    """What was left out, by the first reason, and whether that is all there is to count."""
    left_out: Counter[str] = Counter()
    for kind, number in found.kinds.items():
        left_out[why_kind_hidden(kind, asked.query) or ""] += number
    wanted, whole = left_out.pop("", 0), True
    if asked.narrow and wanted:
        if asked.query.cursor is None and more is None:
            number = wanted - shown
        else:
            few, passed = _left(asked, more)
            number, whole = (wanted - few, True) if passed is None else (passed - shown, False)
        left_out[narrowed(asked.query)] += max(0, number)
    return {reason: number for reason, number in left_out.items() if number}, whole


def _left(asked: Asked, more: Cursor | None) -> tuple[int, int | None]:
    """How many threads the filters leave, when few; else how many stand between cursor and end of page, shown or not."""
    until: list[str] = []
    if more is not None:
        back = "<=" if asked.query.order.ascending else ">="
        until = [f"({asked.column}, thread_id) {back} (%(last)s::{_type(asked.query)}, %(last_id)s::uuid)"]
    told = {"last": more.key, "last_id": more.id} if more is not None else {}
    passed = asked.where(*_behind(asked), *until, narrow=False)
    most = -1 if asked.query.text else FEW  # no index knows a text: what it leaves is not counted
    few, number = asked.ask(_LEFT.format(most=most, passed=passed, whole=asked.where()), **told)[0]
    return int(few), None if number is None else int(number)
