"""One rollout file as a stream of good lines and damage: forward, backward, and while it grows.

Damage is data (spec: rollout-format 2.1, 5.1): what cannot be decoded is yielded with place, length and reason, and never
raises. The byte ranges of what is yielded, together with the blank lines, are exactly the file. One physical line
holds at most one record, so one bad line costs one line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rollout.codec import decode, length_without, why_no_record
from rollout.errors import FormatError
from rollout.journal.filesystem import OS, Filesystem
from rollout.journal.source import LONG_LINE, PlainSource, Source
from rollout.lines import Damage, Found, Line, Position

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from rollout.codec import Record

__all__ = [
    "BOM", "NUL_BYTES", "TORN_TAIL", "Source", "backward", "classify", "complete_end", "count_lines", "follow",
    "forward", "last_record", "line_at", "line_start", "open_source",
]  # fmt: skip

TORN_TAIL = "torn tail"
NUL_BYTES = "NUL bytes"
BOM = "BOM"

_START = Position(0, 0)
_BLOCK = 64 * 1024
_IN_FRONT = re.compile(rb"[\0 \t\r\n]*\xef\xbb\xbf[\0 \t\r\n]*|[ \t\r\n]*\0[\0 \t\r\n]*|")
_BEHIND = b"\0 \t\r\n"
_OWN = re.compile(rb"[^\0\xef\xbb\xbf \t\r\n]")


def open_source(path: str, fs: Filesystem = OS) -> Source:
    """Open a rollout for reading; a name that ends in ``.zst`` is decompressed (spec: rollout-format 10.17).

    Raises OSError when the file cannot be opened. A compressed file raises FormatError where its window is
    larger than 128 MiB.
    """
    if not path.endswith(".zst"):
        return PlainSource(path, fs)
    from rollout.journal.compression import ZstdSource  # noqa: PLC0415 - plain files must not pay for it

    return ZstdSource(path, fs)


def forward(
    source: Source, *, start: Position = _START, n: int = 0, end: int | None = None
) -> Generator[Found, None, int]:
    """Yield lines and damage from ``start`` (the beginning of line ``n``) to ``end`` or to where the bytes end.

    Returns the number of the line behind the last one. Damage never raises; OSError when the file cannot be
    read, FormatError for a compression window above 128 MiB. Memory: 256 KiB and three times the longest line.
    """
    segment, offset = start
    new, line_type, position_type = tuple.__new__, Line, Position  # calling the named tuples costs twice as much
    for data in source.lines(offset, end):
        try:
            record = decode(data)
        except FormatError:
            yield from _look_closer(data, n, Position(segment, offset))
        else:
            yield new(line_type, (data, n, new(position_type, (segment, offset)), record))
            del record
        offset += len(data)
        n += 1
        data = b""  # noqa: PLW2901 - nobody holds a line, which may be long, while the next one is read
    if source.flaw and (end is None or offset < end):
        yield Damage(n, Position(segment, offset), 0, source.flaw)
    return n


def backward(source: Source, *, before: Position | None = None, segment: int = 0) -> Iterator[Found]:
    """Yield what ``forward`` yields, the newest first, from ``before`` (the beginning of a line) or from the end.

    Reads blocks of 64 KiB and only as many as are asked for. The numbers of the lines are not known: each ``n``
    is -1. Raises as ``forward`` does.
    """
    if before is None:
        before = Position(segment, source.size)
        if source.flaw:
            yield Damage(-1, before, 0, source.flaw)
    segment, end = before
    for offset, data in _stretches_back(source, end):
        position = Position(segment, offset)
        try:
            record = decode(data)
        except FormatError:
            yield from reversed(tuple(_look_closer(data, -1, position)))
        else:
            yield Line(data, -1, position, record)
            del record
        data = b""  # noqa: PLW2901 - nobody holds a line, which may be long, while the next one is read


def classify(stretch: bytes, n: int, position: Position, *, last: bool = False) -> Iterator[Found]:
    """Tell what one physical line holds: nothing when it is blank, else damage, or a line, or a line amid damage.

    ``last`` says that nothing follows: an unterminated stretch that holds no record is then a torn tail.
    """
    try:
        record = decode(stretch)
    except FormatError:
        yield from _look_closer(stretch, n, position, last=last)
    else:
        yield Line(stretch, n, position, record)


def count_lines(source: Source, end: int | None = None) -> int:
    """How many physical lines there are, blank ones and an unterminated last one included."""
    count, block = 0, b"\n"
    for block in source.blocks(0, end):
        count += block.count(b"\n")
    return count + (not block.endswith(b"\n"))


def line_at(source: Source, number: int, end: int | None = None) -> tuple[int, int]:
    """Where a line begins, and its number; where there are fewer, where they end, and how many there are."""
    offset = count = 0
    block = b"\n"
    if number <= 0:
        return 0, 0
    for block in source.blocks(0, end):
        inside = block.count(b"\n")
        if count + inside >= number:
            at = 0
            for _ in range(number - count):
                at = block.index(b"\n", at) + 1
            return offset + at, number
        offset, count = offset + len(block), count + inside
    return offset, count + (not block.endswith(b"\n"))


def complete_end(source: Source) -> int:
    """The offset behind the last newline; what follows it is a torn tail, or a line that is still being written."""
    start = source.size
    while start > 0:
        length = min(_BLOCK, start)
        start -= length
        newline = source.read(start, length).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
    return 0


def line_start(source: Source, offset: int) -> int:
    """The offset at which the line begins that stands over an offset, or at it; raises FormatError beyond the bytes."""
    while offset > 0:
        length = min(_BLOCK, offset)
        offset -= length
        newline = _read(source, offset, length).rfind(b"\n")
        if newline >= 0:
            return offset + newline + 1
    return 0


def last_record(source: Source) -> Line | None:
    """The newest good line, an unterminated one included; None where there is none."""
    return next((found for found in backward(source) if isinstance(found, Line)), None)


def follow(
    open_again: Callable[[], Source], wait: Callable[[], bool], *, start: Position = _START, n: int = 0
) -> Iterator[Found]:
    """Yield what stands behind ``start`` (the beginning of line ``n``), then what is appended, as it comes.

    Each round opens the file anew, so that one that was moved or compressed meanwhile goes on, and reads up to
    the last newline: an unfinished line is "not yet", never damage. ``wait`` is called between the rounds; it
    returns when it is time to look again, False to end. Raises OSError when the file cannot be opened or
    read, FormatError when it became shorter.
    """
    while True:
        with open_again() as source:
            end = complete_end(source)
            if end < start.offset:
                raise FormatError(f"{source.path} became shorter than what was read of it; read it from the beginning")
            n = yield from forward(source, start=start, n=n, end=end)
            start = Position(start.segment, end)
        if not wait():
            return


def _look_closer(stretch: bytes, n: int, position: Position, *, last: bool = True) -> Iterator[Found]:
    """A physical line that is no record as it stands: blank, or damage, or a record between foreign bytes."""
    if not stretch or stretch.isspace():
        return
    survivor = _survivor(stretch)
    if isinstance(survivor, str):
        torn = last and not stretch.endswith(b"\n") and _OWN.search(stretch)
        yield Damage(n, position, len(stretch), TORN_TAIL if torn else survivor)
        return
    start, end, record = survivor
    segment, offset = position
    if start:
        yield Damage(n, position, start, _foreign(stretch[:start]))
    yield Line(stretch[start:end], n, Position(segment, offset + start), record)
    if end < len(stretch):
        yield Damage(n, Position(segment, offset + end), len(stretch) - end, NUL_BYTES)


def _survivor(stretch: bytes) -> tuple[int, int, Record] | str:
    """The record amid foreign bytes and where it stands, white space behind it included; a reason if there is none."""
    matched = _IN_FRONT.match(stretch)
    front = matched.end() if matched else 0
    back = max(front, length_without(stretch, _BEHIND))
    if front == back:
        return _foreign(stretch)
    if len(stretch) >= LONG_LINE and not front and stretch[back:].isspace():
        return why_no_record(stretch, back)
    whole = _decoded(stretch[front:back])
    if isinstance(whole, str):
        return _beside_nul(stretch, front, back) or whole
    return front, _end_of_line(stretch, back), whole


def _beside_nul(stretch: bytes, front: int, back: int) -> tuple[int, int, Record] | None:
    """A whole record behind or before a NUL run whose other side is torn.

    Power loss leaves this: neither the torn record nor the run ends in a newline, and the next writer appended.
    """
    first = stretch.find(b"\0", front, back)
    for start, end in ((stretch.rfind(b"\0", front, back) + 1, back), (front, first)):
        record = _decoded(stretch[start:end]) if first >= 0 else ""
        if not isinstance(record, str) and record.type:
            return start, _end_of_line(stretch, end), record
    return None


def _decoded(stretch: bytes) -> Record | str:
    """The record, or why there is none."""
    try:
        return decode(stretch)
    except FormatError as error:
        return str(error)


def _end_of_line(stretch: bytes, end: int) -> int:
    """White space belongs to the record before it, foreign bytes do not."""
    return len(stretch) if stretch[end:].isspace() else end


def _foreign(stretch: bytes) -> str:
    return NUL_BYTES if b"\0" in stretch else BOM


def _stretches_back(source: Source, end: int) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes of each physical line before ``end``, the last one first."""
    pieces: list[bytes] = []  # of a line that reaches over blocks, the last one first; joined once
    start = stop = end
    while start > 0:
        length = min(_BLOCK, start)
        start -= length
        block = _read(source, start, length)
        high = length
        while (newline := block.rfind(b"\n", 0, high if pieces else high - 1)) >= 0:
            yield start + newline + 1, b"".join((block[newline + 1 : high], *reversed(pieces)))
            high, pieces = newline + 1, []
        stop = stop if pieces else start + high
        pieces.append(block[:high])
        if stop - start >= LONG_LINE:
            pieces = []
            start = line_start(source, start)
            yield start, _read(source, start, stop - start)
    if pieces:
        yield 0, b"".join(reversed(pieces))


def _read(source: Source, offset: int, length: int) -> bytes:
    block = source.read(offset, length)
    if len(block) != length:
        raise FormatError(f"{source.path} became shorter while it was read; read it again")
    return block
