"""What telling the index costs who records, and what it saves who lists."""

from __future__ import annotations

import os
import time
from statistics import median
from typing import TYPE_CHECKING

from corpus import recorded_items, write_home
from harness import Asked, Cost, Figure, at_most, main, middle, seconds, timed, times
from rollout.query import EVERYTHING
from rollout.recorder_sync import SyncRolloutRecorder
from rollout.recording import CreateParams, Options
from rollout.store.local.index_path import IndexPlace
from rollout.store.local.store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rollout.items import Item

RECORDING, LISTING = 1.1, 0.8
THREADS, NEW = 1_000, 500


def figures(asked: Asked) -> Iterator[Figure]:
    """Recording first, then listing, in homes of their own."""
    yield recording(asked)
    yield listing(asked)


def recording(asked: Asked) -> Figure:
    """Items are recorded and flushed one by one, in turns in both homes."""
    items, lasting = recorded_items(200), 5 if asked.quick else 30
    fed, alone = (Home(os.path.join(asked.folder, name), fed=name == "fed") for name in ("fed", "alone"))
    recorders = {home: home.recorder() for home in (fed, alone)}
    turns: list[tuple[Cost, Cost]] = []
    end = time.monotonic() + lasting
    while time.monotonic() < end:
        order = (fed, alone) if len(turns) % 2 else (alone, fed)
        costs = {home: timed(lambda home=home: record(recorders[home], items)) for home in order}  # type: ignore[misc]  # a lambda's default
        turns.append((costs[fed], costs[alone]))
    for recorder in recorders.values():
        recorder.shutdown()
    fed.store.close()
    ratio = sum(one.wall for one, _ in turns) / sum(other.wall for _, other in turns)
    ours, theirs = middle([one for one, _ in turns]), middle([other for _, other in turns])
    return Figure(
        job=f"append and flush of one item while the index is told of it, for {lasting} s",
        ours=seconds(ours.wall / len(items)),
        baseline=f"{seconds(theirs.wall / len(items))}, in a home without an index, in turns",
        ratio=f"{times(ratio)} in sum, {times(median(one.wall / other.wall for one, other in turns))} in the middle",
        target=at_most(RECORDING),
        met=ratio <= RECORDING,
        note=f"{len(turns) * len(items):,} items in each home",
    )


def listing(asked: Asked) -> Figure:
    """The first page after many threads were recorded, of which the index was told or was not."""
    turns: list[tuple[Cost, Cost]] = []
    for number in range(asked.rounds(6)):
        told, untold = (Home(os.path.join(asked.folder, f"{name}-{number}"), fed=name == "told") for name in ("told", "untold"))
        for home in (told, untold):
            for _ in range(NEW):
                with home.recorder() as recorder:
                    record(recorder, recorded_items(4))
        settle(told)
        turns.append((told.first_page(), untold.first_page()))
    ours, theirs = middle([one for one, _ in turns]), middle([other for _, other in turns])
    ratio = median(one.wall / other.wall for one, other in turns)
    return Figure(
        job=f"first page of 50 after {NEW} more threads were recorded in a home of {THREADS:,}, of which the index was told",
        ours=seconds(ours.wall),
        baseline=f"{seconds(theirs.wall)}, when it was not told",
        ratio=times(ratio),
        target=at_most(LISTING),
        met=ratio <= LISTING,
    )


def settle(home: Home) -> None:
    """Wait until the index agrees with the files."""
    while (status := home.indexed.index_status(home.place).look()) is None or status.differs:
        time.sleep(0.05)


def record(recorder: SyncRolloutRecorder, items: Sequence[Item]) -> None:
    """Record and flush these items one by one."""
    for item in items:
        recorder.record([item])
        recorder.flush()


class Home:
    """A home of many threads with an index; its recorders tell it when it is ``fed``."""

    def __init__(self, path: str, *, fed: bool) -> None:
        """Make it."""
        write_home(path, THREADS)
        self.place = IndexPlace(f"{path}.sqlite", ours=False)
        self.indexed = LocalStore(path, index=self.place)
        self.indexed.list(EVERYTHING)
        self.store = self.indexed if fed else LocalStore(path)

    def recorder(self) -> SyncRolloutRecorder:
        """One of a new thread, which is on disk."""
        made = SyncRolloutRecorder.create(self.store, CreateParams(cwd="/w"), Options(collect_git=lambda _: None))
        made.persist()
        return made

    def first_page(self) -> Cost:
        """What a listing costs now."""
        return timed(lambda: LocalStore(self.indexed.home, index=self.place).list(EVERYTHING._replace(limit=50)))


if __name__ == "__main__":
    main(figures)
