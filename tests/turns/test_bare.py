"""Turns of the bare files of 2025."""

from __future__ import annotations

from rollout.testing import builders as b
from turn_words import ME, told, turns_in


def test_each_question_begins_a_turn() -> None:
    """Context is passed over; a command is shown with its output under the id of its call."""
    data = b.bare_bytes(
        ME,
        b.message("user", "<environment_context>\n  <cwd>/w</cwd>\n</environment_context>"),
        b.message("user", "list them"),
        b.response("reasoning", summary=[{"type": "summary_text", "text": "ls"}]),
        b.tool_call("shell", '{"command": ["ls", "-l"]}', "call_9"),
        b.tool_output('{"output": "a.txt", "metadata": {"exit_code": 1}}', "call_9"),
        b.message("assistant", "one file"),
        b.message("user", "thanks"),
    )
    turns = turns_in(data)

    assert ["list them", "thanks"] == [turn.items[0].item["content"][0]["text"] for turn in turns]
    assert ["UserMessage", "Reasoning", "CommandExecution", "AgentMessage"] == [item.kind for item in turns[0].items]
    command = turns[0].items[2].item
    assert ("call_9", ["ls", "-l"], "a.txt", "failed") == (
        command["id"], command["command"], command["aggregated_output"], command["status"]
    )  # fmt: skip


def test_an_answer_before_any_question_has_a_turn_of_its_own() -> None:
    """Nothing is lost."""
    assert ["rollout-1 item-1:hello"] == told(turns_in(b.bare_bytes(ME, b.message("assistant", "hello"))))
