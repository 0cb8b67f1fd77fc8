"""Real Codex and our server, each on a socket file of its own, at once on one home."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from appserver.socket_words import WebSocketClient
from appserver_words import text
from interop.lab import PROVIDER
from rollout.appserver.transports.places import UnixPlace
from support import ROOT, codex_binary

if TYPE_CHECKING:
    from collections.abc import Generator

    from interop.lab import Lab

pytestmark = [pytest.mark.codex, pytest.mark.slow]
VERSION = "0.169.0"


@contextmanager
def on_socket(lab: Lab, whose: str) -> Generator[UnixPlace]:
    """A server that listens on a socket file."""
    place = UnixPlace(str(lab.folder / whose))
    program = [str(codex_binary(VERSION)), "app-server"] if whose == "codex" else [sys.executable, str(ROOT / "tests/appserver/serve.py")]
    environment = lab.environment()
    quiet = subprocess.DEVNULL
    with subprocess.Popen([*program, "--listen", str(place)], stdin=quiet, stdout=quiet, stderr=quiet, env=environment, cwd=lab.folder) as server:
        try:
            yield place
        finally:
            server.terminate()


async def client_of(place: UnixPlace) -> WebSocketClient:
    """A client that has said hello, once the server listens."""
    while True:
        try:
            client = await WebSocketClient.open(place)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            await client.hello()
            await client.send({"method": "initialized"})
            return client


async def turn(client: WebSocketClient, thread_id: str, words: str) -> str:
    """A whole turn; how it ended."""
    assert "result" in await client.ask("turn/start", threadId=thread_id, input=[text(words)])
    while True:
        told = await client.until("turn/completed")
        if told["params"]["threadId"] == thread_id:
            return str(told["params"]["turn"]["status"])


async def questions(client: WebSocketClient, thread_id: str) -> list[str]:
    """What was asked in a thread."""
    read = await client.ask("thread/read", threadId=thread_id, includeTurns=True)
    items = [item for each in read["result"]["thread"]["turns"] for item in each["items"]]
    return ["".join(part.get("text", "") for part in item["content"]) for item in items if item["type"] == "userMessage"]


def test_both_at_once_keep_out_of_each_others_threads(lab: Lab) -> None:
    """Each writes its own threads, lists and reads the other's, and may not resume what the other has loaded."""

    async def scenario(ours: UnixPlace, theirs: UnixPlace) -> None:
        clients = [await client_of(place) for place in (ours, theirs)]
        made = [(await one.ask("thread/start", cwd=str(lab.project)))["result"]["thread"]["id"] for one in clients]
        for number in range(3):
            done = await asyncio.gather(*(turn(one, own, f"question {number}") for one, own in zip(clients, made, strict=True)))
            assert ["completed"] * 2 == done
        for one, other in zip(clients, reversed(made), strict=True):
            listed = await one.ask("thread/list", limit=50, modelProviders=[PROVIDER])
            assert set(made) == {row["id"] for row in listed["result"]["data"]}
            assert [f"question {number}" for number in range(3)] == await questions(one, other)
            assert "already has an active writer" in (await one.ask("thread/resume", threadId=other))["error"]["message"]
        for one in clients:
            await one.close()

    with on_socket(lab, "ours") as ours, on_socket(lab, "codex") as theirs:
        asyncio.run(scenario(ours, theirs))
