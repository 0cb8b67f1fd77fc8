"""Listings of a million threads in PostgreSQL against the bare SQL; and what grows as threads grow from 10,000.

The bare SQL is what a person would write for the same rows: the same columns, the same conditions as literals, the same
role under row-level security, through the same driver, rows left as tuples. It is planned each time, as a text with
literals is. Neither counts what it leaves out; what that costs beside a page is noted.
"""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg

from bench_postgres import appended
from corpus import START_MS, line, recorded_items
from harness import Asked, Cost, Figure, at_most, duel, main, middle, seconds, skipped, timed, times
from postgres_cluster import cluster, missing
from postgres_filling import FEW_CWD, MANY_CWD, PARENT, TENANT, fill, model
from rollout.query import Cursor, Order, ThreadQuery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postgres_server import Server
    from rollout.store.postgres.store import PostgresStore

PAGE = 50
A_TURN = 5
TARGET = 2.0
_COLUMNS = (
    "thread_id::text, path, archived, size, created_ms, modified_ms, active_ms, name, summary, segments, state, tags, note"
)
_USUAL = "NOT archived AND state = 'titled' AND source IN ('cli', 'vscode')"
_MIDDLE = START_MS + 500_000_000


class Listing(NamedTuple):
    """A listing in our words and in SQL."""

    job: str
    query: ThreadQuery
    where: str
    order: str = "active_ms DESC, threads.thread_id DESC"


def listings() -> list[Listing]:
    """Every order, and the filters that people use."""
    columns = {"created": "named_ms", "updated": "modified_ms", "active": "active_ms", "name": "title", "size": "size", "tokens": "tokens"}
    found = [
        Listing(f"by {key}", ThreadQuery(order=Order(key), limit=PAGE), _USUAL, f"{column} DESC, threads.thread_id DESC")
        for key, column in columns.items()
    ]
    behind = f"(active_ms, thread_id) < ({_MIDDLE}, '{PARENT}')"
    narrow: list[tuple[str, ThreadQuery, str]] = [
        ("in the middle", ThreadQuery(cursor=Cursor(_MIDDLE, PARENT), limit=PAGE), f"{_USUAL} AND {behind}"),
        ("archived", ThreadQuery(archived=True, limit=PAGE), _USUAL.replace("NOT ", "")),
        ("of sub-agents", ThreadQuery(sources=("subagent",), limit=PAGE), "NOT archived AND state = 'titled' AND source LIKE 'subagent:%'"),
        ("of a rare provider", ThreadQuery(providers=("rare",), limit=PAGE), f"{_USUAL} AND provider = 'rare'"),
        ("of a folder of a tenth of them", ThreadQuery(cwds=(MANY_CWD,), limit=PAGE), f"{_USUAL} AND cwd = '\"{MANY_CWD}\"'"),
        ("of a folder of 50", ThreadQuery(cwds=(FEW_CWD,), limit=20), f"{_USUAL} AND cwd = '\"{FEW_CWD}\"'"),
        ("of a branch", ThreadQuery(branches=("branch-3",), limit=PAGE), f"{_USUAL} AND branch = '\"branch-3\"'"),
        ("since a time", ThreadQuery(since_ms=_MIDDLE, limit=PAGE), f"{_USUAL} AND active_ms >= {_MIDDLE}"),
        ("of a parent", ThreadQuery(parent=PARENT, sources=(), limit=PAGE), f"NOT archived AND state = 'titled' AND parent = '{PARENT}'"),
        ("of a name", ThreadQuery(name="name-300", limit=PAGE), f"{_USUAL} AND name = '\"name-300\"'"),
    ]
    return found + [Listing(job, query, where) for job, query, where in narrow]


def figures(asked: Asked) -> Iterator[Figure]:
    """Growth first, then every listing at the full size."""
    if why := missing():
        yield skipped("a page of a million threads in PostgreSQL", at_most(TARGET), why)
        return
    sizes = (1_000, 10_000, 100_000) if asked.quick else (10_000, 100_000, 1_000_000)
    with cluster() as server, server.admin() as boss:
        model(server)
        store = server.store(TENANT)
        costs: dict[int, dict[str, Cost]] = {}
        first = 1
        for size in sizes:
            fill(boss, first, size)
            costs[size] = grown(asked, boss, store)
            first = size + 1
        yield from growth(costs)
        yield from (against_sql(asked, server, store, one, sizes[-1]) for one in listings())
        store.close()


