"""Looking through files line by line: what matches, newest first, and the numbers of what matched.

Lines that cannot match are told apart by their bytes, many at a time, before any is decoded. Files are read
backwards in blocks, so that a search for the newest hits ends where it has enough of them. Memory: three times the
longest line, and a block.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from rollout.errors import FormatError
from rollout.journal.reader import classify
from rollout.lines import Line, Position
from rollout.search_match import REACH, Candidate
from rollout.search_text import TurnCount, may_begin_turn
from rollout.store.local.chain import own_links

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rollout.journal.source import Source
    from rollout.search_match import Matcher
    from rollout.store.local.chain import Chains, Link

    Test = Callable[[bytes], bool]

_BLOCK = 1 << 18


def scan(chains: Chains, links: Sequence[Link], matcher: Matcher, may_hold: Test) -> Iterator[Candidate]:
    """The lines of a thread's own files that match, newest first. Raises OSError, FormatError."""
    mine = own_links(list(links))
    for number in sorted(mine, reverse=True):
        link = links[number]
        if link.file is not None:
            with chains.open(link.file) as source:
                yield from scan_source(source, Position(number, 0), link.end, matcher, may_hold)


def scan_source(
    source: Source, start: Position, end: int | None, matcher: Matcher, may_hold: Test
) -> Iterator[Candidate]:
    """The lines between two offsets that match, newest first; the bytes begin at the beginning of a line."""
    size = source.size
    for offset, data in _lines_back(source, start.offset, size if end is None else min(end, size), may_hold):
        yield from matching(data, Position(start.segment, offset), matcher)


def matching(data: bytes, position: Position, matcher: Matcher) -> Iterator[Candidate]:
    """The physical line at a position, when it matches."""
    for found in classify(data, -1, position):
        if isinstance(found, Line):
            match = matcher.match(found.record)
            if match is not None:
                yield Candidate(found.position, found.record.timestamp, match)


def _lines_back(source: Source, start: int, end: int, may_hold: Test) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes of the physical lines that may match, the last one first.

    A line that does not fit into a block is looked through in pieces, and only read as a whole when it may match.
    """
    while end > start:
        length = min(_BLOCK, end - start)
        block = _read(source, end - length, length)
        cut = 0 if end - length == start else block.find(b"\n") + 1
        if cut in (0, length) and end - length > start:  # not even its last line is whole
            begin, holds = _long_line(source, start, end, may_hold)
            if holds:
                yield begin, _read(source, begin, end - begin)
            end = begin
            continue
        if may_hold(block):
            yield from _chosen(block[cut:], end - length + cut, may_hold)
        end = end - length + cut


def _long_line(source: Source, start: int, end: int, may_hold: Test) -> tuple[int, bool]:
    """Where the line before an offset begins, and whether it may match."""
    at, holds = end, False
    while at > start:
        low = max(start, at - _BLOCK)
        piece = _read(source, low, min(end, at + REACH) - low)
        newline = piece.rfind(b"\n", 0, at - low - (at == end))
        holds = holds or may_hold(b" " + piece[newline + 1 :])  # the blank: it may look like the head of a line
        if newline >= 0:
            return low + newline + 1, holds
        at = low
    return start, holds


def _read(source: Source, offset: int, length: int) -> bytes:
    data = source.read(offset, length)
    if len(data) != length:
        raise FormatError(f"{source.path} became shorter while it was read; search again")
    return data


def _chosen(data: bytes, offset: int, may_hold: Test) -> Iterator[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    for line in BytesIO(data):
        if may_hold(line):
            found.append((offset, line))
        offset += len(line)
    yield from reversed(found)


def numbered(chains: Chains, links: Sequence[Link], candidates: Iterable[Candidate]) -> list[Candidate]:
    """Candidates of a thread with their numbers and turns, from one pass up to the last of them.

    A file that went away or became shorter meanwhile leaves -1.
    """
    waiting = sorted(candidates, key=lambda one: one.position, reverse=True)
    done: list[Candidate] = []
    turns, n = TurnCount(), 0
    for number, link in enumerate(links):
        if link.file is None or not waiting:
            continue
        try:
            with chains.open(link.file) as source:
                offset = 0
                for data in source.lines(0, link.end):
                    if may_begin_turn(data):
                        _count_turn(data, turns)
                    offset += len(data)
                    while waiting and waiting[-1].position < (number, offset):
                        done.append(waiting.pop()._replace(n=n, turn=turns.turn))
                    n += 1
                    if not waiting:
                        break
        except (OSError, FormatError):
            break
    return done + waiting


def _count_turn(data: bytes, turns: TurnCount) -> None:
    for found in classify(data, -1, Position(0, 0)):
        if isinstance(found, Line):
            turns.take(found.record)
