"""Appending 20,000 items, encoding included, against bare ``os.write`` calls of the same lines."""

from __future__ import annotations

import asyncio
import os
from itertools import count
from time import perf_counter, process_time
from typing import TYPE_CHECKING

from corpus import line, recorded_items
from harness import Asked, Cost, Duel, Figure, at_least, duel, main, seconds, timed, times
from rollout.recorder import RolloutRecorder
from rollout.recording import CreateParams, Options
from rollout.store.local.store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rollout.items import Item

TARGET = 0.7
_files = count()


def figures(asked: Asked) -> Iterator[Figure]:
    """One item a call, then sixteen."""
    items = recorded_items(4_000 if asked.quick else 20_000)
    lines = [line(item) for item in items]
    for batch in (1, 16):
        batches: list[list[Item]] = [list(items[at : at + batch]) for at in range(0, len(items), batch)]

        def ours(batches: Sequence[list[Item]] = batches) -> Cost:
            return asyncio.run(recorded(asked.folder, batches))

        yield figure(batch, lines, duel(ours, lambda: written(asked.folder, lines), asked.rounds(12)))


def figure(batch: int, lines: Sequence[bytes], found: Duel) -> Figure:
    """In speed: how many of the raw writes' items go through in the same time."""
    speed, mean = 1 / found.wall_ratio, sum(map(len, lines)) / len(lines)
    return Figure(
        job=f"append, encoding included, {batch} item{'s' * (batch > 1)} a call",
        ours=f"{seconds(found.ours.wall / len(lines))} an item",
        baseline=f"{seconds(found.baseline.wall / len(lines))}, `os.write` of each line, ready-made",
        ratio=f"{times(speed)} its speed",
        target=at_least(TARGET),
        met=speed >= TARGET,
        note=f"{len(lines):,} items, mean line {mean:,.0f} bytes; CPU {times(1 / found.cpu_ratio)}",
    )


async def recorded(folder: str, batches: Sequence[list[Item]]) -> Cost:
    """Record every batch and flush; opening and closing are not counted."""
    recorder = await RolloutRecorder.create(
        LocalStore(os.path.join(folder, "home")), CreateParams(cwd=folder), Options(collect_git=lambda _: None)
    )
    await recorder.persist()
    cost = await _recording(recorder, batches)
    await recorder.shutdown()
    os.unlink(recorder.path)
    return cost


async def _recording(recorder: RolloutRecorder, batches: Sequence[list[Item]]) -> Cost:
    wall, cpu = perf_counter(), process_time()
    for batch in batches:
        await recorder.record(batch)
    await recorder.flush()
    return Cost(perf_counter() - wall, process_time() - cpu)


def written(folder: str, lines: Sequence[bytes]) -> Cost:
    """The same lines, one call of the system each."""
    path = os.path.join(folder, f"raw-{next(_files)}.jsonl")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        return timed(lambda: _write_each(fd, lines))
    finally:
        os.close(fd)
        os.unlink(path)


def _write_each(fd: int, lines: Sequence[bytes]) -> None:
    write = os.write
    for one in lines:
        write(fd, one)


if __name__ == "__main__":
    main(figures)
