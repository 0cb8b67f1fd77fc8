"""Items: typed views of what Codex writes, and bytes for everything."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given

from rollout.codec import decode
from rollout.errors import FormatError, InvalidItemError
from rollout.ids import ThreadId
from rollout.items import (
    EVENTS,
    RESPONSE_ITEMS,
    Compacted,
    GitInfo,
    Item,
    Message,
    RawItem,
    SessionMeta,
    TaskStarted,
    TurnContext,
    UserMessage,
    from_line,
    payload_bytes,
    to_item,
    view,
    view_record,
)
from rollout.testing import builders as b
from rollout.testing.strategies import items, json_values, payloads
from support import corpus_homes, corpus_marks, rollouts

if TYPE_CHECKING:
    from pathlib import Path

# Spec 2.2 to 2.9: payloads in the order in which the seed writes their fields.
WRITTEN = {
    "session_meta": b'{"id":"i","timestamp":"t","cwd":"/w","originator":"codex_cli_rs","cli_version":"0.99.0",'
    b'"source":"cli","model_provider":"openai","base_instructions":{"text":"You are a coding agent."},'
    b'"git":{"commit_hash":"5a1f","branch":"main","repository_url":"git@example.org:team/app.git"}}',
    "compacted": b'{"message":"","replacement_history":[{"type":"compaction","encrypted_content":"gAAA"}]}',
    "turn_context": b'{"cwd":"/w","approval_policy":"on-request","sandbox_policy":{"type":"read-only"},'
    b'"model":"gpt-5.2-codex","effort":"medium","summary":"auto","truncation_policy":{"mode":"tokens","limit":10000}}',
    "response_item": b'{"type":"reasoning","summary":[{"type":"summary_text","text":"Look around"}],"content":null,'
    b'"encrypted_content":"gAAA"}',
    "response_item function_call": b'{"type":"function_call","name":"shell","arguments":"{}","call_id":"call_1"}',
    "response_item output": b'{"type":"function_call_output","call_id":"call_1","output":"README.md\\n"}',
    "response_item parts": b'{"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"x"}]}',
    "response_item ghost": b'{"type":"ghost_snapshot","ghost_commit":{"id":"9f0c","parent":null}}',
    "response_item search": b'{"type":"web_search_call","status":"completed","action":{"type":"search","query":"q"}}',
    "event_msg user": b'{"type":"user_message","message":"hi","images":[],"local_images":[],"text_elements":[]}',
    "event_msg compacted": b'{"type":"context_compacted"}',
    "event_msg rolled back": b'{"type":"thread_rolled_back","num_turns":1}',
    "event_msg aborted": b'{"type":"turn_aborted","reason":"interrupted"}',
    "event_msg tokens": b'{"type":"token_count","info":null,"rate_limits":null}',
    "event_msg review": b'{"type":"entered_review_mode","target":{"type":"custom","instructions":"i"}}',
}


@pytest.mark.parametrize("name", WRITTEN)
def test_views_are_written_as_codex_writes(name: str) -> None:
    """A view of what the seed writes gives the same bytes: field order, nulls, absent fields."""
    line_type = name.split(maxsplit=1)[0]
    seen = view(line_type, WRITTEN[name])

    assert seen is not None
    assert (line_type, WRITTEN[name]) == (seen.line_type, payload_bytes(seen))


@pytest.mark.parametrize("kind", [*RESPONSE_ITEMS, *EVENTS], ids=lambda kind: kind.tag)
def test_every_kind_has_its_tag(kind: type[Any]) -> None:
    """The tag of a kind is what stands in its payload."""
    assert kind.tag == kind.__struct_config__.tag
    assert kind.line_type in ("response_item", "event_msg")


@pytest.mark.parametrize(
    ("alias", "tag"),
    [("turn_started", "task_started"), ("turn_complete", "task_complete"), ("task_started", "task_started")],
)
def test_aliases_are_read(alias: str, tag: str) -> None:
    """A tag that was renamed is read under both names and written under the older one."""
    seen = view("event_msg", b'{"type":"%s","turn_id":"1"}' % alias.encode())

    assert seen is not None
    assert (tag, True) == (seen.tag, b'"%s"' % tag.encode() in payload_bytes(seen))


@pytest.mark.parametrize(
    ("line_type", "payload"),
    [
        ("from_the_future", b"{}"),
        ("event_msg", b'{"type":"from_the_future"}'),
        ("event_msg", b"{}"),
        ("event_msg", b"7"),
        ("event_msg", b'{"type":"user_message"}'),
        ("event_msg", b'{"type":"user_message","message":7}'),
        ("event_msg", b'{"type":"turn_started","turn_id":7}'),
        ("session_meta", b"{}"),
        ("session_meta", b"null"),
        ("compacted", b'{"message":"","replacement_history":1e999}'),
    ],
)
def test_what_has_no_view(line_type: str, payload: bytes) -> None:
    """Unknown kinds and unknown shapes have no view; nothing is raised."""
    assert view(line_type, payload) is None


def test_a_view_drops_what_it_does_not_know() -> None:
    """Views are for looking: a field of the future is in the raw item, not in the view."""
    payload = b'{"type":"user_message","message":"hi","new":1}'
    seen = view("event_msg", payload)

    assert isinstance(seen, UserMessage)
    assert b"new" not in payload_bytes(seen)
    assert payload_bytes(RawItem("event_msg", payload)) == payload


def test_absent_and_null_are_two_things() -> None:
    """A field that was not given is not written; one that is None is written as null where Codex does."""
    meta = SessionMeta(id="i", timestamp="t", cwd="/w", originator="o", cli_version="1", git=GitInfo())
    expected = (
        b'{"id":"i","timestamp":"t","cwd":"/w","originator":"o","cli_version":"1","source":"vscode",'
        b'"model_provider":null,"base_instructions":null,"git":{}}'
    )

    assert expected == payload_bytes(meta)
    assert (
        payload_bytes(TaskStarted(turn_id="1")) == b'{"type":"task_started","turn_id":"1","model_context_window":null}'
    )


def test_an_id_can_stand_in_an_item() -> None:
    """A ThreadId is a text wherever an item wants one."""
    meta = SessionMeta(id=ThreadId(b.thread_id()), timestamp="t", cwd="/w", originator="o", cli_version="1")

    assert b'"id":"%s"' % b.thread_id().encode() in payload_bytes(meta)


@pytest.mark.parametrize(
    "item",
    [
        UserMessage(message="\ud800"),
        Compacted(message="", replacement_history=[object()]),
        Message(role="user", content=[{"type": "input_text", "text": "\udfff"}]),
        TurnContext(cwd="/", approval_policy=object(), sandbox_policy={}, model="m", summary="auto"),
    ],
)
def test_what_json_cannot_say(item: Item) -> None:
    """A lone surrogate or a foreign object in an item is refused, naming the item."""
    with pytest.raises(InvalidItemError, match="cannot be written as JSON"):
        payload_bytes(item)


@given(items)
def test_raw_items_keep_their_bytes(item: RawItem) -> None:
    """Any item comes through a line as the same bytes."""
    again = from_line(b.line(item))

    assert (item, hash(item), item.payload) == (again, hash(again), payload_bytes(again))
    assert again == to_item(again)
    assert item.line_type in repr(item)


@given(payloads)
def test_a_raw_item_knows_its_tag(payload: bytes) -> None:
    """The tag of a raw item is the type inside its payload, if that is a text."""
    inner = msgspec.json.decode(payload).get("type")

    assert RawItem("event_msg", payload).tag == (inner if isinstance(inner, str) else "")


@given(json_values)
def test_mappings_are_items(value: Any) -> None:
    """A mapping of type and payload can be recorded, whatever the payload is."""
    made = to_item({"type": "from_the_future", "payload": value})

    assert isinstance(made, RawItem)
    assert (made.line_type, made.object) == ("from_the_future", value)


@pytest.mark.parametrize(
    "value",
    [
        None, 7, "text", b"bytes", [], {}, {"type": "x"}, {"payload": 1}, {"type": "", "payload": 1},
        {"type": 7, "payload": 1}, {"type": "x", "payload": "\ud800"}, {"type": "x", "payload": object()},
    ],
)  # fmt: skip
def test_what_is_no_item(value: object) -> None:
    """Anything else is refused."""
    with pytest.raises(InvalidItemError):
        to_item(value)


@pytest.mark.parametrize("payload", [b"", b"garbage", b'{"a":1}{', b"{\n}", b'{"a":"\xff"}', b"[" * 100_000])
def test_bytes_that_would_break_a_line(payload: bytes) -> None:
    """A raw item is one JSON value of valid UTF-8 without line breaks, or it is refused."""
    with pytest.raises(InvalidItemError):
        RawItem("event_msg", payload)


@pytest.mark.parametrize("line", [b"garbage", b"{}", b'{"type":"x"}', b"[]"])
def test_lines_that_hold_no_item(line: bytes) -> None:
    """A line without an item is refused."""
    with pytest.raises((FormatError, InvalidItemError)):
        from_line(line)


class TestCorpus:
    """What the official binaries wrote."""

    pytestmark = corpus_marks

    def test_every_line_of_the_seed_has_a_view(self) -> None:
        """Every line of the 0.100.0 home is of a kind that we know, and its view gives the same payload bytes."""
        problems: Counter[tuple[str, str]] = Counter()
        for path in rollouts(home_of("0.100.0")):
            for line in path.read_bytes().splitlines():
                record = decode(line)
                seen = view_record(record)
                if seen is None or payload_bytes(seen) != bytes(record.payload):
                    problems[record.type, "" if seen is None else seen.tag] += 1

        assert problems == Counter()


def home_of(version: str) -> Path:
    """The home that a version of Codex wrote."""
    return next(home for home in corpus_homes() if home.name == f"codex-{version}")
