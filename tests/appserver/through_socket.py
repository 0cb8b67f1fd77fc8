"""A client on standard streams of our server on a socket file: what is asked of the one goes through the other.

``through_socket.py [--websocket] OPTIONS…``: the options are those of ``rollout app-server``.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

SERVER = Path(__file__).with_name("serve.py")
LONGEST = 1 << 30


def main(options: list[str]) -> None:
    """Carry lines both ways until the input ends."""
    websocket = "--websocket" in options
    given = [one for one in options if one != "--websocket"]
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/s"
        command = [sys.executable, str(SERVER), "--listen", f"unix://{path}", *given]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as server:
            assert server.stderr is not None
            server.stderr.readline()
            try:
                asyncio.run(_frames(path) if websocket else _lines(path))
            finally:
                server.terminate()


async def _lines(path: str) -> None:
    reader, writer = await asyncio.open_unix_connection(path, limit=LONGEST)

    async def down() -> None:
        while line := await reader.readline():
            _put(line)

    listening = asyncio.create_task(down())
    while line := await asyncio.to_thread(sys.stdin.buffer.readline):
        writer.write(line)
        await writer.drain()
    writer.write_eof()
    await listening
    writer.close()


async def _frames(path: str) -> None:
    from websockets.asyncio.client import unix_connect

    async with unix_connect(path, "ws://localhost/rpc", max_size=LONGEST, compression=None) as client:

        async def down() -> None:
            async for message in client:
                _put((message if isinstance(message, bytes) else message.encode()) + b"\n")

        listening = asyncio.create_task(down())
        while line := await asyncio.to_thread(sys.stdin.buffer.readline):
            await client.send(line.removesuffix(b"\n").decode())
        await client.close()
        await listening


def _put(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
