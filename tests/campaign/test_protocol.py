"""The app-server under clients that say anything: it never falls, answers each request once, and loses no record."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from websockets.client import ClientProtocol
from websockets.protocol import State
from websockets.uri import parse_uri

from appserver.socket_words import LineClient, Wanted, WebSocketClient, served
from appserver_words import HELLO, text
from campaign.protocol import (
    KINDS,
    LEGACY,
    LONGEST,
    PAGINATED,
    Heard,
    acknowledged,
    agent,
    play,
    play_stdio,
    recorded,
    request,
    script,
)
from campaign.words import SEED, damage_in, scaled
from local_homes import Home
from rollout.appserver.levels import Level
from rollout.appserver.settings import Settings
from rollout.appserver.state import Server
from rollout.appserver.transports.limits import Limits
from rollout.query import EVERYTHING
from rollout.testing import builders as b

if TYPE_CHECKING:
    from pathlib import Path

LIMITS = Limits(message=LONGEST, farewell=0.5, handshake=0.5)
CLIENTS = 3
LEVELS = (Level.V0_169, Level.V0_169, Level.V0_100)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with a legacy thread and a paginated one."""
    made = Home(tmp_path / "home")
    made.talk(1)
    name = b.rollout_name(PAGINATED, b.START_MS + 3000)
    turns = [item for n in range(3) for item in b.paginated_turn(f"q{n}", f"a{n}", turn_id=f"t{n}")]
    made.put(f"sessions/2026/02/08/{name}", b.paginated_bytes(PAGINATED, *turns))
    return made


def check(home: Home, heard: list[Heard], said: str) -> None:
    """Nothing was answered twice or not at all, nothing fell, what was acknowledged is there, and nothing is damaged."""
    files = recorded(home.folder)

    assert [] == [complaint for one in heard for complaint in one.complaints()]
    assert "Traceback" not in said
    assert [] == [turn for turn in acknowledged(heard) if turn.encode() not in files]
    assert [] == [damage for row in home.store.list(EVERYTHING._replace(limit=1000)).threads for damage in damage_in(str(home.folder), row.id)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*KINDS, "stdio"])
@pytest.mark.parametrize("seed", range(SEED, SEED + scaled(12, 1500)))
def test_whatever_clients_say(home: Home, tmp_path: Path, capfd: pytest.CaptureFixture[str], kind: str, seed: int) -> None:
    """Three at once on a socket, one on standard streams."""
    chance = random.Random(f"{kind} {seed}")
    scripts = [script(chance, sockets=kind == "websocket") for _ in range(CLIENTS)]
    level = chance.choice(LEVELS)

    async def on_sockets() -> list[Heard]:
        async with served(tmp_path, Wanted(home.store, agent, LIMITS, level=level)) as there:
            clients = [await there.open(KINDS[kind]) for _ in scripts]
            heard = await asyncio.gather(*map(play, clients, scripts))
            assert "result" in await (await there.client()).ask("thread/list")
            return list(heard)

    async def on_pipes() -> list[Heard]:
        return [await play_stdio(Server(home.store, level, Settings(), agent), LIMITS, one) for one in scripts]

    heard = asyncio.run(on_pipes() if kind == "stdio" else on_sockets())
    check(home, heard, capfd.readouterr().err)


CONVERSATION = [
    request(0, "initialize", HELLO), request(1, "thread/resume", {"threadId": LEGACY}),
    request(2, "turn/start", {"threadId": LEGACY, "input": [text("go on")]}),
    request(3, "thread/read", {"threadId": LEGACY, "includeTurns": True}), request(4, "thread/name/set", {"threadId": LEGACY, "name": "n"}),
    request(5, "thread/fork", {"threadId": PAGINATED}), request(6, "thread/archive", {"threadId": LEGACY}),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("half", range(scaled(2, 16)))
def test_a_client_that_goes_away_at_any_point(home: Home, tmp_path: Path, capfd: pytest.CaptureFixture[str], kind: str, half: int) -> None:
    """After each byte of a conversation, without a word: the server goes on, and every thread can be read."""
    sent = b"".join(line.data + b"\n" for line in CONVERSATION)
    step = scaled(97, 16)

    async def scenario() -> None:
        async with served(tmp_path, Wanted(home.store, agent, LIMITS)) as there:
            for cut in range(half * (step // scaled(2, 16)), len(sent), step):
                client = await there.open(KINDS[kind])
                await client.say(sent[:cut])
                client.writer.transport.abort()
            last = await there.client(WebSocketClient if kind == "lines" else LineClient)
            assert "result" in await last.ask("thread/list")
            assert "result" in await last.ask("thread/read", threadId=PAGINATED, includeTurns=True)

    asyncio.run(scenario())
    check(home, [], capfd.readouterr().err)


def frames(chance: random.Random) -> bytes:
    """The bytes of a websocket client, from its handshake on, some of them changed."""
    client = ClientProtocol(parse_uri("ws://localhost/"))
    client.send_request(client.connect())
    sent = b"".join(client.data_to_send())
    client.state = State.OPEN
    for line in CONVERSATION:
        kind = chance.randrange(6)
        if kind == 0:
            client.send_ping(b"x" * chance.randrange(126))
        elif kind == 1:
            client.send_binary(line.data)
        half = chance.randrange(len(line.data)) if chance.random() < 0.3 else 0
        if half:
            client.send_text(line.data[:half], fin=False)
            client.send_continuation(line.data[half:], fin=True)
        else:
            client.send_text(line.data)
    if chance.random() < 0.3:
        client.send_close(1000, "bye")
    sent += b"".join(client.data_to_send())
    return changed(chance, sent) if chance.random() < 0.8 else sent


def changed(chance: random.Random, sent: bytes) -> bytes:
    """A few bytes changed, anywhere."""
    found = bytearray(sent)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(found))
        found[at : at + chance.randrange(3)] = bytes(chance.randrange(256) for _ in range(chance.randrange(4)))
    return bytes(found)


@pytest.mark.slow
@pytest.mark.parametrize("port", [False, True])
@pytest.mark.parametrize("seed", range(SEED, SEED + scaled(4, 200)))
def test_whatever_bytes_come_instead_of_frames(
    home: Home, tmp_path: Path, capfd: pytest.CaptureFixture[str], seed: int, port: bool
) -> None:
    """On a socket file and on a port: who breaks the rules of websockets is left, and the others are served on."""
    chance = random.Random(seed)

    async def scenario() -> None:
        async with served(tmp_path, Wanted(home.store, agent, LIMITS, port=port)) as there:
            for _ in range(10):
                client = await there.open(LineClient)
                with suppress(ConnectionError):
                    await client.say(frames(chance))
                if chance.random() < 0.5:
                    client.writer.transport.abort()
            last = await there.client(WebSocketClient)
            assert "result" in await last.ask("thread/list")

    asyncio.run(scenario())
    check(home, [], capfd.readouterr().err)
