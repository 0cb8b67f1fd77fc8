"""Which lines of a fork were copied from its source (spec: rollout-format 7.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.history.facts import payload_of
from rollout.ids import try_parse
from rollout.times import parse_ms

if TYPE_CHECKING:
    from rollout.lines import Line
    from rollout.query import Thread

_PAUSE_MS = 2000
_TURN = {"turn_context": None, "event_msg": ("task_started", "turn_started")}


class Copies:
    """Tells copies from a thread's own lines; fed with the lines of one of its files in order.

    Copies that kept their times are older than the thread. Where they got new ones, the id of a turn holds the time of
    the turn, which is older than the thread in a copy. Without such ids a copy was written in one go with what
    stands before it: a pause of two seconds ends it. A thread that is no fork and no sub-agent has none.
    """

    def __init__(self, row: Thread) -> None:
        """Of the thread with this row."""
        self._is_fork = bool(row.summary.forked_from_id or row.summary.parent_id)
        self._created_ms = self._written_ms = row.created_ms
        self._turn_ms: int | None = None
        self._kept_times: bool | None = None
        self._going_on = True
        self._has_begun = False

    def has(self, line: Line) -> bool:
        """Whether the next line is a copy; the first one is the thread's own metadata."""
        at_ms = parse_ms(line.record.timestamp)
        if not self._is_fork or not self._has_begun:
            self._has_begun = True
            return False
        if self._kept_times is None:
            self._kept_times = at_ms is not None and at_ms < self._created_ms
        self._look(line, at_ms)
        if self._kept_times:
            return at_ms is not None and at_ms < self._created_ms
        return self._going_on if self._turn_ms is None else self._turn_ms < self._created_ms

    def _look(self, line: Line, at_ms: int | None) -> None:
        if at_ms is not None:
            self._going_on = self._going_on and at_ms < self._written_ms + _PAUSE_MS
            self._written_ms = max(self._written_ms, at_ms)
        if line.record.type in _TURN:
            payload = payload_of(line.record)
            kinds = _TURN[line.record.type]
            identity = try_parse(str(payload.get("turn_id") or "")) if kinds is None or payload.get("type") in kinds else None
            self._turn_ms = (identity.unix_ms if identity else None) or self._turn_ms
