"""Our server and real Codex on one home: they take turns with the same threads, and their locks hold."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from interop.lab import ANSWER
from interop.threads import seen
from support import corpus_marks

if TYPE_CHECKING:
    from collections.abc import Generator

    from interop.lab import Lab, Server
    from interop.threads import Seen

pytestmark = [*corpus_marks, pytest.mark.codex]
ROUNDS = 20
SERVERS = ("ours", "0.100.0", "0.169.0")


@contextmanager
def one_of(lab: Lab, who: str) -> Generator[Server]:
    """A server by its name: ``ours``, or a version of Codex."""
    with lab.ours() if who == "ours" else lab.codex(who) as server:
        yield server


@pytest.mark.slow
def test_three_servers_take_turns_in_one_home(lab: Lab) -> None:
    """Twenty rounds of ours, 0.100.0 and 0.169.0: each resumes every thread that it can read, sees all of it, adds a turn.

    0.100.0 reads no thread of 0.169.0. No byte that was there is changed, and every thread is in every list.
    """
    lab.model.default = [answered]
    threads: dict[str, str] = {}
    said: dict[str, list[str]] = {}
    for who in SERVERS:
        with one_of(lab, who) as server:
            threads[who] = server.start(lab.project, f"{who} begins")
            said[who] = [f"{who} begins"]
    before = {who: lab.file(thread_id).read_bytes() for who, thread_id in threads.items()}
    for number in range(ROUNDS):
        who = SERVERS[number % len(SERVERS)]
        taken = [founder for founder in SERVERS if (founder, who) != ("0.169.0", "0.100.0")]
        with one_of(lab, who) as server:
            listed = server.listed()
            for founder in taken:
                assert talked(said[founder]) == server.resume(threads[founder])
                server.turn(threads[founder], f"round {number} by {who}")
                said[founder].append(f"round {number} by {who}")
        assert {threads[founder] for founder in taken} <= set(listed)
        after = {founder: lab.file(thread_id).read_bytes() for founder, thread_id in threads.items()}
        assert all(after[founder].startswith(before[founder]) for founder in SERVERS)
        before = after

    with lab.ours() as server:
        assert {founder: talked(said[founder]) for founder in SERVERS} == {who: server.read(one) for who, one in threads.items()}


def talked(questions: list[str]) -> Seen:
    """The turns of these questions, each with its answer."""
    return seen(*((one, f"answer to {one}") for one in questions))


def answered(request: dict[str, object]) -> dict[str, str]:
    """What the model says: that it has heard."""
    return {"say": f"answer to {words_of(request)}"}


def words_of(request: dict[str, object]) -> str:
    """The last thing that the model was asked."""
    messages = [one for one in request["input"] if one.get("role") == "user"]  # type: ignore[attr-defined]  # JSON
    text: str = messages[-1]["content"][-1]["text"]
    return text


@pytest.mark.parametrize("first", ["ours", "0.169.0"])
def test_two_servers_at_once_keep_out_of_each_others_threads(lab: Lab, first: str) -> None:
    """What one has loaded, the other may read and list and cannot resume; once it is closed, it can."""
    other = "0.169.0" if first == "ours" else "ours"
    with one_of(lab, other) as theirs:
        with one_of(lab, first) as mine:
            thread_id = mine.start(lab.project, "hello")
            refusal = theirs.refusal("thread/resume", thread_id)
            theirs.read(thread_id)
            mine.turn(thread_id, "again")
        resumed = theirs.resume(thread_id)

    assert "already has an active writer" in refusal
    assert seen(("hello", ANSWER), ("again", ANSWER)) == resumed
