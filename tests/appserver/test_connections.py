"""Several clients of one server: who is told what, and what becomes of a client that goes away."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from appserver_words import HELLO, Peer, run, text
from local_homes import Home
from rollout.appserver.agent import echo, say
from rollout.appserver.connection import Connection
from rollout.appserver.dispatch import receive
from rollout.appserver.levels import Level
from rollout.testing import builders as b

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from rollout.appserver.agent import TurnRequest
    from rollout.appserver.messages import Outgoing

ONE = b.thread_id(1)
LATER = Level.V0_169


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with a thread."""
    made = Home(tmp_path / "home")
    made.talk(1)
    return made


async def steered(request: TurnRequest) -> AsyncIterator[object]:
    """An agent that says what it is sent, until that is the end."""
    while True:
        words = str((await request.steering.get())[0]["text"])
        if words == "end":
            return
        yield say(words)


def test_turns_are_told_to_those_who_follow_the_thread(home: Home) -> None:
    """Whoever resumed it; what concerns lists is told to every client."""

    async def scenario() -> None:
        async with Peer(home.store, LATER, echo()) as peer:
            other = await peer.another()
            await peer.ask("thread/resume", threadId=ONE)
            await peer.turn(ONE, "hello")
            await peer.ask("thread/name/set", threadId=ONE, name="x")
            fresh = (await peer.ask("thread/start"))["thread"]["id"]
            await peer.ask("thread/archive", threadId=ONE)
            assert fresh == (await other.until("thread/started"))["thread"]["id"]
            assert ["thread/status/changed"] * 2 + ["thread/name/updated", "thread/started", "thread/archived"] == other.news()
            assert "item/completed" in peer.news()

    run(scenario())


def test_a_client_can_stop_following(home: Home) -> None:
    """And hears of turns no more; the thread stays loaded."""

    async def scenario() -> None:
        async with Peer(home.store, LATER, echo()) as peer:
            other = await peer.another()
            told = [(await other.ask("thread/unsubscribe", threadId=ONE))["status"]]
            for one in (peer, other):
                await one.ask("thread/resume", threadId=ONE)
            told += [(await other.ask("thread/unsubscribe", threadId=ONE))["status"] for _ in range(2)]
            await peer.turn(ONE, "hello")
            assert ["notLoaded", "unsubscribed", "notSubscribed"] == told
            assert {"thread/status/changed"} == set(other.news())

    run(scenario())


def test_whoever_comes_later_hears_the_rest_of_a_turn_behind_the_answer(home: Home) -> None:
    """Nothing of a thread comes before it is known to be followed, and nothing is left out."""

    async def scenario() -> None:
        async with Peer(home.store, LATER, steered) as peer:
            other = await peer.another()
            await peer.ask("thread/resume", threadId=ONE)
            await peer.ask("turn/start", threadId=ONE, input=[text("go")])
            resuming = asyncio.create_task(other.ask("thread/resume", threadId=ONE))
            for words in ("a", "b", "end"):
                await peer.ask("turn/steer", threadId=ONE, input=[text(words)])
            await resuming
            await other.until("turn/completed")
            known = [one.get("method") for one in other.heard]
            assert (known.index(None, 1), True) < (known.index("turn/completed"), True)
            said = {one["params"]["item"].get("text") for one in other.heard if one.get("method") == "item/completed"}
            shown = json.dumps(next(one for one in other.heard[1:] if "result" in one))
            assert {"a", "b"} == {words for words in "ab" if words in said or f'"text": "{words}"' in shown}

    run(scenario())


def test_two_clients_can_resume_a_thread_at_once(home: Home) -> None:
    """It is loaded once, for both."""

    async def scenario() -> None:
        async with Peer(home.store) as peer:
            other = await peer.another()
            both = await asyncio.gather(*(one.ask("thread/resume", threadId=ONE) for one in (peer, other)))
            assert [ONE, ONE] == [told["thread"]["id"] for told in both]

    run(scenario())


def test_two_clients_can_archive_a_thread_at_once(home: Home) -> None:
    """One of them does it; the other is answered as well."""

    async def scenario() -> None:
        async with Peer(home.store) as peer:
            other = await peer.another()
            await peer.ask("thread/resume", threadId=ONE)
            told = await asyncio.gather(
                *(one.ask("thread/archive", threadId=ONE) for one in (peer, other)), return_exceptions=True
            )
            assert {} in told
            assert 1 == peer.news().count("thread/archived")

    run(scenario())


