"""The part of a thread that its history depends on, found from the end: a late compaction makes it short."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.boundaries import is_user_turn
from rollout.codec import payload_tag
from rollout.history.facts import ROLLBACK, TURN_ENDS, TURN_STARTS, payload_of, turn_id_of, turns_dropped_by
from rollout.history.prompt import is_sent

if TYPE_CHECKING:
    from rollout.codec import Record
    from rollout.history.rules import Rules

Json = dict[str, Any]

LINE_TYPES = frozenset({"response_item", "compacted", "event_msg", "turn_context"})
# What a line without an envelope may be: the era of such lines is closed, and anything else in one is a line
# that lost its envelope.
_BARE_KINDS = frozenset({
    "message", "reasoning", "function_call", "function_call_output", "local_shell_call", "custom_tool_call",
    "custom_tool_call_output", "web_search_call",
})  # fmt: skip


class Tail:
    """Takes records newest first and keeps what a history is made of, until nothing older can matter.

    ``steps`` are kept newest first: a response item as it is, a rollback as its number of turns, a compaction
    without replacement history as its summary. ``base`` is the replacement history to start from.
    """

    __slots__ = ("_dropped", "_rules", "_turn", "base", "steps")

    def __init__(self, rules: Rules) -> None:
        """Nothing taken yet."""
        self.base: list[Json] = []
        self.steps: list[Json | int | str] = []
        self._rules = rules
        self._dropped = 0
        self._turn: _Turn | None = None

    def take(self, record: Record) -> bool:
        """Take the next older record; True when it settles the history and no older one is needed.

        A compaction that recorded its result settles it, unless it stands in a turn that was rolled back and
        the rules undo compactions with their turn. A rollback undoes nothing that came after it, also where
        turns are not marked (0.169 forgets such a compaction). A record that cannot be understood is passed over.
        """
        match record.type:
            case "response_item":
                self._take_item(record)
            case "compacted":
                return self._take_compaction(payload_of(record))
            case "event_msg":
                self._take_event(record)
            case "turn_context":
                self._in_turn().name(turn_id_of(record))
            case _:
                pass
        return False

    def _take_item(self, record: Record) -> None:
        item = payload_of(record)
        if not _is_item(item) or (record.bare and item["type"] not in _BARE_KINDS):
            return
        self._in_turn().by_user |= is_user_turn(item, later=self._rules.later_boundaries)
        if is_sent(item):
            self.steps.append(_as_now(item))

    def _take_compaction(self, compaction: Json) -> bool:
        summary, replacement = compaction.get("message"), compaction.get("replacement_history")
        if not isinstance(summary, str):
            return False
        self._in_turn()
        if not isinstance(replacement, list):
            self.steps.append(summary)
            return False
        if self._dropped and self._rules.rollback_undoes_compaction:
            return False
        self.base = [_as_now(item) for item in replacement if _is_item(item)]
        return True

    def _take_event(self, record: Record) -> None:
        tag = payload_tag(record.payload)
        if tag == ROLLBACK and (turns := turns_dropped_by(record)):
            self.steps.append(turns)
            self._dropped += turns
        elif tag == "user_message":
            self._in_turn().by_user = True
        elif tag in TURN_ENDS:
            self._in_turn().name(turn_id_of(record))
        elif tag in TURN_STARTS:
            self._begin_turn(turn_id_of(record))

    def _in_turn(self) -> _Turn:
        if self._turn is None:
            self._turn = _Turn()
        return self._turn

    def _begin_turn(self, turn_id: str | None) -> None:
        """The start of a turn, met last: the turn is whole, and a rollback has used it up if a user began it."""
        turn = self._turn
        if turn is None or not turn.may_be(turn_id):
            return
        if self._dropped and turn.by_user:
            self._dropped -= 1
        self._turn = None


class _Turn:
    """A turn, read from its end: whose it is, and whether a user began it."""

    __slots__ = ("by_user", "turn_id")

    def __init__(self) -> None:
        self.turn_id: str | None = None
        self.by_user = False

    def name(self, turn_id: str | None) -> None:
        self.turn_id = self.turn_id or turn_id

    def may_be(self, turn_id: str | None) -> bool:
        return self.turn_id is None or turn_id is None or self.turn_id == turn_id


def _is_item(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("type"), str)


def _as_now(item: Json) -> Json:
    """An item under the name that its kind bears now."""
    return {**item, "type": "compaction"} if item["type"] == "compaction_summary" else item
