"""Appending to a PostgreSQL server whose commits are durable, against bare SQL on the same server.

The baseline's rows are ready-made and go into a plain table with the same columns and key: no partitions, no
row-level security, no lease, no state of the file, no row of a listing.
"""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from statistics import median
from typing import TYPE_CHECKING, Any
from uuid import UUID

from corpus import START_MS, line, meta, recorded_items
from harness import Asked, Cost, Duel, Figure, at_least, duel, main, seconds, skipped, timed, times
from postgres_cluster import cluster, missing
from rollout.ids import ThreadId
from rollout.recorder import RolloutRecorder
from rollout.recording import CreateParams, Options
from rollout.store.base import Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psycopg

    from postgres_server import Server
    from rollout.items import Item
    from rollout.store.postgres.store import PostgresStore

BATCH = 64
RECORDERS = 256
CONNECTIONS = 8
_TABLE = """
CREATE TABLE bare (tenant text COLLATE "C" NOT NULL, thread_id uuid NOT NULL, segment bigint NOT NULL, n bigint NOT NULL,
    at bigint NOT NULL, timestamp text, type text, bytes bytea NOT NULL, PRIMARY KEY (thread_id, segment, n));
GRANT ALL ON bare TO keeper
"""
_INSERT = "INSERT INTO bare VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
_TYPES = ["text", "uuid", "int8", "int8", "int8", "text", "text", "bytea"]
_numbers = count()


def figures(asked: Asked) -> Iterator[Figure]:
    """Batches against COPY, at once and in as many commits, and against single lines; then 256 recorders."""
    if why := missing():
        yield skipped("append to PostgreSQL", at_least(0.5), why)
        return
    items = recorded_items(1_000 if asked.quick else 5_000)
    with cluster() as server, server.admin() as boss:
        for statement in _TABLE.split(";"):
            boss.execute(statement.encode())
        yield from appending(asked, server, boss, [line(item) for item in items])
        yield recording(asked, server, items)


