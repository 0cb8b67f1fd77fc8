"""How texts are compared, and how they go into a full-text table and are asked for there.

What is asked for finds at least every match of a query; which of them count, the matcher says.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from unicodedata import is_normalized, normalize

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollout.search_query import SearchQuery

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u31ff"
    "\u3200-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U0001aff0-\U0001b16f"
    "\U00020000-\U0003ffff"
)
IS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
# What is beyond ASCII but for the small letters of Latin, Greek and Cyrillic that fold to themselves
_CHANGED = re.compile("[^\x00-\x7f\u00e0-\u00f6\u00f8-\u00ff\u03ac-\u03af\u03b1-\u03c1\u03c3-\u03ce\u0430-\u045f]+")
_BETWEEN_TOKENS = re.compile(r"[^0-9a-z\x80-\U0010ffff]+")
_LONGEST_KNOWN = 64
MOST_TOKENS = 64  # more would not narrow down any further, and SQLite has its limits


def fold(text: str) -> str:
    """A text as it is compared."""
    return text.lower() if text.isascii() else normalize("NFC", text.casefold())


def index_text(texts: Iterable[str]) -> str:
    """Passages for a full-text table whose tokens are runs of ASCII letters and digits and of everything else."""
    return "\n".join(text if text.isascii() else _by_words(text) for text in texts)


def index_expression(query: SearchQuery) -> str:
    """What to ask such a table for to get at least every line that matches; "" when it cannot tell."""
    if query.mode in ("part", "regex") or query.everything:
        return ""
    parts = query.text.split() if query.mode == "words" else [query.text]
    phrases = [_BETWEEN_TOKENS.sub(" ", _spaced(fold(part))).split()[:MOST_TOKENS] for part in parts]
    ends = "*" if query.mode == "prefix" else ""
    told = [f'"{" ".join(phrase)}"{ends}' for phrase in phrases if phrase]
    return " AND ".join(told[:MOST_TOKENS])


def _by_words(text: str) -> str:
    """Only what is beyond ASCII costs anything, and the same stretches of it come again and again.

    A mark that composes with a letter of ASCII stands in another stretch than that letter: such texts are folded whole.
    """
    return _CHANGED.sub(_stretch, text) if is_normalized("NFC", text) else _spaced(fold(text))


def _stretch(found: re.Match[str]) -> str:
    stretch = found[0]
    return _known_stretch(stretch) if len(stretch) <= _LONGEST_KNOWN else _spaced(fold(stretch))


@lru_cache(maxsize=1 << 14)
def _known_stretch(stretch: str) -> str:
    return _spaced(fold(stretch))


def _spaced(folded: str) -> str:
    return folded if folded.isascii() else _BEYOND_ASCII.sub(_translated, folded)


def _translated(found: re.Match[str]) -> str:
    return found[0].translate(_TRANSLATION)


class _Translation(dict[int, str]):
    """How a character beyond ASCII goes into a full-text table: alone, as part of a word, or as a gap."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        alone = IS_UNSPACED.match(char)
        given = self[code] = f" {char} " if alone and char.isalnum() else char if char.isalnum() else " "
        return given


_TRANSLATION = _Translation()
