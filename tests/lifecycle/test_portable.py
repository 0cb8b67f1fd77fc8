from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lifecycle.words import asked, files, keep, legacy_turn, lines, options, ordinals, paginated_turn
from rollout.lifecycle import Forked, ForkParams, fork
from rollout.testing import builders as b

if TYPE_CHECKING:
    from rollout.items import RawItem
    from rollout.store.base import ThreadStore

SEALED = "gAAAAAsealed"
REASONING = b.response(
    "reasoning", id="rs_1", summary=[{"type": "summary_text", "text": "hm"}], encrypted_content=SEALED
)
OPEN = b.response("reasoning", summary=[], encrypted_content=None)
CALLS = [b.tool_call("shell", '{"n":1.0}'), b.tool_output("a.py")]
SEALED_SUMMARY = {"type": "compaction", "encrypted_content": SEALED}
LETTER = b.response("agent_message", author="/root", content=[
    {"type": "input_text", "text": "open"}, {"type": "encrypted_content", "encrypted_content": SEALED},
])  # fmt: skip


def portable(store: ThreadStore, thread_id: str) -> Forked:
    """A portable fork."""
    return fork(store, thread_id, ForkParams(portable=True), options())


def payloads(store: ThreadStore, thread_id: str) -> list[Any]:
    """Line types and payloads of a thread, without the metadata of files."""
    records = (json.loads(line) for line in lines(store, thread_id))
    return [(one["type"], one["payload"]) for one in records if one["type"] != "session_meta"]


@pytest.fixture(params=["legacy", "paginated"])
def source(request: pytest.FixtureRequest, store: ThreadStore) -> str:
    """A thread with sealed reasoning, calls and a message of which one part is sealed."""
    turn = legacy_turn if request.param == "legacy" else paginated_turn
    whole = b.rollout_bytes if request.param == "legacy" else b.paginated_bytes
    return keep(store, whole(b.thread_id(), *turn("one"), REASONING, *CALLS, OPEN, REASONING, LETTER, *turn("two")))


def test_sealed_items_go_and_everything_readable_stays_in_order(store: ThreadStore, source: str) -> None:
    """Messages, calls, outputs and events are those of the source, in its order; nothing sealed is left."""
    made = portable(store, source)
    letter = ("response_item", {**LETTER.object, "content": LETTER.object["content"][:1]})
    expected = [
        letter if "author" in payload else (kind, payload)
        for kind, payload in payloads(store, source)
        if payload.get("type") != "reasoning" or payload["encrypted_content"] is None
    ]

    assert expected == payloads(store, made.thread_id)
    assert not any(SEALED.encode() in line for line in lines(store, made.thread_id))


def test_what_was_dropped_is_counted(store: ThreadStore, source: str) -> None:
    """By kind, and in bytes."""
    made = portable(store, source)

    assert {"reasoning": 2, "message": 1} == made.dropped
    assert made.dropped_bytes > 2 * len(REASONING.payload)


def test_the_source_is_as_it_was_and_not_needed(store: ThreadStore, source: str) -> None:
    """A portable fork is a full copy in both eras."""
    before = files(store, source)

    made = portable(store, source)
    store.remove(source)

    assert ["one", "two"] == [text for text in asked(store, made.thread_id) if text != "open"]
    assert made.thread_id != source
    assert set(before) == {source}


def test_lines_without_anything_sealed_keep_their_bytes(store: ThreadStore) -> None:
    """In the legacy era nothing else is encoded anew."""
    items: list[RawItem] = [*legacy_turn("one"), REASONING, *CALLS]
    source = keep(store, b.rollout_bytes(b.thread_id(), *items))

    made = portable(store, source)

    assert [line for line in lines(store, source) if SEALED.encode() not in line] == lines(store, made.thread_id)[1:]


def test_a_new_number_is_all_that_changes_in_a_line(store: ThreadStore) -> None:
    """Keys of the envelope that nobody knows, and the spelling of the payload, are those of the source."""
    head = b.paginated_bytes(b.thread_id(), REASONING)
    odd = b'{"timestamp":"t", "ordinal": 2,"new":[1.0],"type":"event_msg","payload":{"type":"x" ,"ordinal":2}}\n'
    source = keep(store, head + odd)

    made = portable(store, source)

    assert odd.replace(b'"ordinal": 2,', b'"ordinal": 1,') == lines(store, made.thread_id)[-1]


def test_a_paginated_copy_numbers_its_lines_without_a_gap(store: ThreadStore) -> None:
    """Its ordinals begin with 0 at its own metadata; the metadata that tied files together are gone."""
    first = keep(store, b.paginated_bytes(b.thread_id(), *paginated_turn("one"), REASONING, *paginated_turn("two")))
    source = fork(store, first, ForkParams(keep_turns=1), options()).thread_id

    made = portable(store, source)
    own = [json.loads(line) for line in lines(store, made.thread_id)]

    assert list(range(len(own))) == ordinals(store, made.thread_id)
    assert ["session_meta"] == [one["type"] for one in own if one["type"] == "session_meta"]
    assert "history_base" not in own[0]["payload"]
    assert source == own[0]["payload"]["forked_from_id"]


def test_a_sealed_compaction_goes_so_that_what_it_replaced_is_visible(store: ThreadStore) -> None:
    """The model sees the turns that nobody else could have read out of it."""
    sealed = b.item("compacted", {"message": "", "replacement_history": [SEALED_SUMMARY]})
    source = keep(store, b.rollout_bytes(b.thread_id(), *legacy_turn("one"), sealed, *legacy_turn("two")))

    made = portable(store, source)

    assert ["two"] == asked(store, source)
    assert ["one", "two"] == asked(store, made.thread_id)
    assert {"compaction": 1} == made.dropped


def test_sealed_reasoning_inside_a_compaction_goes_and_the_rest_of_it_stays(store: ThreadStore) -> None:
    """An open compaction is kept."""
    replaced = b.compacted("", [b.message("user", "short"), REASONING])
    source = keep(store, b.rollout_bytes(b.thread_id(), *legacy_turn("one"), replaced, *legacy_turn("two")))

    made = portable(store, source)

    assert ["short", "two"] == asked(store, made.thread_id)
    assert {"reasoning": 1} == made.dropped
