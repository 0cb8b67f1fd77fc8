"""The server on sockets: many clients at once, slow ones, strangers, and how it ends."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import subprocess
import sys
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from appserver.socket_words import LineClient, Served, Wanted, WebSocketClient, served
from appserver_words import run, text
from local_homes import Home
from rollout.appserver.agent import echo, say
from rollout.appserver.idle import unload_idle
from rollout.appserver.levels import Level
from rollout.appserver.settings import Settings
from rollout.appserver.state import Server
from rollout.appserver.transports.client import SocketClient
from rollout.appserver.transports.door import Door
from rollout.appserver.transports.framing import LineFraming
from rollout.appserver.transports.limits import Limits
from rollout.appserver.transports.places import UnixPlace
from rollout.errors import PlaceInUseError
from rollout.lines import Line
from rollout.testing import builders as b
from support import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from rollout.appserver.agent import TurnRequest

ONE = b.thread_id(1)
KINDS = [LineClient, WebSocketClient]
TOKEN = "a token that is long enough"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with a thread."""
    made = Home(tmp_path / "home")
    made.talk(1)
    return made


async def talkative(_: TurnRequest) -> AsyncIterator[object]:
    """An agent that says very much."""
    for _number in range(100):
        yield say("x" * 20_000)


async def hanging(request: TurnRequest) -> AsyncIterator[object]:
    """An agent that never comes to an end."""
    yield say(f"heard {request.text}")
    await asyncio.Event().wait()


def messages(home: Home) -> int:
    """How many messages of an agent the thread holds."""
    lines = [found.record for found in home.store.lines(ONE) if isinstance(found, Line)]
    return sum(b'"agent_message"' in bytes(record.payload)[:40] for record in lines)


@pytest.mark.parametrize("kind", KINDS)
def test_a_socket_answers_lines_and_websockets(home: Home, tmp_path: Path, kind: type[LineClient]) -> None:
    """The first byte tells which; a whole turn is told."""

    async def scenario() -> None:
        async with served(tmp_path, Wanted(home.store, echo())) as there:
            client = await there.client(kind)
            assert 1 == len((await client.ask("thread/list"))["result"]["data"])
            await client.ask("thread/resume", threadId=ONE)
            await client.ask("turn/start", threadId=ONE, input=[text("hello")])
            told = (await client.until("turn/completed"))["params"]["turn"]
            assert "completed" == told["status"]
            await client.close()

    run(scenario())


def test_many_clients_at_once_of_both_kinds(home: Home, tmp_path: Path) -> None:
    """Each is answered by itself; one that follows hears of the others' turns."""

    async def scenario() -> None:
        async with served(tmp_path, Wanted(home.store, echo())) as there:
            clients = await asyncio.gather(*(there.client(KINDS[n % 2]) for n in range(12)))
            await asyncio.gather(*(client.ask("thread/resume", threadId=ONE) for client in clients))
            await clients[0].ask("turn/start", threadId=ONE, input=[text("hello")])
            told = await asyncio.gather(*(client.until("turn/completed") for client in clients))
            assert [ONE] * 12 == [each["params"]["threadId"] for each in told]

    run(scenario())