def test_who_went_away_is_asked_nothing(home: Home) -> None:
    """A question to a client that is gone fails at once, as one does whose client goes away meanwhile."""

    async def scenario() -> None:
        async with Peer(home.store) as peer:
            asking = asyncio.create_task(peer.connection.ask("x/requestApproval", {"threadId": ONE}))
            await peer.until("x/requestApproval")
            peer.connection.close()
            for waiting in (asking, peer.connection.ask("x/requestApproval", {"threadId": ONE})):
                with pytest.raises(ConnectionError, match="the client went away"):
                    await asyncio.wait_for(waiting, 5)

    run(scenario())


def test_a_turn_goes_on_when_a_client_breaks_off(home: Home) -> None:
    """Whoever cannot be told any more is told no more; the others are, and the turn is recorded."""

    async def scenario() -> None:
        async with Peer(home.store, LATER, echo()) as peer:
            left = [3]

            async def breaking(_: Outgoing) -> None:
                left[0] -= 1
                if left[0] < 0:
                    raise BrokenPipeError("gone")

            other = Connection(peer.server, breaking)
            await receive(other, json.dumps({"id": 1, "method": "initialize", "params": HELLO}).encode())
            await receive(other, json.dumps({"id": 1, "method": "thread/resume", "params": {"threadId": ONE}}).encode())
            await peer.ask("thread/resume", threadId=ONE)
            assert ("completed", True) == ((await peer.turn(ONE, "hello"))["status"], other.gone)

    run(scenario())


def test_an_answer_that_cannot_be_written_is_a_refusal(home: Home) -> None:
    """A request is answered whatever happens."""

    async def scenario() -> None:
        async with Peer(home.store) as peer:
            heard: list[dict[str, Any]] = []

            async def refusing(told: Outgoing) -> None:
                if "result" in told.message:
                    raise ValueError("not JSON")
                heard.append(told.message)

            connection = Connection(peer.server, refusing)
            await receive(connection, json.dumps({"id": 7, "method": "initialize", "params": HELLO}).encode())
            assert [(7, -32603)] == [(told["id"], told["error"]["code"]) for told in heard]

    run(scenario())


def test_a_turn_can_be_interrupted_before_it_began(home: Home) -> None:
    """However soon the interrupt comes, it is answered, and the thread is free for the next turn."""

    async def scenario() -> None:
        async with Peer(home.store, LATER, echo()) as peer:
            await peer.ask("thread/resume", threadId=ONE)
            start = {"id": "s", "method": "turn/start", "params": {"threadId": ONE, "input": [text("go")]}}
            stop = {"id": "i", "method": "turn/interrupt", "params": {"threadId": ONE}}
            for each in (start, stop):
                await asyncio.wait_for(peer.say(json.dumps(each).encode()), 5)
            assert "interrupted" == (await peer.until("turn/completed"))["turn"]["status"]
            assert "completed" == (await peer.turn(ONE, "again"))["status"]

    run(scenario())


DEEP = b'{"id":9,"method":"thread/list","params":{"x":' + b"[" * 126 + b"]" * 126 + b"}}"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"id":1,"method":"thread/li', [(1, -32700)]),
        (b'{"method":"thread/list","id":"a\\"b","params":', [('a"b', -32700)]),
        (b'{"method":"thread/list","params":{"x":\xff},"id":3}', [(3, -32700)]),
        (b'{"id":4,"method":5}', [(4, -32600)]),
        (b'{"id":5}', [(5, -32600)]),
        (DEEP.replace(b"[[]]", b"[[[]]]"), [(9, -32600)]),
        (DEEP, [(9, -32600)]),
        (DEEP.replace(b"[]", b""), [(9, None)]),
        (DEEP.replace(b"[]", b'"' + b"[" * 200 + b'"'), [(9, None)]),
        (b'{"id":99999999999999999999,"method":"thread/list"}', []),
        (b'{"id":1.5,"method":"thread/list"}', []),
        (b"hello", []),
        (b"[]", []),
        (b" \t", []),
    ],
)  # fmt: skip
def test_a_broken_request_is_answered_where_its_id_can_be_read(home: Home, line: bytes, expected: list[tuple[object, object]]) -> None:
    """Else it is passed over, as there is nobody to answer; the next one is served."""

    async def scenario() -> None:
        async with Peer(home.store) as peer:
            peer.heard = []
            await peer.say(line)
            assert expected == [(told["id"], told.get("error", {}).get("code")) for told in peer.heard]
            assert 1 == len((await peer.ask("thread/list"))["data"])

    run(scenario())


