"""Looking through files line by line: what matches, newest first, and the numbers of what matched.

Lines that cannot match are told apart by their bytes, many at a time, before any is decoded. Files are read
backwards in blocks, so that a search for the newest hits ends where it has enough of them. Memory: three times the
longest line, or once a line of 16 MiB or more, and a block.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from rollout.errors import FormatError
from rollout.journal.reader import classify
from rollout.lines import Line, Position
from rollout.long_lines import LONG, shorter
from rollout.search_bytes import PERSONS, is_no_person, may_begin_turn
from rollout.search_match import Candidate
from rollout.search_sieve import REACH
from rollout.search_text import TurnCount
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
    for offset, data in chosen_back(source, start.offset, size if end is None else min(end, size), may_hold):
        if data:
            yield from matching(data, Position(start.segment, offset), matcher)


def matching(data: bytes, position: Position, matcher: Matcher) -> Iterator[Candidate]:
    """The physical line at a position, when it matches."""
    for found in classify(data, -1, position):
        if isinstance(found, Line):
            match = matcher.match_line(found)
            if match is not None:
                yield Candidate(found.position, found.record.timestamp, match)


def chosen(source: Source, start: int, end: int, may_hold: Test) -> Iterator[tuple[int, bytes]]:
    """As ``chosen_back``, the first line first: from an offset at which a line begins up to another one."""
    while start < end:
        block = _read(source, start, min(_BLOCK, end - start))
        length = len(block) if start + len(block) == end else block.rfind(b"\n") + 1
        if length:
            whole = block[:length]
            yield from _chosen(whole, start, may_hold) if may_hold(whole) else ()
        else:
            stop = _line_end(source, start + len(block), end)
            if long_line(source, start, stop, may_hold)[1]:
                yield start, _read(source, start, stop - start)
            length = stop - start
        start += length
        yield start, b""


def chosen_back(source: Source, start: int, end: int, may_hold: Test) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes of the physical lines that may match, the last one first.

    A line that does not fit into a block is looked through in pieces, and only read as a whole when it may match. After each
    block comes the offset up to which everything was looked at, without bytes.
    """
    while end > start:
        length = min(_BLOCK, end - start)
        block = _read(source, end - length, length)
        cut = 0 if end - length == start else block.find(b"\n") + 1
        if cut in (0, length) and end - length > start:  # not even its last line is whole
            begin, holds = long_line(source, start, end, may_hold)
            if holds:
                yield begin, _read(source, begin, end - begin)
            end = begin
        else:
            if may_hold(block):
                yield from reversed([*_chosen(block[cut:], end - length + cut, may_hold)])
            end = end - length + cut
        yield end, b""


def long_line(source: Source, start: int, end: int, may_hold: Test) -> tuple[int, bool]:
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
    for line in BytesIO(data):
        if may_hold(line):
            yield offset, line
        offset += len(line)


def numbered(chains: Chains, links: Sequence[Link], candidates: Iterable[Candidate]) -> list[Candidate]:
    """Candidates of a thread with their numbers and turns, from one pass up to the last of them.

    A file that went away or became shorter meanwhile leaves -1.
    """
    counting = _Numbering(sorted(candidates, key=lambda one: one.position, reverse=True))
    for number, link in enumerate(links):
        if link.file is None or not counting.waiting:
            continue
        try:
            with chains.open(link.file) as source:
                counting.go_through(source, number, link.end)
        except (OSError, FormatError):
            break
    return counting.done + counting.waiting


class _Numbering:
    """Counts lines and turns along the files of a thread; only lines in which a turn may begin are looked at."""

    def __init__(self, waiting: list[Candidate]) -> None:
        """``waiting``: the last position first."""
        self.waiting, self.done = waiting, list[Candidate]()
        self._turns, self._n = TurnCount(), 0

    def go_through(self, source: Source, segment: int, end: int | None) -> None:
        """Count one file up to an end, or up to the last candidate."""
        offset, size = 0, source.size if end is None else min(end, source.size)
        while offset < size and self.waiting:
            block = _read(source, offset, min(_BLOCK, size - offset))
            length = block.rfind(b"\n") + 1
            if not length:
                length, block = len(block), b""
                length = _line_end(source, offset + length, size) - offset
                # What cannot begin a turn is not read whole: whoever found it may hold it already
                passed_over = length >= LONG and not may_begin_long_turn(source, offset)
                block = b"\n" if passed_over else _read(source, offset, length)
            self._take(block[:length], Position(segment, offset), offset + length)
            offset += length

    def _take(self, data: bytes, position: Position, stop: int) -> None:
        """Count whole lines between a position and an offset; a newline alone stands for a long line."""
        end = position._replace(offset=stop)
        here: list[Candidate] = []
        while self.waiting and self.waiting[-1].position < end:
            here.append(self.waiting.pop())
        wanted = {data.rfind(b"\n", 0, one.position.offset - position.offset) + 1: one for one in here}
        at = 0
        for start in sorted({*wanted, *_starts_of_persons(data)}):
            self._n += data.count(b"\n", at, start)
            at = start
            take_turn(data[start : data.find(b"\n", start) + 1 or len(data)], self._turns)
            if start in wanted:
                self.done.append(wanted[start]._replace(n=self._n, turn=self._turns.turn))
        self._n += data.count(b"\n", at) + (not data.endswith(b"\n"))


def may_begin_long_turn(source: Source, offset: int) -> bool:
    """Whether the beginning of a very long line allows that it begins a turn."""
    return not is_no_person(_read(source, offset, _BLOCK))


def take_turn(data: bytes, turns: TurnCount) -> None:
    """Count the turn that a line begins, if it does."""
    for found in classify(data, -1, Position(0, 0)) if may_begin_turn(data) else ():
        if isinstance(found, Line):
            turns.take((shorter(found) if len(data) >= LONG else found).record)


def _starts_of_persons(data: bytes) -> Iterator[int]:
    """Where lines begin in which a turn may begin; lines may come twice."""
    for word in PERSONS:
        at = data.find(word)
        while at >= 0:
            yield data.rfind(b"\n", 0, at) + 1
            end = data.find(b"\n", at)
            at = data.find(word, end) if end >= 0 else -1


def _line_end(source: Source, offset: int, size: int) -> int:
    """The offset behind the next newline, or where the bytes end."""
    while offset < size:
        block = _read(source, offset, min(_BLOCK, size - offset))
        newline = block.find(b"\n")
        if newline >= 0:
            return offset + newline + 1
        offset += len(block)
    return size
