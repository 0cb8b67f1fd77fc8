"""Threads that nobody follows and that do nothing are let go of, so that others may write them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from rollout.appserver.log import say
from rollout.appserver.state import unload
from rollout.errors import RolloutError

if TYPE_CHECKING:
    from rollout.appserver.live import LiveThread
    from rollout.appserver.state import Server

_SWEEPS = 4


async def sweep_until(stopping: asyncio.Event, server: Server, after: float) -> None:
    """Let go of idle threads from time to time, each once it has been idle for ``after`` seconds."""
    while not stopping.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), after / _SWEEPS)
        await unload_idle(server, asyncio.get_running_loop().time(), after)


async def unload_idle(server: Server, now: float, after: float) -> None:
    """Let go of every thread that has been idle for ``after`` seconds; ``now`` is any clock that goes on."""
    for live in list(server.threads.values()):
        if not _is_idle(server, live):
            live.idle_since = None
        elif live.idle_since is None:
            live.idle_since = now
        elif now - live.idle_since >= after:
            await _unload(server, live)


def _is_idle(server: Server, live: LiveThread) -> bool:
    return live.running is None and not any(live.id in one.followed for one in server.connections)


async def _unload(server: Server, live: LiveThread) -> None:
    async with server.alone(live.id):
        if server.threads.get(live.id) is not live or not _is_idle(server, live):
            return
        try:
            await unload(server, live)
        except RolloutError as error:
            say(f"thread {live.id} stays loaded: {error}")
            return
    if server.level.later:
        await server.broadcast("thread/status/changed", {"threadId": live.id, "status": {"type": "notLoaded"}})
        await server.broadcast("thread/closed", {"threadId": live.id})
