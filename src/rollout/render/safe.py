"""Text of a thread that may reach a terminal.

A thread holds what models, tools and web pages said. Nothing of that may move the cursor, change a title,
fill the clipboard or turn a line around, so every character that a terminal acts on is shown instead of sent:
C0 and C1 controls (with them all ANSI and OSC sequences), bidirectional controls, line separators, invisible
tags, and lone surrogates, which no encoding can write.
"""

from __future__ import annotations

import re
from functools import cache
from unicodedata import combining, east_asian_width

_CONTROLS = "\x00-\x08\x0b-\x1f"  # C0 without tab and newline
_ACTING = (
    "\x7f-\x9f"  # DEL and C1
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f"  # bidirectional marks and embeddings, separators
    "\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f"  # tags: whole sentences that nobody sees
)
_ZERO_WIDTH = "\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064\ufe0e\ufe0f"


@cache
def _unsafe(characters: str) -> re.Pattern[str]:
    """Compiled when it is first needed: most listings never do."""
    return re.compile(f"[{characters}]")


def safe(text: str) -> str:
    """The text with every acting character made visible; newlines and tabs stay, CR LF counts as a newline."""
    if text.isascii() and text.isprintable():
        return text
    return _unsafe(_CONTROLS + _ACTING).sub(_shown, text.replace("\r\n", "\n"))


def safe_line(text: str) -> str:
    """The text as one line: white space runs are one space each, everything else as in ``safe``."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    return _unsafe(_CONTROLS + _ACTING).sub(_shown, " ".join(text.split()))


def safe_json(document: str) -> str:
    r"""A JSON text for a terminal: what acts is written as ``\uXXXX``, which means the same.

    The argument must be JSON: there such characters stand only inside strings, and a carriage return only
    outside of them, where it counts as a space.
    """
    return _unsafe(_ACTING).sub(_escaped, document.replace("\r", " "))


def _shown(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"<U+{code:04X}>"


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def width(text: str) -> int:
    """The columns that a safe one-line text takes: wide East Asian characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(char: str) -> int:
    if combining(char) or char in _ZERO_WIDTH:
        return 0
    return 2 if east_asian_width(char) in "WF" else 1


def fit(text: str, columns: int) -> str:
    """The text in at most so many columns, with an ellipsis where it was cut."""
    if width(text) <= columns:
        return text
    taken = 0
    for at, char in enumerate(text):
        taken += _columns(char)
        if taken > columns - 1:
            return text[:at] + "…"
    return text


def pad(text: str, columns: int) -> str:
    """The text in exactly so many columns: cut or filled with spaces."""
    fitted = fit(text, columns)
    return fitted + " " * (columns - width(fitted))
