"""Threads that are loaded: turns with an agent, and what changes a thread as a whole."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from appserver_words import BOTH, Peer, run, text, words_of
from local_homes import Home
from rollout.appserver.agent import echo, ran, say, think
from rollout.appserver.agents import load
from rollout.appserver.levels import Level
from rollout.errors import BusyError
from rollout.testing import builders as b

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rollout.appserver.agent import TurnRequest

PLAIN_TURN = [
    "turn/started", "item/started", "item/completed", "item/started", "item/completed", "turn/completed",
]  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with a legacy thread and a paginated one."""
    made = Home(tmp_path / "home")
    made.talk(1)
    name = b.rollout_name(b.thread_id(3), b.START_MS + 3000)
    turns = [item for n in range(3) for item in b.paginated_turn(f"q{n}", f"a{n}", turn_id=f"t{n}")]
    made.put(f"sessions/2026/02/08/{name}", b.paginated_bytes(b.thread_id(3), *turns))
    return made


class Slow:
    """An agent that says one thing and then waits for ever; it knows whether it was cancelled."""

    def __init__(self) -> None:
        """It was not."""
        self.cancelled = False
        self.waits = asyncio.Event()
        self.requests: list[TurnRequest] = []

    async def __call__(self, request: TurnRequest) -> AsyncIterator[object]:
        """Say it and wait; whatever is sent meanwhile is said."""
        self.requests.append(request)
        yield say("let me see")
        self.waits.set()
        try:
            while True:
                parts = await request.steering.get()
                yield say(str(parts[0]["text"]))
        except asyncio.CancelledError:
            self.cancelled = True
            raise


async def broken(_: TurnRequest) -> AsyncIterator[object]:
    """An agent that fails in the middle."""
    yield say("first")
    raise RuntimeError("the model is gone")


async def busy(_: TurnRequest) -> AsyncIterator[object]:
    """An agent that thinks, runs a command and tells what it cost."""
    yield think("**Looking**")
    yield ran("call_1", ["ls", "-l"], "a.txt\n", cwd="/w")
    usage = {"total_tokens": 7, "input_tokens": 5, "output_tokens": 2}
    info = {"total_token_usage": usage, "last_token_usage": usage, "model_context_window": 100}
    yield {"type": "event_msg", "payload": {"type": "token_count", "info": info, "rate_limits": None}}
    yield say("one file")


@pytest.mark.parametrize("level", BOTH)
def test_a_new_thread_is_stored_with_its_first_turn(home: Home, level: Level) -> None:
    """Before: a path and no file, no turns to read. After: the file, listed, with what was said and its name."""

    async def scenario() -> None:
        async with Peer(home.store, level, echo()) as peer:
            thread = (await peer.ask("thread/start", cwd="/w"))["thread"]
            assert (os.path.isabs(thread["path"]), False) == (True, os.path.exists(thread["path"]))
            assert thread["id"] == (await peer.ask("thread/read", threadId=thread["id"]))["thread"]["id"]
            code, message = await peer.refused("thread/read", threadId=thread["id"], includeTurns=True)
            assert message.endswith("is not materialized yet; includeTurns is unavailable before first user message")
            await peer.ask("thread/name/set", threadId=thread["id"], name="  My  thread ")
            assert "completed" == (await peer.turn(thread["id"], "hello"))["status"]
            read = await peer.ask("thread/read", threadId=thread["id"], includeTurns=True)
            assert [["hello", "hello"]] == words_of(read["thread"])
            assert (code, "My  thread") == (-32600, home.store.names()[thread["id"]])
            assert ["thread/started", "thread/name/updated", *PLAIN_TURN] == [
                method for method in peer.news() if method != "thread/status/changed"
            ]

    run(scenario())


@pytest.mark.parametrize("level", BOTH)
def test_a_stored_thread_goes_on_in_its_own_era(home: Home, level: Level) -> None:
    """What stood there stands, byte for byte; a paginated file gets items with ordinals, a legacy one events."""

    async def scenario() -> None:
        async with Peer(home.store, level, busy) as peer:
            for number in (1, 3):
                thread = (await peer.ask("thread/resume", threadId=b.thread_id(number)))["thread"]
                before = Path(thread["path"]).read_bytes()
                await peer.turn(thread["id"], "go on")
                after = Path(thread["path"]).read_bytes()
                assert after.startswith(before)
                added = [json.loads(line) for line in after[len(before) :].splitlines()]
                assert (number == 3) == all("ordinal" in line for line in added)
                told = (await peer.ask("thread/read", threadId=thread["id"], includeTurns=True))["thread"]["turns"][-1]
                shown = ["userMessage", "reasoning", "agentMessage"]
                if level.later or number == 3:
                    shown.insert(2, "commandExecution")
                assert shown == [item["type"] for item in told["items"]]

    run(scenario())


