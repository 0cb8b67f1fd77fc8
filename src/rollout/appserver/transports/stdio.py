"""One client on standard input and output, until its input ends.

Lines are read by a thread of their own, a few ahead; answers are written by worker threads, in order, so that a
client that does not read holds up nobody but itself.
"""

from __future__ import annotations

import asyncio
from threading import Thread
from typing import TYPE_CHECKING, Any, BinaryIO

from rollout.appserver.dispatch import receive
from rollout.appserver.messages import encode
from rollout.appserver.state import Connection

if TYPE_CHECKING:
    from rollout.appserver.state import Server

_AHEAD = 64


async def serve(server: Server, source: BinaryIO, target: BinaryIO) -> None:
    """Answer requests until the input ends; raises BrokenPipeError when nobody reads the answers."""
    lines: asyncio.Queue[bytes] = asyncio.Queue(_AHEAD)
    loop = asyncio.get_running_loop()
    writing = asyncio.Lock()

    def read() -> None:
        for line in iter(source.readline, b""):
            asyncio.run_coroutine_threadsafe(lines.put(line), loop).result()
        asyncio.run_coroutine_threadsafe(lines.put(b""), loop).result()

    async def send(message: dict[str, Any]) -> None:
        async with writing:
            await asyncio.to_thread(_write, target, message)

    connection = Connection(server, send)
    Thread(target=read, name="rollout app-server input", daemon=True).start()
    try:
        while line := await lines.get():
            await receive(connection, line)
    finally:
        connection.close()
        await server.close()


def _write(target: BinaryIO, message: dict[str, Any]) -> None:
    target.writelines(encode(message))
    target.flush()
