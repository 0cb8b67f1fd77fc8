"""A transcript shows what was said and done, once, in constant memory."""

from __future__ import annotations

import json
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import pytest

from rollout.codec import decode
from rollout.lines import Damage, Line, Position
from rollout.render.entries import Reader, Stretch, dropped_stretches
from rollout.render.text import Style, Transcript, fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rollout.lines import Found
    from rollout.render.shown import Entry

WHEN = "2026-02-08T07:05:03.041Z"


def lines(*payloads: tuple[str, dict[str, Any]]) -> list[Line]:
    """Lines of the legacy era, as a reader yields them."""
    made: list[Line] = []
    offset = 0
    for n, (kind, payload) in enumerate(payloads):
        data = json.dumps({"timestamp": WHEN, "type": kind, "payload": payload}).encode() + b"\n"
        made.append(Line(data, n, Position(0, offset), decode(data)))
        offset += len(data)
    return made


def item(**fields: Any) -> tuple[str, dict[str, Any]]:
    """A response item."""
    return "response_item", fields


def event(kind: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    """An event."""
    return "event_msg", {"type": kind, **fields}


def completed(kind: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    """A turn item of a paginated file."""
    return event("item_completed", item={"type": kind, **fields})


def message(role: str, text: str) -> tuple[str, dict[str, Any]]:
    """A message to or from the model."""
    kind = "output_text" if role == "assistant" else "input_text"
    return item(type="message", role=role, content=[{"type": kind, "text": text}])


def turn(question: str, answer: str) -> list[tuple[str, dict[str, Any]]]:
    """A turn as a legacy file has it: each thing as an item and as an event."""
    return [
        message("user", question),
        event("user_message", message=question),
        message("assistant", answer),
        event("agent_message", message=answer),
    ]


def entries(*payloads: tuple[str, dict[str, Any]]) -> list[Entry]:
    """The entries that a reader gives for these lines."""
    reader = Reader()
    return [entry for line in lines(*payloads) for entry in reader.read(line)]


def told(*payloads: tuple[str, dict[str, Any]]) -> list[tuple[str, str]]:
    """Kind and text (or title) of each entry."""
    return [(entry.kind, entry.text or entry.title) for entry in entries(*payloads)]


def transcript(found: Iterable[Found], style: Style | None = None) -> str:
    """The whole transcript, rolled-back turns marked."""
    kept = list(found)
    dropped = dropped_stretches(thing for thing in kept if isinstance(thing, Line))
    return "".join(Transcript(style or Style(), dropped).render(kept))


def test_each_thing_is_told_once() -> None:
    """The item and the event that say the same give one entry, whichever comes first."""
    late_item = [event("agent_message", message="hi"), message("assistant", "hi")]

    assert told(*turn("q", "a")) == [("user", "q"), ("agent", "a")]
    assert told(*late_item) == [("agent", "hi")]


def test_the_same_words_in_two_turns_are_told_twice() -> None:
    """A twin is the other form of one thing, not the same thing said again."""
    assert told(*turn("go", "ok"), *turn("go", "ok")) == [("user", "go"), ("agent", "ok")] * 2


@pytest.mark.parametrize("carrier", ["item", "event"])
def test_one_carrier_is_enough(carrier: str) -> None:
    """A file that holds only items, or only events, is read the same."""
    chosen = "response_item" if carrier == "item" else "event_msg"

    assert told(*[line for line in turn("q", "a") if line[0] == chosen]) == [("user", "q"), ("agent", "a")]


def test_images_do_not_make_a_message_look_like_two() -> None:
    """The item of a message with an image has labels and data that its event has not."""
    parts = [
        {"type": "input_text", "text": "what is this?"},
        {"type": "input_text", "text": "<image name=[Image #1]>"},
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
        {"type": "input_text", "text": "</image>"},
    ]
    asked = item(type="message", role="user", content=parts)

    found = told(asked, event("user_message", message="what is this?", local_images=["/tmp/shot.png"]))

    assert found == [("user", "what is this?\n[image image/png;base64, 4 characters]")]


def test_paginated_items_are_read() -> None:
    """What a paginated file tells as completed items is told in the same way."""
    found = told(
        completed("UserMessage", id="u", content=[{"type": "text", "text": "q"}]),
        completed("Reasoning", id="r", summary_text=["think"], raw_content=[]),
        item(type="function_call", name="exec_command", arguments='{"cmd":"ls"}', call_id="c1"),
        completed("CommandExecution", id="c1", command=["bash", "-lc", "ls"], aggregated_output="x\n", exit_code=0),
        item(type="function_call_output", call_id="c1", output="Chunk ID: 1\nx\n"),
        completed("AgentMessage", id="a", content=[{"type": "Text", "text": "a"}]),
    )

    assert found == [("user", "q"), ("reasoning", "think"), ("call", "ls"), ("output", "x\n"), ("agent", "a")]


def test_bookkeeping_is_counted() -> None:
    """A line that has nothing to read is counted under its kind."""
    reader = Reader()
    for line in lines(event("token_count", info=None), ("world_state", {"full": True}), event("task_started")):
        assert list(reader.read(line)) == []

    assert dict(reader.unseen) == {"token_count": 1, "world_state": 1, "task_started": 1}


def test_unknown_things_are_named() -> None:
    """A kind that nobody knows is shown by its name, never dropped."""
    found = told(("hologram", {"x": 1}), event("brain_wave"), item(type="telepathy"))

    assert found == [("other", "hologram"), ("other", "brain_wave"), ("other", "telepathy")]


@pytest.mark.parametrize("payload", [None, 5, "text", [], {}, {"type": 7}, {"type": "message", "content": 9}])
@pytest.mark.parametrize("kind", ["session_meta", "response_item", "event_msg", "compacted", "turn_context"])
def test_odd_payloads_do_no_harm(kind: str, payload: Any) -> None:
    """A payload of any shape gives text or nothing, never an error."""
    assert isinstance(transcript(lines((kind, payload))), str)


def test_long_output_is_folded_with_its_size() -> None:
    """A long output shows its beginning, how much is left out, and how to see it."""
    text = fold("\n".join(map(str, range(100))), Style(fold=3), "  ")

    assert text == "  0\n  1\n  2\n  … 3 of 100 lines (--full shows all)"


def test_a_very_long_line_is_cut() -> None:
    """One line of an output cannot flood the terminal."""
    assert fold("x" * 10_000, Style(fold=3), "").endswith("… 9,600 more characters (--full)")


def test_full_folds_nothing() -> None:
    """Without folding every line is there."""
    text = fold("\n".join("y" * 1000 for _ in range(100)), Style(fold=None), "")

    assert text.count("y" * 1000) == 100


def test_output_follows_its_call() -> None:
    """An output stands directly below its command; another exit status than 0 is told."""
    text = transcript(
        lines(
            item(type="function_call", name="shell", arguments='{"command":["bash","-lc","ls x"]}', call_id="c"),
            item(type="function_call_output", call_id="c", output='{"output":"none\\n","metadata":{"exit_code":2}}'),
        )
    )

    assert text.lstrip("\n") == "$ ls x\n  none\n  exit 2\n"


def test_an_output_elsewhere_names_its_call() -> None:
    """The output of a call that others came after says whose it is."""
    text = transcript(
        lines(
            item(type="function_call", name="shell", arguments='{"command":"make a"}', call_id="a"),
            item(type="function_call", name="shell", arguments='{"command":"make b"}', call_id="b"),
            item(type="function_call_output", call_id="a", output="built a"),
        )
    )

    assert text.endswith("$ make b\n\n↳ make a\n  built a\n")


def test_rolled_back_turns_are_marked() -> None:
    """What a rollback took back has a gutter and says so; what follows has none."""
    text = transcript(
        lines(*turn("one", "1"), *turn("two", "2"), event("thread_rolled_back", num_turns=1), *turn("three", "3"))
    )

    marked = [line for line in text.splitlines() if line.startswith("┊")]
    assert "┊ > two" in marked
    assert "┊ 2" in marked
    assert not [line for line in marked if "one" in line or "three" in line]
    assert "rolled back: the last 1 turn before this line" in text


@pytest.mark.parametrize(
    ("counts", "kept"),
    [([1], ["a", "b"]), ([2], ["a"]), ([3], []), ([99], []), ([0], ["a", "b", "c"]), ([1, 1], ["a"])],
)
def test_rollbacks_count_turns_as_the_model_does(counts: list[int], kept: list[str]) -> None:
    """Rollbacks add up, and more turns than there are drop all of them."""
    turns = list(chain.from_iterable(turn(name, "ok") for name in "abc"))
    found = lines(*turns, *(event("thread_rolled_back", num_turns=count) for count in counts))

    text = transcript(found)

    assert kept == [line[2:] for line in text.splitlines() if line.startswith("> ")]


def test_a_later_rollback_swallows_an_earlier_one() -> None:
    """Stretches are disjoint and in order."""
    found = lines(
        *turn("a", "1"), *turn("b", "2"), event("thread_rolled_back", num_turns=1), *turn("c", "3"),
        event("thread_rolled_back", num_turns=2),
    )  # fmt: skip

    assert (Stretch(found[0].position, found[-1].position),) == dropped_stretches(found)


def test_damage_stands_where_it_was_met() -> None:
    """A damaged stretch is one line between its neighbours."""
    before, after = lines(message("assistant", "before"), message("assistant", "after"))
    damage = Damage(1, Position(0, 90), 12, "torn record")

    text = transcript([before, damage, after])

    assert "⚠ 12 bytes at offset 90 are no record and were skipped: torn record" in text
    assert text.index("before") < text.index("⚠") < text.index("after")


def test_nothing_of_a_thread_acts() -> None:
    """Escape sequences in any part of a thread are shown, in colour or not."""
    evil = "\x1b]52;c;AAAA\x07\x9b2J\u202e"
    found = lines(
        ("session_meta", {"id": evil, "cwd": evil, "originator": evil}),
        *turn(evil, evil),
        event("agent_reasoning", text=evil),
        item(type="function_call", name=evil, arguments=evil, call_id=evil),
        item(type="function_call_output", call_id=evil, output=evil),
        item(type="custom_tool_call", name="apply_patch", input=evil, call_id="p"),
        ("turn_context", {"model": evil, "effort": evil}),
        event("turn_aborted", reason=evil),
        event("error", message=evil),
        event(evil),
        (evil, {}),
        ("compacted", {"message": evil}),
        event("exited_review_mode", review_output={"overall_explanation": evil}),
        event("thread_goal_updated", goal={"objective": evil}),
        message("developer", evil),
    )

    for style in (Style(), Style(fold=None)):
        assert not set("\x1b\x07\x9b\u202e") & set(transcript(found, style))
    coloured = transcript(found, Style(colour=True))
    for code in ("0", "1", "2", "31", "33", "35", "1;36"):
        coloured = coloured.replace(f"\x1b[{code}m", "")
    assert "\x1b" not in coloured


def test_memory_stays_bounded() -> None:
    """A thread without an end is rendered piece by piece."""
    again: Iterator[Line] = chain.from_iterable(repeat(lines(*turn("q", "a"))))
    pieces = Transcript().render(again)

    shown = [next(pieces) for _ in range(1000)]

    assert "turn 500" in shown[998]