def against_sql(asked: Asked, server: Server, store: PostgresStore, one: Listing, size: int) -> Figure:
    """One listing, ours and bare."""
    sql = f"SELECT {_COLUMNS} FROM rollout.threads WHERE tenant = '{TENANT}' AND {one.where} ORDER BY {one.order} LIMIT {one.query.limit}"
    with psycopg.connect(f"host={server.folder} dbname=threads user=keeper", autocommit=True) as bare:
        bare.execute("SELECT set_config('rollout.tenant', %s, false)", (TENANT,))
        theirs = bare.execute(sql.encode()).fetchall()
        query, page = one.query._replace(counted=False), store.list(one.query)
        assert [row[0] for row in theirs] == [row.id for row in page.threads], one.job
        found = duel(
            lambda: timed(lambda: [store.list(query) for _ in range(A_TURN)]),
            lambda: timed(lambda: [bare.execute(sql.encode(), prepare=False).fetchall() for _ in range(A_TURN)]),
            asked.rounds(20),
        )
        counting = middle([timed(lambda: store.list(one.query)) for _ in range(asked.rounds(20))])
    return Figure(
        job=f"PostgreSQL: a page of {one.query.limit} of {size:,} threads {one.job}",
        ours=seconds(found.ours.wall / A_TURN),
        baseline=f"{seconds(found.baseline.wall / A_TURN)}, the bare SQL",
        ratio=times(found.wall_ratio),
        target=at_most(TARGET),
        met=found.wall_ratio <= TARGET,
        note=f"from {indexes_of(store, query)}; with {sum(page.hidden.values()):,} others counted {seconds(counting.wall)}",
    )


def indexes_of(store: PostgresStore, query: ThreadQuery) -> str:
    """The indexes from which the server takes the rows of a page."""
    from rollout.store.postgres.connections import Connections  # noqa: PLC0415 - an extra

    ask, plans = Connections.fetch, list[str]()

    def explained(self: Connections, sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        if "summary" in sql:
            plans.extend(str(row[0]) for row in ask(self, f"EXPLAIN {sql}", values))
        return ask(self, sql, values)

    Connections.fetch = explained  # type: ignore[method-assign,assignment]  # to see what is sent
    try:
        store.list(query)
    finally:
        Connections.fetch = ask  # type: ignore[method-assign]  # as it was
    whole = "\n".join(plans)
    assert "Seq Scan on threads" not in whole, whole
    return ", ".join(sorted(set(re.findall(r"(?:using|on) (threads_\w+)", whole)))) or "no index"


# -- growth --------------------------------------------------------------------------------------------------------


def grown(asked: Asked, boss: psycopg.Connection[Any], store: PostgresStore) -> dict[str, Cost]:
    """What some jobs cost with so many threads as there are now."""
    lines = [line(item) for item in recorded_items(640)]
    threads = [str(row[0]) for row in boss.execute("SELECT thread_id::text FROM rollout.threads WHERE tenant = 'crowd'")]
    chance, rounds = random.Random(5), asked.rounds(40)

    def resume() -> None:
        store.open_writer(chance.choice(threads)).close()

    def resume_and_append() -> Cost:
        writer = store.open_writer(chance.choice(threads))
        writer.append(b"".join(lines[:64]), 64)
        cost = timed(writer.flush)
        writer.close()
        return cost

    return {
        "a batch of 64 lines appended to any of them": middle([resume_and_append() for _ in range(rounds)]),
        "640 lines of a new one, in batches of 64": middle([appended(store, lines, 64) for _ in range(5)]),
        "the first page of 50": middle([timed(lambda: store.list(ThreadQuery(limit=PAGE))) for _ in range(rounds)]),
        "resume any of them (open and close its writer)": middle([timed(resume) for _ in range(rounds)]),
    }


def growth(costs: dict[int, dict[str, Cost]]) -> Iterator[Figure]:
    """The largest size against the smallest."""
    sizes = sorted(costs)
    for job in costs[sizes[0]]:
        walls = [costs[size][job].wall for size in sizes]
        ratio = walls[-1] / walls[0]
        yield Figure(
            job=f"PostgreSQL: {job}, with {sizes[-1]:,} threads",
            ours=seconds(walls[-1]),
            baseline=f"{seconds(walls[0])}, with {sizes[0]:,}",
            ratio=times(ratio),
            target=at_most(TARGET),
            met=ratio <= TARGET,
            note=f"with {sizes[1]:,}: {seconds(walls[1])}",
        )


if __name__ == "__main__":
    main(figures)
