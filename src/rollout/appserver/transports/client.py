"""One client of a socket: what arrives is taken in order, what is told waits in a bounded queue.

Nobody else ever waits for a client. Its own answers wait until it reads; notifications do not, and when too many of
them are unread, the client is disconnected, with a word to the operator and, on a websocket, to itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import aclosing
from typing import TYPE_CHECKING

from rollout.appserver.connection import Connection
from rollout.appserver.log import say, say_exception
from rollout.appserver.transports.intake import Intake
from rollout.appserver.transports.pace import Pace

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

    from rollout.appserver.messages import Outgoing
    from rollout.appserver.state import Server
    from rollout.appserver.transports.framing import Framing
    from rollout.appserver.transports.limits import Limits
    from rollout.appserver.unreadable import Oversized

_PIECE = 1 << 16
_HIGH = 1 << 18
_AHEAD = 1 << 20
TOO_SLOW, GOING_AWAY = 1008, 1001
_REASON = 120


class SocketClient(asyncio.Protocol):
    """One client, from its first byte to its last."""

    def __init__(self, server: Server, limits: Limits, enter: Callable[[bytes], Framing], *, patient: bool) -> None:
        """``enter`` tells by the first bytes how messages stand; without ``patient`` those must come soon."""
        self._limits, self._enter, self._patient = limits, enter, patient
        self._framing: Framing | None = None
        self._connection = Connection(server, self.send)
        self._arrived: deque[bytes | Oversized] = deque()
        self._arrived_size = 0
        self._news, self._writable = asyncio.Event(), asyncio.Event()
        self._writable.set()
        self._speaking = asyncio.Lock()
        self._pace = Pace(limits.patience)
        self._held: deque[bytes] = deque()
        self._held_size = 0
        self._in_message = self._ended = self._silent = self._deaf = False
        self._gone = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.when_gone: Callable[[SocketClient], object] = bool

    # -- what arrives --------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to listen."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # sockets have both directions
        self._transport.set_write_buffer_limits(high=min(_HIGH, self._limits.unread // 4))
        self._task = asyncio.create_task(self._work())
        asyncio.get_running_loop().call_later(self._limits.handshake, self._expect_handshake)

    def data_received(self, data: bytes) -> None:
        """Take what arrived apart."""
        if self._deaf:
            return
        if self._framing is None:
            self._framing = self._enter(data)
        self._take(self._framing, self._framing.feed(data))
        if self._is_full():
            self._transport.pause_reading()

    def _is_full(self) -> bool:
        """Whether enough lies ready to be taken."""
        return len(self._arrived) > self._limits.ahead or self._arrived_size > _AHEAD

    def eof_received(self) -> bool:
        """Nothing more arrives; what did is answered. When leave was taken, that was the last thing to wait for."""
        if self._deaf:
            return False
        self._ended = self._silent = True
        if self._framing is not None:
            self._take(self._framing, self._framing.end())
        self._news.set()
        return True

    def _take(self, framing: Framing, found: list[bytes | Oversized]) -> None:
        self._arrived.extend(found)
        self._arrived_size += sum(map(len, found))
        self._write(framing.owed())
        self._ended = self._ended or framing.over
        self._news.set()
        if self._transport.get_write_buffer_size() > self._limits.unread:  # pongs that nobody reads
            self._disconnect()

    def _expect_handshake(self) -> None:
        if not self._deaf and ((self._framing is None and not self._patient) or (self._framing and not self._framing.open)):
            self._transport.abort()

    async def _work(self) -> None:
        intake = Intake(self._connection, self._limits.reads)
        try:
            while (message := await self._next()) is not None:
                await intake.take(message)
            await intake.finish()
        except ConnectionError:
            pass
        except Exception:  # noqa: BLE001 - the last line of defence: one client must not end the others
            say_exception()
        finally:
            intake.drop()
            self.leave(GOING_AWAY, "")

    async def _next(self) -> bytes | Oversized | None:
        """The next message; None when there will be none."""
        while not self._deaf:
            if self._arrived:
                message = self._arrived.popleft()
                self._arrived_size -= len(message)
                if not self._is_full():
                    self._transport.resume_reading()
                return message
            if self._ended:
                return None
            self._news.clear()
            await self._news.wait()
        return None

    # -- what is told ----------------------------------------------------------------------------------------------

    async def send(self, told: Outgoing) -> None:
        """An answer, as soon as the client reads; anything else at once. Raises ConnectionError."""
        if not told.is_answer:
            self._post(told.line)
            return
        async with self._speaking:
            await self._speak(told.blocks())

    def _post(self, line: bytes) -> None:
        """Have a notification sent, behind the answer that is being written."""
        if self._deaf:
            raise ConnectionError("the client went away")
        unread = self._transport.get_write_buffer_size() + self._held_size
        if unread and unread + len(line) > self._limits.unread:
            self._disconnect()
            raise ConnectionError("the client does not read")
        if self._in_message:
            self._held.append(line)
            self._held_size += len(line)
        else:
            self._put(line, first=True, last=True)

    async def _speak(self, blocks: Iterator[bytes]) -> None:
        """Write an answer piece by piece, each when there is room; half an answer is ended, so that an error can follow."""
        first = True
        try:
            async with aclosing(_pieces(blocks)) as pieces:
                async for piece in pieces:
                    await self._room()
                    last = piece.endswith(b"\n")
                    self._in_message = not last
                    self._put(piece, first=first, last=last)
                    first = False
        except ConnectionError:
            raise
        except Exception:
            if self._in_message:
                self._put(b"\n", first=False, last=True)
            raise
        finally:
            self._in_message = False
            self._release()

    def _release(self) -> None:
        while self._held and not self._deaf:
            line = self._held.popleft()
            self._held_size -= len(line)
            self._put(line, first=True, last=True)

    async def _room(self) -> None:
        if not self._deaf:
            await self._writable.wait()
        if self._deaf:
            raise ConnectionError("the client went away")

    def _put(self, data: bytes, *, first: bool, last: bool) -> None:
        if self._framing is None or not self._framing.open:
            raise ConnectionError("the client is not there")
        self._write(self._framing.frame(data, first=first, last=last))

    def _write(self, data: bytes) -> None:
        if data and not self._transport.is_closing():
            self._transport.write(data)

    def pause_writing(self) -> None:
        """The client falls behind."""
        self._writable.clear()
        self._connection.catch_up = self._catch_up

    def resume_writing(self) -> None:
        """It has read."""
        self._connection.catch_up = None
        self._writable.set()

    async def _catch_up(self) -> None:
        await self._pace.wait(self._writable)

    # -- the end -----------------------------------------------------------------------------------------------------

    def _disconnect(self) -> None:
        """Give up a client that does not read."""
        client = self._connection.client
        size = self._limits.unread
        name = f"{client.name} {client.version}"[:80] if client else "of no name"
        say(f"disconnected the client {name!r}: it does not read, and more than {size} bytes wait for it")
        self.leave(TOO_SLOW, f"too slow: more than {size} bytes were unread")

    def leave(self, code: int, reason: str) -> None:
        """End the connection once everything is written and the client has hung up, or after a while; idempotent.

        Who closes while something arrives makes the other side lose what it was last told.
        """
        if self._deaf:
            return
        self._deaf = True
        self._wake()
        if self._framing is not None:
            self._write(self._framing.farewell(code, reason[:_REASON]))
        if self._silent:
            self._transport.close()
        elif not self._transport.is_closing():
            self._hang_up()
        asyncio.get_running_loop().call_later(self._limits.farewell, self._transport.abort)

    def _hang_up(self) -> None:
        """Say that nothing more comes, and wait for the client to say so."""
        try:
            self._transport.write_eof()
            self._transport.resume_reading()
        except OSError:  # it is gone already, and nobody has noticed yet
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - how it was lost does not matter
        """Nobody is there any more."""
        self._deaf = True
        self._connection.catch_up = None
        self._wake()
        self._gone.set()
        self.when_gone(self)

    async def ended(self) -> None:
        """Returns once nothing more is done for it."""
        if self._task is not None:
            await self._task
            await self._gone.wait()

    def _wake(self) -> None:
        """Let nobody wait for this client."""
        self._connection.close()
        self._writable.set()
        self._news.set()


async def _pieces(blocks: Iterator[bytes]) -> AsyncGenerator[bytes]:
    """Blocks of a message, none much larger than a piece; what has to be read for it is read by a worker thread."""
    block = next(blocks)
    while True:
        for start in range(0, len(block), _PIECE):
            yield block[start : start + _PIECE]
        if block.endswith(b"\n"):
            return
        block = await asyncio.to_thread(_several, blocks)


def _several(blocks: Iterator[bytes]) -> bytes:
    """Blocks up to the size of a piece."""
    found: list[bytes] = []
    size = 0
    while size < _PIECE and (block := next(blocks, None)) is not None:
        found.append(block)
        size += len(block)
    return b"".join(found)
