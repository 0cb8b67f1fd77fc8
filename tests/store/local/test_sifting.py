"""Lines that pass a test on their bytes: in blocks, on lines of any length, both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rollout.lines import Line, Position
from rollout.testing import builders as b

if TYPE_CHECKING:
    from local_homes import Home

LENGTHS = (10, 70_000, 300_000, 20, 900_000, 262_144, 40)


def put(home: Home) -> list[bytes]:
    """A thread with lines that are shorter and longer than a block; every second one has the word."""
    lines = [b.line(b.user(("needle " if number % 2 else "hay ") + "x" * length)) for number, length in enumerate(LENGTHS * 3)]
    everything = [b.meta_line(b.thread_id(1)), *lines]
    home.put(f"sessions/2026/02/08/{b.rollout_name(b.thread_id(1))}", b"".join(everything))
    return everything


@pytest.mark.parametrize("back", [False, True])
def test_lines_of_any_length(home: Home, *, back: bool) -> None:
    """From every place, in both directions, what passes is what a look at every line finds."""
    everything, start = put(home), 0
    for at, line in enumerate(everything):
        before, behind = everything[:at], everything[at:]
        expected = [one for one in (before[::-1] if back else behind) if b"needle" in one]
        found = home.store.sift(b.thread_id(1), lambda data: b"needle" in data, Position(0, start), back=back)
        start += len(line)

        assert [one.data for one in found if isinstance(one, Line)] == expected


@pytest.mark.parametrize("back", [False, True])
def test_it_tells_how_far_it_has_got(home: Home, *, back: bool) -> None:
    """Positions come in the direction of the reading, with nothing found between them, and the last one is the end."""
    size = len(b"".join(put(home)))
    found = list(home.store.sift(b.thread_id(1), lambda _: False, back=back))
    offsets = [one.offset for one in found if isinstance(one, Position)]

    assert offsets == sorted(offsets, reverse=back)
    assert (len(offsets), offsets[-1]) == (len(found), 0 if back else size)


def test_what_is_refused_is_not_taken_apart(home: Home) -> None:
    """Of a thread in which nothing passes no line is asked about alone, but for those longer than a block."""
    put(home)
    asked: list[int] = []

    def test(data: bytes) -> bool:
        asked.append(data.count(b"\n"))
        return False

    assert not [one for one in home.store.sift(b.thread_id(1), test) if isinstance(one, Line)]
    assert len(asked) < len(LENGTHS) * 3 * 3
