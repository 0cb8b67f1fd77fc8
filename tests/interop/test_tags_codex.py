"""Real Codex on a home with tags and notes: it sees what it saw before, and goes on with the threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from interop.lab import ANSWER
from interop.threads import seen
from rollout.lifecycle import annotate, delete, tag
from support import corpus_marks

if TYPE_CHECKING:
    from interop.lab import Lab

pytestmark = [*corpus_marks, pytest.mark.codex]


@pytest.mark.parametrize("version", ["0.100.0", "0.169.0"])
def test_codex_does_not_mind(lab: Lab, version: str) -> None:
    """Tagged while Codex has it open and afterwards: listed, read, resumed and gone on with; the tags stay."""
    with lab.codex(version) as server:
        thread_id = server.start(lab.project, "one")
        other = server.start(lab.project, "other")
        before = server.listed()
        tag(lab.store, thread_id, ["todo"])
        server.turn(thread_id, "two")
        during = server.listed()
    annotate(lab.store, thread_id, "ask about it")
    tag(lab.store, other, ["gone"])
    delete(lab.store, other, now=True)
    with lab.codex(version) as server:
        after = server.listed()
        resumed = server.resume(thread_id)
        server.turn(thread_id, "three")
    labels = lab.store.labels()

    assert {thread_id: "one", other: "other"} == before == during
    assert "one" == after[thread_id]
    assert seen(("one", ANSWER), ("two", ANSWER)) == resumed
    assert {thread_id: (("todo",), "ask about it")} == {key: tuple(one) for key, one in labels.items()}
