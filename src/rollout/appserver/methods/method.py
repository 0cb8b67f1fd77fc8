"""A method: its parameters, and what runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rollout.appserver.messages import invalid
from rollout.ids import ThreadId, try_parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollout.appserver.params import Schema

_HEX = frozenset("0123456789abcdefABCDEF")


class Method(NamedTuple):
    """``run(connection, params)`` gives the result or raises RpcError.

    A coroutine function runs on the event loop, any other in a worker thread.
    """

    schema: Schema
    run: Callable[[Any, dict[str, Any]], Any]


def thread_id_of(text: str, what: str = "thread id") -> ThreadId:
    """The id of a thread in any form of a UUID; raises RpcError."""
    found = try_parse(text)
    if found is None:
        raise invalid(f"invalid {what}: {_complaint(text)}")
    return found


def _complaint(text: str) -> str:
    """What is wrong with an id, in the words of the UUID parser that Codex uses."""
    for at, char in enumerate(text):
        if char not in _HEX and char != "-":
            where = f"found `{char}` at {at + 1}"
            return f"invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], {where}"
    groups = text.split("-")
    if len(groups) == 1:
        return f"invalid length: expected length 32 for simple format, found {len(text)}"
    if len(groups) != 5:
        return f"invalid group count: expected 5, found {len(groups)}"
    wanted = (8, 4, 4, 4, 12)
    number, length = next((n, len(group)) for n, group in enumerate(groups) if len(group) != wanted[n])
    return f"invalid group length in group {number}: expected {wanted[number]}, found {length}"
