"""What is in a home, counted from the rows of a listing in one pass."""

from __future__ import annotations

from collections import Counter
from heapq import nlargest
from typing import TYPE_CHECKING, NamedTuple

from rollout.times import day_ms, to_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollout.query import Thread

_DAY_MS = 86_400_000
_LARGEST = 5


class Large(NamedTuple):
    """One of the largest threads."""

    bytes: int
    id: str
    title: str


class Census:
    """The counts of a home. Memory grows with days, folders, models and sources, not with threads.

    ``tokens`` adds the last total of each thread: what forks and sub-agents inherited counts again there;
    ``rollout usage`` counts it once.
    """

    def __init__(self) -> None:
        """Nothing is counted."""
        self.threads = self.archived = self.unreadable = self.untitled = self.forks = self.files = 0
        self.bytes = self.tokens = 0
        self.days: Counter[str] = Counter()
        self.folders: Counter[str] = Counter()
        self.sources: Counter[str] = Counter()
        self.eras: Counter[str] = Counter()
        self.largest: list[Large] = []

    def count(self, rows: Iterable[Thread]) -> None:
        """Count these threads."""
        for row in rows:
            self._one(row)

    def _one(self, row: Thread) -> None:
        self.threads += 1
        self.archived += row.archived
        self.unreadable += row.problem is not None
        self.untitled += row.problem is None and not row.preview
        self.forks += bool(row.summary.forked_from_id)
        self.files += row.segments
        self.bytes += row.bytes
        self.tokens += row.summary.tokens
        self.days[to_text(row.created_ms)[:10]] += 1
        self.folders[row.summary.cwd or ""] += 1
        self.sources[row.summary.source_key] += 1
        self.eras[row.summary.era or ""] += 1
        self.largest = nlargest(_LARGEST, [*self.largest, Large(row.bytes, row.id, row.name or row.preview[:200])])

    def per_day(self) -> tuple[list[str], list[int]]:
        """Every day from the first to the last that has threads, and how many began on each; at most ten years of them."""
        if not self.days:
            return [], []
        first, last = min(self.days), max(self.days)
        last_ms = _midnight(last)
        start_ms = max(_midnight(first), last_ms - 3650 * _DAY_MS)
        days = [to_text(at)[:10] for at in range(start_ms, last_ms + 1, _DAY_MS)]
        return days, [self.days[day] for day in days]


def _midnight(day: str) -> int:
    return day_ms(int(day[:4]), int(day[5:7]), int(day[8:10]))
