"""A history after a rollback."""

from __future__ import annotations

import pytest

from history_threads import (
    CONTEXT,
    ENVIRONMENT,
    PERMISSIONS,
    assistant,
    compaction,
    developer,
    event,
    item,
    rollback,
    talk,
    thread,
    told,
    turn,
    user,
)
from rollout.history import RULES_0_100, RULES_0_169, Rules, history, rebuild

both = pytest.mark.parametrize("rules", [RULES_0_100, RULES_0_169], ids=lambda rules: rules.name)
HEAD = [PERMISSIONS, ENVIRONMENT]
REPLACEMENT = [user("u1"), user("u2"), user("S")]


@both
def test_a_rollback_drops_the_last_turns(rules: Rules) -> None:
    """What follows goes on from there, and a later rollback counts the turns that are left."""
    lines = thread(*CONTEXT, *talk("1", "2"), rollback(1), *talk("3", "4"), rollback(2), *talk("5"))

    assert [*HEAD, "u1", "a1", "u5", "a5"] == told(history(lines, (), rules))


@both
def test_too_many_turns_leave_what_precedes_the_first(rules: Rules) -> None:
    """The context above the first user message always stays."""
    assert HEAD == told(history(thread(*CONTEXT, *talk("1", "2"), rollback(99)), (), rules))


@both
@pytest.mark.parametrize("turns", [0, -1, True, None, "2"])
def test_a_rollback_of_no_number_of_turns_changes_nothing(rules: Rules, turns: object) -> None:
    """Zero turns are no turns, and a marker that cannot be understood is passed over."""
    lines = thread(*talk("1"), event("thread_rolled_back", num_turns=turns))

    assert ["u1", "a1"] == told(history(lines, (), rules))


@both
def test_a_rollback_before_the_first_user_message_changes_nothing(rules: Rules) -> None:
    """There is no turn to drop."""
    assert [*HEAD, "u1", "a1"] == told(history(thread(*CONTEXT, rollback(1), *talk("1")), (), rules))


def test_context_above_a_dropped_turn() -> None:
    """0.100 keeps what the program said before the turn, 0.169 drops it too, but no developer's own words."""
    late = [developer(PERMISSIONS), user(ENVIRONMENT), *talk("2")]
    lines = thread(*CONTEXT, *talk("1"), developer("be brief"), *late, rollback(1))

    assert [*HEAD, "u1", "a1", "be brief", *HEAD] == told(history(lines, (), RULES_0_100))
    assert [*HEAD, "u1", "a1", "be brief"] == told(history(lines, (), RULES_0_169))


def test_a_message_between_agents_is_a_turn_in_0_169() -> None:
    """Only that one is dropped."""
    sent = item("agent_message", author="/root", recipient="/root/child", content=[])
    lines = thread(*talk("1"), sent, assistant("a2"), rollback(1))

    assert [] == told(history(lines, (), RULES_0_100))
    assert ["u1", "a1"] == told(history(lines, (), RULES_0_169))


def test_a_rolled_back_compaction() -> None:
    """0.100 counts turns in what the compaction left; 0.169 undoes the compaction with its turn."""
    lines = thread(*CONTEXT, *turn("1", *talk("1")), *turn("2", *talk("2"), compaction("S", REPLACEMENT)), rollback(1))

    assert ["u1", "u2"] == told(history(lines, (), RULES_0_100))
    assert [*HEAD, "u1", "a1"] == told(history(lines, (), RULES_0_169))


@pytest.mark.parametrize(
    ("turns", "in_0_100", "in_0_169"),
    [
        (1, ["u1", "u2", "S"], ["u1", "u2", "S"]),
        (2, ["u1", "u2"], [*HEAD, "u1", "a1"]),
        (3, ["u1"], HEAD),
    ],
)
def test_a_rollback_that_reaches_behind_a_compaction(turns: int, in_0_100: list[str], in_0_169: list[str]) -> None:
    """A compaction that took no user's turn of its own is undone when an older turn is dropped."""
    before = [*turn("1", *talk("1")), *turn("2", *talk("2")), *turn("3", compaction("S", REPLACEMENT))]
    lines = thread(*CONTEXT, *before, *turn("4", *talk("4")), rollback(turns))

    assert in_0_100 == told(history(lines, (), RULES_0_100))
    assert in_0_169 == told(history(lines, (), RULES_0_169))


def test_an_older_compaction_stands_when_a_newer_one_is_undone() -> None:
    """The newest compaction that survives is what the history begins with."""
    first = turn("1", *talk("1"), compaction("S", [user("u1"), user("S1")]))
    lines = thread(*first, *turn("2", *talk("2"), compaction("S", REPLACEMENT)), rollback(1), *turn("3", *talk("3")))

    assert ["u1", "S1", "u3", "a3"] == told(history(lines, (), RULES_0_169))


def test_a_compaction_after_a_rollback_stands_alone() -> None:
    """What a rollback dropped cannot be a turn that came after it, with or without marks of turns."""
    lines = thread(*talk("1", "2"), rollback(1), *talk("3"), compaction("S", [user("S3")]), *talk("4"))

    assert ["S3", "u4", "a4"] == told(history(lines, (), RULES_0_100))
    assert ["S3", "u4", "a4"] == told(history(lines, (), RULES_0_169))


def test_an_interrupted_turn_is_dropped_like_any_other() -> None:
    """A turn whose end names another turn is not closed by a start that is not its own."""
    interrupted = [event("task_started", turn_id="2"), *talk("2"), compaction("S", REPLACEMENT)]
    lines = thread(*turn("1", *talk("1")), *interrupted, event("turn_aborted", turn_id="2"), rollback(1))

    assert ["u1", "a1"] == told(history(lines, (), RULES_0_169))


def test_the_plain_rebuild_applies_rollbacks() -> None:
    """Forks and rollbacks reason about the history before the prompt's edits."""
    assert ["u1", "a1"] == told(rebuild(thread(*talk("1", "2"), rollback(1))))
