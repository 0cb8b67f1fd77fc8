"""A long thread is read in pages, and as a whole, in little memory."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import pytest

from appserver_words import HELLO, run
from local_homes import Home
from rollout.appserver.connection import Connection
from rollout.appserver.dispatch import receive
from rollout.appserver.levels import Level
from rollout.appserver.messages import encode
from rollout.appserver.settings import Settings
from rollout.appserver.state import Server
from rollout.testing import builders as b

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rollout.appserver.messages import Outgoing
    from rollout.items import RawItem

pytestmark = pytest.mark.slow
MIB = 1 << 20
TURNS = 600
PRINTED = "a line of output\n" * 4000


class Counting:
    """A client that counts bytes and keeps none."""

    def __init__(self, home: Home) -> None:
        """Nobody has said hello yet."""
        self.server = Server(home.store, Level.V0_169, Settings())
        self.connection = Connection(self.server, self.hear)
        self.heard = 0
        self.start = b""

    async def hear(self, told: Outgoing) -> None:
        """Write as a transport does, block by block."""
        self.start = b""
        for block in encode(told.message):
            self.start = self.start or block[:200]
            self.heard += len(block)

    async def ask(self, method: str, **params: object) -> int:
        """How many bytes the answer had."""
        before = self.heard
        await receive(self.connection, b"".join(encode({"id": 1, "method": method, "params": params})))
        assert b'"error"' not in self.start, self.start
        return self.heard - before


def legacy() -> bytes:
    """Short turns between long outputs for the model."""
    output = b.response("function_call_output", call_id="c", output=PRINTED)
    turns = [one for n in range(TURNS) for one in (*b.turn(f"question {n}", "answer", turn_id=f"t{n}"), output)]
    return b.rollout_bytes(b.thread_id(1), *turns)


def paginated() -> bytes:
    """Turns that show a long output each."""
    return b.paginated_bytes(b.thread_id(1), *[one for n in range(TURNS) for one in shown(n)])


def shown(number: int) -> list[RawItem]:
    """One turn with a command."""
    ran = {"type": "CommandExecution", "id": f"run-{number}", "command": ["ls"], "aggregated_output": PRINTED}
    event = b.event("item_completed", thread_id=b.thread_id(1), turn_id=f"t{number}", item=ran)
    *begun, ended = b.paginated_turn(f"question {number}", "answer", turn_id=f"t{number}")
    return [*begun, event, ended]


@pytest.mark.parametrize(
    ("made", "method", "most", "least"),
    [
        (legacy, "thread/turns/list", 4, 1000),
        (legacy, "thread/read", 8, 100_000),
        (paginated, "thread/turns/list", 12, 10 * 60_000),
        (paginated, "thread/items/list", 12, 3 * 60_000),
        (paginated, "thread/read", 56, 35 * MIB),
    ],
)
def test_what_is_held_is_bounded(tmp_path: Path, made: Callable[[], bytes], method: str, most: int, least: int) -> None:
    """Ten rows of a long thread take what ten rows take; a whole one is held up to 32 MiB, and read again beyond that."""
    home = Home(tmp_path / "home")
    home.put(f"sessions/2026/02/08/{b.rollout_name(b.thread_id(1))}", made())
    params = {"includeTurns": True} if method == "thread/read" else {"limit": 10} | ({"itemsView": "full"} if "turns" in method else {})
    client = Counting(home)
    sizes: list[int] = []

    async def scenario() -> None:
        await client.ask("initialize", **HELLO)
        await client.ask("thread/read", threadId=b.thread_id(1))  # what is imported late is no part of this
        tracemalloc.start()
        sizes.append(await client.ask(method, threadId=b.thread_id(1), **params))
        sizes.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    run(scenario())

    assert sizes[0] >= least
    assert sizes[1] <= most * MIB
