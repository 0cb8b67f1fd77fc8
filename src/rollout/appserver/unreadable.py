"""Lines that are no message: what is wrong with them, and whose request they were meant to be.

A request is answered even where it cannot be taken apart, as long as its id can be read off. Pure.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from rollout.appserver.messages import INVALID_REQUEST, PARSE_ERROR, Request, RpcError, decode

if TYPE_CHECKING:
    from rollout.appserver.messages import Incoming, RequestId

DEEPEST = 128
"""Objects and arrays inside each other from here on are refused, as Codex refuses them; it could not read them back."""

_EDGE = 1024
_VALUE = rb'("(?:[^"\\]|\\.){0,256}"|-?[0-9]{1,19})'
_ID_FIRST = re.compile(rb'\s*\{(?:\s*"(?:jsonrpc|method)"\s*:\s*"[^"\\]*"\s*,)*\s*"id"\s*:\s*' + _VALUE + rb"\s*[,}]")
_ID_LAST = re.compile(rb',\s*"id"\s*:\s*' + _VALUE + rb'(?:\s*,\s*"(?:jsonrpc|method)"\s*:\s*"[^"\\]*")*\s*\}\s*\Z')
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_NOT_BRACKETS = bytes(sorted(set(range(256)) - set(b"[]{}")))
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


class Oversized(NamedTuple):
    """A line that was too long to be kept: its first and its last bytes, and its length."""

    head: bytes
    tail: bytes
    length: int

    @classmethod
    def of(cls, line: bytes) -> Oversized:
        """A line that is there as a whole."""
        return cls(line[:_EDGE], line[-_EDGE:], len(line))


class Unreadable(NamedTuple):
    """A line that is no message; ``id`` is None where nobody can be answered."""

    id: RequestId | None
    error: RpcError
    shown: bytes

    @property
    def request(self) -> Request | None:
        """The request that it was meant to be, as far as an answer needs it."""
        return None if self.id is None else Request(self.id, "", None)


def read(line: bytes | Oversized) -> Incoming | Unreadable:
    """The message on a line, or what is wrong with it."""
    if isinstance(line, Oversized):
        return _unreadable(line, RpcError(INVALID_REQUEST, f"a message of {line.length} bytes is too large"))
    if is_deep(line):
        error = RpcError(INVALID_REQUEST, f"{DEEPEST} objects or arrays inside each other are too many")
        return _unreadable(Oversized.of(line), error)
    message = decode(line)
    if message is not None:
        return message
    error = _complaint(line)
    return _unreadable(Oversized.of(line), error)


def is_deep(line: bytes) -> bool:
    """Whether a line has too many objects and arrays inside each other; brackets in texts do not count."""
    if line.count(b"[") + line.count(b"{") < DEEPEST:
        return False
    brackets = _TEXT.sub(b"", line).translate(None, _NOT_BRACKETS)
    return max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) >= DEEPEST


def _complaint(line: bytes) -> RpcError:
    try:
        found = msgspec.json.decode(line)
    except (ValueError, RecursionError) as error:
        return RpcError(PARSE_ERROR, f"this is not JSON: {error}")
    if isinstance(found, dict) and "method" in found:
        return RpcError(INVALID_REQUEST, "a request needs a method that is a text, and an id that is a text or a whole number")
    return RpcError(INVALID_REQUEST, "this is neither a request nor an answer")


def _unreadable(line: Oversized, error: RpcError) -> Unreadable:
    found = _ID_FIRST.match(line.head) or _ID_LAST.search(line.tail)
    return Unreadable(None if found is None else _id_of(found[1]), error, line.head[:80])


def _id_of(text: bytes) -> RequestId | None:
    try:
        found: RequestId = msgspec.json.decode(text)
    except ValueError:
        return None
    return found if isinstance(found, str) or -(1 << 63) <= found < 1 << 63 else None
