"""The builders make what the formats say."""

from __future__ import annotations

import pytest

from rollout.codec import decode, encode_record
from rollout.errors import FormatError
from rollout.items import RawItem, view
from rollout.journal.reader import classify
from rollout.lines import Line, Position
from rollout.testing import builders as b

KINDS = {
    "user": b.user("hi"),
    "agent": b.agent("hi"),
    "message": b.message("assistant", "hi"),
    "tool_call": b.tool_call("shell"),
    "tool_output": b.tool_output("ok"),
    "turn_context": b.turn_context(),
    "compacted": b.compacted("all that was said", [b.message("user", "hi")]),
    "rolled_back": b.rolled_back(2),
    "tokens": b.tokens(10),
    "turn_item": b.turn_item("UserMessage", "hi"),
    "meta": b.meta(b.thread_id()),
}
FILES = {
    "legacy": b.rollout_bytes(b.thread_id(), *b.turn("q", "a")),
    "paginated": b.paginated_bytes(b.thread_id(), *b.paginated_turn("q", "a")),
    "bare": b.bare_bytes(b.thread_id(), b.message("user", "q")),
    "fork": b.fork_bytes(b.thread_id(2), b.thread_id(1), b.paginated_bytes(b.thread_id(1), b.user("q")), b.user("r")),
}


@pytest.mark.parametrize("item", KINDS.values(), ids=KINDS)
def test_items_have_views(item: RawItem) -> None:
    """Every built item is of a kind that we know."""
    assert view(item.line_type, item.payload) is not None


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_files_are_canonical(data: bytes) -> None:
    """Every line of a built file is as Codex writes it."""
    lines = data.splitlines(keepends=True)

    assert lines == [encode_record(decode(line)) for line in lines]


def test_ordinals_count_on() -> None:
    """A paginated file counts from 0, a fork from where its prefix ends."""
    ordinals = {
        name: [decode(line).ordinal for line in FILES[name].splitlines()] for name in ("paginated", "fork", "legacy")
    }

    assert ordinals == {"paginated": list(range(8)), "fork": [2, 3], "legacy": [None] * 8}


def test_the_next_ordinal() -> None:
    """Behind the last good line, whatever follows it; a file without ordinals counts its lines."""
    assert b.next_ordinal(FILES["paginated"] + b"garbage\n") == 8
    assert (b.next_ordinal(FILES["legacy"]), b.next_ordinal(b""), b.next_ordinal(b"garbage\n")) == (8, 0, 0)


def test_time_goes_on() -> None:
    """Each line is a second later than the one before."""
    assert [decode(line).timestamp[17:23] for line in FILES["legacy"].splitlines()[:3]] == [
        "03.041",
        "04.041",
        "05.041",
    ]


def test_the_same_each_time() -> None:
    """Ids and bytes do not change between runs."""
    assert b.thread_id(1) == "019c3c11-7929-7000-8000-000000000001"
    assert b.rollout_name(b.thread_id()) == f"rollout-2026-02-08T07-05-03-{b.thread_id()}.jsonl"
    assert b.rollout_name(b.thread_id(), b.START_MS, b.thread_id(2)).endswith(
        f"{b.thread_id(1)}_{b.thread_id(2)}.jsonl"
    )


def test_torn() -> None:
    """A torn file has lost the end of its last line."""
    whole = FILES["legacy"]
    found = list(classify(b.torn(whole).splitlines(keepends=True)[-1], 0, Position(0, 0), last=True))

    assert whole.startswith(b.torn(whole))
    assert not any(isinstance(one, Line) for one in found)
    assert b.torn(whole, 0) == whole.removesuffix(b"\n")
    with pytest.raises(FormatError):
        decode(b.torn(whole).splitlines()[-1])
