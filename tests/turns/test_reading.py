"""Outlines, and stretches of turns read by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rollout.testing import builders as b
from rollout.turns import outline, read_turns
from support import corpus_homes, corpus_marks, rollouts
from turn_words import ME, aborted, ended, lines_of, shown, started, told

if TYPE_CHECKING:
    from pathlib import Path

LEGACY = b.rollout_bytes(
    ME,
    *(started("t1"), b.user("one"), b.agent("a"), ended("t1")),
    *(started("t2"), b.user("two"), b.agent("b"), ended("t2"), b.rolled_back(1)),
    *(started("t3"), b.user("three"), b.event("agent_reasoning", text="r"), b.event("agent_reasoning", text="s")),
    *(aborted("t1"), b.agent("c"), ended("t3"), b.user("four"), ended("t1"), b.agent("d")),
)
PAGINATED = b.paginated_bytes(
    ME,
    shown("AgentMessage", "outer", turn_id="t1", item_id="i1"),
    started("t2"),
    shown("AgentMessage", "inner", turn_id="t2", item_id="i2"),
    ended("t1"),
    shown("AgentMessage", "late", turn_id="t2", item_id="i3"),
    *b.paginated_turn("q", "a", turn_id="t3"),
)


def each_by_itself(data: bytes, *, later: bool = True) -> list[str]:
    """Every standing turn, read from the first line that tells of it on and from no other."""
    lines = lines_of(data)
    outlined = outline(lines, later=later)
    found = [read_turns(lines[turn.n :], outlined, {turn.seq}) for turn in outlined.standing]
    return told([turn for turns in found for turn in turns])


def all_at_once(data: bytes, *, later: bool = True) -> list[str]:
    """Every standing turn, read in one go."""
    lines = lines_of(data)
    return told(list(read_turns(lines, outline(lines, later=later))))


@pytest.mark.parametrize("data", [LEGACY, PAGINATED])
def test_a_turn_read_by_itself_is_the_same_as_in_the_whole(data: bytes) -> None:
    """Numbers, statuses and items agree, whatever stands before and behind it."""
    assert all_at_once(data) == each_by_itself(data)


def test_an_outline_marks_what_was_dropped_and_counts_items() -> None:
    """It holds no items."""
    outlined = outline(lines_of(LEGACY))

    assert ["t1", "t2", "t3", "rollout-17"] == [turn.id for turn in outlined.turns]
    assert [False, True, False, False] == [turn.dropped for turn in outlined.turns]
    assert [2, 2, 3, 2] == [turn.item_count for turn in outlined.turns]
    assert [] == [item for turn in outlined.turns for item in turn.items]


def test_a_dropped_turn_can_be_read_when_it_is_asked_for() -> None:
    """It is marked, not lost."""
    lines = lines_of(LEGACY)
    outlined = outline(lines)
    (dropped,) = read_turns(lines, outlined, {1})

    assert (True, ["t2 item-3:two item-4:b"]) == (dropped.dropped, told([dropped]))


def test_lines_are_read_no_further_than_needed() -> None:
    """The last line of the wanted turn is the last one taken."""
    lines = lines_of(LEGACY)
    taken = iter(lines)
    list(read_turns(taken, outline(lines), {0}))

    assert lines[-1].n - outline(lines).turns[0].last_n == len(list(taken))


@pytest.mark.parametrize("home", corpus_homes(), ids=lambda home: home.name)
@corpus_marks[0]
@corpus_marks[1]
def test_real_turns_read_by_themselves_are_the_same_as_in_the_whole(home: Path) -> None:
    """For every tenth rollout of every real home."""
    plain = [path for path in rollouts(home) if path.suffix == ".jsonl"][::10]

    assert [] == [path.name for path in plain if each_by_itself(path.read_bytes()) != all_at_once(path.read_bytes())]
