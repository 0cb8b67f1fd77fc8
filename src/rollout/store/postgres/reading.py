"""Lines of a thread, forward and backward, in blocks that are bounded in bytes and lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.journal.reader import classify
from rollout.lines import Damage, Position
from rollout.store.postgres.chain import number_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.lines import Found
    from rollout.store.postgres.chain import Chain, File, Stretch
    from rollout.store.postgres.connections import Fetch

_LINES, _BYTES = 512, 1 << 20
_FORWARD = """
SELECT n, at, bytes FROM rollout.lines WHERE thread_id = %(id)s AND segment = %(segment)s AND n >= %(n)s AND n < %(end)s
AND at <= (SELECT at FROM rollout.lines WHERE thread_id = %(id)s AND segment = %(segment)s AND n = %(n)s) + %(bytes)s
ORDER BY n
"""
_BACKWARD = """
SELECT n, at, bytes FROM rollout.lines WHERE thread_id = %(id)s AND segment = %(segment)s AND n > %(end)s AND n <= %(n)s
AND at >= (SELECT at FROM rollout.lines WHERE thread_id = %(id)s AND segment = %(segment)s AND n = %(n)s) - %(bytes)s
ORDER BY n DESC
"""


def physical_lines(fetch: Fetch, file: File, start: int, end: int) -> Iterator[tuple[int, int, bytes]]:
    """Number, offset and bytes of the lines of a file from ``start`` to before ``end``, as they are now."""
    n = start
    while n < end:
        values = {"id": file.thread_id, "segment": file.segment, "n": n, "end": min(end, n + _LINES), "bytes": _BYTES}
        rows = fetch(_FORWARD, values)
        if not rows:
            return
        for n, at, data in rows:
            yield n, at, bytes(data)
        n += 1


def _physical_back(fetch: Fetch, file: File, start: int) -> Iterator[tuple[int, int, bytes]]:
    n = start
    while n >= 0:
        values = {"id": file.thread_id, "segment": file.segment, "n": n, "end": n - _LINES, "bytes": _BYTES}
        rows = fetch(_BACKWARD, values)
        if not rows:
            return
        for n, at, data in rows:
            yield n, at, bytes(data)
        n -= 1


def lines(fetch: Fetch, chain: Chain, start: int = 0, *, own: bool = False) -> Iterator[Found]:
    """Every line of a logical thread from a number on, or only those of its newest file."""
    first, n = (len(chain.stretches) - 1 if own else 0), 0
    for number, stretch in enumerate(chain.stretches):
        if number >= first and start < n + stretch.lines:
            yield from _stretch(fetch, stretch, number, (n, max(0, start - n)))
        n += stretch.lines
        if number >= first and stretch.flaw and n >= start:
            yield Damage(n, Position(number, stretch.bytes), 0, stretch.flaw)


def _stretch(fetch: Fetch, stretch: Stretch, number: int, begin: tuple[int, int]) -> Iterator[Found]:
    base, start = begin
    if stretch.file is not None:
        for n, at, data in physical_lines(fetch, stretch.file, start, stretch.lines):
            yield from _found(stretch, data, base + n, Position(number, at))


def _found(stretch: Stretch, data: bytes, n: int, position: Position) -> Iterator[Found]:
    """What a physical line holds; what was appended since the chain was read is none of it."""
    kept = data[: stretch.bytes - position.offset]
    return classify(kept, n, position, last=position.offset + len(kept) == stretch.bytes)


def number_from(fetch: Fetch, chain: Chain, start: Position) -> int:
    """The number of the line that stands at a position or over it; behind the last one the number that follows."""
    number, offset = start
    if number >= len(chain.stretches):
        return chain.lines_before(len(chain.stretches))
    stretch, base = chain.stretches[number], chain.lines_before(number)
    if stretch.file is None or offset >= stretch.bytes:
        return base + (stretch.lines if offset else 0)
    return base + max(0, number_at(fetch, stretch.file, offset + 1) - 1)


def lines_back(fetch: Fetch, chain: Chain, before: Position | None) -> Iterator[Found]:
    """Every line before a position, newest first."""
    for number in range(len(chain.stretches) - 1, -1, -1):
        stretch, base = chain.stretches[number], chain.lines_before(number)
        if before is not None and number > before.segment:
            continue
        flaw = Position(number, stretch.bytes)
        if stretch.flaw and (before is None or flaw < before):
            yield Damage(base + stretch.lines, flaw, 0, stretch.flaw)
        if stretch.file is None:
            continue
        last = stretch.lines
        if before is not None and number == before.segment:
            last = min(last, number_at(fetch, stretch.file, before.offset))
        for n, at, data in _physical_back(fetch, stretch.file, last - 1):
            found = reversed(tuple(_found(stretch, data, base + n, Position(number, at))))
            yield from (one for one in found if before is None or one.position < before)
