"""Any number of clients on sockets, until a signal asks for the end."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, NamedTuple

from rollout.appserver.idle import sweep_until
from rollout.appserver.log import say
from rollout.appserver.transports.client import GOING_AWAY, SocketClient
from rollout.appserver.transports.door import Door
from rollout.appserver.transports.framing import LineFraming, WebSocketFraming
from rollout.appserver.transports.limits import Limits, raise_open_files
from rollout.appserver.transports.places import BACKLOG, Place, UnixPlace, listening
from rollout.appserver.transports.stopping import stop_on_signals

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from rollout.appserver.state import Server
    from rollout.appserver.transports.framing import Framing

_SWITCH = 0.0005
"""Seconds for which one thread may keep the others from running: a tenth of the usual time, as many wait for short calls."""
ANYBODY = Door()


class Listening(NamedTuple):
    """Where a server listens and who may come in; a socket file is guarded by its mode, a port by a token."""

    places: Sequence[Place]
    home: str
    door: Door = ANYBODY
    limits: Limits = Limits()


async def serve(server: Server, wanted: Listening, stop: asyncio.Event | None = None) -> None:
    """Serve until ``stop`` or a signal; raises ListenError before anybody was let in."""
    raise_open_files()
    sys.setswitchinterval(_SWITCH)
    stopping = stop or stop_on_signals()
    hub = Hub(server, wanted)
    async with AsyncExitStack() as places:
        bound = [places.enter_context(listening(place, wanted.home)) for place in wanted.places]
        for made, place in bound:
            await hub.listen(made, place)
            say(f"listening on {place}")
        await sweep_until(stopping, server, wanted.limits.idle)
        hub.close_doors()
    await hub.close()


class Hub:
    """The clients of one server."""

    def __init__(self, server: Server, wanted: Listening) -> None:
        """Nobody is there yet."""
        self._server, self._wanted, self._limits = server, wanted, wanted.limits
        self._clients: set[SocketClient] = set()
        self._doors: list[asyncio.Server] = []
        self._full = False

    async def listen(self, bound: socket.socket, place: Place) -> None:
        """Let clients in."""
        loop = asyncio.get_running_loop()
        if isinstance(place, UnixPlace):
            self._doors.append(await loop.create_unix_server(self._unix_client, sock=bound, backlog=BACKLOG))
        else:
            self._doors.append(await loop.create_server(self._tcp_client, sock=bound, backlog=BACKLOG))

    def _unix_client(self) -> asyncio.Protocol:
        return self._client(self._by_first_byte, patient=True)

    def _tcp_client(self) -> asyncio.Protocol:
        return self._client(lambda _: WebSocketFraming(self._limits.message, self._wanted.door), patient=False)

    def _by_first_byte(self, data: bytes) -> Framing:
        """A websocket begins with GET; no JSON does."""
        return WebSocketFraming(self._limits.message, ANYBODY) if data[:1] == b"G" else LineFraming(self._limits.message)

    def _client(self, enter: Callable[[bytes], Framing], *, patient: bool) -> asyncio.Protocol:
        if len(self._clients) >= self._limits.clients:
            if not self._full:
                say(f"turned a client away: there are {self._limits.clients}, which is the most")
            self._full = True
            return _Turned()
        self._full = False
        client = SocketClient(self._server, self._limits, enter, patient=patient)
        self._clients.add(client)
        client.when_gone = self._clients.discard
        return client

    def close_doors(self) -> None:
        """Let nobody in any more."""
        for door in self._doors:
            door.close()

    async def close(self) -> None:
        """End what runs, let what is being changed come to its end, and take leave of everyone."""
        await self._server.close()
        clients = list(self._clients)
        for client in clients:
            client.leave(GOING_AWAY, "the server stops")
        if clients:
            await asyncio.wait([asyncio.create_task(client.ended()) for client in clients], timeout=2 * self._limits.farewell)
        await self._server.close()  # what a last request has loaded meanwhile


class _Turned(asyncio.Protocol):
    """Somebody for whom there is no room."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        with suppress(OSError):
            transport.close()
