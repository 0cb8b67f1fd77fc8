"""From the lines of a stretch of a thread to rows on a screen: as a transcript, or as the raw records."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from rollout.lines import Damage, Line
from rollout.render.entries import Reader, dropped_stretches
from rollout.render.safe import fit, safe, safe_line
from rollout.render.text import Style, Transcript, damage_text
from rollout.tui.wrapping import wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from rollout.lines import Found, Position
    from rollout.render.entries import Stretch

_RAW_WIDTH = 2000
_MOST_RAW = 100_000
_CODES = re.compile("\x1b\\[[0-9;]*m")
Key = tuple["Position", int]


class Look(NamedTuple):
    """How a thread is shown: its style, and whether as a transcript or as the ``raw`` records.

    ``dropped``: what rollbacks took back, None while nobody has looked through the thread for it.
    """

    style: Style
    raw: bool = False
    dropped: tuple[Stretch, ...] | None = None


class Row(NamedTuple):
    """One row: safe text with colours, and what it belongs to."""

    text: str
    key: Key


def painted(found: Sequence[Found], look: Look, unfolded: AbstractSet[Key]) -> list[Row]:
    """The rows of a stretch; what is ``unfolded`` is shown whole."""
    return list(_raw(found, look, unfolded) if look.raw else _transcript(found, look, unfolded))


def plain(text: str) -> str:
    """A row without its colours."""
    return _CODES.sub("", text)


def _transcript(found: Sequence[Found], look: Look, unfolded: AbstractSet[Key]) -> Iterator[Row]:
    dropped = look.dropped
    if dropped is None:
        dropped = dropped_stretches(thing for thing in found if isinstance(thing, Line))
    transcript, reader = Transcript(look.style, dropped, numbered=False), Reader()
    for thing in found:
        if isinstance(thing, Damage):
            yield Row(look.style.paint("error", damage_text(thing)), (thing.position, 0))
            continue
        for number, entry in enumerate(reader.read(thing)):
            key = (thing.position, number)
            text = transcript.entry(entry, full=key in unfolded)
            for line in text.removesuffix("\n").split("\n"):
                yield from (Row(row, key) for row in wrapped(line, look.style.width))


def _raw(found: Sequence[Found], look: Look, unfolded: AbstractSet[Key]) -> Iterator[Row]:
    for thing in found:
        key = (thing.position, 0)
        if isinstance(thing, Damage):
            yield Row(look.style.paint("error", damage_text(thing)), key)
        elif key in unfolded:
            for line in _indented(thing.data).split("\n"):
                yield from (Row(row, key) for row in wrapped(fit(line, _MOST_RAW), look.style.width))
        else:
            start = thing.data[: 4 * _RAW_WIDTH].decode("utf-8", "replace")
            yield Row(fit(safe_line(start), look.style.width), key)


def _indented(data: bytes) -> str:
    try:
        return safe(json.dumps(json.loads(data), indent=2, ensure_ascii=False))
    except (ValueError, RecursionError):
        return safe(data.decode("utf-8", "replace")).rstrip("\n")
