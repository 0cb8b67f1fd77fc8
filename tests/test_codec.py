"""The codec: one line in, its facts out, its bytes kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.codec import Record, decode, decode_item, encode, encode_record, payload_tag, to_object
from rollout.errors import FormatError
from rollout.testing import builders as b
from rollout.testing.strategies import damaged_lines, items, json_objects, json_values, lines, odd_lines, texts
from support import corpus_homes, corpus_marks, rollouts

if TYPE_CHECKING:
    from pathlib import Path

    from rollout.items import RawItem

STAMP = "2026-02-08T07:05:03.041Z"


def facts(record: Record) -> tuple[Any, ...]:
    """What a record says, its bytes as bytes."""
    payload, metadata = bytes(record.payload), bytes(record.metadata)
    return record.timestamp, record.type, payload, record.ordinal, metadata, record.bare


# -- what a line is ------------------------------------------------------------------------------------------------


def test_a_line_of_the_legacy_era() -> None:
    """Timestamp, type and payload, the payload byte for byte."""
    payload = b'{"type":"user_message","message":"\xc3\xa9", "n":1.10}'
    found = decode(b'{"timestamp":"%s","type":"event_msg","payload":%s}\n' % (STAMP.encode(), payload))

    assert facts(found) == (STAMP, "event_msg", payload, None, b"", False)


def test_a_line_of_the_paginated_era() -> None:
    """An ordinal, and metadata beside the payload."""
    found = decode(b'{"timestamp":"t","ordinal":7,"type":"world_state","payload":{},"metadata":{"a": 1}}')

    assert facts(found) == ("t", "world_state", b"{}", 7, b'{"a": 1}', False)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"id":"x","timestamp":"t","instructions":null}', ("t", "session_meta")),
        (b'{"type":"message","role":"user","content":[]}', ("", "response_item")),
        (b'{"record_type":"state"}', ("", "state")),
    ],
)
def test_lines_of_the_bare_era(line: bytes, expected: tuple[str, str]) -> None:
    """The header and the naked items of 2025 are records like any other; the whole line is the payload."""
    found = decode(line + b"\n")

    assert (*expected, line, None, b"", True) == facts(found)


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b'{"a": 1}',
        b'{"timestamp":"t","type":"event_msg"}',
        b'{"timestamp":1,"type":"event_msg","payload":{}}',
        b'{"timestamp":"t","type":"event_msg","payload":{},"ordinal":"7"}',
        b'{"timestamp":"t","type":"","payload":{}}',
        b'{"type":7}',
    ],
)
def test_foreign_objects_are_carried(line: bytes) -> None:
    """A JSON object that is no rollout line has no type, and is written again as it was."""
    found = decode(b" " + line + b" \r\n")

    assert facts(found) == ("", "", line, None, b"", False)
    assert encode_record(found) == line + b"\n"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "torn record"),
        (b"\n", "torn record"),
        (b'{"timestamp":"t","type":"event_msg","payl', "torn record"),
        (b'{"timestamp":"t","type":"event_msg","payload":{}}{"timestamp"', "two records on one line"),
        (b'{"type":5} {"type":6}', "two records on one line"),
        (b'{"timestamp":"t","type":"event_msg","payload":{"a":"\xff"}}', "invalid UTF-8"),
        (b'{"timestamp":"t","type":"event_msg","payload":{"a":"\xed\xa0\x80"}}', "invalid UTF-8"),
        (b'{"timestamp":"t","type":"event_msg","payload":{"a":"\\ud800"}}', "lone surrogate escape"),
        (b'\0\0{"timestamp":"t"}', "NUL bytes"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"timestamp":"t","type":"event_msg","payload":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"garbage", "not JSON"),
        (b'{"type":5, broken', "not JSON"),
        (b'{"timestamp":"t","type":"event_msg","payload":NaN}', "not JSON"),
        (b'{"timestamp":"t","type":"event_msg","payload":{"a":1,}}', "not JSON"),
        (b'{"timestamp":"t","type":"event_msg","payload":{"a":01}}', "not JSON"),
        (b'\x0b{"type":"message"}', "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b"null", "not a JSON object"),
    ],
)
def test_what_is_no_object_is_refused(line: bytes, reason: str) -> None:
    """Anything but exactly one JSON object of valid UTF-8 is refused with a short reason."""
    with pytest.raises(FormatError) as caught:
        decode(line)
    assert reason == str(caught.value)


@given(st.one_of(lines, odd_lines, damaged_lines, st.binary(max_size=60), st.builds(bytes.__add__, lines, st.binary())))
def test_strictness(line: bytes) -> None:
    """Of any bytes, exactly those are accepted that the standard library takes for one object without bad text."""
    assert _is_object(line) == _decodes(line)


def _decodes(line: bytes) -> bool:
    try:
        decode(line)
    except FormatError:
        return False
    return True


def _is_object(line: bytes) -> bool:
    try:
        found = json.loads(line.decode(), parse_constant=lambda _: 1 / 0)
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, ZeroDivisionError, RecursionError):
        return False
    return isinstance(found, dict) and not line.startswith(b"\xef\xbb\xbf")


# -- bytes that are kept -------------------------------------------------------------------------------------------


@given(items, st.one_of(st.none(), st.integers(0, 2**64 - 1)))
def test_a_canonical_line_survives(item: RawItem, ordinal: int | None) -> None:
    """A line as we write it is the same line after decoding and encoding."""
    line = encode(item.line_type, item.payload, STAMP, ordinal)

    assert line == encode_record(decode(line))
    assert (item.line_type, item.payload) == decode_item(line)


@given(texts, texts, json_values, json_values)
def test_odd_texts_survive(timestamp: str, line_type: str, payload: Any, metadata: Any) -> None:
    """Timestamps and types that nobody writes, with quotes and controls, are the same after encoding."""
    envelope = {"timestamp": timestamp, "type": line_type or "x", "payload": payload, "metadata": metadata}
    found = decode(json.dumps(envelope).encode())
    again = decode(encode_record(found))

    assert facts(found) == facts(again)
    assert (timestamp, line_type or "x") == (again.timestamp, again.type)


@given(items, st.permutations(["timestamp", "type", "payload", "new"]), json_objects)
def test_order_and_unknown_keys_do_not_matter(item: RawItem, order: list[str], extra: dict[str, Any]) -> None:
    """The keys of a line may stand in any order with others among them; the payload keeps its bytes."""
    fields = {"timestamp": STAMP, "type": item.line_type, "payload": msgspec.Raw(item.payload), "new": extra}
    found = decode(msgspec.json.encode({key: fields[key] for key in order}) + b"\n")

    assert (STAMP, item.line_type, item.payload) == facts(found)[:3]


@pytest.mark.parametrize(
    "payload",
    [b'{"b":1,"a":2}', b'{"a":1.10}', b'{"a":1e5}', b'{"a":123456789012345678901234567890}', b'{"a":"\\u00e9"}', b"7"],
)
def test_a_payload_keeps_its_spelling(payload: bytes) -> None:
    """Numbers, escapes and key order are those of the file."""
    assert bytes(decode(b'{"timestamp":"t","type":"x","payload":%s}' % payload).payload) == payload


@given(json_values)
def test_values(value: Any) -> None:
    """A payload as plain values is what was written."""
    assert value == to_object(msgspec.json.encode(value))


def test_values_out_of_range() -> None:
    """A number beyond every float is infinite, and of two equal keys the last one counts."""
    assert to_object(b'{"a":1e999,"b":1,"b":2}') == {"a": float("inf"), "b": 2}


@pytest.mark.parametrize(
    ("payload", "tag"),
    [(b'{"type":"message"}', "message"), (b"{}", ""), (b'{"type":7}', ""), (b"[]", ""), (b"null", ""), (b'"x"', "")],
)
def test_tags(payload: bytes, tag: str) -> None:
    """The tag inside a payload, and none where there is none."""
    assert tag == payload_tag(payload)


@pytest.mark.parametrize("line", [b"", b"garbage", b"{}", b'{"type":"x"}', b'{"type":1,"payload":{}}', b"[]", b"\xff"])
def test_what_holds_no_item(line: bytes) -> None:
    """Bytes without a type and a payload are refused."""
    with pytest.raises(FormatError):
        decode_item(line)


def test_a_record_knows_whether_it_has_a_payload() -> None:
    """An empty record has none."""
    assert not Record().has_payload
    assert decode(b.line(b.user("hello"))).has_payload


# -- real lines ----------------------------------------------------------------------------------------------------


class TestCorpus:
    """Lines that the official binaries wrote."""

    pytestmark = corpus_marks

    @pytest.mark.parametrize("home", corpus_homes()[:2], ids=lambda home: home.name)
    def test_every_line_survives(self, home: Path) -> None:
        """Each line of a home is the same bytes after decoding and encoding."""
        differing = [path.name for path in rollouts(home) if path.read_bytes() != _again(path.read_bytes())]

        assert differing == []


def _again(data: bytes) -> bytes:
    return b"".join(encode_record(decode(line)) for line in data.splitlines(keepends=True))
