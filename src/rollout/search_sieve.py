"""Telling from the bytes of a line, or of many, that nothing in them can match a query."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rollout.search_bytes import without_sealed
from rollout.search_words import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.search_query import SearchQuery

LONGEST_ANCHOR = 200  # its beginning will do
_ANCHOR = re.compile(r"[0-9a-z!#$%&'()*+,\-.:<=>?@\[\]^_{|}~]+")
_PLAIN = re.compile(r"[\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]+")
# Everything beyond ASCII whose folded form has an ASCII character, but for `;` and a grave accent
_FOLDS_TO_ASCII = ("ß", "İ", "ŉ", "\u017f", "ẚ", "ẞ", "\u212a", "ﬀ", "ﬁ", "ﬂ", "ﬃ", "ﬄ", "ﬅ", "ﬆ")
# Each written out from its beginning: ripgrep looks for several literals at once, twice as fast as for their common part
_ESCAPES_OF_ASCII = re.compile(rb"\\u00[2-7]|\\u00[dD][fF]|\\u01[347][0-9fF]|\\u1[eE]9|\\u212[aA]|\\u[fF][bB]0")
# What composes to a character of these scripts or stands for one: jamo, marks of kana, compatibility characters
_ODD_PLAIN_PARTS = (
    r"\\u(?:[^0]|0[^0])", r"\xe1[\x84-\x87]", r"\xe3\x82[\x99\x9a]", r"\xef[\xa4-\xab]", r"\xf0\xaf",
)  # fmt: skip
_ODD_PLAIN = re.compile("|".join(_ODD_PLAIN_PARTS).encode())


REACH = 1024
"""So many bytes are enough to hold what a sieve looks for: pieces that overlap by them can be asked one by one."""


class Anchor:
    """A part of a query in small letters of ASCII, which stands in a match as it is, or as what folds to it.

    ``odd``: how that may begin which folds to it.
    """

    def __init__(self, anchor: str) -> None:
        """Compile it."""
        self._literal = re.compile(re.escape(anchor.encode()))  # finds them in less time than bytes.find
        self.odd = sorted(set(_odd_beginnings(anchor))) if anchor.isascii() else []
        self._odd_chars = sorted({odd.decode()[-1].encode() for odd in self.odd})  # single bytes are found fastest

    def may_stand_in(self, data: bytes, lower: bytes) -> bool:
        """Whether bytes, and the same in small letters, may hold it."""
        if self._literal.search(lower) or _ESCAPES_OF_ASCII.search(data):
            return True
        return any(all(map(data.__contains__, char)) for char in self._odd_chars) and any(odd in lower for odd in self.odd)


class Sieve:
    """Tells from bytes of rollouts that nothing in them matches a query. False is certain, True is not.

    ``anchor`` is the part of the query that is looked for, folded, "" when bytes tell nothing.
    """

    def __init__(self, query: SearchQuery) -> None:
        """Pick what to look for."""
        words = _folded_words(query)
        anchors = ascii_anchors(query)
        plain = [found for word in words for found in _PLAIN.findall(word)]
        self.is_ascii = bool(anchors) and (max(map(len, anchors)) > 1 or not plain)
        self.anchor: str = max(anchors if self.is_ascii else plain, key=len, default="")[:LONGEST_ANCHOR]
        self._bytes = self.anchor.encode()
        self._ascii = Anchor(self.anchor)
        self._is_beyond_ascii = any(not word.isascii() for word in words)
        self._is_everything = query.everything

    def may_hold(self, data: bytes) -> bool:
        """Whether a line, or any number of whole lines, may hold a match."""
        if not self.anchor:
            return not self._is_beyond_ascii or not data.isascii() or b"\\u" in data
        if not self.is_ascii:
            return self._bytes in data or _ODD_PLAIN.search(data) is not None
        if not self._is_everything:
            data = without_sealed(data)
        return self._ascii.may_stand_in(data, data.lower())

    @property
    def expression(self) -> str:
        """The same as an expression of ripgrep; "" when bytes tell nothing."""
        if not self.anchor:
            return ""
        found = _hexed(self._bytes)
        if self.is_ascii:
            parts = [f"(?i:{found})", _ESCAPES_OF_ASCII.pattern.decode("latin-1")]
            parts += [f"(?i:{_hexed(odd)})" for odd in self._ascii.odd]
        else:
            parts = [found, *_ODD_PLAIN_PARTS]
        return "(?-u)" + "|".join(parts)


def _folded_words(query: SearchQuery) -> list[str]:
    return fold(query.text).split() if query.mode != "regex" else []


def ascii_anchors(query: SearchQuery) -> list[str]:
    """The parts of a query that stand in the bytes of a match as they are, but for their case."""
    return [found for word in _folded_words(query) for found in _ANCHOR.findall(word)]


def _odd_beginnings(anchor: str) -> Iterator[bytes]:
    """How a text may begin that folds to an anchor, up to its first character beyond ASCII."""
    for at in range(len(anchor)):
        for char in _FOLDS_TO_ASCII:
            folded = fold(char)
            for skipped in range(1 if at else len(folded)):  # an anchor may begin inside of what one character gives
                common = min(len(folded) - skipped, len(anchor) - at)
                if folded[skipped : skipped + common] == anchor[at : at + common]:
                    yield anchor[:at].encode() + char.encode()


def _hexed(data: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in data)
