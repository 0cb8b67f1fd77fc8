from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lifecycle.words import (
    LATER,
    QUESTIONS,
    asked,
    files,
    keep,
    legacy,
    legacy_turn,
    lines,
    metas,
    options,
    ordinals,
    paginated,
    paginated_turn,
    raw,
    record,
)
from rollout import BusyError
from rollout.errors import InvalidQueryError
from rollout.lifecycle import archive, dropped_lines, fork, plan_rollback, plan_undo, rollback, undo
from rollout.lines import Line
from rollout.testing import builders as b

if TYPE_CHECKING:
    from rollout.store.base import ThreadStore


@pytest.fixture(params=["legacy", "paginated"])
def era(request: pytest.FixtureRequest) -> str:
    """Each fact holds in both eras."""
    found: str = request.param
    return found


@pytest.fixture
def thread(era: str, store: ThreadStore) -> str:
    """A thread of three turns."""
    return keep(store, legacy() if era == "legacy" else paginated())


def more(store: ThreadStore, thread_id: str, question: str, era: str) -> None:
    """One more turn."""
    record(store, thread_id, legacy_turn(question) if era == "legacy" else paginated_turn(question))


def dropped(store: ThreadStore, thread_id: str) -> list[bytes]:
    """What the last rollback dropped."""
    return [found.data for found in dropped_lines(store, thread_id) if isinstance(found, Line)]


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_the_last_turns_are_no_longer_part_of_the_conversation(store: ThreadStore, thread: str, turns: int) -> None:
    """As many as were asked for go; what stands before stays; the answer counts both."""
    done = rollback(store, thread, turns, options=options())

    assert list(QUESTIONS[: 3 - turns]) == asked(store, thread)
    assert (turns, 3 - turns) == (done.turns, done.turns_left)


def test_an_undo_brings_them_back(store: ThreadStore, thread: str) -> None:
    """The conversation is what it was."""
    rollback(store, thread, 2, options=options())
    planned = plan_undo(store, thread)
    done = undo(store, thread, options=options(LATER + 5000))

    assert list(QUESTIONS) == asked(store, thread)
    assert (2, 3) == (done.turns, done.turns_left) == (planned.turns, planned.turns_left)


def test_nothing_is_ever_removed(store: ThreadStore, thread: str) -> None:
    """Whatever is rolled back and undone, the bytes that stood there still stand there, in the same files."""
    for at, step in enumerate((rollback, undo, rollback, rollback, undo)):
        before = files(store, thread)
        step(store, thread, options=options(LATER + at * 5000))
        after = files(store, thread)

        assert all(after[rollout_id].startswith(data) for rollout_id, data in before.items())


def test_undo_undone_twice_goes_back_two_rollbacks(store: ThreadStore, thread: str) -> None:
    """Rollbacks are undone in the opposite order, and can be made again in between."""
    told = []
    steps = (rollback, rollback, undo, rollback, undo, undo, rollback, undo)
    for at, step in enumerate(steps):
        step(store, thread, options=options(LATER + at * 5000))
        told.append(len(asked(store, thread)))

    assert [2, 1, 2, 1, 2, 3, 2, 3] == told
    with pytest.raises(InvalidQueryError):
        undo(store, thread, options=options(LATER + 90_000))


def test_what_was_dropped_can_be_read(store: ThreadStore, thread: str, era: str) -> None:
    """Until it is undone, and also after a rollback of a rollback; exactly the lines of the dropped turns."""
    before = lines(store, thread)
    one_turn = len(legacy_turn("three"))
    rollback(store, thread, options=options())
    first = dropped(store, thread)
    rollback(store, thread, options=options(LATER + 5000))
    second = dropped(store, thread)

    assert before[-one_turn:] == first
    assert before[-2 * one_turn : -one_turn] == second[:one_turn]
    assert era == ("paginated" if len(second) == one_turn else "legacy")


