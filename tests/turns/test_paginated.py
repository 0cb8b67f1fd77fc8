"""Turns of paginated files."""

from __future__ import annotations

from rollout.testing import builders as b
from turn_words import aborted, ended, paginated, shown, started, told


def test_items_are_shown_in_the_turn_that_they_name() -> None:
    """Two turns of a question and an answer each."""
    turns = paginated(*b.paginated_turn("one", "a", turn_id="t1"), *b.paginated_turn("two", "b", turn_id="t2"))

    assert [["one", "a"], ["two", "b"]] == [[word.partition(":")[2] for word in one.split()[1:]] for one in told(turns)]
    assert ["t1", "t2"] == [turn.id for turn in turns]


def test_an_item_that_is_completed_again_is_replaced_where_it_stands() -> None:
    """The same id is the same item."""
    first = shown("AgentMessage", "draft", turn_id="t1", item_id="i1")
    other = shown("AgentMessage", "other", turn_id="t1", item_id="i2")
    again = shown("AgentMessage", "final", turn_id="t1", item_id="i1")

    assert ["t1 i1:final i2:other"] == told(paginated(started("t1"), first, other, again, ended("t1")))


def test_a_turn_of_which_only_the_end_is_recorded_has_its_place_there() -> None:
    """Its items came before the inner turn; its end came later."""
    turns = paginated(
        shown("AgentMessage", "outer", turn_id="t1", item_id="i1"),
        started("t2"),
        shown("AgentMessage", "inner", turn_id="t2", item_id="i2"),
        ended("t1"),
    )

    assert ["t2 unfinished i2:inner", "t1 i1:outer"] == told(turns)


def test_a_turn_of_which_only_items_are_recorded_comes_last() -> None:
    """It is not lost."""
    lonely = shown("AgentMessage", "lonely", turn_id="t1", item_id="i1")

    assert ["t2 unfinished", "t1 unfinished i1:lonely"] == told(paginated(lonely, started("t2")))


def test_how_a_turn_ended_is_told_with_its_times() -> None:
    """Completed, interrupted, failed with its error."""
    times = {"started_at": 1, "completed_at": 3, "duration_ms": 1500, "root_turn_id": "root"}
    failed = {"message": "no", "codex_error_info": "other"}
    turns = paginated(
        started("t1"), ended("t1", **times), started("t2"), aborted("t2"), started("t3"), ended("t3", error=failed)
    )

    assert ["t1", "t2 interrupted", "t3 failed"] == told(turns)
    assert (1, 3, 1500, "root") == (
        turns[0].started_at,
        turns[0].completed_at,
        turns[0].duration_ms,
        turns[0].root_id,
    )
    assert failed == turns[2].error


def test_markers_of_the_legacy_era_are_passed_over() -> None:
    """A rollback of a paginated thread is a file of its own."""
    assert 1 == len(paginated(*b.paginated_turn("one", "a", turn_id="t1"), b.rolled_back(1)))


def test_what_a_sub_agent_was_given_along_is_not_its_own() -> None:
    """Turns before the ordinal that its metadata name are left out."""
    theirs, mine = b.paginated_turn("theirs", "a", turn_id="t1"), b.paginated_turn("mine", "b", turn_id="t2")
    turns = paginated(*theirs, *mine, subagent_history_start_ordinal=1 + len(theirs))

    assert ["t2"] == [turn.id for turn in turns]
