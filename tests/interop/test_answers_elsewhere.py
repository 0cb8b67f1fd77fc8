"""What our server answers on homes that real Codex has just filled, beside what real Codex answers on them."""

from __future__ import annotations

import re
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest

from interop import questions, scenario
from interop.lab import opened_lab
from support import corpus_marks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType

    from interop.lab import Lab, Server

pytestmark = [*corpus_marks, pytest.mark.codex, pytest.mark.skipif(sys.platform != "linux", reason="the lab is for Linux")]
LEVELS = {"0.100.0": "0.100", "0.169.0": "0.169"}
NOTED = {
    "0.100.0": (),
    "0.169.0": (
        r"^look [^:]*: \.result\.thread\.updatedAt",  # of a legacy thread, that of its creation
        r'\.preview: "in the fork" \| "first"$',  # the fork's own question once its database has seen that
    ),
}
"""Differences that docs/reference/compatibility.md explains."""


def both_asked(lab: Lab, version: str, work: Callable[[Server], dict[str, Any]]) -> list[str]:
    """The differences between the answers of a version and ours at its level, each side on the same home."""
    with lab.codex(version) as codex:
        theirs = work(codex)
    with lab.ours("--protocol", LEVELS[version]) as server:
        ours = work(server)
    assert theirs.keys() == ours.keys()
    found = [f"{name}: {one}" for name in theirs for one in questions.differences(theirs[name], ours[name])]
    return [one for one in found if not any(re.search(noted, one) for noted in NOTED[version])]


@pytest.mark.parametrize(("maker", "asked"), [("0.100.0", "0.100.0"), ("0.169.0", "0.169.0"), ("0.100.0", "0.169.0")])
def test_the_same_is_answered_as_by_codex(lab: Lab, maker: str, asked: str) -> None:
    """Lists, pages, threads, turns, items and errors agree on a home with one thread for each thing that threads hold."""
    ids = list(scenario.fill(lab, maker).values())
    found = both_asked(lab, asked, lambda server: questions.ask(server, ids, later=asked == "0.169.0"))

    assert not found, "\n".join(found)


def test_a_reverted_thread_is_told_as_codex_tells_it(lab: Lab) -> None:
    """Its turns and items, over two files, in both directions."""
    with lab.codex("0.169.0") as codex:
        thread_id = scenario.reverted(lab, codex)

    assert [] == both_asked(lab, "0.169.0", lambda server: questions.pages_of(server, [thread_id]))


def test_threads_are_resumed_as_by_codex(tmp_path: Path, oracle: tuple[ModuleType, ModuleType]) -> None:
    """0.100.0 and our server on two copies of a home: the same thread with the same turns, from the same settings."""
    with opened_lab(tmp_path / "one", oracle) as lab:
        ids = [one for name, one in scenario.fill(lab, "0.100.0").items() if name != "archived"]
        shutil.copytree(lab.home, tmp_path / "copy", symlinks=True)
        with lab.codex("0.100.0") as codex:
            theirs = {one: codex.driver.try_request("thread/resume", {"threadId": one}) for one in ids}
        shutil.rmtree(lab.home)
        shutil.copytree(tmp_path / "copy", lab.home, symlinks=True)
        with lab.ours("--protocol", "0.100") as server:
            ours = {one: server.driver.try_request("thread/resume", {"threadId": one}) for one in ids}

    assert [] == list(questions.differences(theirs, ours))


@pytest.mark.parametrize("founder", ["ours", "0.169.0"])
def test_what_our_agent_does_is_told_by_codex_as_by_us(lab: Lab, founder: str) -> None:
    """Thoughts, commands and patches that our agent records in a thread of either era: 0.169.0 tells the same turns.

    It has no commands in legacy threads, whoever ran them.
    """
    with lab.ours() if founder == "ours" else lab.codex(founder) as server:
        thread_id = server.start(lab.project, "hello")
    with lab.ours() as server:
        server.resume(thread_id)
        lab.model.script(STEPS)
        server.turn(thread_id, "look and write")
        ours = answer_to_read(server, thread_id)
    with lab.codex("0.169.0") as codex:
        codex.resume(thread_id)  # only then its database has what others have added
        theirs = answer_to_read(codex, thread_id)
    shown = [item["type"] for item in ours[-1]["items"]]
    if founder == "ours":
        ours[-1]["items"] = [item for item in ours[-1]["items"] if item["type"] != "commandExecution"]

    assert [] == list(questions.differences(theirs, ours))
    assert ["userMessage", "reasoning", "commandExecution", "fileChange", "agentMessage"] == shown


STEPS: list[list[dict[str, str]]] = [
    [{"think": "Look first"}, {"shell": "echo one; exit 3"}],
    [{"patch": scenario.PATCH}],
    [{"say": "Done."}],
]


def answer_to_read(server: Server, thread_id: str) -> list[dict[str, Any]]:
    """The turns of a thread, with all that is told of each."""
    answer = server.driver.request("thread/read", {"threadId": thread_id, "includeTurns": True})
    turns: list[dict[str, Any]] = answer["thread"]["turns"]
    return turns


@pytest.mark.slow
@pytest.mark.parametrize("act", scenario.CHANGES, ids=lambda act: act.__name__)
@pytest.mark.parametrize(
    ("founder", "reader"),
    [("ours", "0.100.0"), ("ours", "0.169.0"), ("0.100.0", "0.100.0"), ("0.100.0", "0.169.0"), ("0.169.0", "0.169.0")],
)
def test_what_our_server_does_to_a_thread_is_told_by_codex_as_by_us(
    lab: Lab, founder: str, reader: str, act: Callable[[Lab, Server, str], str]
) -> None:
    """Compactions, rollbacks, reverts, forks, interrupts and failures, in threads of every founder."""
    with lab.ours() if founder == "ours" else lab.codex(founder) as server:
        thread_id = server.start(lab.project, "one", "two", "three")
    with lab.ours() as server:
        server.resume(thread_id)
        thread_id = act(lab, server, thread_id)
    with lab.codex(reader) as codex:
        codex.resume(thread_id)
        theirs = answer_to_read(codex, thread_id)
    with lab.ours("--protocol", LEVELS[reader]) as server:
        ours = answer_to_read(server, thread_id)

    assert [] == list(questions.differences(theirs, ours))
