"""Reading a rollout for the lines of a few kinds: the others are counted, and passed over.

Most bytes of a thread are what the model was sent; who wants its events alone need not take the rest apart. Every
program that writes rollouts begins a line in the same way, so that its kind shows without decoding it; a line that
begins in any other way is decoded.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from rollout.codec import decode, payload_tag
from rollout.errors import FormatError
from rollout.journal.reader import classify
from rollout.lines import Gap, Line, Position

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from rollout.codec import Record
    from rollout.journal.source import Source

_EVENT = "event_msg"
_LINES = ("response_item", "turn_context", "world_state", "token_usage_record")
_EVENTS = ("token_count", "thread_settings_applied", "agent_message_delta", "exec_command_output_delta")
_START = Position(0, 0)


def kind_of(record: Record) -> str:
    """What kind of line it is: of an event the type of its payload, else the type of the line."""
    return payload_tag(record.payload) if record.type == _EVENT else record.type


def skim(
    source: Source, kinds: frozenset[str], *, start: Position = _START, n: int = 0, end: int | None = None
) -> Generator[Line | Gap, None, int]:
    """The good lines of some kinds, as ``forward`` yields them; before each, how many other records were passed over.

    ``start``, ``n``, ``end``, what is returned and what is raised are those of ``forward``. Damage is passed over; in a line
    that shows to be of another kind it is not even seen, and the line is counted as a record.
    """
    segment, offset = start
    passed, is_other = 0, _others(kinds)
    for data in source.lines(offset, end):
        if is_other(data) and data.endswith(b"}\n"):
            passed += 1
        else:
            for line in _records(data, n, Position(segment, offset)):
                if kind_of(line.record) not in kinds:
                    passed += 1
                    continue
                if passed:
                    yield Gap(passed)
                    passed = 0
                yield line
        offset += len(data)
        n += 1
    return n


def _records(data: bytes, n: int, position: Position) -> tuple[Line, ...]:
    """The record on a physical line, or none."""
    try:
        record = decode(data)
    except FormatError:
        return tuple(found for found in classify(data, n, position) if isinstance(found, Line) and found.record.type)
    return (Line(data, n, position, record),) if record.type else ()


@cache
def _others(kinds: frozenset[str]) -> Callable[[bytes], object]:
    """What tells of a line by its beginning that it is of none of these kinds: of the usual ones, which are most of a file."""
    lines = "|".join(kind for kind in _LINES if kind not in kinds)
    events = "|".join(kind for kind in _EVENTS if kind not in kinds)
    either = rf'(?:{lines})"|event_msg","payload":\{{"type":"(?:{events})"'
    return re.compile(rf'\{{"timestamp":".{{24}}",(?:"ordinal":\d+,)?"type":"(?:{either})'.encode()).match
