"""Watching a PostgreSQL store: what it costs those who write, and how soon what they do is heard.

The baselines: the same writers while nobody watches, on a layout that tells nothing (its triggers are switched off), and
a bare NOTIFY of the same server.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from queue import SimpleQueue
from statistics import median
from threading import Event
from typing import TYPE_CHECKING, Any

from bench_postgres import appended, new_id
from corpus import START_MS, line, meta, recorded_items
from harness import Asked, Cost, Duel, Figure, at_most, duel, main, seconds, skipped, timed, times
from postgres_cluster import cluster, missing
from rollout.store.base import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    import psycopg

    from postgres_server import Server
    from rollout.store.postgres.store import PostgresStore

WRITERS = 8
BATCH = 64
SPACE_S = 0.7
TRIGGERS = ("tell_of_thread", "tell_of_changed_thread")
_numbers = count()


def figures(asked: Asked) -> Iterator[Figure]:
    """Appends, new threads, and the time until a name is heard."""
    if why := missing():
        yield skipped("watch a PostgreSQL store", at_most(1.1), why)
        return
    with cluster() as server, server.admin() as boss:
        watched, lonely = (server.store(f"watched-{next(_numbers)}", connections=str(WRITERS + 2)) for _ in range(2))
        yield appending(asked, watched, lonely)
        yield from beginning(asked, watched, lonely, boss)
        yield hearing(asked, server, watched)
        watched.close()
        lonely.close()


@contextmanager
def watching(store: PostgresStore) -> Generator[SimpleQueue[float]]:
    """Somebody hears all that happens, in a thread of its own, and notes when."""
    watch, over, heard = store.watch(), Event(), SimpleQueue[float]()

    def listen() -> None:
        while not over.is_set():
            for _ in watch.wait(0.5).told:
                heard.put(time.perf_counter())

    with ThreadPoolExecutor(1) as beside:
        listening = beside.submit(listen)
        yield heard
        over.set()
        watch.close()
        listening.result()


def appending(asked: Asked, store: PostgresStore, lonely: PostgresStore) -> Figure:
    """Batches to one thread."""
    lines = [line(item) for item in recorded_items(1_000 if asked.quick else 3_000)]

    def watched() -> Cost:
        with watching(store):
            return appended(store, lines, BATCH)

    found = duel(watched, lambda: appended(lonely, lines, BATCH), asked.rounds(12))
    return figure(
        found, f"append in batches of {BATCH} while somebody watches", "nobody watches", lambda cost: cost / (len(lines) / BATCH),
        "an append changes nothing that is told",
    )  # fmt: skip


def beginning(asked: Asked, store: PostgresStore, lonely: PostgresStore, boss: psycopg.Connection[Any]) -> Iterator[Figure]:
    """New threads by several writers at once: each leaves a row."""
    each = 25 if asked.quick else 100

    def watched() -> Cost:
        with watching(store):
            return begun(store, each)

    def untold() -> Cost:
        with switched_off(boss):
            return begun(lonely, each)

    for ours, job, note in (
        (lambda: begun(lonely, each), "nobody watches", "each leaves a row"),
        (watched, "somebody watches", "each leaves a row, the first one notifies; whoever watches asks what happened, on the same machine"),
    ):
        found = duel(ours, untold, asked.rounds(12))
        yield figure(
            found, f"begin threads by {WRITERS} writers at once, {job}", "a layout that tells nothing",
            lambda cost: cost / (each * WRITERS), note,
        )  # fmt: skip


def figure(found: Duel, job: str, baseline: str, one: Callable[[float], float], note: str) -> Figure:
    """What one act takes."""
    return Figure(
        job=f"PostgreSQL: {job}",
        ours=seconds(one(found.ours.wall)),
        baseline=f"{seconds(one(found.baseline.wall))}, {baseline}",
        ratio=times(found.wall_ratio),
        target=at_most(1.1),
        met=found.wall_ratio <= 1.1,
        note=note,
    )


def begun(store: PostgresStore, each: int) -> Cost:
    """Threads with their first line."""

    def some(_: int) -> None:
        for _ in range(each):
            identity = new_id()
            writer = store.create(identity, Place(START_MS))
            writer.begin(line(meta(identity)))
            writer.close()

    def work() -> None:
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(some, range(WRITERS)))

    return timed(work)


@contextmanager
def switched_off(boss: psycopg.Connection[Any]) -> Generator[None]:
    """Nothing leaves a row or notifies."""
    for trigger in TRIGGERS:
        boss.execute(f"ALTER TABLE rollout.threads DISABLE TRIGGER {trigger}".encode())
    yield
    for trigger in TRIGGERS:
        boss.execute(f"ALTER TABLE rollout.threads ENABLE TRIGGER {trigger}".encode())


def hearing(asked: Asked, server: Server, store: PostgresStore) -> Figure:
    """From the call that gives a name to the moment when another store has heard of it."""
    identity, other = new_id(), server.store(store.tenant)
    writer = store.create(identity, Place(START_MS))
    writer.begin(line(meta(identity)))
    writer.close()
    taken: list[float] = []
    bare: list[float] = []
    with watching(other) as heard, server.admin() as sender, server.admin() as listener, ThreadPoolExecutor(1) as beside:
        listener.execute("LISTEN bare")
        for number in range(20 if asked.quick else 60):
            time.sleep(SPACE_S)  # what comes sooner after another act is looked for every 50 ms
            began = time.perf_counter()
            store.set_name(identity, f"name {number}")
            taken.append(heard.get() - began)
            waiting = beside.submit(lambda: (list(listener.notifies(timeout=30.0, stop_after=1)), time.perf_counter())[1])
            began = time.perf_counter()
            sender.execute("NOTIFY bare")
            bare.append(waiting.result() - began)
    other.close()
    ratio = median(taken) / median(bare)
    return Figure(
        job="PostgreSQL: from the call that gives a name until another host has heard of it",
        ours=f"{seconds(median(taken))}, p99 {seconds(sorted(taken)[len(taken) * 99 // 100])}",
        baseline=f"{seconds(median(bare))}, a bare NOTIFY",
        ratio=times(ratio),
        target="none",
        met=None,
        note="the name is looked up, given and committed durably; the other host is notified and asks what happened",
    )


if __name__ == "__main__":
    main(figures)