@pytest.mark.parametrize("level", BOTH)
def test_a_command_and_tokens_are_told_while_the_turn_runs(home: Home, level: Level) -> None:
    """As they come."""

    async def scenario() -> None:
        async with Peer(home.store, level, busy) as peer:
            await peer.ask("thread/resume", threadId=b.thread_id(1))
            await peer.turn(b.thread_id(1), "go")
            items = [one["params"]["item"] for one in peer.heard if one.get("method") == "item/completed"]
            assert ["userMessage", "reasoning", "commandExecution", "agentMessage"] == [one["type"] for one in items]
            assert ("ls -l", "a.txt\n", 0) == (items[2]["command"], items[2]["aggregatedOutput"], items[2]["exitCode"])
            assert 7 == (await peer.until("thread/tokenUsage/updated"))["tokenUsage"]["total"]["totalTokens"]

    run(scenario())


@pytest.mark.parametrize("level", BOTH)
def test_an_interrupt_cancels_the_agent_and_keeps_what_was_said(home: Home, level: Level) -> None:
    """The turn is interrupted, in notifications and in the file; it can be steered before, and not after."""
    agent = Slow()

    async def scenario() -> None:
        async with Peer(home.store, level, agent) as peer:
            await peer.ask("thread/resume", threadId=b.thread_id(1))
            turn = (await peer.ask("turn/start", threadId=b.thread_id(1), input=[text("go")]))["turn"]
            await asyncio.wait_for(agent.waits.wait(), 10)
            assert "inProgress" == turn["status"]
            refused = await peer.refused("turn/start", threadId=b.thread_id(1), input=[text("again")])
            assert "runs a turn already" in refused[1]
            await peer.ask("turn/steer", threadId=b.thread_id(1), input=[text("faster")])
            await peer.until("item/completed")
            await peer.ask("turn/interrupt", threadId=b.thread_id(1), turnId=turn["id"])
            assert "interrupted" == (await peer.until("turn/completed"))["turn"]["status"]
            assert (-32600, "no active turn to steer") == await peer.refused(
                "turn/steer", threadId=b.thread_id(1), input=[text("x")]
            )
            last = (await peer.ask("thread/read", threadId=b.thread_id(1), includeTurns=True))["thread"]["turns"][-1]
            assert ("interrupted", ["go", "let me see", "faster"]) == (
                last["status"],
                words_of({"turns": [last]})[0][:3],
            )

    run(scenario())
    assert agent.cancelled


def test_an_agent_that_fails_makes_a_failed_turn(home: Home, capfd: pytest.CaptureFixture[str]) -> None:
    """What it said before is kept, its error is told and recorded, and the thread goes on."""

    async def scenario() -> None:
        async with Peer(home.store, Level.V0_169, broken) as peer:
            await peer.ask("thread/resume", threadId=b.thread_id(1))
            told = await peer.turn(b.thread_id(1), "go")
            assert ("failed", "the model is gone") == (told["status"], told["error"]["message"])
            read = (await peer.ask("thread/read", threadId=b.thread_id(1), includeTurns=True))["thread"]
            assert ("failed", ["go", "first"]) == (read["turns"][-1]["status"], words_of(read)[-1])
            assert {"type": "systemError"} == read["status"]
            assert "failed" == (await peer.turn(b.thread_id(1), "again"))["status"]

    run(scenario())
    assert "the model is gone" in capfd.readouterr().err


def test_without_an_agent_every_turn_fails_and_says_why(home: Home) -> None:
    """Threads can be read and changed all the same."""

    async def scenario() -> None:
        async with Peer(home.store) as peer:
            await peer.ask("thread/resume", threadId=b.thread_id(1))
            assert "--agent" in (await peer.turn(b.thread_id(1), "go"))["error"]["message"]

    run(scenario())


def test_an_agent_is_given_the_history(home: Home) -> None:
    """What a model would be sent, this turn's message last."""
    agent = Slow()

    async def scenario() -> None:
        async with Peer(home.store, Level.V0_169, agent) as peer:
            await peer.ask("thread/resume", threadId=b.thread_id(1), model="m")
            await peer.ask("turn/start", threadId=b.thread_id(1), input=[text("go")], cwd="/elsewhere")
            await asyncio.wait_for(agent.waits.wait(), 10)

    run(scenario())
    (request,) = agent.requests
    assert ["question 1", "answer", "go"] == [item["content"][0]["text"] for item in request.history]
    assert ("/elsewhere", "m", "go") == (request.cwd, request.model, request.text)


