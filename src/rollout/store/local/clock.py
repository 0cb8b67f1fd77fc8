"""Time, as the store of a home needs it; tests bring their own."""

from __future__ import annotations

from time import monotonic, sleep, time_ns
from typing import Protocol


class Clock(Protocol):
    """What time it is, and letting it pass."""

    def now(self) -> float:
        """Seconds that only go forward."""
        ...

    def sleep(self, seconds: float, /) -> None:
        """Let time pass."""
        ...

    def time_ns(self) -> int:
        """Nanoseconds since 1970, for what is written down."""
        ...


class RealClock:
    """The clock of the machine."""

    now = staticmethod(monotonic)
    sleep = staticmethod(sleep)
    time_ns = staticmethod(time_ns)