def test_a_rollback_cannot_be_undone_once_a_turn_was_recorded_after_it(
    store: ThreadStore, thread: str, era: str
) -> None:
    """It would drop that turn in turn: the way is to roll it back first, or to fork."""
    rollback(store, thread, 2, options=options())
    more(store, thread, "other", era)

    with pytest.raises(InvalidQueryError, match="fork"):
        undo(store, thread, options=options(LATER + 5000))
    rollback(store, thread, options=options(LATER + 6000))
    undo(store, thread, options=options(LATER + 7000))

    assert ["one", "other"] == asked(store, thread)


@pytest.mark.parametrize("turns", [0, 4])
def test_more_turns_than_there_are_cannot_be_rolled_back(store: ThreadStore, thread: str, turns: int) -> None:
    """Nor none; nothing changes."""
    before = files(store, thread)

    with pytest.raises(InvalidQueryError):
        rollback(store, thread, turns, options=options())
    assert before == files(store, thread)


def test_there_is_nothing_to_undo_in_a_thread_that_was_never_rolled_back(store: ThreadStore, thread: str) -> None:
    """Neither in a fork, whose first file builds on another thread."""
    forked = fork(store, thread, None, options()).thread_id

    for one in (thread, forked):
        with pytest.raises(InvalidQueryError):
            undo(store, one, options=options(LATER + 5000))


@pytest.mark.parametrize("step", [rollback, undo, plan_rollback, plan_undo])
def test_a_thread_in_use_is_left_as_it_is(store: ThreadStore, thread: str, step: Any) -> None:
    """Whoever writes it is named, and nothing changes."""
    rollback(store, thread, options=options())
    before = files(store, thread)
    writer = store.open_writer(thread)
    try:
        with pytest.raises(BusyError):
            step(store, thread)
    finally:
        writer.close()

    assert before == files(store, thread)


def test_planning_changes_nothing(store: ThreadStore, thread: str) -> None:
    """The plan counts turns."""
    before = files(store, thread)

    planned = plan_rollback(store, thread, 2)

    assert (2, 1) == (planned.turns, planned.turns_left)
    assert before == files(store, thread)


def test_a_rolled_back_fork_goes_back_into_what_it_inherited(store: ThreadStore, thread: str, era: str) -> None:
    """Turns of the source can be dropped in the fork, the source keeps them, and an undo brings them back."""
    forked = fork(store, thread, None, options()).thread_id
    more(store, forked, "four", era)

    rollback(store, forked, 3, options=options(LATER + 5000))
    there = asked(store, forked)
    gone = [json.loads(line) for line in dropped(store, forked)]
    undo(store, forked, options=options(LATER + 6000))

    assert ["one"] == there
    assert ["two", "three", "four"] == [one["payload"]["turn_id"] for one in gone if one["type"] == "turn_context"]
    assert [*QUESTIONS, "four"] == asked(store, forked)
    assert list(QUESTIONS) == asked(store, thread)


def test_an_archived_thread_stays_archived(store: ThreadStore, thread: str) -> None:
    """Its new file, too."""
    archive(store, thread, options=options())

    rollback(store, thread, options=options(LATER + 5000))

    assert {True} == {segment.archived for segment in store.segments(thread)}
    assert ["one", "two"] == asked(store, thread)


# -- the legacy era --------------------------------------------------------------------------------------------


def test_a_legacy_rollback_is_one_marker(store: ThreadStore) -> None:
    """As the seed writes it."""
    thread = keep(store, legacy())

    done = rollback(store, thread, 2, options=options())
    marker = json.loads(raw(store, thread).removeprefix(legacy()))

    assert ("event_msg", {"type": "thread_rolled_back", "num_turns": 2}) == (marker["type"], marker["payload"])
    assert done.file is None


def test_a_legacy_undo_appends_the_dropped_lines_with_their_own_bytes(store: ThreadStore) -> None:
    """From the beginning of the first dropped turn on, behind the marker."""
    thread = keep(store, legacy())
    rollback(store, thread, 2, options=options())
    marked = raw(store, thread)

    undo(store, thread, options=options(LATER + 5000))

    assert legacy().removeprefix(legacy(questions=["one"])) == raw(store, thread).removeprefix(marked)