def appending(asked: Asked, server: Server, boss: psycopg.Connection[Any], lines: list[bytes]) -> Iterator[Figure]:
    """Ours in batches of 64 beside one COPY of all, beside a COPY for each batch, and beside a transaction for each line.

    One COPY waits for the disk once, and batches that are acknowledged wait for it each: how long the disk takes decides
    what they come to beside it.
    """
    store = server.store(f"append-{next(_numbers)}")
    few = lines[: len(lines) // 10]

    def ours(each: int = BATCH, some: Sequence[bytes] = lines) -> Cost:
        return appended(store, some, each)

    late = duel(lambda: appended(store, lines, BATCH, late=True), lambda: copied(boss, lines), asked.rounds(12))
    yield speed(late, lines, 0.5, f"bare COPY of {len(lines):,}", f"append in batches of {BATCH}, one flush at the end")
    found = duel(ours, lambda: copied(boss, lines), asked.rounds(12))
    yield speed(found, lines, 0.5, f"bare COPY of {len(lines):,}", f"append in batches of {BATCH}, each acknowledged by a commit")
    same = duel(ours, lambda: copied(boss, lines, BATCH), asked.rounds(12))
    job = f"append in batches of {BATCH}, each acknowledged by a commit, as are those beside it"
    yield speed(same, lines, 0.5, f"bare COPY and commit of {BATCH} at a time", job)
    single = duel(ours, lambda: scaled(inserted(boss, few), 10), asked.rounds(12))
    job = f"append in batches of {BATCH}, a bare INSERT and commit for each line beside it"
    yield speed(single, lines, 8, "per-item autocommit", job)
    own = duel(ours, lambda: scaled(ours(1, few), 10), asked.rounds(6))
    yield speed(own, lines, 8, "the same writer with an acknowledgement for each line", f"append in batches of {BATCH}")
    store.close()


def speed(found: Duel, lines: Sequence[bytes], target: float, baseline: str, job: str) -> Figure:
    """How many lines go through, as a ratio of the baseline's."""
    ratio, mean = 1 / found.wall_ratio, sum(map(len, lines)) / len(lines)
    return Figure(
        job=f"PostgreSQL: {job}",
        ours=f"{len(lines) / found.ours.wall:,.0f} lines/s",
        baseline=f"{len(lines) / found.baseline.wall:,.0f} lines/s, {baseline}",
        ratio=f"{times(ratio)} its rate",
        target=at_least(target),
        met=ratio >= target,
        note=f"{len(lines):,} lines of {mean:,.0f} bytes; folding them and the row of the listing included; our CPU "
        f"{seconds(found.ours.cpu / len(lines))} a line",
    )


def scaled(cost: Cost, by: int) -> Cost:
    """What so many times as much would have taken."""
    return Cost(cost.wall * by, cost.cpu * by)


def new_id() -> ThreadId:
    """An id of now."""
    return ThreadId.new(time.time_ns() // 1_000_000, os.urandom(10))


def appended(store: PostgresStore, lines: Sequence[bytes], each: int, *, late: bool = False) -> Cost:
    """Append batch by batch to a new thread and flush, each or all (``late``); opening and closing do not count."""
    identity = new_id()
    writer = store.create(identity, Place(START_MS))
    writer.begin(line(meta(identity)))
    batches = [lines[at : at + each] for at in range(0, len(lines), each)]

    def work() -> None:
        for batch in batches:
            writer.append(b"".join(batch), len(batch))
            if not late:
                writer.flush()
        writer.flush()

    cost = timed(work)
    writer.close()
    return cost


def rows(lines: Sequence[bytes]) -> list[tuple[Any, ...]]:
    """The lines as rows of the bare table."""
    identity, at = UUID(new_id()), 0
    made: list[tuple[Any, ...]] = []
    for n, one in enumerate(lines):
        made.append(("bare", identity, 1, n, at, "2026-01-01T00:00:00.000Z", "response_item", one))
        at += len(one)
    return made


def copied(boss: psycopg.Connection[Any], lines: Sequence[bytes], each: int = 0) -> Cost:
    """COPY in binary form: one, or one for so many lines, each its own transaction."""
    made, each = rows(lines), each or len(lines)

    def work() -> None:
        for at in range(0, len(made), each):
            with boss.cursor().copy("COPY bare FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(_TYPES)
                for row in made[at : at + each]:
                    copy.write_row(row)

    return timed(work)


def inserted(connection: psycopg.Connection[Any], lines: Sequence[bytes]) -> Cost:
    """A prepared INSERT for each line, each its own transaction."""
    made = rows(lines)

    def work() -> None:
        for row in made:
            connection.execute(_INSERT, row)

    return timed(work)


# -- 256 recorders -------------------------------------------------------------------------------------------------


def recording(asked: Asked, server: Server, items: list[Item]) -> Figure:
    """Recorders that wait for each item's acknowledgement, against bare INSERTs over as many connections."""
    each, waits = (4 if asked.quick else 12), list[float]()
    found = duel(
        lambda: asyncio.run(recorders(server, items, each, waits)),
        lambda: autocommitting(server, items, each),
        asked.rounds(6),
    )
    total, waits = RECORDERS * each, sorted(waits)
    ratio = 1 / found.wall_ratio
    return Figure(
        job=f"PostgreSQL: {RECORDERS} recorders at once, each waits for `record`, `flush`, over {CONNECTIONS} connections",
        ours=f"{total / found.ours.wall:,.0f} acknowledgements/s, p50 {seconds(median(waits))}, "
        f"p99 {seconds(waits[len(waits) * 99 // 100])}",
        baseline=f"{total / found.baseline.wall:,.0f}/s, a bare INSERT and commit each in {CONNECTIONS} threads",
        ratio=f"{times(ratio)} its rate",
        target="none",
        met=None,
        note=f"{total:,} acknowledgements a round, each with its lease, state and listing; all threads are whole",
    )


async def recorders(server: Server, items: list[Item], each: int, waits: list[float]) -> Cost:
    """The time of opening and closing does not count."""
    store = server.store(f"recorders-{next(_numbers)}", connections=str(CONNECTIONS))
    options = Options(collect_git=lambda _: None)
    opened = [await RolloutRecorder.create(store, CreateParams(cwd="/w"), options) for _ in range(RECORDERS)]
    await asyncio.gather(*(one.persist() for one in opened))

    async def caller(number: int) -> None:
        for at in range(each):
            began = time.perf_counter()
            await opened[number].record([items[(number + at) % len(items)]])
            await opened[number].flush()
            waits.append(time.perf_counter() - began)

    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*map(caller, range(RECORDERS)))
    cost = Cost(time.perf_counter() - wall, time.process_time() - cpu)
    for one in opened:
        await one.shutdown()
    check_whole(store, [str(one.thread_id) for one in opened], each)
    store.close()
    return cost


def check_whole(store: PostgresStore, threads: Sequence[str], each: int) -> None:
    """Every thread has its metadata and every item."""
    for identity in threads:
        found = sum(1 for _ in store.lines(identity))
        assert found == each + 1, f"{identity} has {found} lines of {each + 1}"


def autocommitting(server: Server, items: list[Item], each: int) -> Cost:
    """The same lines without us."""
    lines = [line(items[at % len(items)]) for at in range(RECORDERS * each)]
    shares = [lines[at::CONNECTIONS] for at in range(CONNECTIONS)]
    opened = [server.admin() for _ in shares]

    def work() -> None:
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            list(pool.map(inserted, opened, shares))

    cost = timed(work)
    for one in opened:
        one.close()
    return cost


if __name__ == "__main__":
    main(figures)
