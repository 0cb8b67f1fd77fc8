"""In which order a client's messages are taken.

Its requests are served as though one after the other, except that those which only read run beside each other, and
that what talks to a running turn waits for no reading.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rollout.appserver.dispatch import give_answer, serve
from rollout.appserver.log import say_exception
from rollout.appserver.messages import Request
from rollout.appserver.unreadable import Oversized, read

if TYPE_CHECKING:
    from rollout.appserver.connection import Connection

READS = frozenset(
    {
        "thread/list", "thread/read", "thread/turns/list", "thread/items/list", "thread/search", "getConversationSummary",
        "listConversations",
    }
)  # fmt: skip
_HASTY = frozenset({"turn/interrupt", "turn/steer"})
_LARGE = 1 << 18


class Intake:
    """Takes the messages of one client, on the event loop."""

    def __init__(self, connection: Connection, reads: int) -> None:
        """``reads``: how many requests that only read may run at once."""
        self._connection = connection
        self._room = asyncio.Semaphore(reads)
        self._reading: set[asyncio.Task[None]] = set()

    async def take(self, line: bytes | Oversized) -> None:
        """Take one message; returns when the next one may be taken. Raises ConnectionError: nobody hears the answers."""
        if isinstance(line, bytes) and not line.strip():
            return
        message = await asyncio.to_thread(read, line) if _is_large(line) else read(line)
        if isinstance(message, Request):
            if message.method in READS and self._connection.client is not None:
                await self._room.acquire()
                self._begin(message)
                return
            if message.method not in _HASTY:
                await self.finish()
        await serve(self._connection, message)

    async def finish(self) -> None:
        """Wait for what is being read."""
        if self._reading:
            await asyncio.wait(self._reading)

    def drop(self) -> None:
        """Give up what is being read; nobody wants it any more."""
        for task in self._reading:
            task.cancel()

    def _begin(self, request: Request) -> None:
        task = asyncio.create_task(self._read(request))
        self._reading.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._reading.discard(task)
        self._room.release()

    async def _read(self, request: Request) -> None:
        try:
            await give_answer(self._connection, request)
        except ConnectionError:
            self._connection.close()
        except Exception:  # noqa: BLE001 - the last line of defence: one answer must not end the others
            say_exception()


def _is_large(line: bytes | Oversized) -> bool:
    return isinstance(line, bytes) and len(line) > _LARGE
