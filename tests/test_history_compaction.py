"""A history after a compaction."""

from __future__ import annotations

import pytest

from history_threads import (
    CONTEXT,
    ENVIRONMENT,
    SUMMARY,
    assistant,
    compaction,
    developer,
    ghost,
    payloads,
    talk,
    thread,
    told,
    user,
)
from rollout.history import RULES_0_100, RULES_0_169, Rules, history, rebuild

MIDDLE = "…5000 tokens truncated…"


def test_a_thread_without_compaction_is_its_items() -> None:
    """Items in order, context of the thread's own session included; events are no part of it."""
    assert payloads(*CONTEXT, *talk("1")) == history(thread(*CONTEXT, *talk("1")))


def test_a_recorded_replacement_is_the_history_so_far() -> None:
    """What stands before such a compaction is gone, what follows is added."""
    lines = thread(*CONTEXT, *talk("1"), compaction("", [user("u1"), user(SUMMARY)]), *talk("2"))

    assert ["u1", SUMMARY, "u2", "a2"] == told(history(lines))


def test_a_replacement_keeps_its_snapshot_until_the_prompt() -> None:
    """The plain rebuild takes the replacement as it is; the prompt has no snapshots."""
    lines = thread(*talk("1"), compaction("", [user("u1"), ghost()]))

    assert ["u1", "ghost_snapshot None"] == told(rebuild(lines))
    assert ["u1"] == told(history(lines))


def test_without_a_replacement_user_messages_and_the_summary_are_kept() -> None:
    """0.100 puts the context of the session that resumes in front; the thread's own context is gone."""
    lines = thread(*CONTEXT, *talk("1", "2"), compaction("went well"), *talk("3"))
    context = payloads(developer("now"))

    assert ["now", "u1", "u2", "went well", "u3", "a3"] == told(history(lines, context))
    assert ["u1", "u2", "went well", "u3", "a3"] == told(history(lines))


def test_0_169_adds_no_context_to_an_old_compaction() -> None:
    """The later rules rebuild without it."""
    lines = thread(*talk("1"), compaction("went well"))

    assert ["u1", "went well"] == told(history(lines, payloads(developer("now")), RULES_0_169))


def test_an_empty_summary_says_so() -> None:
    """The model is told that there is none."""
    assert ["u1", "(no summary available)"] == told(history(thread(*talk("1"), compaction(""))))


def test_earlier_summaries_are_not_kept_twice() -> None:
    """A summary is known by how it begins; any other text that stood in its place counts as a user's."""
    lines = thread(*talk("1"), compaction(SUMMARY), *talk("2"), compaction("plain"), *talk("3"), compaction("last"))

    assert ["u1", "u2", "plain", "u3", "last"] == told(history(lines))


def test_context_is_not_kept_as_a_user_message() -> None:
    """Only boundaries of turns are user messages."""
    lines = thread(*CONTEXT, user("u1"), user("<turn_aborted>\nx\n</turn_aborted>"), compaction("S"))

    assert ["u1", "S"] == told(history(lines))


@pytest.mark.parametrize(("rules", "expected"), [(RULES_0_100, ["one two", "S"]), (RULES_0_169, ["one |two", "S"])])
def test_the_texts_of_a_kept_message(rules: Rules, expected: list[str]) -> None:
    """0.100 joins the texts of a kept message, 0.169 keeps them apart."""
    assert expected == told(history(thread(user("one ", "two"), compaction("S")), (), rules))


def test_kept_messages_are_the_newest_within_20_000_tokens() -> None:
    """A token is four bytes, rounded up for each message; what does not fit at all is left out."""
    lines = thread(user("oldest"), user("z" * 79_996), user("abcd"), compaction("S"))

    assert ["z" * 79_996, "abcd", "S"] == told(history(lines))


def test_the_message_that_overflows_loses_its_middle_and_is_the_oldest() -> None:
    """Half of what is left of the budget is kept at each end, and selection stops."""
    lines = thread(user("oldest"), user("x" * 59_996), user("y" * 40_000), user("abcd"), compaction("S"))
    kept = "x" * 19_998 + MIDDLE + "x" * 19_998

    assert [kept, "y" * 40_000, "abcd", "S"] == told(history(lines))


def test_a_cut_message_keeps_its_parts_in_0_169() -> None:
    """The mark stands as a part of its own where the middle was."""
    lines = thread(user("a" * 50_000, "b" * 49_000, "c" * 1_000), compaction("S"))
    whole = thread(user("a" * 100_000), compaction("S"))

    assert ["a" * 40_000 + f"|{MIDDLE}|" + "b" * 39_000 + "|" + "c" * 1_000, "S"] == told(
        history(lines, (), RULES_0_169)
    )
    assert ["a" * 40_000 + MIDDLE + "a" * 40_000, "S"] == told(history(whole))


def test_no_character_is_split_by_the_cut() -> None:
    """A character that the budget's edge would split is left out whole."""
    kept = told(history(thread(user("€" * 40_000), compaction("S"))))[0]

    assert "€" * 13_333 + "…10000 tokens truncated…" + "€" * 13_333 == kept


def test_a_compaction_without_a_summary_field_is_passed_over() -> None:
    """A record that cannot be understood costs itself and nothing else."""
    lines = thread(*talk("1"), ("compacted", {"replacement_history": []}), ("compacted", {}), *talk("2"))

    assert ["u1", "a1", "u2", "a2"] == told(history(lines))


def test_entries_of_a_replacement_that_are_no_items_are_passed_over() -> None:
    """The rest of the replacement counts."""
    lines = thread(("compacted", {"message": "", "replacement_history": [None, {"x": 1}, user("u1")[1]]}))

    assert ["u1"] == told(history(lines))


def test_context_given_is_not_changed() -> None:
    """The caller's objects stay as they are."""
    context = [{**payloads(user(ENVIRONMENT))[0], "id": "m1"}]
    history(thread(*talk("1"), compaction("S"), assistant("done")), context)

    assert "m1" == context[0]["id"]
