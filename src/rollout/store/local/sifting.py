"""The lines of a thread that pass a test on their bytes, from a place on or back from it, and how far that has got.

As in a search, many lines at a time are asked about before any is decoded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.journal.reader import classify, line_start
from rollout.lines import Line, Position
from rollout.store.local.scanning import chosen, chosen_back

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rollout.journal.source import Source
    from rollout.store.local.chain import Chains, Link

    Test = Callable[[bytes], bool]


def sift(chains: Chains, links: Sequence[Link], test: Test, start: Position | None) -> Iterator[Line | Position]:
    """The good lines that pass a test from the one on that stands at a position or over it. Raises OSError, FormatError."""
    first = start or Position(0, 0)
    for number, link in enumerate(links[first.segment :], first.segment):
        if link.file is None:
            continue
        with chains.open(link.file) as source:
            end = _end(source, link)
            begin = line_start(source, min(first.offset, end)) if number == first.segment else 0
            for offset, data in chosen(source, begin, end, test):
                position = Position(number, offset)
                yield from _lines(data, position) if data else (position,)


def sift_back(chains: Chains, links: Sequence[Link], test: Test, start: Position | None) -> Iterator[Line | Position]:
    """The good lines that pass a test before a position, which is the beginning of a line. Raises OSError, FormatError."""
    for number in range(len(links) - 1, -1, -1):
        link = links[number]
        if link.file is None or (start and number > start.segment):
            continue
        with chains.open(link.file) as source:
            end = _end(source, link)
            end = min(end, start.offset) if start and number == start.segment else end
            for offset, data in chosen_back(source, 0, end, test):
                position = Position(number, offset)
                yield from reversed(_lines(data, position)) if data else (position,)


def _end(source: Source, link: Link) -> int:
    return source.size if link.end is None else min(link.end, source.size)


def _lines(data: bytes, position: Position) -> tuple[Line, ...]:
    return tuple(found for found in classify(data, -1, position) if isinstance(found, Line))
