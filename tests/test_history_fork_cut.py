"""Where a fork before a user turn is cut."""

from __future__ import annotations

import pytest

from history_threads import CONTEXT, assistant, event, item, rollback, talk, thread, turn, user
from rollout.history import Cut, cut_before_user_turn
from rollout.lines import Damage, Found, Line, Position

# Line 0 is the session_meta, so u1 is line 1.
ROLLED_BACK = thread(*talk("1", "2"), rollback(1), *talk("3", "4"))


def kept(lines: list[Line], cut: Cut) -> list[Line]:
    """The lines before a cut, told by number; the cut's place must agree."""
    before = [line for line in lines if line.n < cut.n]
    assert before == [line for line in lines if line.position < cut.position]
    return before


def test_turns_are_counted_without_those_rolled_back() -> None:
    """u1 a1 u2 a2 RB(1) u3 a3 u4 a4: the third turn that stands is u4, and what was rolled back stays before it."""
    assert ROLLED_BACK[:8] == kept(ROLLED_BACK, cut_before_user_turn(ROLLED_BACK, 2))


@pytest.mark.parametrize(("number", "first_line"), [(0, 1), (1, 6), (2, 8)])
def test_the_cut_is_the_first_line_of_the_turn(number: int, first_line: int) -> None:
    """By number and by place, so that the bytes before it can be copied."""
    line = ROLLED_BACK[first_line]

    assert Cut(line.n, line.position) == cut_before_user_turn(ROLLED_BACK, number)


def test_before_the_first_turn_the_context_stays() -> None:
    """The session's own facts and context are no turn."""
    lines = thread(*CONTEXT, *talk("1"))

    assert lines[:3] == kept(lines, cut_before_user_turn(lines, 0))


def test_too_few_turns_keep_nothing_or_everything() -> None:
    """The seed keeps nothing, later versions everything; the caller chooses."""
    assert [] == kept(ROLLED_BACK, cut_before_user_turn(ROLLED_BACK, 3))
    assert ROLLED_BACK == kept(ROLLED_BACK, cut_before_user_turn(ROLLED_BACK, 3, "full"))


def test_the_later_answer_leaves_an_unfinished_turn_out() -> None:
    """A turn that has begun and not ended is not part of the fork."""
    open_turn = [event("task_started", turn_id="2"), user("u2"), assistant("a2")]
    lines = thread(*turn("1", *talk("1")), *open_turn)
    ended = thread(*turn("1", *talk("1")), *open_turn, event("turn_aborted", turn_id="2"))

    assert lines[:5] == kept(lines, cut_before_user_turn(lines, 2, "full"))
    assert ended == kept(ended, cut_before_user_turn(ended, 2, "full"))


def test_rolling_back_more_than_there_is_leaves_no_turn() -> None:
    """The count starts again at nothing."""
    lines = thread(*talk("1", "2"), rollback(9), *talk("3"))

    assert lines[:6] == kept(lines, cut_before_user_turn(lines, 0))


def test_a_paginated_thread_is_read_in_the_later_way() -> None:
    """A message between agents is a turn there."""
    sent = item("agent_message", author="/root", recipient="/root/child", content=[])
    lines = thread(*talk("1"), sent, assistant("a2"), era="paginated")

    assert lines[:3] == kept(lines, cut_before_user_turn(lines, 1))


def test_damage_has_a_number_and_a_length() -> None:
    """A bad stretch is passed over and stays before the cut."""
    lines = thread(*talk("1"))
    end = lines[-1].position.offset + len(lines[-1].data)
    found: list[Found] = [*lines, Damage(3, Position(0, end), 7, "torn record")]

    assert Cut(4, Position(0, end + 7)) == cut_before_user_turn(found, 5, "full")


def test_items_that_cannot_be_understood_are_no_turn() -> None:
    """Nor is an empty thread."""
    assert Cut(0, Position(0, 0)) == cut_before_user_turn([], 0, "full")
    assert thread(("response_item", {}))[0].n == cut_before_user_turn(thread(("response_item", {})), 0).n


def test_turns_are_counted_from_zero() -> None:
    """A negative number is a mistake of the caller."""
    with pytest.raises(ValueError, match="counted from 0"):
        cut_before_user_turn(ROLLED_BACK, -1)
