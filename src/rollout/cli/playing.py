"""Playing a thread in its own time, with keys; the clock and the keys are given by whoever plays."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SLOWEST, FASTEST = 1 / 16, 1024.0
KEYS = "space pauses, . or Enter steps, + and - change the speed, n and p go to the next and previous turn, 3g to turn 3, q ends"
_SHORT_KEYS = "space pause, . step, +- speed, n p turn, 3g to 3, q end"


class Moment(NamedTuple):
    """One thing of a thread: its text, the turn that it belongs to, and when it was recorded (0: nobody knows)."""

    text: str
    turn: int
    at_ms: int


class Stage(Protocol):
    """Where a thread is played."""

    def now(self) -> float:
        """Seconds that only go forward."""
        ...

    def key(self, seconds: float | None) -> str:
        """The key that is pressed within so many seconds (None: however long it takes), "" when none is."""
        ...

    def show(self, text: str) -> None:
        """Show a piece of the transcript."""
        ...

    def tell(self, status: str) -> None:
        """Replace the line that says how it is played."""
        ...


class Pace(NamedTuple):
    """How fast: ``speed`` divides every wait, none is longer than ``idle_limit`` seconds of the thread's time."""

    speed: float = 1.0
    idle_limit: float | None = None

    def wait_ms(self, before_ms: int, at_ms: int) -> int:
        """How much of the thread's time passes between two moments."""
        passed = max(0, at_ms - before_ms) if before_ms and at_ms else 0
        return passed if self.idle_limit is None else min(passed, round(self.idle_limit * 1000))


class Player:
    """Plays the moments of a thread, from a turn on; ``moments`` gives them from the beginning as often as it is called."""

    def __init__(self, moments: Callable[[], Iterator[Moment]], stage: Stage, pace: Pace, start: int = 0) -> None:
        """Nothing is played yet."""
        self._moments, self._stage, self._pace = moments, stage, pace
        self._paused = False
        self._target: int | None = start
        self._digits = ""
        self._turn = 0
        self._over = False

    def play(self) -> bool:
        """Play to the end; False when the person left before."""
        while self._target is not None and not self._over:
            target, self._target = self._target, None
            self._from(target)
        return not self._over

    def _from(self, turn: int) -> None:
        """Play from a turn on, until the end, the next jump, or the person's leave; how it begins is shown even while it is paused."""
        before_ms, arrived = 0, False
        for moment in self._moments():
            if moment.turn < turn:
                continue
            if arrived:
                self._wait(self._pace.wait_ms(before_ms, moment.at_ms) / 1000)
            if self._over or self._target is not None:
                return
            arrived, self._turn = True, moment.turn
            self._stage.show(moment.text)
            before_ms = moment.at_ms or before_ms

    def _wait(self, seconds: float) -> None:
        """Let so much of the thread's time pass, keys obeyed meanwhile."""
        left = seconds
        self._tell()
        while self._target is None and not self._over and (self._paused or left > 0):
            began = self._stage.now()
            key = self._stage.key(None if self._paused else left / self._pace.speed)
            if not self._paused:
                left -= (self._stage.now() - began) * self._pace.speed
            if key in (".", "\r", "\n"):
                self._paused = True
                return
            if key:
                self._obey(key)
                self._tell()
            elif not self._paused:
                return

    def _obey(self, key: str) -> None:
        digits, self._digits = self._digits, ""
        if key == " ":
            self._paused = not self._paused
        elif key in "+-":
            factor = 2 if key == "+" else 0.5
            self._pace = self._pace._replace(speed=min(FASTEST, max(SLOWEST, self._pace.speed * factor)))
        elif key in "np":
            self._target = max(1, self._turn + (1 if key == "n" else -1))
        elif key.isdecimal():
            self._digits = (digits + key)[-6:]
        elif key == "g":
            self._target = int(digits or "1")
        elif key in "qQ":
            self._over = True

    def _tell(self) -> None:
        state = "paused" if self._paused else "playing"
        asked = f" · to turn {self._digits}: g" if self._digits else ""
        self._stage.tell(f"{state} · turn {self._turn} · {self._pace.speed:g}x{asked} · {_SHORT_KEYS}")
