"""The facts of one file from its head and its tail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from backports import zstd

from rollout.journal.filesystem import OS
from rollout.journal.reader import forward, open_source
from rollout.lines import Line
from rollout.store.local.headtail import Facts, active_ms, read_facts
from rollout.testing import builders as b
from rollout.times import parse_ms

if TYPE_CHECKING:
    from pathlib import Path

MOST = 128 * 1024


def facts_of(folder: Path, data: bytes, name: str = "rollout.jsonl", **options: Any) -> Facts:
    """The facts of a file with these bytes."""
    path = folder / name
    path.write_bytes(data)
    facts = read_facts(str(path), OS, **options)

    assert facts.bytes_read <= MOST
    return facts


def filler(length: int) -> bytes:
    """One line of at least so many bytes in which nobody asks anything."""
    return b.line(b.message("developer", "x" * length), 1)


def test_a_short_file_is_told_wholly(tmp_path: Path) -> None:
    """Everything that a full reading would tell is told of a file that the windows cover."""
    data = b.rollout_bytes(b.thread_id(), *b.turn("what?", "this"), b.tokens(7), *b.turn("more?", "that"), b.tokens(9))
    facts = facts_of(tmp_path, data)
    told = facts.summary

    assert (told.id, told.preview, told.tokens, told.model, told.partial) == (
        b.thread_id(),
        "what?",
        9,
        "gpt-5.2-codex",
        False,
    )
    assert (facts.active_ms, facts.problem, told.lines) == (b.START_MS + 16_000, None, data.count(b"\n"))


def test_a_long_file_is_told_by_its_ends(tmp_path: Path) -> None:
    """What changes comes from the tail, what was written once from the head, and the gap is admitted."""
    middle = b"".join(b.line(b.tokens(number), 5) + filler(1000) for number in range(300))
    end = b.line(b.turn_context(cwd="/last", model="other"), 40) + b.line(b.tokens(99), 50)
    facts = facts_of(tmp_path, b.rollout_bytes(b.thread_id(), b.user("what?")) + middle + end)
    told = facts.summary

    assert (told.preview, told.tokens, told.model, told.last_cwd) == ("what?", 99, "other", "/last")
    assert (facts.active_ms, told.partial) == (b.START_MS + 50_000, True)


def test_a_cut_question_gives_its_part(tmp_path: Path) -> None:
    """A first question that is longer than the window still names the thread."""
    facts = facts_of(tmp_path, b.rollout_bytes(b.thread_id(), b.user("é" * 200_000)))

    assert facts.summary.preview.startswith("ééé")
    assert facts.summary.partial


def test_a_long_question_is_taken_from_the_message_to_the_model(tmp_path: Path) -> None:
    """It stands before the event that tells it, which lies too far behind."""
    text = "why? " * 40_000
    facts = facts_of(tmp_path, b.rollout_bytes(b.thread_id(), b.message("user", text), b.user(text), b.agent("so")))

    assert (True, True) == (facts.summary.title.startswith("why? why?"), text.startswith(facts.summary.title))


def test_long_context_is_no_question(tmp_path: Path) -> None:
    """What the program put in before the question does not become the title."""
    context = "<environment_context>" + "x" * 200_000 + "</environment_context>"
    facts = facts_of(tmp_path, b.rollout_bytes(b.thread_id(), b.message("user", context), b.user("why?")))

    assert ("", True) == (facts.summary.title, facts.summary.partial)


def test_cut_metadata_give_what_they_have(tmp_path: Path) -> None:
    """Instructions that are longer than the window cost only what stands behind them."""
    data = b.rollout_bytes(b.thread_id(), b.user("what?"), base_instructions={"text": "x" * 300_000})
    facts = facts_of(tmp_path, data)

    assert (facts.summary.id, facts.summary.cwd, facts.problem) == (b.thread_id(), b.CWD, None)
    assert facts.summary.partial


def test_a_question_out_of_reach(tmp_path: Path) -> None:
    """A question behind the window leaves the thread untitled, not unknown."""
    data = b.rollout_bytes(b.thread_id()) + filler(300_000) + b.line(b.user("late"), 9)
    facts = facts_of(tmp_path, data)

    assert (facts.summary.id, facts.summary.preview, facts.summary.partial) == (b.thread_id(), "", True)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is empty"),
        (b"\n \n", "holds only blank lines"),
        (b"garbage\n", "has no session_meta"),
        (b"garbage\n" * 100_000, "has no session_meta within its first 64 KiB"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, data: bytes, problem: str) -> None:
    """A file that is no thread is told in words."""
    assert facts_of(tmp_path, data).problem == problem


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    """What the system refuses is a problem of that row, not an error of the listing."""
    assert "cannot be read" in (read_facts(str(tmp_path)).problem or "")


@pytest.mark.parametrize(
    "damage",
    [
        b"garbage\n",
        b"\0\0\0\n",
        b'{"timestamp":"2026\n',
        b"\xff\xfe\n",
        b'{"timestamp":"x","type":"a"} {}\n',
        b"[" * 9999,
    ],
    ids=["garbage", "NUL", "torn", "bytes", "two", "deep"],
)
def test_damage_costs_only_itself(tmp_path: Path, damage: bytes) -> None:
    """A bad line in front, in the middle or at the end leaves all facts as they are."""
    lines = b.rollout_bytes(b.thread_id(), *b.turn("what?", "this")).splitlines(keepends=True)
    facts = facts_of(tmp_path, b"".join([*lines[:1], damage, *lines[1:], damage.rstrip(b"\n")]))

    assert (facts.summary.preview, facts.active_ms) == ("what?", b.START_MS + (len(lines) - 1) * 1000)


def test_a_mark_in_front_is_passed_over(tmp_path: Path) -> None:
    """A byte order mark does not hide the metadata."""
    assert facts_of(tmp_path, b"\xef\xbb\xbf" + b.rollout_bytes(b.thread_id(), b.user("what?"))).problem is None


def test_a_last_line_without_newline_counts(tmp_path: Path) -> None:
    """A whole record at the end counts even when its newline is missing."""
    data = b.rollout_bytes(b.thread_id(), b.user("what?"), b.agent("this"))[:-1]

    assert facts_of(tmp_path, data).active_ms == b.START_MS + 2000


def test_a_lone_surrogate_tells_nothing(tmp_path: Path) -> None:
    """Text that could not be printed again never becomes a title."""
    bad = b.line(b.user("bad"), 1).replace(b'"bad"', b'"\\ud800"')

    assert facts_of(tmp_path, b.rollout_bytes(b.thread_id()) + bad + b.line(b.user("good"))).summary.preview == "good"


def test_a_prefix_alone(tmp_path: Path) -> None:
    """The facts of the part that a fork builds on leave out what came later."""
    first = b.rollout_bytes(b.thread_id())
    facts = facts_of(tmp_path, first + b.line(b.user("later")), end=len(first))

    assert (facts.summary.id, facts.summary.preview) == (b.thread_id(), "")


def test_a_compressed_file(tmp_path: Path) -> None:
    """A small compressed file is told wholly, over several frames."""
    data = b.rollout_bytes(b.thread_id(), *b.turn("what?", "this"), b.tokens(5))
    packed = zstd.compress(data[:100]) + zstd.compress(data[100:])
    facts = facts_of(tmp_path, packed, "rollout.jsonl.zst")

    assert (facts.summary.preview, facts.summary.tokens, facts.problem) == ("what?", 5, None)


def test_a_compressed_file_that_unpacks_to_much(tmp_path: Path) -> None:
    """A file that is small only because it is compressed is told by its head."""
    data = b.rollout_bytes(b.thread_id(), b.user("what?")) + filler(20_000_000)
    facts = facts_of(tmp_path, zstd.compress(data), "rollout.jsonl.zst")

    assert (facts.summary.preview, facts.summary.partial) == ("what?", True)


def test_a_compressed_file_that_is_broken(tmp_path: Path) -> None:
    """Broken compressed data are a problem in words."""
    facts = facts_of(tmp_path, b"this is no zstd", "rollout.jsonl.zst")

    assert facts.problem == "cannot be decompressed: it is no valid zstd file"


@pytest.mark.parametrize(
    "damaged",
    [
        b.line(b.agent("x"), 9)[:-1] + b.line(b.agent("y"), 9),
        b.line(b.agent("x"), 9)[:-20] + b.line(b.agent("y"), 9),
        b.line(b.agent("x\x7f"), 9).replace(b"\x7f", b"\xff"),
        b.line(b.agent("x\x7f"), 9).replace(b"\x7f", b"\n"),
        b.line(b.agent("\x7f"), 9).replace(b"\x7f", rb"\ud800"),
        b.line(b.agent("x"), 9).replace(b'"x"', b"NaN"),
    ],
    ids=["glued", "torn inside", "not UTF-8", "broken in two", "lone surrogate", "no JSON"],
)
def test_a_damaged_last_line_gives_no_time(tmp_path: Path, damaged: bytes) -> None:
    """A line that a reader takes for damage is no activity, however its beginning looks; of several, none is."""
    facts = facts_of(tmp_path, b.rollout_bytes(b.thread_id(), b.user("what?")) + b.line(b.agent("so"), 5) + 2 * damaged)
    with open_source(str(tmp_path / "rollout.jsonl")) as source:
        read = [line.record.timestamp for line in forward(source) if isinstance(line, Line)]

    assert [b.START_MS + 5_000] * 3 == [facts.active_ms, active_ms(str(tmp_path / "rollout.jsonl")), parse_ms(read[-1])]


def test_the_time_alone(tmp_path: Path) -> None:
    """The time of the last record comes from the tail, also behind a long line; one that is too long gives none."""
    path = tmp_path / "rollout.jsonl"
    path.write_bytes(b.rollout_bytes(b.thread_id()) + b.line(b.message("developer", "x" * 30_000), 5))
    near = active_ms(str(path))
    path.write_bytes(b.rollout_bytes(b.thread_id()) + b.line(b.message("developer", "x" * 200_000), 5))

    assert (near, active_ms(str(path))) == (b.START_MS + 5000, None)


@pytest.mark.parametrize("content", [5, True, {"a": 1}, "x", [1], None])
def test_odd_types_break_no_listing(tmp_path: Path, content: object) -> None:
    """A field of another type than any version writes costs its own fact only."""
    odd = b.event("item_completed", item={"type": "UserMessage", "content": content})

    assert facts_of(tmp_path, b.rollout_bytes(b.thread_id(), odd, b.user("what?"))).summary.preview == "what?"


def test_a_record_beside_a_torn_one_and_nul_bytes_counts(tmp_path: Path) -> None:
    """Power loss leaves such a line; a reader finds the record, so the facts have it too."""
    asked = b.line(b.user("what?"), 5)
    facts = facts_of(tmp_path, b.meta_line(b.thread_id()) + b'{"timestamp":"20\0\0\0' + asked)

    assert ("what?", b.START_MS + 5000) == (facts.summary.preview, facts.active_ms)
