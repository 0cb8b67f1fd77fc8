"""One line on standard error about work that takes more than a second: how far, how fast, how long still."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollout.cli.output import Output

_SILENT_S = 1.0
_STEP_S = 0.1


class Progress:
    """Tells how much of ``total`` bytes was read (0: nobody knows how many there are).

    Silent for the first second, and where nobody watches standard error. ``done`` takes the line away; so does any
    error that is told, Ctrl-C included.
    """

    def __init__(self, out: Output, what: str, total: int, clock: Callable[[], float] = monotonic) -> None:
        """Start the clock."""
        self._out, self._what, self._total, self._clock = out, what, total, clock
        self._began = clock()
        self._next = self._began + _SILENT_S
        self._read = 0
        self._drawn = False

    def add(self, size: int) -> None:
        """So many bytes more were read."""
        self._read += size
        if self._out.has_watcher and self._clock() >= self._next:
            self._next = self._clock() + _STEP_S
            self._drawn = True
            self._out.status(self.text())

    def text(self) -> str:
        """The line: amount, rate, and the time that is left when the total is known."""
        passed = max(self._clock() - self._began, 0.001)
        rate = self._read / passed
        told = f"{self._what}: {amount_of_bytes(self._read)}, {amount_of_bytes(rate)}/s"
        if self._total < self._read or not rate:
            return told
        left = (self._total - self._read) / rate
        return f"{told}, {100 * self._read // self._total}%, {_duration(left)} left"

    def done(self) -> None:
        """Take the line away."""
        if self._drawn:
            self._out.status("")
            self._drawn = False


def amount_of_bytes(count: float) -> str:
    """An amount of bytes as a person says it."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
