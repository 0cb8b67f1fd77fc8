"""Long lines for those who only look: what is left out is told, and what is left is a line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.codec import decode, encode, to_object
from rollout.lines import Damage, Found, Line, Position
from rollout.long_lines import ENOUGH, LONG, boundary, brief, shortened, told

STAMP = "2026-02-01T12:30:00.000Z"


def line(payload: object, kind: str = "response_item") -> bytes:
    """A line of the legacy era."""
    return encode(kind, json.dumps(payload, ensure_ascii=False).encode(), STAMP)


def output(text: str) -> bytes:
    """What a tool said."""
    return line({"type": "function_call_output", "call_id": "call_1", "output": text})


def payload_of(data: bytes) -> Any:
    """The payload of a line as objects."""
    return to_object(decode(data).payload)


@pytest.mark.parametrize("text", ["x", "größe ", "\n", "\\", "🙂", '"'])
def test_the_middle_of_a_long_text_is_left_out_and_told(text: str) -> None:
    """What stands before and behind stays, the rest of the payload too."""
    whole = text * (ENOUGH // len(text.encode()))

    payload = payload_of(shortened(output(whole), told))
    before, mark, behind = payload["output"].split("\n… ")[0], "MiB left out here", payload["output"][-1000:]

    assert ("call_1", True, True, True) == (
        payload["call_id"], whole.startswith(before), whole.endswith(behind), mark in payload["output"],
    )  # fmt: skip


def test_a_line_of_many_texts_of_middle_size_is_shortened_further() -> None:
    """Each text is cut shorter until what is left is small."""
    parts = [{"type": "input_text", "text": "y" * 20_000} for _ in range(300)]

    payload = payload_of(shortened(line({"type": "message", "role": "user", "content": parts}), told))

    assert [True] * 300 == ["left out" in part["text"] for part in payload["content"]]


def test_members_with_very_many_values_are_emptied() -> None:
    """Such a line keeps its envelope and what is small in its payload."""
    history = [{"type": "message", "role": "user", "content": []}] * (ENOUGH // 40)

    short = shortened(line({"message": "the summary", "replacement_history": history}, "compacted"), told)

    assert {"message": "the summary", "replacement_history": []} == payload_of(short)


def test_a_payload_that_is_no_object_becomes_an_empty_one() -> None:
    """There is nothing in it that could be named."""
    short = shortened(line([1] * ENOUGH), told)

    assert ("response_item", {}) == (decode(short).type, payload_of(short))


def test_only_long_lines_are_touched() -> None:
    """Damage and other lines are the very same; a shortened one keeps number and place."""
    small = output("x")
    long = small.replace(b'"x"', b'"' + b"x" * LONG + b'"')
    found: list[Found] = [
        Line(small, 0, Position(0, 0), decode(small)), Damage(1, Position(0, 200), 3, "torn record"),
        Line(long, 2, Position(0, 300), decode(long)),
    ]  # fmt: skip

    first, second, third = brief(found)

    assert (found[0], found[1], (2, Position(0, 300))) == (first, second, third[1:3] if isinstance(third, Line) else None)


@given(st.text(alphabet=st.sampled_from('a"\\\n\x01é日🙂u'), max_size=12), st.booleans(), st.data())
def test_a_boundary_splits_no_character_and_no_escape(text: str, escaped: bool, data: st.DataObject) -> None:
    """Both sides are JSON strings, which together are the text; halves of a pair stay together."""
    inner = json.dumps(text, ensure_ascii=escaped).encode()[1:-1]
    at = boundary(b'"' + inner, 1 + data.draw(st.integers(0, max(0, len(inner) - 1))), 1) - 1

    before, behind = (json.loads(b'"' + part + b'"') for part in (inner[:at], inner[at:]))

    assert text == before + behind
