"""What is wrong between good lines: the first line is no ``session_meta``, or ordinals do not go on.

Nothing here is skipped by a reader: the lines are all there (spec: rollout-format 5.1, 10.19, 10.20).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from rollout.lines import Line, Position

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.codec import Record
    from rollout.lines import Found

NO_META = "no session_meta"
META_NOT_FIRST = "session_meta is not first"
NO_ORDINAL = "no ordinal"
UNEXPECTED_ORDINAL = "ordinal in a rollout without ordinals"
MISSING_ORDINAL = "missing ordinal"
DUPLICATE_ORDINAL = "duplicate ordinal"
FALLING_ORDINAL = "falling ordinal"
REUSED_ORDINAL = "reused ordinal"


class Finding(NamedTuple):
    """One thing that is wrong, at the line where it shows; ``what`` begins with one of this module's texts."""

    n: int
    position: Position
    what: str


class _Base(msgspec.Struct, frozen=True):
    end_ordinal_exclusive: int = 0


class _Meta(msgspec.Struct, frozen=True):
    history_mode: str | None = None
    history_base: _Base | None = None


_meta = msgspec.json.Decoder(_Meta)


def examine(found: Iterator[Found]) -> Iterator[Finding]:
    """Check what a reader yields from the beginning of a thread or of one of its files, in bounded memory.

    Damage is passed over: it is its own report, and the ordinals it took along are told as missing. A rollout
    has ordinals when its first line has one or says ``paginated``.
    """
    lines = (each for each in found if isinstance(each, Line))
    first = next(lines, None)
    if first is None:
        yield Finding(0, Position(0, 0), NO_META)
        return
    ordinals = _Ordinals(first.record)
    meta_seen = _is_meta(first)
    if what := ordinals.look(first.record.ordinal):
        yield Finding(first.n, first.position, what)
    for line in lines:
        meta_seen = meta_seen or _is_meta(line)
        if what := ordinals.look(line.record.ordinal):
            yield Finding(line.n, line.position, what)
    if not _is_meta(first):
        yield Finding(first.n, first.position, META_NOT_FIRST if meta_seen else NO_META)


def _is_meta(line: Line) -> bool:
    return line.record.type == "session_meta"


class _Ordinals:
    """The ordinals seen so far: the last one and the highest one tell all the ways to go wrong apart."""

    def __init__(self, first: Record) -> None:
        meta = _read_meta(first)
        self._numbered = first.ordinal is not None or meta.history_mode == "paginated"
        self._next = meta.history_base.end_ordinal_exclusive if meta.history_base else 0
        self._highest = self._next - 1

    def look(self, ordinal: int | None) -> str:
        """What is wrong with the next line's ordinal, "" when nothing is."""
        if ordinal is None:
            return NO_ORDINAL if self._numbered else ""
        if not self._numbered:
            return UNEXPECTED_ORDINAL
        what = self._judge(ordinal)
        self._next = ordinal + 1
        self._highest = max(self._highest, ordinal)
        return what

    def _judge(self, ordinal: int) -> str:
        expected = self._next
        if ordinal > expected:
            return f"{MISSING_ORDINAL}: {expected} expected, {ordinal} found"
        if ordinal == expected:
            return f"{REUSED_ORDINAL}: {ordinal}" if ordinal <= self._highest else ""
        if ordinal == expected - 1:
            return f"{DUPLICATE_ORDINAL}: {ordinal}"
        return f"{FALLING_ORDINAL}: {ordinal} after {expected - 1}"


def _read_meta(record: Record) -> _Meta:
    if record.type != "session_meta" or not record.has_payload:
        return _Meta()
    try:
        return _meta.decode(record.payload)
    except msgspec.ValidationError:
        return _Meta()
