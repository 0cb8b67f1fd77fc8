"""The history read from the end: the same answer, for the price of the tail."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from history_threads import (
    CONTEXT,
    Json,
    Step,
    assistant,
    call,
    compaction,
    developer,
    event,
    output,
    rollback,
    talk,
    thread,
    told,
    turn,
    user,
)
from rollout.boundaries import is_context, is_user_turn
from rollout.history import RULES_0_100, RULES_0_169, Rules, history, history_back, rebuild
from rollout.history.compaction import compacted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.lines import Line

CONTEXT_NOW: list[Json] = [developer("now")[1]]
REPLACEMENT = [user("S")]

names = st.integers(0, 99).map(str)
talks = names.map(talk)
said = st.one_of(
    talks,
    names.map(lambda name: [call(name)]),
    names.map(lambda name: [output(name)]),
    st.sampled_from(CONTEXT).map(lambda step: [step]),
    st.just([assistant("and on")]),
)
compactions = st.one_of(
    names.map(lambda name: [compaction(f"L{name}")]),
    names.map(lambda name: [compaction("", [user(f"kept{name}"), user(f"S{name}")])]),
)
rollbacks = st.integers(0, 4).map(lambda turns: [rollback(turns)])
loose = st.lists(st.one_of(said, compactions, rollbacks), max_size=14).map(lambda steps: list(chain(*steps)))
bodies = st.lists(st.one_of(said, said, compactions), max_size=4).map(lambda steps: list(chain(*steps)))


@st.composite
def whole_turns(draw: st.DrawFn) -> list[Step]:
    """Turns with their marks, and rollbacks between them: what versions that mark turns write."""
    steps: list[Step] = []
    for number, body in enumerate(draw(st.lists(bodies, max_size=7))):
        steps += turn(str(number), *body)
        steps += draw(st.one_of(st.just([]), rollbacks))
    return steps


def replayed(steps: list[Step], rules: Rules) -> list[Json]:
    """The history by plain forward replay: an independent, slow way to the same answer."""
    undone = _undone(steps) if rules.rollback_undoes_compaction else set()
    items: list[Json] = []
    for at, (line_type, payload) in enumerate(steps):
        if line_type == "response_item":
            items = [*items, payload]
        elif line_type == "compacted" and at not in undone:
            replacement = payload.get("replacement_history")
            items = replacement if replacement is not None else compacted(items, payload["message"], CONTEXT_NOW, rules)
        elif payload.get("num_turns"):
            items = _without_turns(items, payload["num_turns"], rules)
    return items


def _undone(steps: list[Step]) -> set[int]:
    """The recorded compactions that stand in turns which were rolled back later."""
    standing: list[tuple[bool, list[int]]] = []
    undone: set[int] = set()
    for at, (line_type, payload) in enumerate(steps):
        if payload.get("type") == "task_started":
            standing.append((False, []))
        elif line_type == "response_item" and is_user_turn(payload, later=True):
            standing[-1] = (True, standing[-1][1])
        elif "replacement_history" in payload:
            standing[-1][1].append(at)
        left = payload.get("num_turns", 0)
        while left and standing:
            by_user, inside = standing.pop()
            undone |= set(inside)
            left -= by_user
    return undone


def _without_turns(items: list[Json], turns: int, rules: Rules) -> list[Json]:
    starts = [at for at, each in enumerate(items) if is_user_turn(each, later=rules.later_boundaries)]
    if not starts:
        return items
    cut = starts[max(0, len(starts) - turns)]
    while rules.rollback_takes_context and cut > starts[0] and is_context(items[cut - 1]):
        cut -= 1
    return items[:cut]


def agree(steps: list[Step], rules: Rules) -> None:
    """All ways to the history of a thread agree."""
    lines = thread(*steps)

    assert replayed(steps, rules) == rebuild(lines, CONTEXT_NOW, rules)
    assert history(lines, CONTEXT_NOW, rules) == history_back(reversed(lines), CONTEXT_NOW, rules)


@settings(deadline=None)
@given(loose)
def test_forward_and_backward_agree_by_the_rules_of_0_100(steps: list[Step]) -> None:
    """Any sequence of messages, calls, compactions and rollbacks, marked as turns or not."""
    agree(steps, RULES_0_100)


@settings(deadline=None)
@given(whole_turns())
def test_forward_and_backward_agree_by_the_rules_of_0_169(steps: list[Step]) -> None:
    """Any sequence of whole turns with rollbacks between them."""
    agree(steps, RULES_0_169)


@settings(deadline=None)
@given(loose, st.sampled_from([RULES_0_100, RULES_0_169]))
def test_no_sequence_of_lines_fails(steps: list[Step], rules: Rules) -> None:
    """Turns without marks, rollbacks inside turns, outputs without calls: every thread has a history."""
    lines = thread(*steps)

    assert history(lines, CONTEXT_NOW, rules) == history_back(reversed(lines), CONTEXT_NOW, rules)


def too_far() -> NoReturn:
    """What must not be read."""
    pytest.fail("read behind the compaction that settles the history")


def guarded(lines: list[Line], before: int) -> Iterator[Line]:
    """The lines newest first; reading one whose number is below ``before`` fails the test."""
    for line in reversed(lines):
        yield line if line.n >= before else too_far()


@pytest.mark.parametrize("rules", [RULES_0_100, RULES_0_169], ids=lambda rules: rules.name)
def test_nothing_is_read_behind_a_compaction_that_stands_alone(rules: Rules) -> None:
    """A thread of any size costs what follows its last compaction."""
    after = [compaction("", REPLACEMENT), *turn("2", *talk("2")), *turn("3", *talk("3")), rollback(1)]
    lines = thread(*turn("1", *talk("1")), *after)

    assert ["S", "u2", "a2"] == told(history_back(guarded(lines, before=5), (), rules))


def test_a_compaction_that_was_undone_is_read_past() -> None:
    """Up to the next one that stands."""
    lines = thread(
        *talk("0"), compaction("", [user("S0")]), *turn("1", *talk("1"), compaction("", REPLACEMENT)), rollback(1)
    )

    assert ["S0"] == told(history_back(guarded(lines, before=3), (), RULES_0_169))


def test_marks_of_another_turn_close_nothing() -> None:
    """A start that names another turn than the end does belongs to no whole turn."""
    steps = [event("task_started", turn_id="other"), *talk("1"), compaction("", REPLACEMENT)]
    lines = thread(*talk("0"), *steps, event("task_complete", turn_id="1"), rollback(1))

    assert ["u0", "a0"] == told(history(lines, (), RULES_0_169))