async def careful(request: TurnRequest) -> AsyncIterator[object]:
    """An agent that asks, and says what it was told."""
    yield say(f"allowed: {await request.approvals.command('call', ['rm', 'x'], '/w')}")


ASKED = "item/commandExecution/requestApproval"


async def answered(peer: Peer, answer: dict[str, Any]) -> None:
    """Answer what a client is asked, once it is."""
    await peer.until(ASKED)
    identity = next(one["id"] for one in peer.heard if one.get("method") == ASKED)
    await peer.say(json.dumps({"id": identity, **answer}).encode())


ACCEPT: dict[str, Any] = {"result": {"decision": "accept"}}
REFUSE: dict[str, Any] = {"error": {"code": -32601, "message": "no such method"}}


@pytest.mark.parametrize(
    ("mine", "others", "expected"),
    [(ACCEPT, None, "allowed: True"), (None, ACCEPT, "allowed: True"), (REFUSE, ACCEPT, "allowed: True"), (REFUSE, REFUSE, "allowed: False")],
)
def test_everyone_who_follows_may_decide(home: Home, mine: dict[str, Any] | None, others: dict[str, Any] | None, expected: str) -> None:
    """The first decision counts, who cannot decide leaves it to the others, and each is told that it is settled."""

    async def scenario() -> None:
        async with Peer(home.store, LATER, careful) as peer:
            other = await peer.another()
            for one in (peer, other):
                await one.ask("thread/resume", threadId=ONE)
            await peer.ask("turn/start", threadId=ONE, input=[text("go")])
            for one, answer in ((peer, mine), (other, others)):
                if answer is not None:
                    await answered(one, answer)
            for one in (peer, other):
                assert "completed" == (await one.until("turn/completed"))["turn"]["status"]
                assert expected == (await one.until("item/completed"))["item"]["text"]
                assert 1 == one.news().count("serverRequest/resolved")

    run(scenario())


def test_who_comes_later_may_decide(home: Home) -> None:
    """A client that follows the thread while it waits is asked behind the answer, and once, however often it resumes."""

    async def scenario() -> None:
        async with Peer(home.store, LATER, careful) as peer:
            late = await peer.another()
            await peer.ask("thread/resume", threadId=ONE)
            await peer.ask("turn/start", threadId=ONE, input=[text("go")])
            await peer.until(ASKED)
            for _ in range(2):
                resumed = await late.ask("thread/resume", threadId=ONE)
                assert ["waitingOnApproval"] == resumed["thread"]["status"]["activeFlags"]
            await late.until(ASKED)
            assert [one for one in peer.heard if one.get("method") == ASKED] == [one for one in late.heard if one.get("method") == ASKED]
            await answered(late, ACCEPT)
            for one in (peer, late):
                assert "completed" == (await one.until("turn/completed"))["turn"]["status"]
                assert (1, 1) == (one.news().count(ASKED), one.news().count("serverRequest/resolved"))
            assert "allowed: True" == (await peer.until("item/completed"))["item"]["text"]

    run(scenario())


@pytest.mark.parametrize("both", [False, True])
def test_a_question_stands_as_long_as_somebody_is_there(home: Home, both: bool) -> None:
    """When the last one goes away, the turn ends as an interrupted one."""

    async def scenario() -> None:
        async with Peer(home.store, LATER, careful) as peer:
            other = await peer.another()
            for one in (peer, other):
                await one.ask("thread/resume", threadId=ONE)
            await peer.ask("turn/start", threadId=ONE, input=[text("go")])
            await other.until(ASKED)
            peer.connection.close()
            watching = await other.another()
            if both:
                other.connection.close()
            else:
                await answered(other, ACCEPT)
            while (await watching.until("thread/status/changed"))["status"] != {"type": "idle"}:
                watching.heard.clear()
            read = await watching.ask("thread/read", threadId=ONE, includeTurns=True)
            assert ("interrupted" if both else "completed") == read["thread"]["turns"][-1]["status"]

    run(scenario())