def test_a_client_that_does_not_read_is_disconnected_and_holds_up_nobody(
    home: Home, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The turn goes on, all of it is recorded, and whoever reads hears all of it."""
    before = messages(home)

    async def scenario() -> None:
        limits = Limits(unread=200_000, farewell=0.1, patience=0.1)
        async with served(tmp_path, Wanted(home.store, talkative, limits)) as there:
            slow, quick = await there.client(WebSocketClient), await there.client()
            for client in (slow, quick):
                await client.ask("thread/resume", threadId=ONE)
            slow.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket can
            await quick.ask("turn/start", threadId=ONE, input=[text("talk")])
            assert "completed" == (await quick.until("turn/completed"))["params"]["turn"]["status"]
            assert 101 == sum(one.get("method") == "item/completed" for one in quick.heard)
            assert [1] == [len(there.server.connections)]

    run(scenario())
    assert (before + 100, True) == (messages(home), "does not read" in capfd.readouterr().err)


def test_a_large_answer_waits_for_its_reader(home: Home, tmp_path: Path) -> None:
    """It may be larger than what may be unread; what is told meanwhile stands behind it."""

    async def scenario() -> None:
        async with served(tmp_path, Wanted(home.store, talkative, Limits(unread=300_000))) as there:
            client = await there.client()
            await client.ask("thread/resume", threadId=ONE)
            await client.ask("turn/start", threadId=ONE, input=[text("talk")])
            await client.until("turn/completed")
            await client.send({"id": "big", "method": "thread/read", "params": {"threadId": ONE, "includeTurns": True}})
            await client.send({"id": "small", "method": "thread/name/set", "params": {"threadId": ONE, "name": "n"}})
            told = [await client.hear() for _ in range(4)]
            order = [one and (one.get("id") or one.get("method")) for one in told]
            assert ["thread/status/changed", "big", "small", "thread/name/updated"] == order

    run(scenario())


def test_a_long_line_is_answered_and_a_long_message_ends_a_websocket(home: Home, tmp_path: Path) -> None:
    """With the reason that the protocol has for it."""

    async def scenario() -> None:
        async with served(tmp_path, Wanted(home.store, limits=Limits(message=5000))) as there:
            line, socket = await there.client(), await there.client(WebSocketClient)
            long = json.dumps({"id": 5, "method": "thread/list", "params": {"x": "y" * 200_000}}).encode() + b"\n"
            await line.say(long)
            assert (5, -32600) == ((told := await line.hear()) and told["id"], told and told["error"]["code"])
            assert "result" in await line.ask("thread/list")
            await socket.say(long)
            assert [] == await socket.rest()
            assert isinstance(socket, WebSocketClient)
            assert 1009 == socket.protocol.close_code

    run(scenario())


def test_an_end_without_a_newline_and_a_client_that_only_sends(home: Home, tmp_path: Path) -> None:
    """What was sent before the end of the input is answered."""

    async def scenario() -> None:
        async with served(tmp_path, Wanted(home.store)) as there:
            client = await there.client()
            await client.say(json.dumps({"id": 9, "method": "thread/list"}).encode())
            client.writer.write_eof()
            assert [9] == [told["id"] for told in await client.rest()]

    run(scenario())


def test_the_end_of_the_server_ends_turns_and_tells_everybody(home: Home, tmp_path: Path) -> None:
    """The turn is recorded as interrupted and told so; the socket file is gone, and so is its lock."""

    async def scenario() -> None:
        async with served(tmp_path, Wanted(home.store, hanging)) as there:
            client = await there.client(WebSocketClient)
            await client.ask("thread/resume", threadId=ONE)
            await client.ask("turn/start", threadId=ONE, input=[text("go")])
            while (await client.until("item/completed"))["params"]["item"]["type"] != "agentMessage":
                pass
            there.stop.set()
            assert "interrupted" == (await client.until("turn/completed"))["params"]["turn"]["status"]
            await client.rest()
            assert isinstance(client, WebSocketClient)
            assert (1001, "the server stops") == (client.protocol.close_code, client.protocol.close_reason)

    run(scenario())
    home.store.open_writer(ONE).close()
    assert [] == [name for name in os.listdir(tmp_path) if name.startswith("s")]


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/", {"Authorization": f"Bearer {TOKEN}"}, 101),
        ("/rpc", {"Authorization": f"bearer {TOKEN}"}, 101),
        ("/", {}, 401),
        ("/", {"Authorization": f"Bearer {TOKEN}x"}, 401),
        ("/", {"Authorization": f"Basic {TOKEN}"}, 401),
        ("/", {"Authorization": f"Bearer {TOKEN}", "Origin": "http://localhost"}, 403),
        ("/other", {"Authorization": f"Bearer {TOKEN}"}, 404),
        ("/healthz", {}, 200),
    ],
)
def test_a_port_asks_for_the_token(home: Home, tmp_path: Path, path: str, headers: dict[str, str], expected: int) -> None:
    """Web pages are turned away whatever they know."""

    async def scenario() -> None:
        door = Door(sha256(TOKEN.encode()).digest())
        async with served(tmp_path, Wanted(home.store, door=door, port=True)) as there:
            client = await there.open(WebSocketClient, path, **headers)
            assert expected == (client.response and client.response.status_code)
            if expected == 101:
                await client.hello()

    run(scenario())


def test_a_port_speaks_no_lines_and_waits_for_nobody(home: Home, tmp_path: Path) -> None:
    """A client that does not shake hands is left, also one that says nothing."""

    async def scenario() -> None:
        async with served(tmp_path, Wanted(home.store, port=True, limits=Limits(handshake=0.1))) as there:
            talking, silent = await there.open(LineClient), await there.open(LineClient)
            await talking.send({"id": 1, "method": "initialize"})
            for client in (talking, silent):
                assert b"" == await asyncio.wait_for(read_all(client), 10)

    run(scenario())


async def read_all(client: LineClient) -> bytes:
    """What arrives until the server hangs up, however it does so."""
    try:
        return await client.reader.read()
    except ConnectionError:
        return b""


def test_too_many_clients_are_turned_away(home: Home, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Those who are there stay."""

    async def scenario() -> None:
        async with served(tmp_path, Wanted(home.store, limits=Limits(clients=2))) as there:
            first = await there.client()
            while len(there.server.connections) > 1:  # the one that looked whether the server was there
                await asyncio.sleep(0)
            second = await there.client()
            third = await there.open(LineClient)
            assert b"" == await read_all(third)
            for client in (first, second):
                assert "result" in await client.ask("thread/list")

    run(scenario())
    assert "turned a client away" in capfd.readouterr().err


def test_a_socket_is_private_and_its_servers_alone(home: Home, tmp_path: Path) -> None:
    """Nobody else can connect, a second server is refused, and one that died is followed."""

    async def scenario() -> None:
        async with served(tmp_path, Wanted(home.store)) as there:
            assert isinstance(there.place, UnixPlace)
            assert 0o600 == os.stat(there.place.path).st_mode & 0o777
            with pytest.raises(PlaceInUseError, match=f"in use by process {os.getpid()}"):
                async with served(tmp_path, Wanted(home.store)):
                    pass
            assert "result" in await (await there.client()).ask("thread/list")

    for _ in range(2):
        run(scenario())
        left_behind(tmp_path / "s")


def left_behind(path: Path) -> None:
    """The socket of a server that died."""
    import socket

    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def test_a_thread_that_nobody_follows_is_let_go_of(home: Home, tmp_path: Path) -> None:
    """After a while in which nothing happened; others may write it then."""

    async def idle(there: Served, *times: float) -> list[int]:
        found = []
        for now in times:
            await unload_idle(there.server, now, 60)
            found.append(len(there.server.threads))
        return found

    async def scenario() -> None:
        async with served(tmp_path, Wanted(home.store)) as there:
            client = await there.client()
            await client.ask("thread/resume", threadId=ONE)
            assert [1, 1] == await idle(there, 0, 100)
            await client.ask("thread/unsubscribe", threadId=ONE)
            assert [1, 1, 0] == await idle(there, 100, 159, 160)
            assert ONE == (await client.until("thread/closed"))["params"]["threadId"]
            home.store.open_writer(ONE).close()

    run(scenario())


def test_the_example_of_a_client_works(home: Home, tmp_path: Path) -> None:
    """It asks the newest thread and prints what is said."""

    async def scenario() -> None:
        async with served(tmp_path, Wanted(home.store, echo())) as there:
            assert isinstance(there.place, UnixPlace)
            program = [sys.executable, str(ROOT / "examples" / "socket_client.py"), there.place.path, "say", "this"]
            client = await asyncio.create_subprocess_exec(*program, stdout=subprocess.PIPE)
            said, _ = await asyncio.wait_for(client.communicate(), 20)
            assert (0, b"say this\n") == (client.returncode, said)

    run(scenario())


class GoneTransport(asyncio.Transport):
    """What is left of a client that broke off, before the event loop has noticed."""

    def __init__(self) -> None:
        self.aborted = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is ever buffered."""

    def is_closing(self) -> bool:
        return self.aborted

    def write_eof(self) -> None:
        raise OSError(errno.ENOTCONN, "not connected")

    def abort(self) -> None:
        self.aborted = True


def test_leave_can_be_taken_of_a_client_that_broke_off(home: Home) -> None:
    """Whose end the operating system knows and the event loop does not."""

    async def scenario() -> None:
        server, transport = Server(home.store, Level.V0_169, Settings()), GoneTransport()
        client = SocketClient(server, Limits(), lambda _: LineFraming(100), patient=True)
        client.connection_made(transport)
        client.leave(1001, "bye")
        assert transport.aborted
        client.connection_lost(None)
        await client.ended()

    run(scenario())
