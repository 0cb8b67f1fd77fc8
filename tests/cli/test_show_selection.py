"""``rollout show`` of a part of a thread, and through a pager."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from cli.homes import line, thread_id, turn

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Rollout
    from cli.homes import Home

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def said(text: str) -> list[str]:
    """The lines of a transcript behind its heading that are neither empty nor a rule."""
    return [row for row in text.splitlines()[2:] if row.strip() and not row.startswith("──")]


def command(call_id: str, told: str, output: str) -> list[tuple[str, dict[str, Any]]]:
    """A command and what it printed, as the model has both."""
    call = {"type": "function_call", "name": "exec_command", "arguments": f'{{"cmd":"{told}"}}', "call_id": call_id}
    return [("response_item", call), ("response_item", {"type": "function_call_output", "call_id": call_id, "output": output})]


def patch(call_id: str) -> list[tuple[str, dict[str, Any]]]:
    """A patch and its answer."""
    text = "*** Begin Patch\n*** Update File: a.py\n@@\n-old\n+new\n*** End Patch"
    call = {"type": "custom_tool_call", "name": "apply_patch", "input": text, "call_id": call_id}
    return [("response_item", call), ("response_item", {"type": "custom_tool_call_output", "call_id": call_id, "output": "patched"})]


def test_one_turn(home: Home, rollout: Rollout) -> None:
    """--turn shows the turn of that number, with its number."""
    home.add(1, [*turn("first", "one"), *turn("second", "two"), *turn("third", "three")])

    run = rollout("show", thread_id(1), "--turn", "2")

    assert ["> second", "two"] == said(run.out)
    assert "── turn 2 " in run.out


def test_a_turn_that_is_not_there(home: Home, rollout: Rollout) -> None:
    """A number beyond the last turn is status 3, and says how many there are."""
    home.add(1)

    run = rollout("show", thread_id(1), "--turn", "2")

    assert 3 == run.status
    assert "has 1 turn, there is no turn 2" in run.err


def test_turns_are_counted_from_one(rollout: Rollout) -> None:
    """There is no turn 0, and it does not mean all of them."""
    run = rollout("show", thread_id(1), "--turn", "0")

    assert run.status == 2
    assert run.err == "rollout: argument --turn: not a number from 1 on: '0'; see rollout show --help\n"


@pytest.mark.parametrize(
    ("kinds", "shown"),
    [
        ("user", ["> q"]),
        ("agent", ["a"]),
        ("user,agent", ["> q", "a"]),
        ("commands", ["$ ls", "  file"]),
        ("patches", ["± patch", "  *** Begin Patch", "  *** Update File: a.py", "  @@", "  -old", "  +new", "  *** End Patch", "  patched"]),
    ],
)  # fmt: skip
def test_only_some_kinds(home: Home, rollout: Rollout, kinds: str, shown: list[str]) -> None:
    """--only picks by what a person calls things; an output goes with its call."""
    question, answer = turn("q", "a")[:2], turn("q", "a")[2:]
    home.add(1, [*question, *command("c1", "ls", "file"), *patch("c2"), *answer])

    assert shown == said(rollout("show", thread_id(1), "--only", kinds).out)


def test_since_a_time(home: Home, rollout: Rollout) -> None:
    """--since leaves out what was recorded before."""
    path = home.add(1, turn("early", "one"))
    with path.open("ab") as file:
        for kind, payload in turn("late", "two"):
            file.write(line("2026-02-03T00:00:00.000Z", kind, payload))

    assert ["> late", "two"] == said(rollout("show", thread_id(1), "--since", "2026-02-02").out)


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("Chunk ID: 1\nWall time: 1.2503 seconds\nProcess exited with code 2\nOutput:\nbad\n", ["  bad", "  exit 2 · 1.3 s"]),
        ("Exit code: 0\nWall time: 0.05 seconds\nOutput:\ngood\n", ["  good", "  exit 0 · 50 ms"]),
        ("no heading\n", ["  no heading"]),
    ],
)  # fmt: skip
def test_a_command_tells_how_it_ended(home: Home, rollout: Rollout, output: str, told: list[str]) -> None:
    """Exit status and duration stand below what was printed, the heading for the model does not."""
    home.add(1, command("c1", "make", output))

    assert ["$ make", *told] == said(rollout("show", thread_id(1)).out)


def test_a_terminal_gets_markdown_laid_out(home: Home, terminal: Rollout) -> None:
    """On a terminal an answer is laid out; nothing but colours is sent, whatever Markdown spells."""
    home.add(1, turn("q", "**bold** and `code`, [here](https://example.org/&#27;]0;x) &#8238;turned\n\n- one\n"))

    run = terminal("show", thread_id(1))
    text = COLOUR.sub("", run.out)

    assert "bold and code, here" in text
    assert " • one" in text
    assert "**" not in text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


@pytest.mark.parametrize(("options", "told"), [(["--since", "2027-01-01"], "--since"), (["--only", "patches"], "--only"), (["--only", "user"], "")])
def test_it_is_told_when_nothing_fits(home: Home, rollout: Rollout, options: list[str], told: str) -> None:
    """An empty transcript says what left everything out; one with something in it says nothing."""
    home.add(1)
    run = rollout("show", thread_id(1), *options)

    assert (0, f"nothing of thread {thread_id(1)} fits {told}\n" if told else "") == (run.status, run.err)


def test_what_does_not_fit_goes_through_the_pager(home: Home, terminal: Rollout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """$PAGER gets what is longer than the terminal, and only that; --no-pager leaves it out."""
    monkeypatch.setenv("LINES", "12")
    monkeypatch.setenv("PAGER", f"tee {tmp_path / 'paged'}")
    home.add(1)
    home.add(2, turn("q", "a") * 10)

    assert "> question 1" in terminal("show", thread_id(1)).out
    assert 10 == COLOUR.sub("", terminal("show", thread_id(2), "--no-pager").out).count("> q")
    assert not (tmp_path / "paged").exists()
    assert 10 == COLOUR.sub("", terminal("show", thread_id(2)).out).count("> q")
    assert 10 == COLOUR.sub("", (tmp_path / "paged").read_text()).count("> q")


def test_a_pager_that_is_left_early_is_no_error(home: Home, terminal: Rollout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has seen enough gets status 0 and no message."""
    monkeypatch.setenv("LINES", "5")
    monkeypatch.setenv("PAGER", "head -n 1")
    home.add(1, turn("q", "a" * 200) * 3000)

    run = terminal("show", thread_id(1))

    assert (0, "") == (run.status, run.err)
