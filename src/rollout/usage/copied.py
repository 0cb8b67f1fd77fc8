"""Which counts of a file were copied into it from another thread (spec: rollout-format 7.3, 10.18).

A fork of the legacy era begins with the lines of its source, and so does a sub-agent that inherits the history
of its parent. The copies look like lines of the thread's own. Codex gives them new timestamps, all of the moment
of the fork; others keep the old ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.ids import try_parse
from rollout.lines import Line
from rollout.times import parse_ms
from rollout.usage.tokens import count_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rollout.codec import Record
    from rollout.lines import Found
    from rollout.usage.tokens import Info

_PAUSE_MS = 2000
_NOT_OPENED: Iterator[Info] = iter(())


class Copied:
    """Tells copies from the thread's own counts; fed with the lines of a file in order.

    The evidence, the strongest first: copies that kept their timestamps are older than the thread. A sub-agent's
    metadata name the ordinal where its own lines begin. A turn's id holds the time of the turn: the turn of a copy is
    older than the thread. Without turn ids (before February 2026) a copy tells what the source tells at the
    same place, and was written in one go with what stands before it: a pause of two seconds ends the copy.
    """

    __slots__ = (
        "_created_ms",
        "_going_on",
        "_kept_times",
        "_open_source",
        "_source",
        "_start",
        "_turn_ms",
        "_written_ms",
    )

    def __init__(self, created_ms: int, start: int | None, source: Callable[[], Iterable[Found] | None]) -> None:
        """``start`` is the ordinal of the first line of its own; ``source`` opens the lines of the other thread."""
        self._created_ms, self._start = created_ms, start
        self._open_source = source
        self._source: Iterator[Info] | None = _NOT_OPENED
        self._kept_times: bool | None = None
        self._turn_ms: int | None = None
        self._written_ms, self._going_on = created_ms, True

    def look(self, record: Record) -> None:
        """Take a line; the first one behind the thread's own metadata tells whether copies kept their timestamps."""
        at_ms = parse_ms(record.timestamp)
        if self._kept_times is None:
            self._kept_times = at_ms is not None and at_ms < self._created_ms
        if at_ms is not None:
            self._going_on = self._going_on and at_ms < self._written_ms + _PAUSE_MS
            self._written_ms = at_ms

    def begin_turn(self, turn_id: str) -> None:
        """Take the id of the turn to which the next lines belong; an id without a time tells nothing."""
        identity = try_parse(turn_id)
        self._turn_ms = (identity.unix_ms if identity else None) or self._turn_ms

    def has(self, record: Record, info: Info) -> bool:
        """Whether this count is a copy. Asked for every count, in order."""
        if self._kept_times:
            at_ms = parse_ms(record.timestamp)
            return at_ms is not None and at_ms < self._created_ms
        if self._start is not None and record.ordinal is not None:
            return record.ordinal < self._start
        if self._turn_ms is not None:
            return self._turn_ms < self._created_ms
        self._going_on = self._going_on and self._source_tells(info)
        return self._going_on

    def _source_tells(self, info: Info) -> bool:
        """Whether the source goes on with this count; also when it cannot be asked any more."""
        if self._source is _NOT_OPENED:
            lines = self._open_source()
            self._source = None if lines is None else _counts_before(lines, self._created_ms)
        return self._source is None or next(self._source, None) == info


def _counts_before(lines: Iterable[Found], created_ms: int) -> Iterator[Info]:
    """The counts that were there when the copy was made."""
    for found in lines:
        if not isinstance(found, Line) or found.record.type != "event_msg":
            continue
        try:
            info = count_of(found.record)
        except (ValueError, RecursionError):
            continue
        at_ms = parse_ms(found.record.timestamp)
        if info is not None and (at_ms is None or at_ms < created_ms):
            yield info
