"""Acknowledged items of 256 threads at 6,000 items a second: how long each caller waits for its ``flush``.

The baseline hands every write to a worker thread, as many programs do.
"""

from __future__ import annotations

import asyncio
import os
import random
from time import perf_counter
from typing import TYPE_CHECKING

from corpus import line, recorded_items
from harness import Asked, Figure, main, seconds, times
from rollout.recorder import RolloutRecorder
from rollout.recording import CreateParams, Options
from rollout.store.local.store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from rollout.items import Item

RECORDERS = 256
A_SECOND = 6_000
LIMIT_S = 0.001


def figures(asked: Asked) -> Iterator[Figure]:
    """Rounds of both, in turns; the quantiles are of all rounds together."""
    items = recorded_items(512)
    duration, ours, theirs = (2.0 if asked.quick else 5.0), list[float](), list[float]()
    for _ in range(3):
        theirs += asyncio.run(to_threads(asked.folder, items, duration))
        ours += asyncio.run(recorders(asked.folder, items, duration))
    mine, other = quantile(ours, 0.99), quantile(theirs, 0.99)
    yield Figure(
        job=f"acknowledgement (`record`, `flush`), {RECORDERS} recorders, {A_SECOND:,} items a second in all: p99",
        ours=seconds(mine),
        baseline=f"{seconds(other)}, `asyncio.to_thread` for each write",
        ratio=times(mine / other),
        target=f"≤ {seconds(LIMIT_S)} on a quiet machine",
        met=mine <= LIMIT_S,
        note=f"p50 {seconds(quantile(ours, 0.5))}, baseline's {seconds(quantile(theirs, 0.5))}; {len(ours):,} acknowledgements",
    )


def quantile(values: list[float], part: float) -> float:
    """The value below which so large a part lies."""
    return sorted(values)[int(len(values) * part)]


async def recorders(folder: str, items: list[Item], duration: float) -> list[float]:
    """Our recorders, each with a file of its own."""
    store, options = LocalStore(os.path.join(folder, "home")), Options(collect_git=lambda _: None)
    opened = [await RolloutRecorder.create(store, CreateParams(cwd=folder), options) for _ in range(RECORDERS)]
    for one in opened:
        await one.persist()

    async def acknowledge(number: int) -> None:
        recorder = opened[number]
        await recorder.record([items[number % len(items)]])
        await recorder.flush()

    try:
        return await paced(acknowledge, duration)
    finally:
        for one in opened:
            await one.shutdown()
            os.unlink(one.path)


async def to_threads(folder: str, items: list[Item], duration: float) -> list[float]:
    """The same items encoded on the loop, and each written by a worker thread."""
    paths = [os.path.join(folder, f"raw-{number}") for number in range(RECORDERS)]
    opened = [os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) for path in paths]

    async def acknowledge(number: int) -> None:
        await asyncio.to_thread(os.write, opened[number], line(items[number % len(items)]))

    try:
        return await paced(acknowledge, duration)
    finally:
        for path, fd in zip(paths, opened, strict=True):
            os.close(fd)
            os.unlink(path)


async def paced(acknowledge: Callable[[int], Awaitable[None]], duration: float) -> list[float]:
    """So many callers, each at its own steady beat; how long each acknowledgement took."""
    waits: list[float] = []
    beat, chance, began = RECORDERS / A_SECOND, random.Random(1), perf_counter()

    async def caller(number: int) -> None:
        due = began + chance.random() * beat
        while due < began + duration:
            await asyncio.sleep(max(0.0, due - perf_counter()))
            asked = perf_counter()
            await acknowledge(number)
            waits.append(perf_counter() - asked)
            due += beat

    await asyncio.gather(*map(caller, range(RECORDERS)))
    return waits


if __name__ == "__main__":
    main(figures)
