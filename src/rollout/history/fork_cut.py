"""Where a fork before a user turn ends (spec: rollout-format 7.2): by lines, so that bytes can be copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from rollout.boundaries import is_user_turn
from rollout.codec import payload_tag
from rollout.history.facts import ROLLBACK, TURN_ENDS, TURN_STARTS, payload_of, turns_dropped_by
from rollout.history.rules import era_of, rules_for
from rollout.lines import Line, Position

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollout.codec import Record
    from rollout.lines import Found

TooLarge: TypeAlias = Literal["empty", "full"]


class Cut(NamedTuple):
    """Where to cut: the number of the first line that is left out, and the place of its first byte."""

    n: int
    position: Position


_NOTHING = Cut(0, Position(0, 0))


def cut_before_user_turn(lines: Iterable[Found], turn: int, too_large: TooLarge = "empty") -> Cut:
    """The cut before the user turn with this number, counted from 0 over the turns that were not rolled back.

    ``lines`` in file order, numbered. What stands before the cut stays as it is, rolled-back turns and their
    markers included. A thread with too few turns gives the cut that keeps nothing (``empty``, the seed's
    answer) or everything (``full``, the later one: a turn that is not finished is left out). ValueError for a
    negative number.
    """
    if turn < 0:
        raise ValueError(f"there is no user turn {turn}: turns are counted from 0")
    starts = _Starts()
    for found in lines:
        starts.take(found)
    if turn < len(starts.turns):
        return starts.turns[turn]
    return _NOTHING if too_large == "empty" else starts.unfinished or starts.end


class _Starts:
    """The starts of the user turns that stand, of an unfinished turn, and the end, as lines pass."""

    __slots__ = ("end", "turns", "unfinished")

    def __init__(self) -> None:
        self.turns: list[Cut] = []
        self.unfinished: Cut | None = None
        self.end = _NOTHING

    def take(self, found: Found) -> None:
        length = len(found.data) if isinstance(found, Line) else found.length
        here = Cut(found.n, found.position)
        self.end = Cut(found.n + 1, Position(found.position.segment, found.position.offset + length))
        if not isinstance(found, Line):
            return
        if found.record.type == "response_item" and _begins_turn(found.record):
            self.turns.append(here)
        elif found.record.type == "event_msg":
            self._take_event(found.record, here)

    def _take_event(self, record: Record, here: Cut) -> None:
        tag = payload_tag(record.payload)
        if tag == ROLLBACK and (turns := turns_dropped_by(record)):
            del self.turns[-turns:]
        elif tag in TURN_STARTS:
            self.unfinished = here
        elif tag in TURN_ENDS:
            self.unfinished = None


def _begins_turn(record: Record) -> bool:
    rules = rules_for(era_of(record))
    return is_user_turn(payload_of(record), later=rules.later_boundaries)
