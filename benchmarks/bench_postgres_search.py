"""Search in PostgreSQL over a million lines, Chinese and Japanese among them, against a scan of the lines in SQL."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from harness import Asked, Cost, Figure, at_most, main, mib, middle, seconds, skipped, timed, times
from postgres_cluster import cluster, missing
from postgres_filling import TENANT, fill, model
from rollout.query import EVERYTHING
from rollout.store.postgres.searching import bring_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from rollout.store.postgres.store import PostgresStore

A_THREAD = 100
SECOND = "2026-01-01T00:00:00.000Z"
MORE = """
INSERT INTO rollout.lines (tenant, thread_id, segment, n, at, timestamp, type, bytes)
SELECT tenant, thread_id, segment, 2 + i, bytes + i * 1000, '{time}', 'event_msg', convert_to(
    '{{"timestamp":"{time}","type":"event_msg","payload":{{"type":"agent_message","message":"'
    || (SELECT string_agg(CASE WHEN (k + i) % 9 = 0 THEN chr(19968 + ((segment * 131 + i * 17 + k * 7919) % 6000)::int)
            || chr(12354 + ((segment + i * k) % 80)::int) ELSE 'w' || (segment * 7 + i * 31 + k * k * 97) % 20000 END, ' ')
        FROM generate_series(1, 45) k)
    || CASE WHEN segment % 2500 = 1 AND i = 50 THEN ' zirconium 鑽石龍' ELSE '' END || ' common"}}}}' || chr(10), 'UTF8')
FROM rollout.segments, generate_series(0, {last}) i WHERE tenant = 'crowd'
"""
STATE = """
UPDATE rollout.segments s SET lines = l.lines, bytes = l.bytes, complete = l.bytes, indexed = 0 FROM
    (SELECT thread_id, count(*) AS lines, max(at + length(bytes)) AS bytes FROM rollout.lines WHERE tenant = 'crowd' GROUP BY 1) l
WHERE s.tenant = 'crowd' AND s.thread_id = l.thread_id
"""
_SCAN = """
SELECT DISTINCT thread_id FROM rollout.lines WHERE tenant = 'crowd' AND position(convert_to(%s, 'UTF8') IN bytes) > 0
"""


def figures(asked: Asked) -> Iterator[Figure]:
    """Telling the words, then asking."""
    if why := missing():
        yield skipped("search in PostgreSQL", at_most(1), why)
        return
    threads = 1_000 if asked.quick else 10_000
    with cluster() as server, server.admin() as boss:
        model(server)
        fill(boss, 1, threads)
        boss.execute(MORE.format(time=SECOND, last=A_THREAD - 3).encode())
        boss.execute(STATE.encode())
        boss.execute(b"VACUUM ANALYZE rollout.lines")
        store = server.store(TENANT)
        assert store.tenant
        yield telling(boss, store)
        for word, what in (("zirconium", "a rare word"), ("鑽石龍", "a rare Chinese word"), ("common", "a word of every line")):
            yield asking(asked, boss, store, word, what)
        store.close()


def size_of(boss: psycopg.Connection[Any], like: str) -> int:
    """The bytes of tables with their indexes."""
    row = boss.execute(
        "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class WHERE relnamespace = 'rollout'::regnamespace"
        " AND relkind = 'r' AND relname LIKE %s",
        (like,),
    ).fetchone()
    return int(row[0]) if row else 0


def telling(boss: psycopg.Connection[Any], store: PostgresStore) -> Figure:
    """The words of all lines, as the first search tells them."""
    cost = timed(lambda: bring_up(store._connections))  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the part of a search that is measured
    row = boss.execute("SELECT count(*), sum(length(bytes))::bigint FROM rollout.lines WHERE tenant = 'crowd'").fetchone()
    assert row is not None
    boss.execute(b"VACUUM ANALYZE rollout.words")
    words, lines = size_of(boss, "words"), size_of(boss, "lines%")
    return Figure(
        job=f"PostgreSQL: the words of {row[0]:,} lines told, which the first search after them does",
        ours=f"{row[0] / cost.wall:,.0f} lines/s, {row[1] / cost.wall / 1e6:.1f} MB/s",
        baseline=f"{seconds(cost.wall)} in all, {seconds(cost.cpu)} of it our CPU",
        ratio="",
        target="none",
        met=None,
        note=f"the words take {mib(words)}, the lines {mib(lines)}, indexes included",
    )


def asking(asked: Asked, boss: psycopg.Connection[Any], store: PostgresStore, word: str, what: str) -> Figure:
    """One search, up to 20 places."""
    query = EVERYTHING._replace(limit=20)
    began = perf_counter()
    found = boss.execute(_SCAN.encode(), (word,)).fetchall()
    scan = perf_counter() - began
    page = store.search(word, query)
    assert {hit.thread_id for hit in page.hits} <= {str(row[0]) for row in found}
    costs: list[Cost] = [timed(lambda: store.search(word, query)) for _ in range(asked.rounds(12))]
    ours = middle(costs)
    return Figure(
        job=f"PostgreSQL: {what}, up to 20 places ({len(page.hits)} found)",
        ours=seconds(ours.wall),
        baseline=f"{seconds(scan)}, a scan of all lines in SQL as the superuser ({len(found):,} threads)",
        ratio=times(ours.wall / scan),
        target=at_most(0.1),
        met=ours.wall <= 0.1 * scan,
        note="as an ordinary role",
    )


if __name__ == "__main__":
    main(figures)
