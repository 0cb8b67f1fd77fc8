"""Many clients at once, each asking as fast as it is answered: a quick form of ``benchmarks/bench_clients.py``."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from appserver.socket_words import LineClient, Served, Wanted, WebSocketClient, served
from appserver_words import text
from local_homes import Home
from rollout.appserver.agent import echo
from rollout.lines import Line
from rollout.testing import builders as b

if TYPE_CHECKING:
    from pathlib import Path

CLIENTS, THREADS, ROUNDS = 20, 60, 5


async def ask_around(there: Served, number: int) -> Counter[str]:
    """One client with a thread of its own, that lists and reads others between its turns; how it was answered."""
    client = await there.client(WebSocketClient if number % 2 else LineClient)
    chance, told = random.Random(number), Counter[str]()
    own = b.thread_id(number + 1)
    asked: list[tuple[str, dict[str, Any]]] = [("thread/resume", {"threadId": own})]
    for words in range(ROUNDS):
        asked += [
            ("thread/list", {"limit": 25, "sourceKinds": [], "modelProviders": []}),
            ("thread/read", {"threadId": b.thread_id(chance.randrange(THREADS) + 1), "includeTurns": True}),
            ("turn/start", {"threadId": own, "input": [text(f"words {words} of {number}")]}),
        ]  # fmt: skip
    for method, params in asked:
        answer = await client.ask(method, **params)
        told["error" if "error" in answer else method] += 1
        while method == "turn/start" and (await client.until("turn/completed"))["params"]["threadId"] != own:
            pass
    return told


def said(home: Home, number: int) -> list[str]:
    """The questions of a client's turns that are recorded in its thread."""
    lines = [bytes(found.record.payload) for found in home.store.lines(b.thread_id(number + 1)) if isinstance(found, Line)]
    return [f"words {words}" for words in range(ROUNDS) if any(b'"user_message"' in line and f"words {words} of {number}".encode() in line for line in lines)]


@pytest.mark.slow
def test_twenty_clients_are_all_answered(tmp_path: Path) -> None:
    """Without an error, and every turn is recorded."""
    home = Home(tmp_path / "home")
    for number in range(THREADS):
        home.talk(number + 1)

    async def scenario() -> Counter[str]:
        async with served(tmp_path, Wanted(home.store, echo())) as there:
            return sum(await asyncio.gather(*(ask_around(there, number) for number in range(CLIENTS))), Counter[str]())

    told = asyncio.run(scenario())

    assert {"thread/resume": CLIENTS} | dict.fromkeys(("thread/list", "thread/read", "turn/start"), CLIENTS * ROUNDS) == dict(told)
    assert [[f"words {words}" for words in range(ROUNDS)]] * CLIENTS == [said(home, number) for number in range(CLIENTS)]
