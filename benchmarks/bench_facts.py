"""The facts of one thread: a file of a gigabyte must cost what a file of a megabyte costs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from corpus import write_thread
from harness import Asked, Cost, Figure, at_most, duel, main, mib, seconds, timed, times
from rollout.store.local.headtail import read_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET = 1.5
LIMIT_S = 0.001
CALLS = 20


def figures(asked: Asked) -> Iterator[Figure]:
    """Twenty calls a turn, both files warm."""
    small = write_thread(os.path.join(asked.folder, "small"), 1 << 20)
    large = write_thread(os.path.join(asked.folder, "large"), (100 if asked.quick else 1024) << 20)

    def facts(path: str) -> Cost:
        return timed(lambda: [read_facts(path) for _ in range(CALLS)])

    found = duel(lambda: facts(large.path), lambda: facts(small.path), asked.rounds(30))
    each = found.ours.wall / CALLS
    yield Figure(
        job=f"the facts of a thread of {mib(large.bytes)}",
        ours=seconds(each),
        baseline=f"{seconds(found.baseline.wall / CALLS)}, the same of {mib(small.bytes)}",
        ratio=times(found.wall_ratio),
        target=f"{at_most(TARGET)}, and ≤ {seconds(LIMIT_S)}",
        met=found.wall_ratio <= TARGET and each <= LIMIT_S,
    )


if __name__ == "__main__":
    main(figures)
