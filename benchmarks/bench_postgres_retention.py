"""Retention in PostgreSQL: threads deleted for good one by one as ``rollout delete --now -`` does, and what VACUUM gives back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench_postgres_search import MORE, SECOND, STATE, size_of
from harness import Asked, Figure, at_most, main, mib, seconds, skipped, timed, times
from postgres_cluster import cluster, missing
from postgres_filling import TENANT, fill, model
from rollout.lifecycle import delete
from rollout.query import EVERYTHING, Order

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

LINES = 50
_BARE = "DELETE FROM rollout.lines WHERE tenant = 'crowd' AND thread_id = ANY(%s)"


def figures(asked: Asked) -> Iterator[Figure]:
    """A quarter goes, the oldest; the table is vacuumed; as much comes again."""
    if why := missing():
        yield skipped("retention in PostgreSQL", at_most(1.05), why)
        return
    threads = 2_000 if asked.quick else 20_000
    with cluster(autovacuum="off") as server, server.admin() as boss:
        model(server)
        filled(boss, 1, threads)
        store = server.store(TENANT)
        before = size_of(boss, "lines%")
        old = store.list(EVERYTHING._replace(order=Order("created", ascending=True), limit=threads // 4)).threads
        bare = timed(lambda: boss.execute(_BARE.encode(), ([row.id for row in old[: len(old) // 10]],)))
        rest = old[len(old) // 10 :]
        ours = timed(lambda: [delete(store, row.id, now=True) for row in rest])
        yield Figure(
            job=f"PostgreSQL: {len(rest):,} of {threads:,} threads of {LINES + 2} lines deleted for good, each with its checks",
            ours=f"{len(rest) / ours.wall:,.0f} threads/s",
            baseline=f"{(len(old) - len(rest)) / bare.wall:,.0f} threads/s, their lines in one bare DELETE",
            ratio=times(bare.wall / (len(old) - len(rest)) / (ours.wall / len(rest))) + " its rate",
            target="none",
            met=None,
            note=f"our CPU {seconds(ours.cpu / len(rest))} a thread",
        )
        vacuum = timed(lambda: boss.execute(b"VACUUM rollout.lines"))
        left = size_of(boss, "lines%")
        for row in old[: len(old) // 10]:
            delete(store, row.id, now=True)
        filled(boss, threads + 1, threads + len(old))
        again = size_of(boss, "lines%")
        yield Figure(
            job=f"PostgreSQL: the size of the lines after a quarter was deleted, vacuumed ({seconds(vacuum.wall)}) and written anew",
            ours=mib(again),
            baseline=f"{mib(before)} before, {mib(left)} after VACUUM",
            ratio=times(again / before),
            target=at_most(1.1),
            met=again <= 1.1 * before,
            note="deleted space is used again; only VACUUM FULL, or a new table, gives it back to the disk",
        )
        store.close()


def filled(boss: psycopg.Connection[Any], first: int, last: int) -> None:
    """Threads with lines of a realistic length."""
    fill(boss, first, last)
    more = MORE.format(time=SECOND, last=LINES - 1)
    boss.execute(f"{more} AND segment BETWEEN {1_000_000 + first} AND {1_000_000 + last}".encode())
    boss.execute(STATE.encode())


if __name__ == "__main__":
    main(figures)
