"""What one pass over a thread tells of its user turns: where it can be cut, and what a fork of it inherits.

A legacy thread counts a turn with every message of a person; in a paginated one a turn is a task in which a
person said something. A turn begins with its ``task_started`` where there is one, so that nothing of it is left
behind by a cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from rollout.boundaries import is_user_turn
from rollout.codec import payload_tag
from rollout.history.facts import ROLLBACK, TURN_ENDS, TURN_STARTS, payload_of, turns_dropped_by
from rollout.history.rules import era_of
from rollout.lines import Line, Position
from rollout.long_lines import LONG, shorter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollout.codec import Era, Record
    from rollout.lines import Found

Fields = dict[str, msgspec.Raw]
_INHERITED = ("base_instructions", "dynamic_tools")


class Cut(NamedTuple):
    """A place between two lines: the number, place and ordinal of the first line behind it.

    ``ordinal`` is one more than that of the last numbered line before; None when there is none.
    """

    n: int
    position: Position
    ordinal: int | None = None


class Rollback(NamedTuple):
    """One rollback marker of a legacy thread: it drops everything from ``start`` up to itself, at ``at``."""

    start: Cut
    at: Cut
    turns: int


class _Head(msgspec.Struct, frozen=True, gc=False):
    type: str = ""
    role: str = ""


_head = msgspec.json.Decoder(_Head)
_fields = msgspec.json.Decoder(Fields)
BEGINNING = Cut(0, Position(0, 0))


class Outline:
    """The turns that stand, in order, as the places where they begin; and the rollbacks that were made.

    ``end`` is behind the last good line. ``unfinished`` is where a turn begins that has no end yet. ``metas``
    has the first metadata of each stretch of the thread, by its number. ``inherited`` has the first base
    instructions and tools that are not null (spec: rollout-format 5.3).
    """

    __slots__ = ("_pending", "_task", "end", "era", "inherited", "metas", "rollbacks", "turns", "unfinished")

    def __init__(self, lines: Iterable[Found] = ()) -> None:
        """Read all lines, in file order."""
        self.turns: list[Cut] = []
        self.rollbacks: list[Rollback] = []
        self.unfinished: Cut | None = None
        self.end = BEGINNING
        self.metas: dict[int, Fields] = {}
        self.inherited: Fields = {}
        self.era: Era | None = None
        self._pending: Cut | None = None
        self._task = False
        for found in lines:
            if isinstance(found, Line):
                self._take(found)
            del found  # a line may be long: it is not held while the next one is read

    def _take(self, line: Line) -> None:
        record = line.record
        here = Cut(line.n, line.position, self.end.ordinal if record.ordinal is None else record.ordinal)
        self.era = self.era or era_of(record)
        match record.type:
            case "response_item":
                self._take_item(line, here)
            case "event_msg":
                self._take_event(record, here)
            case "session_meta":
                self._take_meta(record, line.position.segment)
            case _:
                pass
        segment, offset = line.position
        after = self.end.ordinal if record.ordinal is None else record.ordinal + 1
        self.end = Cut(line.n + 1, Position(segment, offset + len(line.data)), after)

    def _take_item(self, line: Line, here: Cut) -> None:
        if not _begins_turn(line):
            return
        if self._pending is None and self._task and self.era == "paginated":
            return  # said into a turn that runs already
        self.turns.append(self._pending or here)
        self._pending = None

    def _take_event(self, record: Record, here: Cut) -> None:
        tag = payload_tag(record.payload)
        if tag in TURN_STARTS:
            self._pending = self.unfinished = here
            self._task = True
        elif tag in TURN_ENDS:
            self._pending = self.unfinished = None
            self._task = False
        elif tag == ROLLBACK and (turns := turns_dropped_by(record)):
            self._roll_back(turns, here)

    def _roll_back(self, turns: int, here: Cut) -> None:
        if self.turns:
            self.rollbacks.append(Rollback(self.turns[-turns:][0], here, min(turns, len(self.turns))))
            del self.turns[-turns:]

    def _take_meta(self, record: Record, segment: int) -> None:
        try:
            fields = _fields.decode(record.payload)
        except msgspec.DecodeError:
            return
        self.metas.setdefault(segment, fields)
        for name in _INHERITED:
            if name not in self.inherited and bytes(fields.get(name, b"null")) != b"null":
                self.inherited[name] = fields[name]


def _begins_turn(line: Line) -> bool:
    """Whether a response item begins a user turn; only what may be a message is looked into.

    A legacy thread may have been gone on with by a later Codex, whose context the seed's reading would take for a
    turn: there both readings must agree.
    """
    try:
        head = _head.decode(line.record.payload)
    except msgspec.DecodeError:
        return False
    if head.type != "agent_message" and (head.type, head.role) != ("message", "user"):
        return False
    record = shorter(line).record if len(line.data) >= LONG else line.record  # how a text begins and ends is enough
    item = payload_of(record)
    if era_of(record) == "paginated":
        return is_user_turn(item, later=True)
    return is_user_turn(item) and is_user_turn(item, later=True)
