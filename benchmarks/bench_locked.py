"""Appending to a thread while another process holds the lock of its home's index, against a home whose index is free."""

from __future__ import annotations

import os
import subprocess
import sys
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

MOST = 1.1
LOCK = """
import sys, apsw
db = apsw.Connection(sys.argv[1])
db.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
db.execute("ROLLBACK")
"""


def figures(asked: Asked) -> Iterator[Figure]:
    """Items are recorded and flushed one by one, in turns in both homes, as long as the lock is held."""
    items, lasting = recorded_items(200), 6 if asked.quick else 60
    free, locked = (Home(os.path.join(asked.folder, name)) for name in ("free", "locked"))
    command = [sys.executable, "-c", LOCK, locked.place.path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder, free.recorder, locked.recorder:
        if holder.stdout is None or not holder.stdout.readline():
            raise RuntimeError("the index could not be locked")
        turns: list[tuple[Cost, Cost]] = []
        end = time.monotonic() + lasting
        while time.monotonic() < end:
            one, other = (free, locked) if len(turns) % 2 else (locked, free)
            costs = {one: one.cost(items), other: other.cost(items)}
            turns.append((costs[locked], costs[free]))
        note = locked.store.list(EVERYTHING._replace(limit=1)).note
        holder.communicate()
    if not note:
        raise RuntimeError("the index was not locked")
    ours, theirs = middle([one for one, _ in turns]), middle([one for _, one in turns])
    ratio = median(one.wall / other.wall for one, other in turns)
    yield Figure(
        job=f"append and flush of one item while another process holds the lock of the index, for {lasting} s",
        ours=seconds(ours.wall / len(items)),
        baseline=f"{seconds(theirs.wall / len(items))}, in a home whose index is free, in turns",
        ratio=times(ratio),
        target=at_most(MOST),
        met=ratio <= MOST,
        note=f"{len(turns) * len(items):,} items in each home",
    )


class Home:
    """A home of 1,000 threads with an index, and a thread in it that is recorded."""

    def __init__(self, path: str) -> None:
        """Make it."""
        write_home(path, 1_000)
        self.place = IndexPlace(f"{path}.sqlite", ours=False)
        self.store = LocalStore(path, index=self.place)
        self.store.list(EVERYTHING)
        self.recorder = SyncRolloutRecorder.create(
            self.store, CreateParams(cwd=path), Options(collect_git=lambda _: None)
        )
        self.recorder.persist()

    def cost(self, items: Sequence[Item]) -> Cost:
        """Record and flush these items one by one."""
        return timed(lambda: self._record(items))

    def _record(self, items: Sequence[Item]) -> None:
        for item in items:
            self.recorder.record([item])
            self.recorder.flush()


if __name__ == "__main__":
    main(figures)
