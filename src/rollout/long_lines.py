"""Lines that are too long to be taken apart whole: shortened for those who only look.

A line of hundreds of megabytes costs its length several times over once it becomes objects and text. Its bytes are held
once; what is made of them here is small: the middle of each long string is left out, which a mark in its place tells.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from rollout.codec import decode, encode_record
from rollout.lines import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rollout.lines import Found

    Mark = Callable[[bytes, "Gap"], bytes]

LONG = 16 << 20
"""Lines from this length on are shortened."""
ENOUGH = 2 << 20
"""What is left of them is shorter than this."""
_HEADS = (1 << 18, 1 << 12, 1 << 6)
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_LOW_SURROGATE = re.compile(rb"\\u[dD][c-fC-F]")
_HIGH_SURROGATE = re.compile(rb"\\u[dD][89abAB]..")
_CHUNK = 1 << 16
_MARK = 128
_LEFT_OUT = "left out here, rollout show --raw shows them"
_PIECE = 1 << 20
_OVERLAP = 1 << 16
_CUT = "\ua7ff".encode()
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Gap(NamedTuple):
    """The part of a string that is left out: where it begins and ends in its line, never amid a character."""

    start: int
    end: int


def brief(found: Iterable[Found]) -> Iterator[Found]:
    """The same lines and damage, long lines shortened; numbers and positions are those of the whole lines."""
    for thing in found:
        yield shorter(thing) if isinstance(thing, Line) and len(thing.data) >= LONG else thing
        del thing  # it is not held while the next one is read


def shorter(line: Line, mark: Mark | None = None) -> Line:
    """A line whose long strings are marks with what stands before and behind; ``mark`` as for ``shortened``."""
    data = shortened(line.data, mark or told)
    return Line(data, line.n, line.position, decode(data))


def shortened(line: bytes, mark: Mark) -> bytes:
    """The bytes of a good line in less than 2 MiB; ``mark`` gives what stands for a gap, inside of a JSON string.

    Where its length is in the number of its values, the large members of its payload are empty.
    """
    for head in _HEADS:
        left_out = _gaps(line, head, head >> 2)
        if left_out is not None:
            return b"".join(_pieces(line, left_out, mark))
    return _without_large_members(line)


def pieces(line: bytes) -> Iterator[bytes]:
    """A good line as several: each has the next piece of every long text, and all of the rest of the line.

    Pieces overlap by 64 KiB; at a cut stands a letter that nobody writes, so that nothing begins or ends there. Where
    a line's length is in the number of its values, this is the line itself.
    """
    texts = [Gap(found.start() + 1, found.end() - 1) for found in _STRING.finditer(line) if found.end() - found.start() > _PIECE]
    if len(line) - sum(text.end - text.start for text in texts) > LONG:
        yield shortened(line, told) if decode(line).type == "compacted" else line
        return
    starts = [text.start for text in texts]
    while starts != [text.end for text in texts] or not texts:
        ends = [_piece_end(line, start, text) for start, text in zip(starts, texts, strict=True)]
        yield b"".join(_with_pieces(line, texts, starts, ends))
        if not texts:
            return
        starts = [
            end if end == text.end else boundary(line, end - _OVERLAP, text.start)
            for end, text in zip(ends, texts, strict=True)
        ]


def _piece_end(line: bytes, start: int, text: Gap) -> int:
    return text.end if text.end - start <= _PIECE else boundary(line, start + _PIECE, text.start)


def _with_pieces(line: bytes, texts: Sequence[Gap], starts: Sequence[int], ends: Sequence[int]) -> Iterator[bytes]:
    at = 0
    for text, start, end in zip(texts, starts, ends, strict=True):
        yield line[at : text.start]
        yield from (_CUT if text.start < start < end else b"", line[start:end], _CUT if start < end < text.end else b"")
        at = text.end
    yield line[at:]


def told(_line: bytes, gap: Gap) -> bytes:
    """The mark for people."""
    return f"\\n… {(gap.end - gap.start) / (1 << 20):.1f} MiB {_LEFT_OUT} …\\n".encode()


def has_gap(text: str) -> bool:
    """Whether a text of a shortened line says that something of it is left out."""
    return _LEFT_OUT in text


def boundary(line: bytes, at: int, low: int) -> int:
    """The last place up to ``at`` where a character of a string begins whose content begins at ``low``."""
    while at > low and line[at] & 0xC0 == 0x80:
        at -= 1
    for start in range(at - 1, max(low, at - 6) - 1, -1):
        if line[start] == 0x5C and _escapes(line, start, low) and at < start + (6 if line[start + 1] == 0x75 else 2):
            at = start
            break
    if at - 6 >= low and _LOW_SURROGATE.match(line, at) and _HIGH_SURROGATE.match(line, at - 6, at):
        return at - 6
    return at


def _escapes(line: bytes, at: int, low: int) -> bool:
    """Whether a backslash begins an escape: an even number of them stands directly before it."""
    count, end = 0, at
    while end > low:
        chunk = line[max(low, end - _CHUNK) : end]
        run = len(chunk) - len(chunk.rstrip(b"\\"))
        count, end = count + run, end - len(chunk)
        if run < len(chunk):
            break
    return count % 2 == 0


def _gaps(line: bytes, head: int, tail: int) -> list[Gap] | None:
    """The gaps that leave so much of each string; None where that is not enough."""
    found: list[Gap] = []
    left_out = 0
    for string in _STRING.finditer(line):
        low, high = string.start() + 1, string.end() - 1
        if high - low > 2 * (head + tail):
            gap = Gap(boundary(line, low + head, low), boundary(line, high - tail, low))
            found.append(gap)
            left_out += gap.end - gap.start - _MARK
        if high - left_out >= ENOUGH:
            return None
    return found if len(line) - left_out < ENOUGH else None


def _pieces(line: bytes, gaps: Sequence[Gap], mark: Mark) -> Iterator[bytes]:
    at = 0
    for gap in gaps:
        yield line[at : gap.start]
        yield mark(line, gap)
        at = gap.end
    yield line[at:]


def _without_large_members(line: bytes) -> bytes:
    """Its envelope, and what of its payload is small."""
    record = decode(line)
    try:
        members: dict[str, Any] = _members.decode(record.payload)
    except (ValueError, RecursionError):
        members = {}
    kept = {name: raw if len(memoryview(raw)) < _CHUNK else _emptied(raw) for name, raw in members.items()}
    while len(payload := msgspec.json.encode(kept)) >= ENOUGH:
        kept = dict(list(kept.items())[: len(kept) // 2])
    few = msgspec.structs.replace(record, payload=msgspec.Raw(payload), metadata=msgspec.Raw(b""))
    return encode_record(few)


def _emptied(raw: msgspec.Raw) -> msgspec.Raw:
    begin = bytes(memoryview(raw)[:1])
    mark = f'"… {len(memoryview(raw)) / (1 << 20):.1f} MiB {_LEFT_OUT} …"'.encode()
    return msgspec.Raw({b"[": b"[]", b"{": b"{}"}.get(begin, mark))
