"""One client on standard input and output, until its input ends.

Both streams are blocking, whatever is behind them, so each has a thread of its own. A client that does not read
holds up its own turns, and nobody else.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, BinaryIO

from rollout.appserver.connection import Connection
from rollout.appserver.idle import sweep_until
from rollout.appserver.transports.intake import Intake
from rollout.appserver.transports.limits import Limits
from rollout.appserver.transports.lines import LineSplitter
from rollout.appserver.transports.stopping import stop_on_signals

if TYPE_CHECKING:
    from rollout.appserver.messages import Outgoing
    from rollout.appserver.state import Server
    from rollout.appserver.unreadable import Oversized

_BLOCK = 1 << 16
_BATCHES = 4
_Batch = list["bytes | Oversized"]


async def serve(server: Server, source: BinaryIO, target: BinaryIO, limits: Limits | None = None) -> None:
    """Answer requests until the input ends, a signal asks for the end, or nobody reads the answers."""
    bounds = limits or Limits()
    stop, output = stop_on_signals(), _Output(target)
    connection = Connection(server, output.send)
    taking = asyncio.create_task(_take_all(Intake(connection, bounds.reads), _batches(source, bounds.message)))
    stopped = asyncio.create_task(stop.wait())
    sweeping = asyncio.create_task(sweep_until(stop, server, bounds.idle))
    ends: set[asyncio.Future[Any]] = {taking, stopped, output.broken}
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not taking.done():
            output.hurry()
        await server.close()
        connection.close()
        await output.drain(bounds.farewell)
        for task in (taking, stopped, sweeping):
            task.cancel()
    await _ended(taking)


async def _ended(taking: asyncio.Task[None]) -> None:
    """Raise what nobody has foreseen; that nobody reads is no error."""
    with suppress(ConnectionError, asyncio.CancelledError):
        await taking


async def _take_all(intake: Intake, batches: asyncio.Queue[_Batch]) -> None:
    while batch := await batches.get():
        for line in batch:
            await intake.take(line)
    await intake.finish()


def _batches(source: BinaryIO, longest: int) -> asyncio.Queue[_Batch]:
    """What arrives, line by line, read by a thread a little ahead; an empty batch is the end."""
    batches: asyncio.Queue[_Batch] = asyncio.Queue(_BATCHES)
    loop = asyncio.get_running_loop()

    def put(batch: _Batch) -> None:
        asyncio.run_coroutine_threadsafe(batches.put(batch), loop).result()

    def read() -> None:
        splitter = LineSplitter(longest)
        reading = getattr(source, "read1", source.read)
        try:
            while data := reading(_BLOCK):
                if batch := splitter.feed(data):
                    put(batch)
            if batch := splitter.end():
                put(batch)
            put([])
        except (RuntimeError, OSError):  # the loop ended while somebody went on sending, or the input broke
            if not loop.is_closed():
                put([])

    Thread(target=read, name="rollout app-server input", daemon=True).start()
    return batches


class _Output:
    """Writes messages in order; ``broken`` is done once nobody reads."""

    def __init__(self, target: BinaryIO) -> None:
        """Begin to wait for messages."""
        self._target = target
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[Outgoing | None] = SimpleQueue()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._hurried = False
        self.broken: asyncio.Future[None] = self._loop.create_future()
        self._thread = Thread(target=self._write_all, name="rollout app-server output", daemon=True)
        self._thread.start()

    async def send(self, told: Outgoing) -> None:
        """Written when it returns; raises ConnectionError when nobody reads, and what makes the message impossible."""
        if self.broken.done():
            raise BrokenPipeError("nobody reads standard output")
        written = self._loop.create_future()
        self._waiting.append(written)
        self._queue.put(told)
        if not self._hurried:
            await written

    def hurry(self) -> None:
        """From now on nobody waits for a client that does not read."""
        self._hurried = True
        for written in self._waiting:
            if not written.done():
                written.set_result(None)

    async def drain(self, seconds: float) -> None:
        """Wait until everything is written, but not for ever."""
        if self.broken.done():
            return
        self._queue.put(None)
        self._waiting.append(ended := self._loop.create_future())
        await asyncio.wait({ended}, timeout=seconds)

    def _write_all(self) -> None:
        told: Outgoing | None = None
        while True:
            told = self._queue.get()
            error = None if told is None else self._write(told)
            try:
                self._loop.call_soon_threadsafe(self._written, error)
            except RuntimeError:  # the loop ended
                return
            if told is None or isinstance(error, ConnectionError):
                return

    def _write(self, told: Outgoing) -> Exception | None:
        """What went wrong; half a message is ended, so that what follows stands on a line of its own."""
        blocks, begun = told.blocks(), False
        while True:
            try:
                block = next(blocks, None)
            except Exception as error:  # noqa: BLE001 - whoever waits for the answer is told
                return (self._put(b"\n") if begun else None) or error
            if block is None:
                return None
            if (problem := self._put(block)) is not None:
                return problem
            begun = True

    def _put(self, block: bytes) -> ConnectionError | None:
        try:
            self._target.write(block)
            if block.endswith(b"\n"):
                self._target.flush()
        except (OSError, ValueError) as error:
            return BrokenPipeError(f"standard output cannot be written: {error}")
        return None

    def _written(self, error: Exception | None) -> None:
        """On the event loop: the oldest message is written, or cannot be."""
        written = self._waiting.popleft()
        if isinstance(error, ConnectionError) and not self.broken.done():
            self.broken.set_result(None)
            for other in self._waiting:
                if not other.done():
                    other.set_exception(error)
        if not written.done():
            written.set_result(None) if error is None else written.set_exception(error)