@pytest.mark.parametrize("level", BOTH)
def test_a_context_can_be_compacted(home: Home, level: Level) -> None:
    """In a turn of its own; the summary takes the place of the history."""

    async def scenario() -> None:
        async with Peer(home.store, level, echo()) as peer:
            await peer.ask("thread/resume", threadId=b.thread_id(3))
            assert {} == await peer.ask("thread/compact/start", threadId=b.thread_id(3))
            assert "completed" == (await peer.until("turn/completed"))["turn"]["status"]
            assert b.thread_id(3) == (await peer.until("thread/compacted"))["threadId"]

    run(scenario())


@pytest.mark.parametrize("level", BOTH)
def test_archive_and_back(home: Home, level: Level) -> None:
    """The thread is let go of; it is archived once, and comes back to be resumed."""
    one = b.thread_id(1)

    async def scenario() -> None:
        async with Peer(home.store, level) as peer:
            await peer.ask("thread/resume", threadId=one)
            assert [one] == (await peer.ask("thread/loaded/list"))["data"]
            assert {} == await peer.ask("thread/archive", threadId=one)
            assert [] == (await peer.ask("thread/loaded/list"))["data"]
            assert (-32600, f"no rollout found for thread id {one}") == await peer.refused(
                "thread/archive", threadId=one
            )
            assert [one] == [row["id"] for row in (await peer.ask("thread/list", archived=True))["data"]]
            assert -32600 == (await peer.refused("thread/resume", threadId=one))[0]
            assert one == (await peer.ask("thread/unarchive", threadId=one))["thread"]["id"]
            assert (-32600, f"no archived rollout found for thread id {one}") == await peer.refused(
                "thread/unarchive", threadId=one
            )
            await peer.ask("thread/resume", threadId=one)

    run(scenario())


@pytest.mark.parametrize("level", BOTH)
@pytest.mark.parametrize("number", [1, 3])
def test_a_rollback_drops_turns(home: Home, level: Level, number: int) -> None:
    """In both eras; more than there are means all; none is refused."""
    one = b.thread_id(number)

    async def scenario() -> None:
        async with Peer(home.store, level, echo()) as peer:
            await peer.ask("thread/resume", threadId=one)
            await peer.turn(one, "drop me")
            before = len((await peer.ask("thread/read", threadId=one, includeTurns=True))["thread"]["turns"])
            after = (await peer.ask("thread/rollback", threadId=one, numTurns=1))["thread"]["turns"]
            assert before - 1 == len(after)
            assert (-32600, "numTurns must be >= 1") == await peer.refused("thread/rollback", threadId=one, numTurns=0)
            await peer.turn(one, "instead")
            assert [] == (await peer.ask("thread/rollback", threadId=one, numTurns=99))["thread"]["turns"]

    run(scenario())


@pytest.mark.parametrize("level", BOTH)
@pytest.mark.parametrize("number", [1, 3])
def test_a_fork_begins_as_its_source_and_leaves_it_alone(home: Home, level: Level, number: int) -> None:
    """Also of a thread that is loaded; both go on by themselves."""
    one = b.thread_id(number)

    async def scenario() -> None:
        async with Peer(home.store, level, echo()) as peer:
            source = (await peer.ask("thread/resume", threadId=one))["thread"]
            fork = (await peer.ask("thread/fork", threadId=one))["thread"]
            assert words_of(source) == words_of(fork)
            assert fork["id"] == (await peer.until("thread/started"))["thread"]["id"]
            await peer.turn(fork["id"], "in the fork")
            read = [(await peer.ask("thread/read", threadId=i, includeTurns=True))["thread"] for i in (one, fork["id"])]
            assert [words_of(source), [*words_of(source), ["in the fork"] * 2]] == [words_of(each) for each in read]

    run(scenario())


def test_a_fork_can_end_at_a_turn(home: Home) -> None:
    """With it, or before it; an unknown turn is refused."""
    one = b.thread_id(3)

    async def scenario() -> None:
        async with Peer(home.store) as peer:
            upto = await peer.ask("thread/fork", threadId=one, lastTurnId="t1")
            before = await peer.ask("thread/fork", threadId=one, beforeTurnId="t1")
            assert [["t0", "t1"], ["t0"]] == [[t["id"] for t in each["thread"]["turns"]] for each in (upto, before)]
            assert (-32600, "turn not found: t9") == await peer.refused("thread/fork", threadId=one, lastTurnId="t9")

    run(scenario())


