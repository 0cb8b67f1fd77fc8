"""What a reader yields: good lines, and damage as data.

``n`` is the 0-based number of a physical line (a stretch up to and including a newline) in the logical
thread, the bases of forks included. Blank lines have a number and are not yielded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from rollout.codec import Record


class Position(NamedTuple):
    """A place in a thread: which stretch of its chain of files (0 is the oldest), and the offset inside it."""

    segment: int
    offset: int


class Line(NamedTuple):
    """One good line: its bytes as they stand (terminator included), its number, its place, and its decoding."""

    data: bytes
    n: int
    position: Position
    record: Record


class Damage(NamedTuple):
    """A stretch that holds no record: how long it is, and why it was skipped."""

    n: int
    position: Position
    length: int
    reason: str


class Gap(NamedTuple):
    """So many good records stand here that a reader who asked for some kinds of lines did not ask for."""

    records: int


Found: TypeAlias = Line | Damage
