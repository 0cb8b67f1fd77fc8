"""Words of the tests of sockets: a server in this process, and clients that say exactly what a test wants."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.http11 import Response
from websockets.uri import parse_uri

from appserver_words import HELLO
from rollout.appserver.levels import Level
from rollout.appserver.settings import Settings
from rollout.appserver.state import Server
from rollout.appserver.transports import sockets
from rollout.appserver.transports.door import Door
from rollout.appserver.transports.limits import Limits
from rollout.appserver.transports.places import Place, TcpPlace, UnixPlace

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path
    from typing import Self

    from rollout.appserver.agent import Agent
    from rollout.store.base import ThreadStore

PATIENCE = 20
Client = TypeVar("Client", bound="LineClient")


class LineClient:
    """A client that speaks lines."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Over a stream that is open."""
        self.reader, self.writer = reader, writer
        self.heard: list[dict[str, Any]] = []
        self._asked = 0

    @classmethod
    async def open(cls, place: Place, *_: str, **__: str) -> Self:
        """Connect."""
        return cls(*await connect(place))

    async def say(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def send(self, message: dict[str, Any]) -> None:
        """Send a message."""
        await self.say(json.dumps(message).encode() + b"\n")

    async def hear(self) -> dict[str, Any] | None:
        """The next message; None at the end."""
        line = await asyncio.wait_for(self.reader.readline(), PATIENCE)
        if not line:
            return None
        told: dict[str, Any] = json.loads(line)
        self.heard.append(told)
        return told

    async def ask(self, method: str, /, **params: Any) -> dict[str, Any]:
        """The whole answer to a request."""
        self._asked += 1
        await self.send({"id": self._asked, "method": method, "params": params})
        while (told := await self.hear()) is not None:
            if told.get("id") == self._asked and "method" not in told:
                return told
        raise ConnectionError("the server hung up")

    async def hello(self) -> Self:
        """Say hello."""
        assert "result" in await self.ask("initialize", **HELLO)
        return self

    async def until(self, method: str) -> dict[str, Any]:
        """The next notification of a kind."""
        while (told := await self.hear()) is not None:
            if told.get("method") == method:
                return told
        raise ConnectionError("the server hung up")

    async def rest(self) -> list[dict[str, Any]]:
        """Everything until the server hangs up."""
        found: list[dict[str, Any]] = []
        while (told := await self.hear()) is not None:
            found.append(told)
        return found

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()


class WebSocketClient(LineClient):
    """A client that speaks over a websocket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Before the handshake."""
        super().__init__(reader, writer)
        self.protocol = ClientProtocol(parse_uri("ws://localhost/"), max_size=None)
        self.response: Response | None = None
        self._messages: list[bytes] = []
        self._parts: list[bytes] = []

    @classmethod
    async def open(cls, place: Place, *path: str, **headers: str) -> Self:
        """Connect and shake hands."""
        made = cls(*await connect(place))
        await made.shake(path[0] if path else "/", headers)
        return made

    async def shake(self, path: str, headers: dict[str, str]) -> None:
        """The handshake; ``response`` is its answer."""
        self.protocol = ClientProtocol(parse_uri(f"ws://localhost{path}"), max_size=None)
        request = self.protocol.connect()
        for name, value in headers.items():
            request.headers[name] = value
        self.protocol.send_request(request)
        await self._flush()
        while self.response is None and await self._receive():
            pass

    async def say(self, data: bytes) -> None:
        """Send each line as a message; what is not ended is sent as the first frame of one."""
        *whole, part = data.split(b"\n")
        for line in whole:
            self.protocol.send_text(line)
        if part:
            self.protocol.send_text(part, fin=False)
        await self._flush()

    async def hear(self) -> dict[str, Any] | None:
        """The next message; None at the end."""
        while not self._messages:
            if not await self._receive():
                return None
        told: dict[str, Any] = json.loads(self._messages.pop(0))
        self.heard.append(told)
        return told

    async def _flush(self) -> None:
        for data in self.protocol.data_to_send():
            if data:
                self.writer.write(data)
        await self.writer.drain()

    async def _receive(self) -> bool:
        data = await asyncio.wait_for(self.reader.read(1 << 16), PATIENCE)
        if data:
            self.protocol.receive_data(data)
        else:
            self.protocol.receive_eof()
        for event in self.protocol.events_received():
            if isinstance(event, Response):
                self.response = event
            elif isinstance(event, Frame) and event.opcode < 8:
                self._parts.append(bytes(event.data))
                if event.fin:
                    self._messages.append(b"".join(self._parts))
                    self._parts = []
        if data:
            await self._flush()
        return bool(data)


class Wanted(NamedTuple):
    """A server for a test."""

    store: ThreadStore
    agent: Agent | None = None
    limits: Limits = Limits(farewell=0.5)
    door: Door = Door()
    port: bool = False
    level: Level = Level.V0_169


class Served(NamedTuple):
    """A server that runs, and where."""

    server: Server
    place: Place
    stop: asyncio.Event
    running: asyncio.Task[None]
    clients: list[LineClient]

    async def open(self, kind: type[Client], *args: str, **headers: str) -> Client:
        """A client that has said nothing yet; it hangs up at the end of the test."""
        made = await kind.open(self.place, *args, **headers)
        self.clients.append(made)
        return made

    async def client(self, kind: type[LineClient] = LineClient) -> LineClient:
        """A client that has said hello."""
        return await (await self.open(kind)).hello()


@asynccontextmanager
async def served(folder: Path, wanted: Wanted) -> AsyncGenerator[Served]:
    """A server on a socket in a folder, or on a port; it is stopped at the end."""
    place: Place = TcpPlace("127.0.0.1", free_port()) if wanted.port else UnixPlace(str(folder / "s"))
    server, stop = Server(wanted.store, wanted.level, Settings(), wanted.agent), asyncio.Event()
    listening = sockets.Listening([place], str(folder), wanted.door, wanted.limits)
    running = asyncio.create_task(sockets.serve(server, listening, stop))
    await until_listening(place, running)
    there = Served(server, place, stop, running, [])
    try:
        yield there
    finally:
        for client in there.clients:
            await client.close()
        stop.set()
        await asyncio.wait_for(running, PATIENCE)


async def until_listening(place: Place, running: asyncio.Task[None]) -> None:
    """Returns once somebody can connect."""
    while not running.done():
        try:
            _, writer = await connect(place)
        except OSError:
            await asyncio.sleep(0)
        else:
            writer.close()
            return
    await running


async def connect(place: Place) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A stream to a place."""
    if isinstance(place, UnixPlace):
        return await asyncio.open_unix_connection(place.path, limit=1 << 26)
    return await asyncio.open_connection(place.host, place.port, limit=1 << 26)


def free_port() -> int:
    """A port that nobody uses now."""
    import socket

    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port
