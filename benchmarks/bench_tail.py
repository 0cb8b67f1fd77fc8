"""The last 50 lines of a thread of a gigabyte, against the program ``tail``."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from corpus import write_thread
from harness import Asked, Figure, at_most, duel, main, mib, seconds, skipped, spawn, timed, times
from rollout.lines import Line
from rollout.store.local.store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Iterator

JOB = "the last 50 lines of a long thread: wall"
TARGET = at_most(1)


def figures(asked: Asked) -> Iterator[Figure]:
    """Ours are found by id in the home, decoded and counted; ``tail`` knows the path and starts a process."""
    thread = write_thread(asked.folder, (100 if asked.quick else 1024) << 20)
    store = LocalStore(asked.folder)

    def last() -> None:
        found = [one for one in islice(store.lines_back(thread.identity), 50) if isinstance(one, Line)]
        if len(found) != 50:
            raise RuntimeError(f"{len(found)} lines were read")

    try:
        found = duel(lambda: timed(last), lambda: spawn(["tail", "-n", "50", thread.path]), asked.rounds(40))
    except FileNotFoundError:
        yield skipped(JOB, TARGET, "there is no program tail here")
        return
    yield Figure(
        job=JOB,
        ours=seconds(found.ours.wall),
        baseline=f"{seconds(found.baseline.wall)}, `tail -n 50`, its start included",
        ratio=times(found.wall_ratio),
        target=TARGET,
        met=found.wall_ratio <= 1,
        note=mib(thread.bytes),
    )


if __name__ == "__main__":
    main(figures)
