"""What of a line can be found, and whose it is."""

from __future__ import annotations

from typing import Any

import pytest

from rollout.codec import decode
from rollout.search_bytes import may_begin_turn, says_nothing
from rollout.search_text import TurnCount, passages
from rollout.testing import builders as b

PATCH = "*** Begin Patch\n*** Update File: src/a.py\n*** Move to: src/b.py\n-old\n+new\n*** End Patch"


def texts(line: bytes, *, everything: bool = False) -> list[tuple[str, str]]:
    """Role and text of every passage of a line."""
    return [(one.role, one.text) for one in passages(decode(line), everything=everything)]


def found(kind: str, tag: str, **fields: Any) -> list[tuple[str, str]]:
    """Role and text of the passages of one payload."""
    make = b.event if kind == "event" else b.response
    return texts(b.line(make(tag, **fields)))


SPOKEN: list[tuple[str, str, dict[str, Any], list[tuple[str, str]]]] = [
    ("event", "user_message", {"message": "hi", "local_images": ["/tmp/a.png"]}, [("user", "hi"), ("file", "/tmp/a.png")]),
    ("event", "agent_message", {"message": "hello"}, [("agent", "hello")]),
    ("event", "agent_reasoning", {"text": "hm"}, [("reasoning", "hm")]),
    ("event", "error", {"message": "broken"}, [("note", "broken")]),
    ("event", "thread_goal_updated", {"goal": {"objective": "win"}}, [("note", "win")]),
    (
        "event",
        "exec_command_end",
        {"command": ["bash", "-lc", "ls"], "aggregated_output": "a.txt", "call_id": "c"},
        [("tool", "bash\n-lc\nls"), ("tool", "a.txt")],
    ),
    (
        "event",
        "patch_apply_end",
        {"changes": {"a.py": {"type": "update", "unified_diff": "-x\n+y", "move_path": "b.py"}}, "stdout": "ok"},
        [("file", "a.py"), ("tool", "update\n-x\n+y\nb.py"), ("file", "b.py"), ("tool", "ok")],
    ),
    (
        "event",
        "item_completed",
        {"item": {"type": "UserMessage", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]}},
        [("user", "one\ntwo")],
    ),
    (
        "event",
        "item_completed",
        {"item": {"type": "CommandExecution", "id": "x", "command": ["ls"], "aggregated_output": "b"}},
        [("tool", "ls"), ("tool", "b")],
    ),
    ("event", "item_completed", {"item": {"type": "Reasoning", "summary_text": ["s"], "raw_content": []}}, [("reasoning", "s")]),
    ("event", "item_completed", {"item": {"type": "ImageView", "path": "/tmp/p.png"}}, [("file", "/tmp/p.png")]),
    (
        "event",
        "exited_review_mode",
        {"review_output": {"overall_explanation": "fine", "findings": [{"title": "t", "body": "b"}]}},
        [("agent", "fine"), ("agent", "t\nb")],
    ),
    ("item", "message", {"role": "assistant", "content": [{"type": "output_text", "text": "yes"}]}, [("agent", "yes")]),
    ("item", "message", {"role": "user", "content": [{"type": "input_text", "text": "why"}]}, [("user", "why")]),
    ("item", "reasoning", {"summary": [{"text": "a"}, {"text": "b"}], "encrypted_content": "gAAA"}, [("reasoning", "a"), ("reasoning", "b")]),
    (
        "item",
        "function_call",
        {"name": "shell", "arguments": '{"command":["grep","\\u00e9\\n"],"n":7}', "call_id": "c"},
        [("tool", "shell\ngrep\né")],
    ),
    ("item", "function_call", {"name": "shell", "arguments": "{torn", "call_id": "c"}, [("tool", "shell\n{torn")]),
    (
        "item",
        "custom_tool_call",
        {"name": "apply_patch", "input": PATCH, "call_id": "c"},
        [("tool", f"apply_patch\n{PATCH}"), ("file", "src/a.py"), ("file", "src/b.py")],
    ),
    ("item", "function_call_output", {"call_id": "c", "output": "plain"}, [("tool", "plain")]),
    (
        "item",
        "function_call_output",
        {"call_id": "c", "output": '{"output":"in\\nside","metadata":{"exit_code":0}}'},
        [("tool", "in\nside")],
    ),
    (
        "item",
        "function_call_output",
        {"call_id": "c", "output": [{"type": "input_text", "text": "see"}, {"type": "input_image", "image_url": "data:x"}]},
        [("tool", "see")],
    ),
    ("item", "web_search_call", {"action": {"type": "search", "query": "jsonl"}}, [("tool", "search\njsonl")]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "tag", "fields", "expected"), SPOKEN, ids=lambda value: str(value)[:30])
