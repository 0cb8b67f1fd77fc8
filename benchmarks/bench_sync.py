"""Durable acknowledgements: 256 recorders that ``sync`` after each item, against one ``fdatasync`` an item.

Once on the disk that is here, and once as if each ``fdatasync`` took two milliseconds more: disks differ by a
factor of a hundred, and what group commit gains is time that the disk takes.
"""

from __future__ import annotations

import asyncio
import os
from statistics import median
from time import perf_counter, process_time, sleep
from typing import TYPE_CHECKING

from corpus import line, recorded_items
from harness import Asked, Cost, Figure, at_least, duel, main, seconds, times
from rollout.journal.filesystem import OS, Filesystem
from rollout.recorder import RolloutRecorder
from rollout.recording import CreateParams, Options
from rollout.store.local.store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from rollout.items import Item

RECORDERS = 256
TARGET = 1.3
SLOW_S = 0.002


class SlowDisk(Filesystem):
    """The real one, with a wait after each fdatasync."""

    def fdatasync(self, fd: int) -> None:
        """Sync, and wait."""
        super().fdatasync(fd)
        sleep(SLOW_S)


def figures(asked: Asked) -> Iterator[Figure]:
    """Acknowledgements a second, on both disks."""
    items = recorded_items(512)
    cost = alone(asked.folder)
    here = f"here, where a write and `fdatasync` alone take {seconds(cost)}"
    yield figure(asked, items, OS, here, "the cheaper a sync is, the less there is to gain")
    slow = f"each `fdatasync` {seconds(SLOW_S)} slower"
    yield figure(asked, items, SlowDisk(), slow, "a disk that really writes")


def figure(asked: Asked, items: list[Item], fs: Filesystem, where: str, note: str) -> Figure:
    """Ours and the baseline on one disk."""
    each = 8 if asked.quick else 24
    found = duel(
        lambda: asyncio.run(recorders(asked.folder, items, each, fs)),
        lambda: asyncio.run(executor(asked.folder, items, each, fs)),
        asked.rounds(8),
    )
    acknowledged, speed = RECORDERS * each, 1 / found.wall_ratio
    return Figure(
        job=f"durable acknowledgement (`record`, `sync`), {RECORDERS} recorders, {where}",
        ours=f"{acknowledged / found.ours.wall:,.0f} a second",
        baseline=f"{acknowledged / found.baseline.wall:,.0f}, one `fdatasync` each in the default executor",
        ratio=f"{times(speed)} its rate",
        target=at_least(TARGET),
        met=speed >= TARGET,
        note=f"{acknowledged:,} acknowledgements a round; {note}",
    )


def alone(folder: str) -> float:
    """What one durable line costs when nobody else asks for anything."""
    path, costs = os.path.join(folder, "alone"), list[float]()
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for _ in range(200):
        began = perf_counter()
        os.write(fd, b"x" * 1_500)
        os.fdatasync(fd)
        costs.append(perf_counter() - began)
    os.close(fd)
    os.unlink(path)
    return median(costs)


async def recorders(folder: str, items: list[Item], each: int, fs: Filesystem) -> Cost:
    """Our recorders; the time of opening, of the first sync (folders) and of closing does not count."""
    store, options = LocalStore(os.path.join(folder, "home"), fs), Options(collect_git=lambda _: None)
    opened = [await RolloutRecorder.create(store, CreateParams(cwd=folder), options) for _ in range(RECORDERS)]
    for one in opened:
        await one.persist()
    await asyncio.gather(*(one.sync() for one in opened))

    async def acknowledge(number: int) -> None:
        await opened[number].record([items[number % len(items)]])
        await opened[number].sync()

    try:
        return await rounds(acknowledge, each)
    finally:
        for one in opened:
            await one.shutdown()
            os.unlink(one.path)


async def executor(folder: str, items: list[Item], each: int, fs: Filesystem) -> Cost:
    """Write on the loop, then one ``fdatasync`` for each acknowledgement in asyncio's own threads."""
    paths = [os.path.join(folder, f"raw-{number}") for number in range(RECORDERS)]
    opened = [os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) for path in paths]
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(loop.run_in_executor(None, fs.fdatasync, fd) for fd in opened))

    async def acknowledge(number: int) -> None:
        os.write(opened[number], line(items[number % len(items)]))
        await loop.run_in_executor(None, fs.fdatasync, opened[number])

    try:
        return await rounds(acknowledge, each)
    finally:
        for path, fd in zip(paths, opened, strict=True):
            os.close(fd)
            os.unlink(path)


async def rounds(acknowledge: Callable[[int], Awaitable[None]], each: int) -> Cost:
    """Every caller waits for its acknowledgement before its next item."""

    async def caller(number: int) -> None:
        for _ in range(each):
            await acknowledge(number)

    wall, cpu = perf_counter(), process_time()
    await asyncio.gather(*map(caller, range(RECORDERS)))
    return Cost(perf_counter() - wall, process_time() - cpu)


if __name__ == "__main__":
    main(figures)
