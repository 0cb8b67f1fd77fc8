"""Listings on a server: numbers by kind that are kept, coarse times, ties, and indexes instead of scans."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest

from rollout.ids import ThreadId
from rollout.query import EVERYTHING, Order, ThreadQuery
from rollout.store.postgres.connections import Connections
from rollout.store.postgres.schema import migrate, migrations
from rollout.testing import builders as b
from rollout.testing.facts import segment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postgres_server import Server
    from rollout.store.postgres.store import PostgresStore

_MANY = """
INSERT INTO rollout.threads (tenant, thread_id, named_ms, active_ms, tokens, state, source, provider, cwd, branch, parent)
SELECT %(tenant)s, md5(i::text)::uuid, i, i * 137 %% 5000, i %% 3, 'titled', CASE WHEN i %% 100 = 0 THEN 'exec' ELSE 'cli' END,
    'p', '"/w/' || i %% 400 || '"', '"b' || i %% 400 || '"', md5((i / 4)::text)::uuid::text
FROM generate_series(1, 6000) i
"""


@pytest.fixture(name="crowd", scope="module")
def _crowd(server: Server) -> Iterator[PostgresStore]:
    """A tenant with 6,000 rows, many of the same time and the same number of tokens."""
    store = server.store()
    with server.admin() as connection:
        connection.execute(_MANY, {"tenant": store.tenant})
        connection.execute("ANALYZE rollout.threads")
    yield store
    store.close()


def kinds(server: Server, tenant: str) -> list[tuple[object, ...]]:
    """What is kept, summed, and what is there."""
    with server.admin() as connection:
        return connection.execute(
            "SELECT archived, state, source, sum(threads)::int FROM rollout.kinds WHERE tenant = %s"
            " GROUP BY 1, 2, 3, provider HAVING sum(threads) <> 0 ORDER BY 1, 2, 3",
            (tenant,),
        ).fetchall()


def talk(store: PostgresStore, number: int, **meta: object) -> str:
    """Store a thread in which somebody said something."""
    data = b.rollout_bytes(b.thread_id(number), *b.turn("question", "answer"), **meta)
    store.put(segment(number, data), [data])
    return b.thread_id(number)


def test_numbers_by_kind_follow_every_change(server: Server) -> None:
    """Putting, archiving, removing and restoring threads keep the numbers; summing them changes nothing."""
    store = server.store()
    one, two, three = (talk(store, number) for number in (1, 2, 3))
    store.set_archived(one, archived=True)
    store.remove(two)
    store.restore(store.remove(three))
    before = kinds(server, store.tenant)
    with psycopg.connect(f"host={server.folder} dbname=threads user=keeper", autocommit=True) as keeper:
        keeper.execute("SELECT set_config('rollout.tenant', %s, false)", (store.tenant,))
        keeper.execute("SELECT rollout.sum_kinds(%s)", (store.tenant,))
        left = keeper.execute("SELECT count(*) FROM rollout.kinds").fetchone()
    hidden = store.list(EVERYTHING._replace(archived=False)).hidden
    store.close()

    assert [(False, "titled", "cli", 1), (True, "titled", "cli", 1)] == before
    assert (before, (2,), {"archived": 1}) == (kinds(server, store.tenant), left, hidden)


@pytest.mark.parametrize("order", [Order("active", tick_ms=1000), Order("active", ascending=True, tick_ms=1000), Order("tokens")])
def test_pages_with_ties(server: Server, crowd: PostgresStore, order: Order) -> None:
    """Page after page gives every thread once, in the order of (key, id), where thousands have the same key."""
    query, found = EVERYTHING._replace(order=order, limit=700), list[str]()
    while True:
        page = crowd.list(query)
        found += [row.id for row in page.threads]
        if page.next is None:
            break
        query = query._replace(cursor=page.next)
    rows = {row.id: row for row in crowd.list(EVERYTHING._replace(limit=9000)).threads}
    keys = {one: order.cut(row.active_ms) if order.key == "active" else 0 for one, row in rows.items()}
    if order.key == "tokens":
        with server.admin() as boss:
            told = boss.execute("SELECT thread_id::text, tokens FROM rollout.threads WHERE tenant = %s", (crowd.tenant,))
            keys = {ThreadId(str(one)): int(str(tokens)) for one, tokens in told}

    assert sorted(rows, key=lambda one: (keys[one], one), reverse=not order.ascending) == found


@pytest.mark.parametrize(
    ("query", "index"),
    [
        *((ThreadQuery(order=Order(key)), f"threads_by_{key if key != 'name' else 'title'}") for key in ("created", "updated", "size", "name")),
        (ThreadQuery(order=Order("active", tick_ms=1000)), "threads_by_active"),
        (ThreadQuery(cwds=("/w/3",)), "threads_by_cwd"),
        (ThreadQuery(branches=("b7",)), "threads_by_branch"),
        (ThreadQuery(tags=("red",)), "threads_with_tags"),
        (ThreadQuery(parent="c4ca4238-a0b9-2382-0dcc-509a6f75849b", sources=()), "threads_by_parent"),
    ],
    ids=str,
)
def test_a_page_comes_from_an_index(crowd: PostgresStore, monkeypatch: pytest.MonkeyPatch, query: ThreadQuery, index: str) -> None:
    """No listing reads the whole table: the plan of its rows names the index."""
    plans: list[str] = []
    ask = Connections.fetch

    def explained(self: Connections, sql: str, values: dict[str, object]) -> list[tuple[object, ...]]:
        if "summary" in sql:
            plans.extend(str(row[0]) for row in ask(self, f"EXPLAIN {sql}", values))
        return ask(self, sql, values)

    monkeypatch.setattr(Connections, "fetch", explained)
    crowd.list(query)

    assert (True, False) == (any(index in line for line in plans), any("Seq Scan" in line for line in plans)), plans


def test_filters_say_what_they_leave_out(crowd: PostgresStore) -> None:
    """A narrow filter counts all it leaves out where few are left, else as far as the page reaches."""
    few = crowd.list(ThreadQuery(cwds=("/w/3",), limit=5))
    many = crowd.list(ThreadQuery(branches=tuple(f"b{number}" for number in range(1, 400, 2)), limit=5))

    assert ({"exec": 60, "cwd": 5940 - 15}, True) == (few.hidden, few.complete)
    assert (60, False) == (many.hidden["exec"], many.complete)


def test_numbers_are_made_for_what_is_there(server: Server) -> None:
    """The step that brings the numbers counts every tenant's threads, also when the owner is no superuser."""
    name = f"owner_{uuid4().hex[:8]}"
    before = max(step.version for step in migrations() if step.name < "0004")
    with server.admin("postgres") as boss:
        boss.execute(f"CREATE ROLE {name} LOGIN".encode())
        boss.execute(f"CREATE DATABASE {name} OWNER {name}".encode())
        with psycopg.connect(f"host={server.folder} dbname={name} user={name}", autocommit=True) as owner:
            migrate(owner, before)
            for tenant in ("one", "two"):
                owner.execute("SELECT set_config('rollout.tenant', %s, false)", (tenant,))
                owner.execute("INSERT INTO rollout.threads (tenant, thread_id) VALUES (%s, %s)", (tenant, uuid4()))
            migrate(owner)
        with server.admin(name) as connection:
            told = connection.execute("SELECT tenant, threads FROM rollout.kinds ORDER BY 1").fetchall()
        boss.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        boss.execute(f"DROP ROLE {name}".encode())

    assert [("one", 1), ("two", 1)] == told
