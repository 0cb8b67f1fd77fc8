"""How items are spelled on the wire."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.appserver.shown import Told, events_for
from rollout.appserver.wire.items import item_on_wire, spell
from rollout.appserver.wire.review import review_text
from rollout.appserver.wire.shell import join, quoted
from rollout.appserver.wire.threads import source_on_wire
from rollout.turns import TurnItem


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("ls", "ls"),
        ("", "''"),
        ("a b", "'a b'"),
        ("print('x')", "\"print('x')\""),
        ("it's $5", "\"it's \"'$5'"),
        ("^a", "'^a'"),
        ("\\n", '"\\\\n"'),
    ],
)
def test_words_of_a_command_are_quoted(word: str, expected: str) -> None:
    """In as few stretches as any shell can read back."""
    assert expected == quoted(word)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"))))
def test_a_quoted_command_reads_back(words: list[str]) -> None:
    """Whatever the words are."""
    assert words == shlex.split(join(words))


def command(**fields: Any) -> dict[str, Any]:
    """A command as a paginated file has it."""
    item = {
        "type": "CommandExecution",
        "id": "c1",
        "command": ["cat", "a b"],
        "cwd": "file:///w/a%20b",
        "status": "failed",
    }
    return {**item, "source": "unified_exec_startup", "duration": {"secs": 1, "nanos": 5_900_000}, **fields}


def test_a_command_is_shown_with_its_output() -> None:
    """Folders as paths, times in milliseconds, an empty output as none."""
    read = {"type": "read", "cmd": "cat a", "name": "a", "path": "a"}
    told = spell(command(aggregated_output="", exit_code=1, parsed_cmd=[read]))

    assert ("cat 'a b'", "/w/a b", "failed", 1005, None) == (
        told["command"], told["cwd"], told["status"], told["durationMs"], told["aggregatedOutput"]
    )  # fmt: skip
    assert [{"type": "read", "command": "cat a", "name": "a", "path": "/w/a b/a"}] == told["commandActions"]


def test_changes_of_files_are_sorted_and_a_move_is_named() -> None:
    """A moved file's diff says where to."""
    changes = {
        "/w/z": {"type": "add", "content": "new"},
        "/w/a": {"type": "update", "unified_diff": "@@", "move_path": "/w/b"},
    }
    told = spell({"type": "FileChange", "id": "f", "changes": changes, "status": "completed"})

    assert ["/w/a", "/w/z"] == [change["path"] for change in told["changes"]]
    assert ["@@\n\nMoved to: /w/b", "new"] == [change["diff"] for change in told["changes"]]


def test_an_unknown_kind_keeps_its_fields() -> None:
    """In the spelling of the wire; a client of 0.100.0, which cannot decode it, is not sent it."""
    item = TurnItem({"type": "NewThing", "id": "n", "some_field": 1}, 0)

    assert {"type": "newThing", "id": "n", "someField": 1} == spell(item.item)
    assert item_on_wire(item, later=False) is None


def test_the_seed_is_spared_what_it_does_not_know() -> None:
    """An answer of 0.100.0 has a text and nothing else."""
    item = TurnItem({"type": "AgentMessage", "id": "a", "content": [{"type": "Text", "text": "x"}]}, 0, None, 1, 2)
    later = item_on_wire(item, later=True) or {}

    assert {"type": "agentMessage", "id": "a", "text": "x"} == item_on_wire(item, later=False)
    assert (None, 1, 2) == (later["phase"], later["startedAtMs"], later["completedAtMs"])


def test_a_review_tells_its_findings() -> None:
    """The overall words, then each finding with its place; nothing at all is said in words as well."""
    finding = {
        "title": "[P1] Bug",
        "body": "It\nfails.",
        "code_location": {"absolute_file_path": "/w/a.py", "line_range": {"start": 3, "end": 5}},
    }

    assert "Fine.\n\nReview comment:\n\n- [P1] Bug — /w/a.py:3-5\n  It\n  fails." == review_text(
        {"overall_explanation": " Fine. ", "findings": [finding]}
    )
    assert "Reviewer failed to output a response." == review_text(None)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (None, "vscode"),
        ("mcp", "appServer"),
        ("strange", "unknown"),
        ({"subagent": "review"}, {"subAgent": "review"}),
        ({"custom": "atlas"}, "unknown"),
    ],
)
def test_sources_are_spelled_as_the_seed_does(source: Any, expected: Any) -> None:
    """A thread without a source counts as ``vscode``."""
    assert expected == source_on_wire(source, later=False)


def test_a_paginated_file_keeps_the_folder_of_a_command_as_a_url() -> None:
    """Codex drops the item otherwise; on the wire it is a path again."""
    shown = {"type": "CommandExecution", "id": "c", "command": ["ls"], "cwd": "/tmp/a b"}
    (recorded,) = events_for(shown, "paginated", Told("thread", "turn", 1))
    item = recorded["payload"]["item"]

    assert ("file:///tmp/a%20b", "/tmp/a b") == (item["cwd"], spell(item)["cwd"])
