"""The grammar of paginated files: every item names its turn and has an id (spec: rollout-format 10.19 to 10.21).

A rollback of such a thread is a new file over a shorter base, so there is nothing to drop here: markers of the
legacy era are passed over, as Codex passes over them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.turns.grammar import Beginning, Fields, Grammar, keep_all, mapping, text_of, whole
from rollout.turns.model import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollout.lines import Line
    from rollout.turns.model import Turn


class PaginatedGrammar(Grammar):
    """Turns of a paginated thread, in the order of the lines that begin them or, where none does, end them."""

    def __init__(
        self, keeps: Callable[[int], bool] = keep_all, beginning: Beginning | None = None, *, own_from: int = 0
    ) -> None:
        """``own_from``: what stands before this ordinal was given to a sub-agent along, and is not its own."""
        super().__init__(keeps, beginning)
        self._own_from = own_from
        self._homeless: dict[str, Turn] = {}

    def feed(self, line: Line) -> None:
        """Take one line, in file order."""
        if line.record.ordinal is None or line.record.ordinal >= self._own_from:
            super().feed(line)

    def finish(self) -> None:
        """Turns of which only items are recorded come last."""
        self.turns += self._homeless.values()
        self._homeless = {}

    def task_started(self, event: Fields) -> None:
        """A turn begins; it may have been opened by an item of its."""
        turn = self._placed(event)
        if turn is not None and not turn.explicit:
            turn.explicit, turn.status = True, Status.UNFINISHED
            turn.started_at = whole(event.get("started_at"))
            turn.root_id = text_of(event.get("root_turn_id")) or None

    def task_complete(self, event: Fields) -> None:
        """A turn ends, well or with an error."""
        self._ended(event, Status.COMPLETED)

    def turn_aborted(self, event: Fields) -> None:
        """A turn was interrupted."""
        self._ended(event, Status.INTERRUPTED)

    def item_completed(self, event: Fields) -> None:
        """An item of a turn is complete; the same id again replaces it where it stands."""
        item, turn_id = mapping(event.get("item")), text_of(event.get("turn_id"))
        if not text_of(item.get("id")) or self._is_earlier(turn_id):
            return
        if (turn := self.by_id.get(turn_id)) is None:
            turn = self._homeless[turn_id] = self._open(turn_id, explicit=False)
            turn.status = Status.UNFINISHED
        self._add(turn, item, whole(event.get("started_at_ms")), whole(event.get("completed_at_ms")))

    def _ended(self, event: Fields, status: Status) -> None:
        turn = self._placed(event)
        if turn is not None:
            turn.status = status
            self._end(turn, event)
            self._let_go(turn)

    def _placed(self, event: Fields) -> Turn | None:
        """The turn that an event names, with its place among the others; None for one that stands earlier."""
        turn_id = text_of(event.get("turn_id"))
        if self._is_earlier(turn_id):
            return None
        turn, homeless = self.by_id.get(turn_id), self._homeless.pop(turn_id, None)
        if turn is None:
            turn = self._open(turn_id, explicit=False)
            self.turns.append(turn)
        elif homeless is not None:
            turn.ordinal = self.ordinal
            self.turns.append(turn)
        return self._touch(turn)

    kinds: dict[str, Callable[[Any, Fields], None]] = {  # noqa: RUF012 - a table of this class
        "task_started": task_started,
        "turn_started": task_started,
        "task_complete": task_complete,
        "turn_complete": task_complete,
        "turn_aborted": turn_aborted,
        "item_completed": item_completed,
    }
