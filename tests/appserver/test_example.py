"""The agent of the how-to, behind the server."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest

from appserver_words import Peer, run, text
from local_homes import Home
from support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from rollout.appserver.agent import Agent


def example() -> Agent:
    """What its factory makes."""
    spec = importlib.util.spec_from_file_location("served_agent", ROOT / "examples" / "served_agent.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: Agent = module.factory()
    return made


@pytest.mark.parametrize(("decision", "stays"), [("accept", False), ("decline", True)])
def test_it_answers_streams_and_asks(tmp_path: Path, decision: str, stays: bool) -> None:
    """A file is counted, a sentence is streamed, and a file goes only if the client says so."""
    (tmp_path / "a.txt").write_text("1\n2\n")

    async def scenario() -> list[str]:
        async with Peer(Home(tmp_path / "home").store, agent=example()) as client:
            started = await client.ask("thread/start", cwd=str(tmp_path))
            thread_id = started["thread"]["id"]
            counted = await client.turn(thread_id, "count a.txt")
            helped = await client.turn(thread_id, "help")
            client.heard.clear()
            await client.ask("turn/start", threadId=thread_id, input=[text("delete a.txt")])
            await client.decide("item/commandExecution/requestApproval", decision)
            ended = (await client.until("turn/completed"))["turn"]
            return [turn["items"][0]["text"] for turn in (counted, helped, ended)]

    said: list[str] = []

    async def collect() -> None:
        said.extend(await scenario())

    run(collect())

    wanted = ["a.txt has 2 lines.", "I count and delete. You have asked 2 times."]
    assert ([*wanted, "Then I leave it." if stays else "It is gone."], stays) == (said, (tmp_path / "a.txt").exists())


def test_it_is_short() -> None:
    """It can be read in one go."""
    assert len((ROOT / "examples" / "served_agent.py").read_text().splitlines()) <= 60
