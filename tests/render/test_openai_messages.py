"""An export for chat completions: a messages array that the interface takes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from render.shared_threads import lines
from rollout.query import EVERYTHING
from rollout.render.entries import dropped_stretches
from rollout.render.openai_messages import Messages, messages_json
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b
from support import needs_shared, shared_path

if TYPE_CHECKING:
    from rollout.items import RawItem


def messages(*items: RawItem) -> list[dict[str, Any]]:
    """The messages of a small thread."""
    found = lines(*items)
    made: list[dict[str, Any]] = json.loads(b"".join(messages_json(Messages(dropped_stretches(found)).messages(found))))
    return made


def shape(found: list[dict[str, Any]]) -> list[str]:
    """The messages by role, with what they call or answer."""
    return [
        " ".join(
            [one["role"], *(call["id"] for call in one.get("tool_calls", ())), one.get("tool_call_id", "")]
        ).strip()
        for one in found
    ]


def complaints(found: list[dict[str, Any]]) -> list[str]:
    """What the interface would refuse: calls without answers directly behind them, answers without calls."""
    wrong: list[str] = []
    waiting: set[str] = set()
    for one in found:
        if one["role"] == "tool":
            if one["tool_call_id"] not in waiting:
                wrong.append(f"{one['tool_call_id']} was not called")
            waiting.discard(one["tool_call_id"])
            continue
        wrong += [f"{call} was not answered" for call in waiting]
        waiting = {call["id"] for call in one.get("tool_calls", ())}
    return [*wrong, *(f"{call} was not answered" for call in waiting)]


def test_a_turn_with_a_tool() -> None:
    """What was said keeps role and text; a call is the assistant's, its output a tool's."""
    found = messages(
        b.message("user", "do it"),
        b.tool_call("shell", '{"a":1}', "c1"),
        b.tool_output("done", "c1"),
        b.message("assistant", "did"),
    )

    call = {"id": "c1", "type": "function", "function": {"name": "shell", "arguments": '{"a":1}'}}
    assert found == [
        {"role": "user", "content": "do it"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "done"},
        {"role": "assistant", "content": "did"},
    ]


def test_parallel_calls_are_one_message() -> None:
    """Calls that stand together are one message, with the answers behind it."""
    found = messages(
        b.tool_call("a", call_id="1"), b.tool_call("b", call_id="2"), b.tool_output("x", "2"), b.tool_output("y", "1")
    )

    assert ["assistant 1 2", "tool 2", "tool 1"] == shape(found)


def test_what_comes_between_a_call_and_its_output_waits() -> None:
    """An answer stands directly behind its call, as the interface wants it."""
    found = messages(b.tool_call("a", call_id="1"), b.message("assistant", "meanwhile"), b.tool_output("x", "1"))

    assert ["assistant 1", "tool 1", "assistant"] == shape(found)


def test_an_unanswered_call_is_answered() -> None:
    """A call that a crash left open gets an answer that says so, before the next question."""
    found = messages(b.tool_call("a", call_id="1"), b.message("user", "again"))

    assert ["assistant 1", "tool 1", "user"] == shape(found)
    assert found[1]["content"] == "aborted"


def test_images_and_custom_tools() -> None:
    """Images are parts with their address; a custom tool has an input instead of arguments."""
    picture = {"type": "input_image", "image_url": "data:image/png;base64,AA"}
    content = [{"type": "input_text", "text": "look"}, picture]
    found = messages(
        b.response("message", role="user", content=content),
        b.response("custom_tool_call", name="apply_patch", input="*** Begin Patch", call_id="1"),
        b.response("custom_tool_call_output", output="ok", call_id="1"),
    )

    assert found[0]["content"][1] == {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
    assert found[1]["tool_calls"][0]["custom"] == {"name": "apply_patch", "input": "*** Begin Patch"}


def test_rolled_back_turns_are_left_out_and_counted() -> None:
    """What was taken back is no part of the conversation; what has no place in a chat is counted."""
    found = lines(*b.turn("one", "1"), *b.turn("two", "2"), b.rolled_back(1), b.response("reasoning", summary=[]))
    made = Messages(dropped_stretches(found))

    texts = [one["content"] for one in made.messages(found)]
    assert "two" not in texts
    assert "one" in texts
    assert made.left_out["reasoning"] == 1
    assert made.left_out["rolled back"] >= 2


@needs_shared
@pytest.mark.parametrize("home", ["codex-0.100.0", "codex-0.169.0"])
def test_every_real_thread_is_a_valid_conversation(home: str) -> None:
    """In no real thread stands a call without its answer, or an answer without its call."""
    store = LocalStore(shared_path("corpus", home))
    for row in store.list(EVERYTHING._replace(limit=10_000)).threads:
        assert complaints(list(Messages().messages(store.lines(row.id)))) == [], row.id
