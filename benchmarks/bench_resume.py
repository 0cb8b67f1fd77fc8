"""Resuming a thread of 500 MB, against the real Codex 0.169.0 where there is one.

Ours is a whole process: Python starts, the thread is opened under its lock, the history that the model would be
sent is rebuilt from the end of the file, one item is recorded and flushed. Of Codex only the ``thread/resume``
request is timed, not its start. Every hundred turns the thread was compacted, as a model's window makes it.
"""

from __future__ import annotations

import os
from itertools import count
from time import perf_counter
from typing import TYPE_CHECKING, Any

from codex import binary, driver
from corpus import PROVIDER, Thread, write_thread
from harness import Asked, Cost, Figure, at_most, child, duel, main, mib, seconds, skipped, times

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

VERSION = "0.169.0"
TARGET = 0.1
LIMIT = 256 << 20
RESUME = """
import asyncio
from rollout.history import history_back
from rollout.items import UserMessage
from rollout.recorder import RolloutRecorder
from rollout.store.local.store import LocalStore

async def resume(home, thread_id):
    store = LocalStore(home)
    async with await RolloutRecorder.resume(store, thread_id) as recorder:
        history = history_back(store.lines_back(thread_id))
        await recorder.record([UserMessage(message="go on", images=[])])
        await recorder.flush()
    return len(history)

answer(items=asyncio.run(resume(*sys.argv[1:])))
"""
_homes = count()


def figures(asked: Asked) -> Iterator[Figure]:
    """Time against Codex, and our peak alone."""
    thread = write_thread(os.path.join(asked.folder, "ours"), (60 if asked.quick else 500) << 20)
    ours = _resumed(asked, thread)
    yield Figure(
        job=f"resume a thread of {mib(thread.bytes)}: peak memory of the whole process",
        ours=mib(ours.peak),
        baseline=mib(thread.bytes) + ", the file",
        ratio=times(ours.peak / thread.bytes),
        target=f"≤ {mib(LIMIT)}",
        met=ours.peak <= LIMIT,
        note=f"wall {seconds(ours.wall)}, Python's start included",
    )
    yield _against_codex(asked, thread)


def _against_codex(asked: Asked, thread: Thread) -> Figure:
    job, target = f"resume a thread of {mib(thread.bytes)}: wall", at_most(TARGET)
    program, driven = binary(VERSION), driver()
    if program is None or driven is None:
        return skipped(job, target, f"no Codex {VERSION}: set CODEX_BINARIES to its folder, ROLLOUT_SHARED to its driver's")
    found = duel(lambda: _resumed(asked, thread), lambda: _codex(driven, program, thread, asked.folder), 3)
    return Figure(
        job=job,
        ours=f"{seconds(found.ours.wall)}, Python's start included",
        baseline=f"{seconds(found.baseline.wall)}, `thread/resume` of Codex {VERSION} alone",
        ratio=times(found.wall_ratio),
        target=target,
        met=found.wall_ratio <= TARGET,
        note=f"peak {mib(found.ours.peak)}, Codex's {mib(found.baseline.peak)}",
    )


def _resumed(asked: Asked, thread: Thread) -> Cost:
    found = child(RESUME, os.path.join(asked.folder, "ours"), thread.identity)
    return Cost(found["wall"], found["cpu"], int(found["peak"]))


def _codex(driven: ModuleType, program: str, thread: Thread, folder: str) -> Cost:
    """One resume in a home that Codex has not seen; its answer is waited for and read whole."""
    home = os.path.join(folder, f"codex-{next(_homes)}")
    path = os.path.join(home, os.path.relpath(thread.path, os.path.join(folder, "ours")))
    os.makedirs(os.path.dirname(path))
    os.link(thread.path, path)
    driven.write_config(home, "http://127.0.0.1:9", provider=PROVIDER)
    environment = driven.clean_env(home, home=os.path.join(folder, "nobody"))
    try:
        with driven.CodexAppServer(program, home, env=environment, cwd=folder) as server:
            began = perf_counter()
            server.request("thread/resume", {"threadId": thread.identity}, timeout=600)
            return Cost(perf_counter() - began, 0.0, _peak(server))
    finally:
        os.unlink(path)


def _peak(server: Any) -> int:
    with open(f"/proc/{server.p.pid}/status", encoding="ascii", errors="replace") as status:
        return next(int(row.split()[1]) * 1024 for row in status if row.startswith("VmHWM:"))


if __name__ == "__main__":
    main(figures)
