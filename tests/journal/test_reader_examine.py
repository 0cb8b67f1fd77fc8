"""What lines say about each other: the first one, and the ordinals."""

from __future__ import annotations

import pytest

from rollout.codec import decode
from rollout.journal.examine import Finding, examine
from rollout.lines import Damage, Found, Line, Position


def meta(ordinal: int | None = None, fields: str = "") -> bytes:
    """A session_meta line."""
    number = "" if ordinal is None else f'"ordinal":{ordinal},'
    return f'{{"timestamp":"t",{number}"type":"session_meta","payload":{{"id":"x"{fields}}}}}\n'.encode()


def event(ordinal: int | None = None) -> bytes:
    """Any other line."""
    number = "" if ordinal is None else f'"ordinal":{ordinal},'
    return f'{{"timestamp":"t",{number}"type":"event_msg","payload":{{}}}}\n'.encode()


def findings(*lines: bytes) -> list[tuple[int, str]]:
    """Line number and text of what is found in a rollout of these lines."""
    found = [Line(data, n, Position(0, 100 * n), decode(data)) for n, data in enumerate(lines)]
    return [(finding.n, finding.what) for finding in examine(iter(found))]


def test_a_rollout_in_order_has_no_findings() -> None:
    """A session_meta first and ordinals that go on, or none at all."""
    assert findings(meta(), event(), meta(), event()) == []
    assert findings(meta(0), event(1), event(2)) == []


def test_no_session_meta_is_told() -> None:
    """Of an empty rollout too."""
    assert findings() == [(0, "no session_meta")]
    assert findings(event(), event()) == [(0, "no session_meta")]


def test_a_session_meta_that_comes_late_is_told() -> None:
    """It is found, but not where Codex looks for it."""
    assert findings(event(), meta()) == [(0, "session_meta is not first")]


@pytest.mark.parametrize(
    ("ordinals", "expected"),
    [
        ((0, 1, 1, 2), [(2, "duplicate ordinal: 1")]),
        ((0, 1, 4, 5), [(2, "missing ordinal: 2 expected, 4 found")]),
        ((1, 2), [(0, "missing ordinal: 0 expected, 1 found")]),
        (
            (0, 1, 2, 3, 1, 2, 3, 4),
            [(4, "falling ordinal: 1 after 3"), (5, "reused ordinal: 2"), (6, "reused ordinal: 3")],
        ),
        ((0, 1, None, 2), [(2, "no ordinal")]),
        ((0, 2**64), [(1, f"missing ordinal: 1 expected, {2**64} found")]),
    ],
)
def test_ordinals_that_do_not_go_on_are_told(ordinals: tuple[int | None, ...], expected: list[tuple[int, str]]) -> None:
    """Duplicate, missing, falling and reused ordinals are told apart, each at its line."""
    assert expected == findings(meta(ordinals[0]), *(event(ordinal) for ordinal in ordinals[1:]))


def test_ordinals_go_on_from_the_base_of_a_fork() -> None:
    """A fork by reference begins where its base ends."""
    base = ',"history_base":{"thread_id":"y","end_ordinal_exclusive":7,"end_byte_offset":900}'

    assert findings(meta(7, base), event(8)) == []


def test_a_paginated_rollout_needs_ordinals() -> None:
    """Its session_meta says that there must be some; a rollout without must have none."""
    assert findings(meta(None, ',"history_mode":"paginated"'), event()) == [(0, "no ordinal"), (1, "no ordinal")]
    assert findings(meta(), event(1)) == [(1, "ordinal in a rollout without ordinals")]


def test_damage_is_passed_over() -> None:
    """The ordinal that a damaged line took along is missing; a finding stands where it shows."""
    first, last = meta(0), event(2)
    found: list[Found] = [
        Line(first, 0, Position(0, 0), decode(first)),
        Damage(1, Position(0, 80), 20, "torn record"),
        Line(last, 2, Position(0, 100), decode(last)),
    ]

    assert [Finding(2, Position(0, 100), "missing ordinal: 1 expected, 2 found")] == list(examine(iter(found)))


def test_a_session_meta_of_another_shape_is_no_obstacle() -> None:
    """Fields of unexpected types are not judged here."""
    assert findings(meta(0, ',"history_mode":5,"history_base":"none"'), event(1)) == []
