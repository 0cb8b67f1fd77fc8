"""``rollout replay``: a thread in its own time. The clock and the keys are the test's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.homes import line, thread_id, turn
from rollout.cli.playing import Moment, Pace, Player

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.conftest import Rollout
    from cli.homes import Home

MOMENTS = [Moment("a", 1, 1_000), Moment("b", 1, 4_000), Moment("c", 2, 64_000), Moment("d", 3, 65_000)]


class FakeStage:
    """A stage whose time passes only while it is waited for, and whose keys come at given times."""

    def __init__(self, keys: dict[float, str] | None = None) -> None:
        """Keys by the second at which they are pressed."""
        self.time = 0.0
        self.shown: list[tuple[float, str]] = []
        self.status = ""
        self._keys = sorted((keys or {}).items())

    def now(self) -> float:
        return self.time

    def key(self, seconds: float | None) -> str:
        if self._keys and (seconds is None or self._keys[0][0] <= self.time + seconds):
            at, pressed = self._keys.pop(0)
            self.time = max(self.time, at)
            return pressed
        assert seconds is not None, "paused for ever"
        self.time += seconds
        return ""

    def show(self, text: str) -> None:
        self.shown.append((round(self.time, 3), text))

    def tell(self, status: str) -> None:
        self.status = status


def moments() -> Iterator[Moment]:
    """A thread of three turns."""
    return iter(MOMENTS)


def played(stage: FakeStage, pace: Pace | None = None, start: int = 0) -> str:
    """What is shown, in order."""
    Player(moments, stage, pace or Pace(), start).play()
    return "".join(text for _, text in stage.shown)


def test_it_takes_the_time_it_took() -> None:
    """Each thing comes as long after the one before as it was recorded."""
    stage = FakeStage()

    played(stage)

    assert [(0, "a"), (3, "b"), (63, "c"), (64, "d")] == stage.shown


def test_speed_and_idle_limit() -> None:
    """A wait is cut to the limit, then divided by the speed."""
    stage = FakeStage()

    played(stage, Pace(2.0, 10.0))

    assert [(0, "a"), (1.5, "b"), (6.5, "c"), (7, "d")] == stage.shown


def test_a_pause_stops_the_time() -> None:
    """Space stops and starts; what was left of the wait is still waited."""
    stage = FakeStage({1: " ", 100: " "})

    played(stage)

    assert [(0, "a"), (102, "b"), (162, "c"), (163, "d")] == stage.shown


def test_steps_show_one_thing_each() -> None:
    """A step shows the next thing at once and pauses behind it."""
    stage = FakeStage({1: ".", 5: ".", 6: " "})

    played(stage)

    assert [(0, "a"), (1, "b"), (5, "c"), (7, "d")] == stage.shown


def test_faster_and_slower_while_it_waits() -> None:
    """A change of speed counts for the rest of the wait."""
    stage = FakeStage({1: "+", 2.5: "-"})

    played(stage)

    assert [(0, "a"), (2, "b"), (61.5, "c"), (62.5, "d")] == stage.shown


@pytest.mark.parametrize(
    ("keys", "shown"),
    [({1: "n"}, "acd"), ({70: "p"}, "abcd"), ({10: "p"}, "ababcd"), ({1: "3", 1.5: "g"}, "ad"), ({10: "q"}, "ab"), ({1: " ", 2: "n", 3: "n", 4: "q"}, "acd")],
)
def test_jumps(keys: dict[float, str], shown: str) -> None:
    """To the next turn, the previous one, one by its number, and out; what a turn begins with shows even while it is paused."""
    assert shown == played(FakeStage(keys))


def test_it_begins_at_a_turn() -> None:
    """What stands before is not shown, and not waited for."""
    stage = FakeStage()

    assert "cd" == played(stage, start=2)
    assert 0 == stage.shown[0][0]


def test_the_line_below_tells_how_it_plays() -> None:
    """State, turn, speed, and the keys."""
    stage = FakeStage({1: " ", 2: "+", 3: "q"})

    played(stage)

    assert stage.status.startswith("paused · turn 1 · 2x · space pause, ")


def test_a_pipe_gets_the_transcript(home: Home, rollout: Rollout) -> None:
    """Without a terminal the same text comes as with show, turns by number, without keys."""
    path = home.add(1)
    with path.open("ab") as file:
        for kind, payload in turn("again", "yes"):
            file.write(line("2026-02-01T12:01:00.004Z", kind, payload))

    assert rollout("show", thread_id(1)).out == rollout("replay", thread_id(1), "--idle-limit", "0").out
    assert "question 1" not in rollout("replay", thread_id(1), "--from", "2", "--idle-limit", "0").out
    assert 3 == rollout("replay", thread_id(1), "--from", "3", "--idle-limit", "0").status


def test_json_tells_the_schedule(home: Home, rollout: Rollout) -> None:
    """--json waits for nothing, and tells what would be waited."""
    path = home.add(1)
    with path.open("ab") as file:
        for kind, payload in turn("again", "yes"):
            file.write(line("2026-02-01T13:01:00.000Z", kind, payload))

    document = rollout("replay", thread_id(1), "--json", "--speed", "2", "--idle-limit", "60").document

    assert "rollout.replay/1" == document["schema"]
    assert [0, 1, 1, 2, 2] == [one["turn"] for one in document["moments"]]
    assert 30_000 == max(one["waitMs"] for one in document["moments"])


def test_a_damaged_thread_is_played_and_said(home: Home, rollout: Rollout) -> None:
    """The good lines are played; one line and status 1 say that there is damage."""
    path = home.add(1)
    path.write_bytes(path.read_bytes() + b"{torn\n")

    run = rollout("replay", thread_id(1))

    assert 1 == run.status
    assert "answer 1" in run.out
    assert "is damaged: 1 stretch" in run.err


def test_a_terminal_plays_in_colour(home: Home, terminal: Rollout) -> None:
    """On a terminal the line below is drawn on standard error only where one watches it."""
    home.add(1)

    run = terminal("replay", thread_id(1), "--speed", "1000")

    assert (0, "") == (run.status, run.err)
    assert "> question 1" in run.out