def test_a_thread_is_deleted_unless_a_fork_builds_on_it(home: Home) -> None:
    """A paginated fork holds its source; a legacy one is a copy."""

    async def scenario() -> None:
        async with Peer(home.store) as peer:
            for number in (1, 3):
                await peer.ask("thread/fork", threadId=b.thread_id(number))
            assert {} == await peer.ask("thread/delete", threadId=b.thread_id(1))
            assert b.thread_id(1) == (await peer.until("thread/deleted"))["threadId"]
            assert (
                -32600,
                f"cannot delete thread {b.thread_id(3)}: forked history still references it",
            ) == await peer.refused("thread/delete", threadId=b.thread_id(3))

    run(scenario())


def test_git_facts_can_be_changed(home: Home) -> None:
    """A field that is not given stays, null takes it away; nothing and blanks are refused."""
    one = b.thread_id(1)

    async def scenario() -> None:
        async with Peer(home.store) as peer:
            await peer.ask("thread/metadata/update", threadId=one, gitInfo={"sha": "abc", "branch": "main"})
            told = await peer.ask("thread/metadata/update", threadId=one, gitInfo={"branch": "other", "sha": None})
            assert {"sha": None, "branch": "other", "originUrl": None} == told["thread"]["gitInfo"]
            assert "at least one field" in (await peer.refused("thread/metadata/update", threadId=one))[1]
            blank = await peer.refused("thread/metadata/update", threadId=one, gitInfo={"branch": " "})
            assert (-32600, "gitInfo.branch must not be empty") == blank

    run(scenario())


def test_items_can_be_injected(home: Home) -> None:
    """They stand in the file as they came."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "by the way"}], "strange": 1}

    async def scenario() -> None:
        async with Peer(home.store) as peer:
            thread = (await peer.ask("thread/resume", threadId=b.thread_id(1)))["thread"]
            await peer.ask("thread/inject_items", threadId=b.thread_id(1), items=[item])
            assert item == json.loads(Path(thread["path"]).read_bytes().splitlines()[-1])["payload"]
            assert (-32600, "items must not be empty") == await peer.refused(
                "thread/inject_items", threadId=b.thread_id(1), items=[]
            )

    run(scenario())


def test_a_loaded_thread_is_locked_until_the_server_ends(home: Home) -> None:
    """Somebody else cannot write it meanwhile, and a server cannot load what somebody else writes."""

    async def scenario() -> None:
        async with Peer(home.store) as peer:
            await peer.ask("thread/resume", threadId=b.thread_id(1))
            with pytest.raises(BusyError):
                home.store.open_writer(b.thread_id(1))
        home.store.open_writer(b.thread_id(1)).close()
        writer = home.store.open_writer(b.thread_id(3))
        async with Peer(home.store) as peer:
            code, message = await peer.refused("thread/resume", threadId=b.thread_id(3))
            assert (-32600, True) == (code, message.startswith(f"thread {b.thread_id(3)} already has an active writer"))
        writer.close()

    run(scenario())


@pytest.mark.parametrize("level", BOTH)
def test_an_ephemeral_thread_is_never_stored(home: Home, level: Level) -> None:
    """It has turns and no path."""

    async def scenario() -> None:
        async with Peer(home.store, level, echo()) as peer:
            thread = (await peer.ask("thread/start", ephemeral=True))["thread"]
            assert "completed" == (await peer.turn(thread["id"], "hush"))["status"]
            refused = await peer.refused("thread/read", threadId=thread["id"], includeTurns=True)
            assert (None, -32600, "ephemeral threads do not support includeTurns") == (thread["path"], *refused)

    run(scenario())


def test_notifications_that_a_client_does_not_want_are_not_sent(home: Home) -> None:
    """By their names, as it said in its hello."""

    async def scenario() -> None:
        peer = Peer(home.store, Level.V0_169, echo())
        hello: dict[str, Any] = {"clientInfo": {"name": "t", "version": "1"}}
        await peer.ask("initialize", **hello, capabilities={"optOutNotificationMethods": ["item/started"]})
        await peer.ask("thread/resume", threadId=b.thread_id(1))
        await peer.turn(b.thread_id(1), "x")
        assert ("item/completed" in peer.news(), False) == (True, "item/started" in peer.news())
        await peer.server.close()

    run(scenario())


def test_an_agent_is_loaded_by_its_name() -> None:
    """``module:factory``, or ``echo``; anything else is refused."""
    assert callable(load("rollout.appserver.agent:echo"))
    with pytest.raises(ValueError, match="names no agent"):
        load("nonsense")
