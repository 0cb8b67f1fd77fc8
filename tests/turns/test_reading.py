"""Outlines, and stretches of turns read by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rollout.testing import builders as b
from rollout.turns import Spelled, outline, outline_as, read_turns
from support import corpus_homes, corpus_marks, rollouts
from turn_words import ME, aborted, ended, lines_of, shown, started, told

if TYPE_CHECKING:
    from pathlib import Path

    from rollout.turns import Outline, TurnItem

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


LATE = b.paginated_bytes(
    ME, started("t1"), shown("AgentMessage", "a", turn_id="t1", item_id="i1"), ended("t1"),
    *b.paginated_turn("q", "a", turn_id="t2"), shown("AgentMessage", "late", turn_id="t1", item_id="i2"),
)  # fmt: skip


def spelled_out(data: bytes, most: int = 1 << 20) -> tuple[Outline, dict[int, bytes] | None]:
    """What one reading makes of a file: the outline, and the ids of each turn's items."""
    lines = lines_of(data)
    spelled = Spelled(outline(lines).reading, ids_of, most)
    return spelled.read(lines), spelled.items


def ids_of(items: list[TurnItem]) -> bytes:
    """The ids of items."""
    return " ".join(item.id for item in items).encode()


@pytest.mark.parametrize("data", [PAGINATED, b.paginated_bytes(ME), b.rollout_bytes(ME, *b.turn("q", "a"), b.user("next"))])
def test_items_are_spelled_out_in_one_reading(data: bytes) -> None:
    """Each turn has the items that it has when it is read by itself, and the outline is the same."""
    lines = lines_of(data)
    outlined, items = spelled_out(data)
    read = {turn.seq: ids_of(turn.items) for turn in read_turns(lines, outlined)}

    assert (outline_as(outlined.reading, lines), read) == (outlined, items)


@pytest.mark.parametrize(("data", "most"), [(LEGACY, 10), (LATE, 1 << 20)])
def test_what_cannot_be_spelled_out_at_once_is_left_to_a_second_reading(data: bytes, most: int) -> None:
    """When the items come to too much, and when a turn is told of again behind its end; the outline is the same."""
    outlined, items = spelled_out(data, most)

    assert (outline(lines_of(data)), None) == (outlined, items)
