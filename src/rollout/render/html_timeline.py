"""A timeline as one SVG drawing inside a page, and the turns as a list of links."""

from __future__ import annotations

from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from rollout.render.safe import safe_line
from rollout.render.sharing import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rollout.render.timeline import TurnFacts

_COLUMNS = 160
_LANE = 26
_GAP = 8
_WIDTH = 960
_LISTED = 1_000
_LANES = ("tokens", "seconds", "calls")


class _Column(NamedTuple):
    """The turns that share one column of the drawing, added up."""

    first: int
    last: int
    tokens: int
    seconds: float
    calls: int
    failed: int


def timeline_svg(turns: Sequence[TurnFacts], address: Callable[[int], str]) -> Iterator[str]:
    """Three lanes of bars over the turns: tokens, duration, calls; each column leads to its first turn.

    The drawing repeats what the list of turns says, so it is one image for those who cannot see it.
    """
    columns = _columns(turns)
    if not columns:
        return
    height = len(_LANES) * (_LANE + _GAP)
    told = f"Tokens, duration and calls of {counted(len(turns), 'turn')}"
    yield f'<svg class="timeline" viewBox="0 0 {_WIDTH} {height}" preserveAspectRatio="none" role="group" aria-label="{told}">\n'
    most = [max(1.0, *(float(getattr(column, lane)) for column in columns)) for lane in _LANES]
    most.append(most[-1])  # what failed is a part of the calls, and drawn over them
    wide = min(_WIDTH / len(columns), 60.0)
    for number, column in enumerate(columns):
        yield f'<a href="{escape(address(column.first))}" tabindex="-1" aria-label="{_told(column)}"><title>{_told(column)}</title>'
        x = number * wide
        yield f'<rect class="hit" x="{x:.1f}" y="0" width="{wide:.1f}" height="{height}"/>'
        for lane, name in enumerate((*_LANES, "failed")):
            yield from _bar(column, name, (x, wide, most[lane]), min(lane, len(_LANES) - 1))
        yield "</a>\n"
    yield "</svg>\n"


def _bar(column: _Column, name: str, place: tuple[float, float, float], lane: int) -> Iterator[str]:
    x, wide, most = place
    value = float(getattr(column, name))
    if not value:
        return
    high = max(2.0, value / most * _LANE)
    bottom = (lane + 1) * (_LANE + _GAP) - _GAP / 2
    thick = max(1.0, wide - min(2.0, wide / 4))
    yield f'<rect class="{name}" x="{x:.1f}" y="{bottom - high:.1f}" width="{thick:.1f}" height="{high:.1f}"/>'


def _columns(turns: Sequence[TurnFacts]) -> list[_Column]:
    each = max(1, -(-len(turns) // _COLUMNS))
    return [_added(list(group)) for _, group in groupby(turns, lambda turn: (turn.number - 1) // each)]


def _added(turns: list[TurnFacts]) -> _Column:
    return _Column(
        turns[0].number,
        turns[-1].number,
        sum(turn.tokens for turn in turns),
        sum(turn.seconds for turn in turns),
        sum(turn.calls for turn in turns),
        sum(turn.failed for turn in turns),
    )


def _told(column: _Column) -> str:
    which = f"Turn {column.first}" if column.first == column.last else f"Turns {column.first} to {column.last}"
    failed = f", {column.failed} failed" if column.failed else ""
    calls = counted(column.calls, "call")
    return f"{which}: {counted(column.tokens, 'token')}, {duration(column.seconds)}, {calls}{failed}"


def duration(seconds: float) -> str:
    """A length of time for people."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def turn_list(turns: Sequence[TurnFacts], address: Callable[[int], str]) -> Iterator[str]:
    """The turns as links; of very many only some, evenly spread, and it says so."""
    each = max(1, -(-len(turns) // _LISTED))
    yield '<nav class="turns" aria-label="Turns"><h2>Turns</h2>'
    if each > 1:
        yield f'<p class="note">Every {each}th of {len(turns):,} turns.</p>'
    yield "<ol>\n"
    for turn in turns[::each]:
        bad = f' <span class="exit">{turn.failed} failed</span>' if turn.failed else ""
        text = escape(safe_line(turn.text)) or "(empty)"
        yield f'<li value="{turn.number}"><a href="{escape(address(turn.number))}">{text}</a>{bad}</li>\n'
    yield "</ol></nav>\n"
