"""The program on its standard streams: how it ends, and what it makes of long lines."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from local_homes import Home
from rollout.appserver.levels import Level
from rollout.appserver.settings import Settings
from rollout.appserver.state import Server
from rollout.appserver.transports.limits import Limits
from rollout.appserver.transports.stdio import serve
from rollout.lines import Line
from rollout.testing import builders as b
from rollout.testing.facts import Aside
from support import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
PROGRAM = [sys.executable, "-W", "error", "-c", "from rollout.cli.main import entry; entry()", "app-server"]
ONE = b.thread_id(1)
HELLO = {"id": 0, "method": "initialize", "params": {"clientInfo": {"name": "t", "version": "1"}}}
RESUME = {"id": 1, "method": "thread/resume", "params": {"threadId": ONE}}
TURN = {"id": 2, "method": "turn/start", "params": {"threadId": ONE, "input": [{"type": "text", "text": "go"}]}}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with a thread."""
    made = Home(tmp_path / "home")
    made.talk(1)
    return made


@pytest.fixture
def server(home: Home) -> Iterator[subprocess.Popen[bytes]]:
    """The program, with an agent that never comes to an end."""
    folders = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests" / "appserver")])
    environment = {**os.environ, "ROLLOUT_HOME": str(home.folder), "PYTHONPATH": folders}
    pipe = subprocess.PIPE
    started = subprocess.Popen([*PROGRAM, "--agent", "hanging:factory"], stdin=pipe, stdout=pipe, stderr=pipe, env=environment)
    with started:
        yield started
        started.kill()


def send(server: subprocess.Popen[bytes], *messages: dict[str, Any]) -> None:
    """Send messages."""
    assert server.stdin is not None
    server.stdin.write(b"".join(json.dumps(one).encode() + b"\n" for one in messages))
    server.stdin.flush()


def hear(server: subprocess.Popen[bytes], method: str, kind: str = "") -> dict[str, Any]:
    """The next notification of a kind."""
    assert server.stdout is not None
    while True:
        told: dict[str, Any] = json.loads(server.stdout.readline())
        if told.get("method") == method and kind in json.dumps(told):
            return told


def ended(server: subprocess.Popen[bytes]) -> tuple[int, bytes]:
    """How it ended, and what it said on standard error."""
    assert server.stderr is not None
    return server.wait(20), server.stderr.read()


def records(home: Home) -> list[str]:
    """The kinds of the thread's events, in file order."""
    records = [found.record for found in home.store.lines(ONE) if isinstance(found, Line)]
    return [json.loads(bytes(record.payload))["type"] for record in records if record.type == "event_msg"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_everything_recorded(home: Home, server: subprocess.Popen[bytes], number: int) -> None:
    """The turn that ran is an interrupted one, and its client is told so."""
    send(server, HELLO, RESUME, TURN)
    hear(server, "item/completed", "agentMessage")
    server.send_signal(number)

    assert "interrupted" == hear(server, "turn/completed")["params"]["turn"]["status"]
    assert (0, b"") == ended(server)
    assert ["agent_message", "turn_aborted"] == records(home)[-2:]


def test_a_client_that_no_longer_reads_ends_it(home: Home, server: subprocess.Popen[bytes]) -> None:
    """Without a word on standard error, and with everything recorded."""
    send(server, HELLO, RESUME)
    assert server.stdout is not None
    for _ in range(2):
        server.stdout.readline()
    server.stdout.close()
    send(server, TURN)

    assert (0, b"") == ended(server)
    assert "turn_aborted" == records(home)[-1]


def test_a_signal_ends_it_while_nobody_reads(home: Home, server: subprocess.Popen[bytes]) -> None:
    """A full pipe holds up neither the end nor the records."""
    before = records(home)
    send(server, HELLO, RESUME, *({"id": n, "method": "thread/start", "params": {}} for n in range(200)))
    assert server.stdout is not None
    server.stdout.readline()
    server.send_signal(signal.SIGTERM)

    assert 0 == ended(server)[0]
    assert before == records(home)


def test_a_thread_that_is_not_followed_is_let_go_of(home: Home) -> None:
    """As on sockets: after a while others may write it, though the program goes on."""
    ours, theirs = os.pipe(), os.pipe()
    bounds = Limits(idle=0.05)

    async def scenario() -> None:
        server = Server(home.store, Level.V0_169, Settings())
        with os.fdopen(ours[0], "rb") as source, os.fdopen(theirs[1], "wb") as target:
            await serve(server, source, target, bounds)

    def client() -> list[str]:
        with os.fdopen(ours[1], "wb") as to, os.fdopen(theirs[0], "rb") as told:
            leave = {"id": 2, "method": "thread/unsubscribe", "params": {"threadId": ONE}}
            to.write(b"".join(json.dumps(one).encode() + b"\n" for one in (HELLO, RESUME, leave)))
            to.flush()
            heard = list(iter(lambda: str(json.loads(told.readline()).get("method")), "thread/closed"))
            home.store.open_writer(ONE).close()
            return heard

    talking = Aside(client)
    asyncio.run(scenario())

    assert "thread/status/changed" in talking.result()
