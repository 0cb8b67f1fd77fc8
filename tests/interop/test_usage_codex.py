"""Our sums beside what the model really answered to two versions of Codex, over every way to go on with a thread."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from cli.homes import PYTHON, environment
from interop.lab import ANSWER, Server
from support import corpus_marks

if TYPE_CHECKING:
    from interop.lab import Lab

pytestmark = [*corpus_marks, pytest.mark.codex]
SIZE = {"input": 1000, "cached": 300, "output": 70, "reasoning": 20}


class Meter:
    """Makes the model say that every request took the same, and counts the requests."""

    def __init__(self, lab: Lab) -> None:
        """From now on."""
        self.requests = 0
        lab.model.always.append((self._is_answered, lambda _request: [{"say": ANSWER}, {"usage": SIZE}]))

    def _is_answered(self, _request: object) -> bool:
        self.requests += 1
        return True


def fork(server: Server, thread_id: str) -> str:
    """A fork of a whole thread; its id."""
    forked: str = server.driver.request("thread/fork", {"threadId": thread_id})["thread"]["id"]
    return forked


def compact(server: Server, thread_id: str) -> None:
    """Compact a thread's history, to the end of it."""
    heard = server.driver.subscribe()
    server.driver.request("thread/compact/start", {"threadId": thread_id})
    server.driver.wait_method(heard, "turn/completed", thread_id)


def usage(lab: Lab) -> dict[str, Any]:
    """What we count by thread."""
    words = [*PYTHON, "usage", "--json", "--by", "thread"]
    run = subprocess.run(words, capture_output=True, env=environment(lab.home), timeout=60, check=True)
    document: dict[str, Any] = json.loads(run.stdout)
    return document


def go_on(server: Server, thread_id: str) -> str:
    """A turn, a chain of four forks with a turn each, a compaction in between; the last fork's id."""
    server.turn(thread_id, "more")
    for step in range(3):
        thread_id = fork(server, thread_id)
        if step == 1:
            compact(server, thread_id)
        server.turn(thread_id, "more")
    return thread_id


def test_every_request_that_the_model_answered_counts_once(lab: Lab) -> None:
    """Legacy and paginated threads, resumed by either version, forked, compacted, reverted: all of one size."""
    meter = Meter(lab)
    with lab.codex("0.100.0") as server:
        first = server.start(lab.project, "one", "two")
        last = go_on(server, first)
        server.turn(first, "three")
    with lab.codex("0.169.0") as server:
        for thread_id in (first, last):
            server.resume(thread_id)
            go_on(server, thread_id)
        paginated = server.start(lab.project, "one", "two", "three")
        server.turn(go_on(server, paginated), "more")
        turns = server.driver.request("thread/read", {"threadId": paginated, "includeTurns": True})["thread"]["turns"]
        server.driver.request("thread/revert", {"threadId": paginated, "beforeTurnId": turns[1]["id"]})
        server.turn(paginated, "again")
        go_on(server, paginated)
    document = usage(lab)

    assert document["totals"]["requests"] == meter.requests
    assert document["totals"]["inputTokens"] == meter.requests * SIZE["input"]
    assert document["totals"]["reasoningOutputTokens"] == meter.requests * SIZE["reasoning"]
    assert all(group["totalTokens"] == group["requests"] * 1070 for group in document["groups"])
    assert document["threads"] == len(document["groups"])
