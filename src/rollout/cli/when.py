"""Times as a person reads them."""

from __future__ import annotations

from rollout.times import to_text

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
