"""Hypothesis strategies for what stands in rollouts: JSON, items, lines, batches, whole and damaged files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from hypothesis import strategies as st

from rollout.codec import timestamp_text
from rollout.ids import ThreadId
from rollout.items import RawItem
from rollout.testing import builders as b

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_SAFE = st.characters(codec="utf-8")

texts: SearchStrategy[str] = st.text(_SAFE, max_size=30)
"""Any text that JSON can say: everything but lone surrogates."""

_numbers = st.one_of(st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False))
json_values: SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), _numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)
"""Any JSON value, as plain Python values."""

json_objects: SearchStrategy[dict[str, Any]] = st.dictionaries(texts, json_values, max_size=5)
"""Any JSON object."""

payloads: SearchStrategy[bytes] = json_objects.map(msgspec.json.encode)
"""An object as compact JSON: the payload of some item, known to nobody."""

thread_ids: SearchStrategy[ThreadId] = st.builds(
    ThreadId.new, st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10)
)
"""Version 7 ids."""

spoken: SearchStrategy[RawItem] = st.one_of(
    texts.map(b.user),
    texts.map(b.agent),
    st.builds(b.message, st.sampled_from(["user", "assistant", "developer"]), texts),
    st.builds(b.tool_call, st.sampled_from(["shell", "apply_patch"]), texts),
    texts.map(b.tool_output),
)
"""What people, agents and tools say."""

_known = st.one_of(
    spoken,
    texts.map(b.compacted),
    st.integers(0, 5).map(b.rolled_back),
    st.integers(0, 10**6).map(b.tokens),
    st.builds(b.turn_context, st.just(b.CWD), texts),
)
_unknown = st.builds(
    RawItem, st.sampled_from(["from_the_future", "world_state", "event_msg", "response_item"]), payloads
)
items: SearchStrategy[RawItem] = st.one_of(_known, _unknown)
"""Any item, known or not."""

batches: SearchStrategy[list[RawItem]] = st.lists(items, max_size=5)
"""What a caller records in one go."""

lines: SearchStrategy[bytes] = st.builds(b.line, items, st.integers(0, 10**6))
"""A good line of the legacy era."""


def _reordered(item: RawItem, order: list[str], extra: dict[str, Any]) -> bytes:
    envelope: dict[str, Any] = {"timestamp": timestamp_text(b.START_MS), "type": item.line_type}
    fields = {**{f"x_{key}": value for key, value in extra.items()}, **envelope, "payload": msgspec.Raw(item.payload)}
    return (
        msgspec.json.encode({key: fields[key] for key in (*order, *(key for key in fields if key not in order))})
        + b"\n"
    )


odd_lines: SearchStrategy[bytes] = st.builds(
    _reordered, items, st.permutations(["timestamp", "type", "payload"]), json_objects
)
"""A good line with its keys in any order, and further keys that nobody knows."""


def _cut(line: bytes, at: int) -> bytes:
    return line[: at % len(line)] + b"\n"


def _glued(one: bytes, two: bytes) -> bytes:
    return one[:-1] + two


_FOREIGN = (b"\n", b" \t\n", b"garbage\n", b"\xff\xfe\n", b"\0\0\0\n", b"{}\n", b"[]\n", b"null\n", b"\xef\xbb\xbf\n")
damaged_lines: SearchStrategy[bytes] = st.one_of(
    st.sampled_from(_FOREIGN),
    st.builds(_cut, lines, st.integers(1, 10**6)),
    lines.map(lambda line: b"\0\0" + line),
    lines.map(lambda line: line[:-1] + b"\r\n"),
    st.builds(_glued, lines, lines),
    st.binary(max_size=20).map(lambda data: data.replace(b"\n", b"") + b"\n"),
)
"""A physical line as a crash, an editor or a foreign program leaves it; some of them still hold a record."""


def _joined(pieces: list[bytes], cut: int) -> bytes:
    data = b"".join(pieces)
    return data[: len(data) - cut]


files: SearchStrategy[bytes] = st.builds(
    _joined, st.lists(st.one_of(lines, odd_lines, damaged_lines), max_size=8), st.one_of(st.just(0), st.integers(0, 40))
)
"""The bytes of a file: good, odd and damaged lines, its end perhaps cut off."""
