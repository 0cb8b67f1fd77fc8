"""What the grammars share: a thread is fed to one line by line, and turns come out.

A grammar holds all turns as outlines, and the items of those alone that it was asked to keep: so it can run over a
thread of any size. It can begin in the middle, at a turn whose outline is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rollout.codec import payload_tag, to_object
from rollout.lines import Position
from rollout.turns.model import Status, Turn, TurnItem

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollout.lines import Line

Fields = dict[str, Any]


class Beginning(NamedTuple):
    """Where a grammar begins: the outline of the first turn that it sees, and the ids of the turns before."""

    turn: Turn
    earlier: frozenset[str]


def keep_all(_: int) -> bool:
    """Keep the items of every turn."""
    return True


def keep_none(_: int) -> bool:
    """Keep no items: only outlines are wanted."""
    return False


class Grammar:
    """The base: which turns there are, and who is told of an event.

    ``kinds`` names the events that a grammar reads; all others are not even decoded.
    """

    kinds: dict[str, Callable[[Any, Fields], None]]

    def __init__(self, keeps: Callable[[int], bool] = keep_all, beginning: Beginning | None = None) -> None:
        """``keeps`` tells by a turn's ``seq`` whether its items are wanted."""
        self.turns: list[Turn] = []
        self.by_id: dict[str, Turn] = {}
        self._keeps = keeps
        self.when_ended: Callable[[Turn], None] | None = None
        self._built: dict[int, Turn] = {}
        self._known: dict[int, dict[str, TurnItem]] = {}
        self._standing = beginning.turn.items_before if beginning else 0
        self._earlier = beginning.earlier if beginning else frozenset[str]()
        self._seq = beginning.turn.seq if beginning else 0
        self.index = beginning.turn.index - 1 if beginning else -1
        self.n = -1
        self.position = Position(0, 0)
        self.ordinal: int | None = None

    def feed(self, line: Line) -> None:
        """Take one line, in file order."""
        record = line.record
        if not record.type:
            return
        self.index += 1
        self.n, self.ordinal, self.position = line.n, record.ordinal, line.position
        if record.type == "event_msg":
            self._event(record.payload)
        else:
            self._other(line)

    def pass_over(self, records: int) -> None:
        """So many records stand here that are of no kind that this grammar reads."""
        self.index += records

    def finish(self) -> None:
        """The end of the thread."""

    def _event(self, payload: Any) -> None:  # noqa: ANN401 - bytes of JSON
        reader = self.kinds.get(payload_tag(payload))
        if reader is not None:
            fields = to_object(payload)
            reader(self, fields if isinstance(fields, dict) else {})

    def _other(self, line: Line) -> None:
        """A line that is no event."""

    def _open(self, turn_id: str, *, explicit: bool) -> Turn:
        turn = Turn(turn_id, self._seq, self.n, explicit, self.ordinal, last_n=self.n, index=self.index)
        turn.status = Status.UNFINISHED if explicit else Status.COMPLETED
        turn.first_ordinal = turn.last_ordinal = self.ordinal or 0
        turn.items_before, turn.position = self._standing, self.position
        self._seq += 1
        if self._keeps(turn.seq):
            self._built[turn.seq] = turn
        self.by_id.setdefault(turn_id, turn)
        return turn

    def _touch(self, turn: Turn) -> Turn:
        turn.last_n, turn.last_ordinal = self.n, self.ordinal or 0
        return turn

    def _is_earlier(self, turn_id: str | None) -> bool:
        """Whether a turn stands before where this grammar began: what is told of it is known already."""
        return turn_id in self._earlier

    def _add(self, turn: Turn, item: Fields, started_ms: int | None = None, completed_ms: int | None = None) -> None:
        """Put an item into a turn; one of the same id is replaced where it stands."""
        self._touch(turn)
        known, kept = self._known.setdefault(turn.seq, {}), self._keeps(turn.seq)
        before = known.get(item["id"])
        if before is not None:
            before.item, before.completed_ms = item if kept else {}, completed_ms
            return
        turn.item_count += 1
        self._standing += 1
        added = TurnItem(item if kept else {}, self.n, self.ordinal, started_ms, completed_ms)
        known[item["id"]] = added
        if kept:
            turn.items.append(added)

    def take(self, seq: int) -> list[TurnItem]:
        """The items of a turn that were kept; the grammar lets go of them."""
        self._known.pop(seq, None)
        turn = self._built.pop(seq, None)
        if turn is None:
            return []
        items, turn.items = turn.items, []
        return items

    def _let_go(self, turn: Turn) -> None:
        """A turn has ended: of items that are not kept, not even the ids are."""
        if not self._keeps(turn.seq):
            self._known.pop(turn.seq, None)
        if self.when_ended is not None:
            self.when_ended(turn)

    def _end(self, turn: Turn, event: Fields) -> None:
        """What the event that ends a turn tells of it."""
        turn.started_at = whole(event.get("started_at")) or turn.started_at
        turn.completed_at = whole(event.get("completed_at"))
        turn.duration_ms = whole(event.get("duration_ms"))
        turn.root_id = text_of(event.get("root_turn_id")) or turn.root_id
        if isinstance(error := event.get("error"), dict):
            turn.status, turn.error = Status.FAILED, error


def text_of(value: object) -> str:
    """A text, "" for anything else."""
    return value if isinstance(value, str) else ""


def whole(value: object) -> int | None:
    """A whole number, None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def mapping(value: object) -> Fields:
    """A JSON object, {} for anything else."""
    return value if isinstance(value, dict) else {}


def array(value: object) -> list[Any]:
    """A JSON array, [] for anything else."""
    return value if isinstance(value, list) else []
