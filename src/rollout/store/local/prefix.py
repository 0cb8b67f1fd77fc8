"""What the beginning of a JSON object tells, when the rest has been cut off.

Complete members are given as they are, a cut string gives its part, a cut object or array what it has; a
number or word that touches the cut is left out, since its end is unknown.
"""

from __future__ import annotations

import json
from typing import Any

from rollout.tuples import NamedTuple

_DECODER = json.JSONDecoder()
_SPACE = " \t\r\n"
_MAX_DEPTH = 64
_ABSENT = object()


class _MalformedError(ValueError):
    """The text is not the beginning of a JSON object, wherever it might have been cut."""


class _Part(NamedTuple):
    """A value, where it ends, and whether it was whole; ``_ABSENT`` when nothing can be said of it."""

    value: Any
    end: int
    whole: bool


def parse_prefix(data: bytes) -> dict[str, Any] | None:
    """The members that the beginning of an object holds; None when it is not the beginning of one."""
    text = _decode(data)
    start = _skip(text or "", 0)
    if text is None or text[start : start + 1] != "{":
        return None
    try:
        found = _value(text, start, 0).value
    except _MalformedError:
        return None
    return found if isinstance(found, dict) else None


def _decode(data: bytes) -> str | None:
    """As text; only a character that the cut has split may be broken."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        return data[: error.start].decode() if error.start >= len(data) - 3 else None


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _value(text: str, at: int, depth: int) -> _Part:
    """One value; what is whole is left to the library, only what has been cut is taken apart here."""
    try:
        value, end = _DECODER.raw_decode(text, at)
    except ValueError:
        return _cut(text, at, depth)
    except RecursionError:
        raise _MalformedError from None
    if end == len(text) and text[at] not in '{["':
        return _Part(_ABSENT, end, whole=False)
    return _Part(value, end, whole=True)


def _cut(text: str, at: int, depth: int) -> _Part:
    """A value that does not end before the cut."""
    first = text[at : at + 1]
    if depth > _MAX_DEPTH:
        raise _MalformedError
    if first == "{":
        return _Part(_members(text, _skip(text, at + 1), depth), len(text), whole=False)
    if first == "[":
        return _Part(_items(text, _skip(text, at + 1), depth), len(text), whole=False)
    if first == '"':
        return _Part(_cut_string(text[at + 1 :]), len(text), whole=False)
    if any(word.startswith(text[at:]) for word in ("true", "false", "null", "-")):
        return _Part(_ABSENT, len(text), whole=False)
    raise _MalformedError


def _members(text: str, at: int, depth: int) -> dict[str, Any]:
    """The members of an object up to the cut."""
    members: dict[str, Any] = {}
    while at < len(text):
        if text[at] != '"':
            raise _MalformedError
        key = _value(text, at, depth)
        at = _skip(text, key.end)
        if not key.whole or at == len(text):
            break
        if text[at] != ":":
            raise _MalformedError
        member = _value(text, _skip(text, at + 1), depth + 1)
        if member.value is not _ABSENT:
            members[key.value] = member.value
        at = _behind_comma(text, member)
    return members


def _items(text: str, at: int, depth: int) -> list[Any]:
    """The items of an array up to the cut."""
    items: list[Any] = []
    while at < len(text):
        item = _value(text, at, depth + 1)
        if item.value is not _ABSENT:
            items.append(item.value)
        at = _behind_comma(text, item)
    return items


def _behind_comma(text: str, part: _Part) -> int:
    """Where the next member begins; the end of the text when the cut comes before it."""
    at = _skip(text, part.end)
    if not part.whole or at == len(text):
        return len(text)
    if text[at] != ",":
        raise _MalformedError
    return _skip(text, at + 1)


def _cut_string(rest: str) -> str:
    """The part of a string before the cut; an escape that the cut has split is left out."""
    for less in range(min(len(rest), 12) + 1):
        try:
            value = json.loads(f'"{rest[: len(rest) - less]}"')
        except ValueError:
            continue
        if not (value and "\ud800" <= value[-1] <= "\udbff"):  # the first half of a pair
            return str(value)
    raise _MalformedError
