"""A thread over several files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from backports import zstd

from rollout.lines import Damage, Found, Line, Position
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b

if TYPE_CHECKING:
    from local_homes import Home

DAY = "sessions/2026/02/08"
BASE = b.paginated_bytes(b.thread_id(1), *b.paginated_turn("asked", "answered"))


def put(home: Home, number: int, data: bytes) -> str:
    """A rollout in its folder."""
    return home.put(f"{DAY}/{b.rollout_name(b.thread_id(number))}", data)


def holes(found: list[Found]) -> list[str]:
    """The reasons of what is damaged."""
    return [one.reason for one in found if isinstance(one, Damage)]


def test_a_compressed_base(home: Home) -> None:
    """A fork reads through a compressed base, forward and backward."""
    fork = b.fork_bytes(b.thread_id(2), b.thread_id(1), b.first_lines(BASE, 3), b.turn_item("UserMessage", "mine"))
    put(home, 2, fork)
    home.put(f"{DAY}/{b.rollout_name(b.thread_id(1))}.zst", zstd.compress(BASE))
    forward = list(home.store.lines(b.thread_id(2)))
    back = list(home.store.lines_back(b.thread_id(2)))

    assert [one.n for one in forward] == [0, 1, 2, 3, 4]
    assert [one.position for one in forward] == [one.position for one in reversed(back)]
    assert b"".join(one.data for one in forward if isinstance(one, Line)) == b.first_lines(BASE, 3) + fork


def test_a_circle_is_a_hole(home: Home) -> None:
    """A file that builds on itself through another is told once, and its own lines are read."""
    put(home, 1, b.fork_bytes(b.thread_id(1), b.thread_id(2), b"", b.user("one")))
    put(home, 2, b.fork_bytes(b.thread_id(2), b.thread_id(1), b"", b.user("two")))
    found = list(home.store.lines(b.thread_id(2)))

    assert holes(found) == [f"the base of {b.thread_id(1)} builds on it: rollout {b.thread_id(2)}"]
    assert [one.n for one in found if isinstance(one, Line)] == [0, 1]


def test_a_base_that_is_too_short(home: Home) -> None:
    """A base that lost bytes is told behind its last line."""
    put(home, 2, b.fork_bytes(b.thread_id(2), b.thread_id(1), BASE, b.user("mine")))
    put(home, 1, b.first_lines(BASE, 2))
    found = list(home.store.lines(b.thread_id(2)))

    (reason,) = holes(found)
    assert reason.endswith(f"of the {len(BASE)} bytes that its fork builds on")
    assert [one.n for one in found if isinstance(one, Line)] == [0, 1, 2, 3]


def test_ordinals_that_disagree(home: Home) -> None:
    """A base whose last ordinal is not the one that the fork expects is told; everything is read."""
    after = b.next_ordinal(BASE)
    wrong = {"thread_id": b.thread_id(1), "end_ordinal_exclusive": after + 3, "end_byte_offset": len(BASE)}
    put(home, 2, b.fork_bytes(b.thread_id(2), b.thread_id(1), BASE, history_base=wrong))
    put(home, 1, BASE)
    forward, back = list(home.store.lines(b.thread_id(2))), list(home.store.lines_back(b.thread_id(2)))
    reason = f"the base ends with ordinal {after - 1}, its fork expects {after + 2}"

    assert (holes(forward), holes(back), len(forward)) == ([reason], [reason], after + 2)


def test_a_base_without_sense(home: Home) -> None:
    """A ``history_base`` that cannot be read is a hole."""
    put(home, 1, b.paginated_bytes(b.thread_id(1), b.user("mine"), history_base={"thread_id": 7}))
    found = list(home.store.lines(b.thread_id(1)))

    assert "cannot be read" in holes(found)[0]
    assert len(found) == 3


def test_reading_goes_on_where_the_file_went(home: Home) -> None:
    """A thread that is archived between two steps of a reading is read to its end."""
    identity = b.thread_id(1)
    path = put(home, 1, BASE)
    lines = home.store.lines(identity)
    os.makedirs(f"{home.folder}/archived_sessions")
    os.rename(path, f"{home.folder}/archived_sessions/{os.path.basename(path)}")

    assert b"".join(one.data for one in lines if isinstance(one, Line)) == BASE


def test_only_other_threads_build_on_a_thread(home: Home) -> None:
    """The reference of a thread's own newer file is not counted."""
    put(home, 1, BASE)
    name = b.rollout_name(b.thread_id(1), b.START_MS + 60_000, b.thread_id(7))
    home.put(f"{DAY}/{name}", b.fork_bytes(b.thread_id(1), b.thread_id(1), b.first_lines(BASE, 2)))
    newest = b"".join(home.store.raw(b.thread_id(1)))
    put(home, 3, b.fork_bytes(b.thread_id(3), b.thread_id(7), newest))

    assert home.store.references(b.thread_id(1)) == (b.thread_id(3),)


def test_a_reference_behind_long_instructions(home: Home) -> None:
    """A base is known even when it is named behind more than 64 KiB of instructions."""
    put(home, 1, BASE)
    put(home, 2, b.fork_bytes(b.thread_id(2), b.thread_id(1), BASE, base_instructions={"text": "x" * 200_000}))

    assert home.store.references(b.thread_id(1)) == (b.thread_id(2),)


class FakeClock:
    """Time that passes only by sleeping; ``then`` happens after the first second."""

    def __init__(self, then: object) -> None:
        """Nothing has passed."""
        self.passed = 0.0
        self._then = then

    def now(self) -> float:
        """Seconds so far."""
        return self.passed

    def sleep(self, seconds: float) -> None:
        """Let it pass."""
        before, self.passed = self.passed, self.passed + seconds
        if before < 1.0 <= self.passed and callable(self._then):
            self._then()

    def time_ns(self) -> int:
        """A moment in 2026."""
        return 1_770_600_000_000_000_000


def test_waiting_sees_a_newer_file(home: Home) -> None:
    """Whoever follows a thread goes on into the file that a revert makes."""
    identity = b.thread_id(1)
    put(home, 1, BASE)
    name = b.rollout_name(identity, b.START_MS + 60_000, b.thread_id(7))
    newer = b.fork_bytes(identity, identity, b.first_lines(BASE, 2))
    clock = FakeClock(lambda: home.put(f"{DAY}/{name}", newer))
    store = LocalStore(home.folder, clock=clock)
    end = store.end(identity)

    assert store.wait(identity, end, 10.0) == Position(1, len(newer))
    assert clock.passed < 3.0


def test_waiting_costs_its_time_and_no_more(home: Home) -> None:
    """When nothing happens, waiting ends in time with the position that it began with."""
    put(home, 1, BASE)
    clock = FakeClock(None)
    store = LocalStore(home.folder, clock=clock)
    end = store.end(b.thread_id(1))

    assert store.wait(b.thread_id(1), end, 5.0) == end
    assert 5.0 <= clock.passed < 5.2