@pytest.mark.parametrize("lines_there", [1, 5, 9])
def test_an_interrupted_undo_is_finished_by_the_next(store: ThreadStore, lines_there: int) -> None:
    """What it had appended already is not appended again."""
    thread = keep(store, legacy())
    rollback(store, thread, 2, options=options())
    gone = dropped(store, thread)
    torn = gone[lines_there][:20]
    writer = store.open_writer(thread)
    writer.append(b"".join(gone[:lines_there]) + torn + b"\n", lines_there + 1)
    writer.flush()
    writer.close()

    undo(store, thread, options=options(LATER + 5000))

    assert list(QUESTIONS) == asked(store, thread)
    assert [*gone[:lines_there], *gone[lines_there:]] == lines(store, thread)[-len(gone) :]
    with pytest.raises(InvalidQueryError):
        undo(store, thread)


def test_context_of_a_later_codex_is_no_turn(store: ThreadStore) -> None:
    """A legacy thread may have been gone on with by one whose context the seed would take for a question."""
    context = b.message("user", "# AGENTS.md instructions  <INSTRUCTIONS>be brief</INSTRUCTIONS>")
    started, *rest = legacy_turn("two")
    thread = keep(store, b.rollout_bytes(b.thread_id(), *legacy_turn("one"), started, context, *rest))

    done = rollback(store, thread, options=options())

    assert (1, 1) == (done.turns, done.turns_left)
    assert [b.line(started, len(legacy_turn("one")) + 1)] == dropped(store, thread)[:1]


# -- the paginated era -----------------------------------------------------------------------------------------


def test_a_paginated_rollback_is_a_new_file_over_a_shorter_base(store: ThreadStore) -> None:
    """Its one line inherits the old file up to the first dropped turn, and says everything else as that does."""
    thread = keep(store, paginated(future=[1.0]))
    kept = paginated(questions=["one"], future=[1.0])

    done = rollback(store, thread, 2, options=options())
    old, new = metas(store, thread)

    assert paginated(future=[1.0]) == raw(store, thread, thread)
    assert {
        "thread_id": thread, "end_ordinal_exclusive": kept.count(b"\n"), "end_byte_offset": len(kept),
    } == new["history_base"]  # fmt: skip
    assert {**old, "timestamp": new["timestamp"], "history_base": new["history_base"]} == new
    assert list(range(kept.count(b"\n") + 1)) == ordinals(store, thread)
    assert done.file == store.segments(thread)[-1].name
    assert done.file.startswith(f"rollout-2026-02-09T07-05-03-{thread}_")


def test_a_paginated_undo_goes_on_behind_the_end_of_what_was_rolled_back(store: ThreadStore) -> None:
    """A further file whose base is the whole of the file before."""
    thread = keep(store, paginated())
    rollback(store, thread, 2, options=options())

    undo(store, thread, options=options(LATER + 5000))

    assert len(paginated()) == metas(store, thread)[-1]["history_base"]["end_byte_offset"]
    assert paginated().splitlines(keepends=True) == lines(store, thread)[:-1]


def test_the_new_file_is_the_newest_also_when_the_clock_went_back(store: ThreadStore) -> None:
    """Its name and its id come behind those of the file before."""
    thread = keep(store, paginated())
    rollback(store, thread, options=options())

    rollback(store, thread, options=options(b.START_MS - 86_400_000))

    assert ["one"] == asked(store, thread)


def test_a_turn_into_which_a_person_spoke_again_is_one_turn(store: ThreadStore) -> None:
    """In a paginated thread a turn is a task."""
    start, *rest = paginated_turn("two")
    items = [*paginated_turn("one"), start, b.message("user", "and"), *rest]
    thread = keep(store, b.paginated_bytes(b.thread_id(), *items))

    assert 1 == rollback(store, thread, options=options()).turns_left
    assert ["one"] == asked(store, thread)
