"""Turns of legacy files, by the seed's reading and by the later one."""

from __future__ import annotations

from rollout.testing import builders as b
from turn_words import aborted, ended, legacy, shown, started, told


def test_messages_and_reasoning_make_items_that_are_numbered_through_the_thread() -> None:
    """Two explicit turns: a question, thoughts, an answer each; numbers go on in the second."""
    thought = b.event("agent_reasoning", text="why")
    raw = b.event("agent_reasoning_raw_content", text="because")
    turns = legacy(
        started("t1"),
        b.user("one"),
        thought,
        raw,
        b.agent("first"),
        ended("t1"),
        started("t2"),
        b.user("two"),
        ended("t2"),
    )

    assert ["t1 item-1:one item-2:why/because item-3:first", "t2 item-4:two"] == told(turns)


def test_reasoning_between_messages_stays_apart() -> None:
    """Only consecutive thoughts are one item."""
    think = b.event("agent_reasoning", text="hm")

    assert ["rollout-1 item-1:q item-2:hm item-3:a item-4:hm"] == told(legacy(b.user("q"), think, b.agent("a"), think))


def test_without_a_recorded_beginning_each_question_begins_a_turn() -> None:
    """A turn that nobody opened is named by the place of the record that begins it."""
    turns = legacy(b.user("one"), b.agent("a"), b.user("two"))

    assert ["rollout-1 item-1:one item-2:a", "rollout-3 item-3:two"] == told(turns)


def test_questions_within_an_explicit_turn_stay_in_it() -> None:
    """Steering is no new turn."""
    assert ["t1 item-1:one item-2:more"] == told(legacy(started("t1"), b.user("one"), b.user("more"), ended("t1")))


def test_blank_texts_make_no_items() -> None:
    """An empty answer, thought or plan shows nothing; an explicit turn stays, though it is empty."""
    empty = b.event("agent_reasoning", text="")

    assert ["t1"] == told(legacy(started("t1"), b.agent(""), empty, b.turn_item("Plan", ""), ended("t1")))


def test_a_blank_question_with_an_image_is_the_image_alone() -> None:
    """Text, then images, then files; a blank text is left out, the editor's marker is not cut."""
    (turn,) = legacy(b.user("  ", images=["data:x"], local_images=["/tmp/p.png"]))

    assert [{"type": "image", "image_url": "data:x"}, {"type": "local_image", "path": "/tmp/p.png"}] == turn.items[
        0
    ].item["content"]


def test_an_abort_of_an_unknown_turn_interrupts_the_current_one() -> None:
    """The next question opens a new turn, as the current one was implicit."""
    turns = legacy(b.user("one"), aborted("nobody"), b.user("two"))

    assert ["rollout-1 interrupted item-1:one", "rollout-3 item-2:two"] == told(turns)


def test_late_news_of_an_earlier_turn_leave_the_current_one_alone() -> None:
    """A late end and a late abort are told of the turn that they name."""
    turns = legacy(started("t1"), started("t2"), aborted("t1"), ended("t1"), b.user("q"), ended("t2"))

    assert ["t1 interrupted", "t2 item-1:q"] == told(turns)


def test_an_end_of_an_unknown_turn_ends_the_current_one() -> None:
    """What follows belongs to a new turn."""
    turns = legacy(started("t1"), b.user("q"), ended("t9"), b.agent("late"))

    assert ["t1 item-1:q", "rollout-4 item-2:late"] == told(turns)


def test_a_turn_without_an_end_is_unfinished() -> None:
    """Whoever shows it decides what that means."""
    assert ["t1 unfinished item-1:q"] == told(legacy(started("t1"), b.user("q")))


def test_a_rollback_drops_turns_and_numbers_go_on_behind_what_is_left() -> None:
    """The dropped turn is gone, its numbers are given again."""
    turns = legacy(b.user("one"), b.agent("a"), b.user("two"), b.agent("b"), b.rolled_back(1), b.user("three"))

    assert ["rollout-1 item-1:one item-2:a", "rollout-6 item-3:three"] == told(turns)


def test_a_rollback_of_more_turns_than_there_are_drops_all() -> None:
    """Nothing stands afterwards."""
    assert [] == legacy(b.user("one"), b.rolled_back(9))


def test_a_compaction_keeps_a_turn_in_which_nothing_was_said() -> None:
    """The next question joins the implicit turn that holds nothing but a compaction."""
    assert ["rollout-1"] == told(legacy(b.compacted("all"), later=False))
    assert ["rollout-1 item-1:q"] == told(legacy(b.compacted("all"), b.user("q")))


def test_the_seed_passes_over_reviews_compactions_and_tools() -> None:
    """The later reading shows them."""
    items = (
        started("t1"),
        b.user("q"),
        b.event("context_compacted"),
        b.event("entered_review_mode", target={}, user_facing_hint="Look"),
        b.event("exited_review_mode", review_output=None),
        b.event("exec_command_end", call_id="c1", turn_id="t1", command=["ls"], exit_code=0, stdout="x", stderr=""),
        ended("t1"),
    )

    assert ["t1 item-1:q"] == told(legacy(*items, later=False))
    shown = "item-2:ContextCompaction item-3:EnteredReviewMode item-4:ExitedReviewMode c1:CommandExecution"
    assert [f"t1 item-1:q {shown}"] == told(legacy(*items))


def test_what_a_tool_did_is_shown_once_under_its_call() -> None:
    """The end replaces the beginning where it stands; an unknown turn has no place for it."""
    fields = {"call_id": "c1", "command": ["make"], "cwd": "/w"}
    turns = legacy(
        started("t1"),
        b.event("exec_command_begin", turn_id="t1", **fields),
        b.agent("meanwhile"),
        b.event("exec_command_end", turn_id="t1", exit_code=2, stdout="no", stderr="!", **fields),
        b.event("exec_command_end", turn_id="t9", exit_code=0, **{**fields, "call_id": "c2"}),
        ended("t1"),
    )

    assert ["t1 c1:CommandExecution item-1:meanwhile"] == told(turns)
    command = turns[0].items[0].item
    assert ("failed", "no!", 2) == (command["status"], command["aggregated_output"], command["exit_code"])


def test_an_error_makes_a_failed_turn_for_the_later_reading() -> None:
    """The seed reads it as completed."""
    items = (started("t1"), b.event("error", message="broken", codex_error_info="other"), ended("t1"))

    assert ["t1"] == told(legacy(*items, later=False))
    assert {"message": "broken", "codex_error_info": "other"} == legacy(*items)[0].error
    assert ["t1 failed"] == told(legacy(*items))


def test_a_plan_keeps_its_id_for_the_later_reading() -> None:
    """The seed numbers it; all other completed items have events of their own."""
    plan, other = shown("Plan", "do", item_id="p1"), b.turn_item("AgentMessage", "no")

    assert ["t1 p1:do"] == told(legacy(started("t1"), plan, other, ended("t1")))
    assert ["t1 item-1:do"] == told(legacy(started("t1"), plan, other, ended("t1"), later=False))
