"""The first page of 100,000 threads without an index, against the least that its files cost."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from corpus import write_home
from harness import Asked, Cost, Figure, at_most, both, duel, main, seconds, timed, times
from rollout.query import Order, ThreadQuery
from rollout.store.local.store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_S = 0.005
ROWS = 50
QUERY = ThreadQuery(order=Order("created"), limit=ROWS)
TARGET = 2.0


def figures(asked: Asked) -> Iterator[Figure]:
    """Newest first, by creation; then the same in a tenth of the threads."""
    threads = 10_000 if asked.quick else 100_000
    many, few = os.path.join(asked.folder, "many"), os.path.join(asked.folder, "few")
    write_home(many, threads)
    write_home(few, threads // 10)
    found = duel(lambda: page(many), lambda: heads(many), asked.rounds(40))
    yield Figure(
        job=f"first page of {ROWS} of {threads:,} threads by creation, warm",
        ours=both(found.ours),
        baseline=f"{both(found.baseline)}, folders listed newest first and {ROWS} heads of 64 KiB read",
        ratio=times(found.cpu_ratio),
        target=f"≤ {seconds(LIMIT_S)}",
        met=found.ours.cpu <= LIMIT_S,
    )
    found = duel(lambda: page(many), lambda: page(few), asked.rounds(40))
    yield Figure(
        job=f"the same page of {threads:,} threads and of {threads // 10:,}",
        ours=both(found.ours),
        baseline=f"{both(found.baseline)}, of {threads // 10:,}",
        ratio=times(found.cpu_ratio),
        target=at_most(TARGET),
        met=found.cpu_ratio <= TARGET,
    )


def page(home: str) -> Cost:
    """Our page, from a store that has just been opened."""

    def listed() -> None:
        rows = LocalStore(home).list(QUERY).threads
        if len(rows) != ROWS:
            raise RuntimeError(f"{len(rows)} threads were listed")

    return timed(listed)


def heads(home: str) -> Cost:
    """The bare calls: no name is parsed, nothing is decoded."""

    def read() -> None:
        for path in _newest(os.path.join(home, "sessions"), 3, ROWS):
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            os.pread(fd, 1 << 16, 0)
            os.close(fd)

    return timed(read)


def _newest(folder: str, depth: int, wanted: int) -> list[str]:
    found: list[str] = []
    for name in sorted(os.listdir(folder), reverse=True):
        path = os.path.join(folder, name)
        found += _newest(path, depth - 1, wanted - len(found)) if depth else [path]
        if len(found) >= wanted:
            break
    return found[:wanted]


if __name__ == "__main__":
    main(figures)
