"""Our server and real Codex on one home: they take turns with the same threads, and their locks hold."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from interop.lab import ANSWER
from interop.threads import seen
from support import corpus_marks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interop.lab import Lab, Server

pytestmark = [*corpus_marks, pytest.mark.codex]
ROUNDS = 20


@contextmanager
def one_of(lab: Lab, who: str) -> Iterator[Server]:
    """A server by its name: ``ours``, or a version of Codex."""
    with lab.ours() if who == "ours" else lab.codex(who) as server:
        yield server


@pytest.mark.parametrize(
    ("founder", "takers"),
    [
        ("ours", ("0.100.0", "ours", "0.169.0", "ours")),
        ("0.100.0", ("ours", "0.169.0", "ours", "0.100.0")),
        ("0.169.0", ("ours", "0.169.0")),
    ],
)
def test_a_thread_is_taken_in_turns(lab: Lab, founder: str, takers: tuple[str, ...]) -> None:
    """Each one resumes what the others did, sees all of it, and adds a turn; no byte that was there is changed."""
    lab.model.default = [lambda request: {"say": f"answer to {words_of(request)}"}]
    with one_of(lab, founder) as server:
        thread_id = server.start(lab.project, "round 0")
    rounds, before = ROUNDS if founder == "ours" else ROUNDS // 2, lab.file(thread_id).read_bytes()
    for number in range(1, rounds + 1):
        with one_of(lab, takers[number % len(takers)]) as server:
            resumed = server.resume(thread_id)
            server.turn(thread_id, f"round {number}")
        after = lab.file(thread_id).read_bytes()
        expected = [(f"round {one}", f"answer to round {one}") for one in range(number)]
        assert seen(*expected) == resumed
        assert after.startswith(before)
        before = after

    with lab.ours() as server:
        assert rounds + 1 == len(server.read(thread_id))


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
