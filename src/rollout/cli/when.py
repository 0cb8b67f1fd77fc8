"""Times as a person gives them."""

from __future__ import annotations

from rollout.cli.statuses import UsageError
from rollout.times import parse_ms

_UNITS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}
_DAY = len("2026-02-08")


def moment(text: str, now_ms: int, *, end: bool = False) -> int:
    """A time that a person gives: a day (its beginning, or its ``end``; UTC), RFC 3339, or how long ago.

    Raises UsageError.
    """
    number, unit = text[:-1], _UNITS.get(text[-1:])
    if unit and number.isdecimal() and len(number) <= 6:
        return now_ms - int(number) * unit
    if len(text) == _DAY and (day := parse_ms(f"{text}T00:00:00Z")) is not None:
        return day + (_UNITS["d"] - 1 if end else 0)
    found = parse_ms(text)
    if found is None:
        raise UsageError(f"no time: {text!r}; give a day (2026-02-08), RFC 3339, or how long ago (90m, 12h, 7d, 2w)")
    return found
