"""Rows that are wider than the screen, broken between words; what continues stands as far in as what it continues."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.cells import cell_len, chop_cells

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAINTED = re.compile("(\x1b\\[[0-9;]*m)?([^\x1b]*)((?:\x1b\\[0m)?)")
_INDENT = re.compile("(?:┊ )?(?:> | *)")
_LONGEST = 20_000


def wrapped(line: str, columns: int) -> Iterator[str]:
    """A row, in one colour or in none, as rows that fit; one with several colours, or that fits, stays as it is."""
    painted = _PAINTED.fullmatch(line) if len(line) > columns // 2 else None
    text = painted[2].expandtabs(8) if painted else ""
    if painted is None or cell_len(text) <= columns:
        yield line
        return
    for row in _broken(text, columns):
        yield f"{painted[1] or ''}{row}{painted[3]}"


def _broken(text: str, columns: int) -> Iterator[str]:
    found = _INDENT.match(text)
    indent = found[0] if found and len(found[0]) < columns // 2 else ""
    room, text = columns - cell_len(indent), text[len(indent) :]
    while len(text) <= _LONGEST and cell_len(text) > room:
        head = chop_cells(text, room)[0]
        space = head.rfind(" ")
        at = space if space > len(head) // 3 else len(head)
        yield indent + text[:at]
        text = text[at:].removeprefix(" ")
    yield from (indent + piece for piece in chop_cells(text, room))
