"""Times as a person reads them."""

from __future__ import annotations

from rollout.cli.statuses import UsageError
from rollout.times import parse_ms, to_text

_STEPS = ((60_000, 1, ""), (3_600_000, 60_000, "m"), (86_400_000, 3_600_000, "h"), (7 * 86_400_000, 86_400_000, "d"))


def ago(then_ms: int, now_ms: int) -> str:
    """How long ago, up to a week; then the date (UTC)."""
    passed = now_ms - then_ms
    if passed < -60_000:
        return to_text(then_ms)[:10]
    for limit, unit, letter in _STEPS:
        if passed < limit:
            return f"{passed // unit}{letter} ago" if letter else "now"
    return to_text(then_ms)[:10]


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
