"""A command line from its words, quoted so that any shell reads the same words back.

Codex shows commands so. A word is cut into stretches, each as long as one way of quoting can carry it: none, single
quotes (no ``'``, no backslash, which fish reads otherwise), or double quotes (nothing that is expanded in them). A
caret only stands first in single quotes.
"""

from __future__ import annotations

from string import ascii_letters, digits

_PLAIN = frozenset("+-./:@]_" + digits + ascii_letters)
_NOT_SINGLE = frozenset("'^\\")
_NOT_DOUBLE = frozenset("`$!^")
_ESCAPED = frozenset('$`"\\')


def join(words: list[str]) -> str:
    """The command line."""
    return " ".join(quoted(word) for word in words)


def quoted(word: str) -> str:
    """One word of a command line."""
    if not word:
        return "''"
    parts: list[str] = []
    at = 0
    while at < len(word):
        end, way = _stretch(word, at)
        parts.append(_spell(word[at:end], way))
        at = end
    return "".join(parts)


def _stretch(word: str, start: int) -> tuple[int, str]:
    """How far one way of quoting goes, and which: plain, else single, else double."""
    ways: tuple[str, ...] = ("plain", "single", "double")
    at = start
    if word[start] == "^":
        ways, at = ("single",), start + 1
    while at < len(word):
        left = tuple(way for way in ways if _carries(way, word[at]))
        if not left:
            break
        ways, at = left, at + 1
    return at, ways[0]


def _carries(way: str, char: str) -> bool:
    if way == "plain":
        return char in _PLAIN
    return char not in (_NOT_SINGLE if way == "single" else _NOT_DOUBLE)


def _spell(text: str, way: str) -> str:
    if way == "plain":
        return text
    if way == "single":
        return f"'{text}'"
    return '"' + "".join(f"\\{char}" if char in _ESCAPED else char for char in text) + '"'