def test_what_people_and_agents_said_and_did(
    kind: str, tag: str, fields: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    """Each kind of line gives its texts with whose they are."""
    assert expected == found(kind, tag, **fields)


CONTEXT = [
    b.message("user", "# AGENTS.md instructions for /home/dev\n\n<INSTRUCTIONS>needle</INSTRUCTIONS>"),
    b.message("user", "<environment_context>needle</environment_context>"),
    b.message("developer", "<permissions instructions>needle"),
    b.turn_context(user_instructions="needle"),
    b.meta(b.thread_id(), base_instructions={"text": "needle"}),
    b.response("reasoning", summary=[], encrypted_content="needle"),
    b.item("world_state", {"state": {"deep": ["needle"]}}),
    b.response("message", role="user", content=[{"type": "input_image", "image_url": "needle"}]),
    b.event("of_the_future", word="needle"),
]


@pytest.mark.parametrize("item", CONTEXT, ids=lambda item: f"{item.line_type} {item.tag}")
def test_context_and_sealed_content_must_be_asked_for(item: Any) -> None:
    """What the program put in, what is sealed or encoded, and unknown kinds are texts only if everything is."""
    line = b.line(item)

    assert [] == texts(line)
    assert [True] == sorted({"needle" in text for role, text in texts(line, everything=True) if "needle" in text})
    assert {"context"} == {role for role, _ in texts(line, everything=True)}


def test_encoded_images_inside_of_texts_are_left_out() -> None:
    """The letters of an encoded image are no words, what stands around them is."""
    line = b.line(b.agent(f"see data:image/png;base64,{'QUJD' * 40}, there"))

    assert [("agent", "see data:image/png;base64, , there")] == texts(line)


def test_colours_are_no_letters() -> None:
    """What switches colours of a terminal is no part of the words beside it."""
    assert [("tool", " error : 7")] == texts(b.line(b.tool_output("\x1b[1;31merror\x1b[0m: 7")))


def test_odd_payloads_say_nothing() -> None:
    """A payload of an unexpected shape has no texts and raises nothing."""
    for payload in (b"[]", b"7", b'"text"', b"null", b'{"type":7}', b'{"type":"message","content":{"a":[1]}}'):
        for kind in (b"event_msg", b"response_item", b"compacted"):
            line = b'{"timestamp":"x","type":"%b","payload":%b}' % (kind, payload)

            assert [] == texts(line)
    for tag in ("item_completed", "patch_apply_end", "mcp_tool_call_end", "exited_review_mode", "user_message"):
        assert [] == found("event", tag, item=7, changes=[], result=None, review_output="x", message={})


def test_turns_are_counted_once() -> None:
    """The item and the event of a message are one turn; injected context begins none."""
    items = [
        b.meta(b.thread_id()),
        b.message("user", "<environment_context>x</environment_context>"),
        *b.turn("one", "1"),
        *b.paginated_turn("two", "2"),
        b.message("user", "three, of which there is no event"),
        b.user("four, of which there is no item"),
    ]
    count = TurnCount()
    turns = [count.take(decode(b.line(item))) for item in items]

    assert [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3] == turns


def test_an_unanswered_item_is_followed_by_a_new_turn() -> None:
    """Two events in a row are two turns."""
    count = TurnCount()

    assert [1, 1, 2] == [
        count.take(decode(b.line(item))) for item in (b.message("user", "a"), b.user("a"), b.user("b"))
    ]


def test_heads_of_lines_tell_only_what_is_so() -> None:
    """A line whose head says that it is silent has no passages, and one that begins a turn is never passed over."""
    items = [b.meta(b.thread_id()), b.turn_context(), b.tokens(7), *b.turn("user", "1"), *b.paginated_turn("user", "2")]
    items += [b.tool_call("user"), b.tool_output("user"), b.compacted("user")]
    for line in (b.line(item, ordinal=ordinal) for item in items for ordinal in (None, 12)):
        begins = TurnCount().take(decode(line)) > 0

        assert not (says_nothing(line) and (begins or texts(line)))
        assert may_begin_turn(line) or not begins
    assert says_nothing(b.line(b.tokens(7)))
    assert not says_nothing(b.line(b.tokens(7))[:-9] + b"\0" + b.line(b.user("behind a torn line")))
    assert may_begin_turn(b.line(b.tool_output("torn"))[:-9] + b"\0" + b.line(b.user("behind a torn line")))
