"""Durable acknowledgements: 256 recorders that ``sync`` after each item, against one ``fdatasync`` an item."""

from __future__ import annotations

import asyncio
import os
from time import perf_counter, process_time
from typing import TYPE_CHECKING

from corpus import line, recorded_items
from harness import Asked, Cost, Figure, at_least, duel, main, times
from rollout.recorder import RolloutRecorder
from rollout.recording import CreateParams, Options
from rollout.store.local.store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from rollout.items import Item

RECORDERS = 256
TARGET = 1.3


def figures(asked: Asked) -> Iterator[Figure]:
    """Acknowledgements a second."""
    items, each = recorded_items(512), 8 if asked.quick else 24
    found = duel(
        lambda: asyncio.run(recorders(asked.folder, items, each)),
        lambda: asyncio.run(executor(asked.folder, items, each)),
        asked.rounds(8),
    )
    acknowledged, speed = RECORDERS * each, 1 / found.wall_ratio
    yield Figure(
        job=f"durable acknowledgement (`record`, `sync`), {RECORDERS} recorders",
        ours=f"{acknowledged / found.ours.wall:,.0f} a second",
        baseline=f"{acknowledged / found.baseline.wall:,.0f}, one `fdatasync` each in the default executor",
        ratio=f"{times(speed)} its rate",
        target=at_least(TARGET),
        met=speed >= TARGET,
        note=f"group commit; {acknowledged:,} acknowledgements a round",
    )


async def recorders(folder: str, items: list[Item], each: int) -> Cost:
    """Our recorders; the time of opening, of the first sync (folders) and of closing does not count."""
    store, options = LocalStore(os.path.join(folder, "home")), Options(collect_git=lambda _: None)
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


async def executor(folder: str, items: list[Item], each: int) -> Cost:
    """Write on the loop, then one ``fdatasync`` for each acknowledgement in asyncio's own threads."""
    paths = [os.path.join(folder, f"raw-{number}") for number in range(RECORDERS)]
    opened = [os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) for path in paths]
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(loop.run_in_executor(None, os.fdatasync, fd) for fd in opened))

    async def acknowledge(number: int) -> None:
        os.write(opened[number], line(items[number % len(items)]))
        await loop.run_in_executor(None, os.fdatasync, opened[number])

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
