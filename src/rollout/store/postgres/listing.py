"""One page of threads: the query's filters and order in SQL, and the count of what they left out."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from rollout.query import Cursor, Kind, Page, checked, narrowed, plain_id, sort_key, wanted_text, why_kind_hidden
from rollout.store.postgres.folding import exact, plain
from rollout.store.postgres.threads import COLUMNS, thread_of

if TYPE_CHECKING:
    from rollout.query import Key, Order, Thread, ThreadQuery
    from rollout.store.postgres.connections import Fetch

_KEYS = {
    "active": "active_ms", "created": "named_ms", "updated": "modified_ms",
    "name": "title", "size": "size", "tokens": "tokens",
}  # fmt: skip
_TIMES = frozenset({"active", "created", "updated"})


def page_of(fetch: Fetch, tenant: str, query: ThreadQuery) -> Page:
    """The page of a query. Raises InvalidQueryError."""
    query = checked(query)
    found = keyed_rows(fetch, tenant, query, max(1, query.limit) + 1)
    shown = found[: max(1, query.limit)]
    more = Cursor(*shown[-1][0]) if len(found) > len(shown) else None
    passed = _passed(fetch, tenant, query, more)
    hidden = _hidden(passed, len(shown), query)
    complete = query.cursor is None and more is None
    threads = tuple(thread for _, thread in shown)
    return Page(threads, more, hidden, complete, sum(passed.values()))


def keyed_rows(fetch: Fetch, tenant: str, query: ThreadQuery, limit: int) -> list[tuple[tuple[Key, str], Thread]]:
    """Up to so many rows that a query wants, in its order, each with its key."""
    key, order = _key(query.order), "ASC" if query.order.ascending else "DESC"
    values: dict[str, Any] = {"tenant": tenant, "limit": limit}
    wanted = ["tenant = %(tenant)s", *_filters(query, values), *_behind(query, values)]
    rows = fetch(
        f"SELECT {key}, {COLUMNS} FROM rollout.threads WHERE {' AND '.join(wanted)}"
        f" ORDER BY {key} {order}, thread_id {order} LIMIT %(limit)s",
        values,
    )
    return [((row[0], row[1]), thread_of(row[1:])) for row in rows]


def key_of(row: Thread, named_ms: int, order: Order) -> tuple[Key, str]:
    """Where a row stands in an order; by creation that is the time in the file's name."""
    return (order.cut(named_ms), row.id) if order.key == "created" else sort_key(row, order)


def _key(order: Order) -> str:
    column = _KEYS[order.key]
    if order.tick_ms == 1 or order.key not in _TIMES:
        return column
    return f"({column} - mod({column}, {int(order.tick_ms)}))"


def _behind(query: ThreadQuery, values: dict[str, Any]) -> list[str]:
    if query.cursor is None:
        return []
    values |= {"key": query.cursor.key, "after": query.cursor.id}
    kind = "text" if query.order.key == "name" else "bigint"
    return [f"({_key(query.order)}, thread_id) {_sign(query)} (%(key)s::{kind}, %(after)s::uuid)"]


def _sign(query: ThreadQuery) -> str:
    return ">" if query.order.ascending else "<"


def _filters(query: ThreadQuery, values: dict[str, Any]) -> list[str]:
    """Conditions that say what ``why_hidden`` says, and the values that they need."""
    values |= {
        "archived": query.archived, "sources": [plain(one) for one in query.sources],
        "providers": [plain(one) for one in query.providers], "provider": query.default_provider,
        "cwds": [exact(str(PurePosixPath(one))) for one in query.cwds],
        "branches": [exact(one) for one in query.branches], "since": query.since_ms, "until": query.until_ms,
        "parent": plain(plain_id(query.parent) or ""), "forked_from": plain(plain_id(query.forked_from) or ""),
        "name": exact((query.name or "").strip()), "tags": [plain(one) for one in query.tags], "text": wanted_text(query.text or ""),
    }  # fmt: skip
    conditions = (
        (query.archived is not None, "archived = %(archived)s"),
        (not query.untitled, "state = 'titled'"),
        (query.sources, "(source = ANY(%(sources)s) OR split_part(source, ':', 1) = ANY(%(sources)s))"),
        (query.providers, "coalesce(nullif(provider, ''), %(provider)s) = ANY(%(providers)s)"),
        (query.cwds, "cwd = ANY(%(cwds)s)"),
        (query.branches, "branch = ANY(%(branches)s)"),
        (query.since_ms is not None, "active_ms >= %(since)s"),
        (query.until_ms is not None, "active_ms <= %(until)s"),
        (query.parent is not None, "parent = %(parent)s"),
        (query.forked_from is not None, "forked_from = %(forked_from)s"),
        (query.name is not None, "name = %(name)s"),
        (query.tags, "tags @> %(tags)s::text[]"),
        (query.text, "strpos(texts, %(text)s) > 0"),
    )
    return [condition for wanted, condition in conditions if wanted]


def _passed(fetch: Fetch, tenant: str, query: ThreadQuery, end: Cursor | None) -> dict[Kind, int]:
    """How many threads of each kind stand between the cursor and the end of the page, shown or not."""
    values: dict[str, Any] = {"tenant": tenant}
    wanted = ["tenant = %(tenant)s", *_behind(query, values)]
    if end is not None:
        values |= {"last": end.key, "last_id": end.id}
        kind, back = ("text" if query.order.key == "name" else "bigint"), "<=" if query.order.ascending else ">="
        wanted.append(f"({_key(query.order)}, thread_id) {back} (%(last)s::{kind}, %(last_id)s::uuid)")
    rows = fetch(
        "SELECT archived, state, source, provider, count(*) FROM rollout.threads"
        f" WHERE {' AND '.join(wanted)} GROUP BY 1, 2, 3, 4",
        values,
    )
    return {Kind(*row[:4]): row[4] for row in rows}


def _hidden(passed: dict[Kind, int], shown: int, query: ThreadQuery) -> dict[str, int]:
    """What was passed over, by the first reason."""
    found: Counter[str] = Counter()
    wanted = 0
    for kind, number in passed.items():
        reason = why_kind_hidden(kind, query)
        if reason is None:
            wanted += number
        else:
            found[reason] += number
    if wanted > shown:
        found[narrowed(query)] += wanted - shown
    return dict(found)
