"""The grammar of legacy files: turns from events (spec: rollout-format 7.7, state-and-protocol 6.3).

Two readings exist. The seed's shows messages, reasoning and plans; the later one (``later=True``) also shows what
tools did, reviews and compaction, and tells a turn that failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.turns.grammar import Beginning, Fields, Grammar, array, keep_all, mapping, text_of, whole
from rollout.turns.legacy_items import READERS, as_fields
from rollout.turns.model import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollout.lines import Line
    from rollout.turns.model import Turn

_NO_TURN = ("thread_rollback_failed", "active_turn_not_steerable")


class LegacyGrammar(Grammar):
    """Turns of a legacy thread. Items without an id of their own are numbered through the thread: ``item-<n>``."""

    def __init__(
        self, keeps: Callable[[int], bool] = keep_all, beginning: Beginning | None = None, *, later: bool = True
    ) -> None:
        """``later``: read also what the seed passes over."""
        super().__init__(keeps, beginning)
        self._later = later
        self._current: Turn | None = None
        self._reasoning = (-1, "")
        self._base = self._standing
        self._next = beginning.turn.next_item if beginning else 1
        self.kinds = _LATER if later else _SEED

    def finish(self) -> None:
        """Close the last turn."""
        self._close()

    def _other(self, line: Line) -> None:
        if line.record.type == "compacted":
            self._touch(self._turn()).holds_compaction = True

    # -- turns -----------------------------------------------------------------------------------------------

    def task_started(self, event: Fields) -> None:
        """A turn begins."""
        self._close()
        self._current = self._begin(text_of(event.get("turn_id")) or f"rollout-{self.index}", explicit=True)
        if self._later:
            self._current.started_at = whole(event.get("started_at"))
            self._current.root_id = text_of(event.get("root_turn_id")) or None

    def task_complete(self, event: Fields) -> None:
        """A turn ends: the named one, else the current one."""
        turn = self._named(event)
        if turn is None:
            return
        if turn.status in (Status.UNFINISHED, Status.COMPLETED):
            turn.status = Status.COMPLETED
        self._told(turn, event)
        if turn is self._current:
            self._close()

    def turn_aborted(self, event: Fields) -> None:
        """A turn was interrupted: the named one, else the current one, which may go on."""
        turn = self._named(event)
        if turn is not None:
            turn.status = Status.INTERRUPTED
            self._told(turn, event)

    def thread_rolled_back(self, event: Fields) -> None:
        """The last turns that stand are dropped; numbering goes on behind what is left."""
        self._close()
        standing = [turn for turn in self.turns if not turn.dropped]
        for turn in standing[max(0, len(standing) - (whole(event.get("num_turns")) or 0)) :]:
            self._touch(turn).dropped = True
            self.by_id.pop(turn.id, None)
        self._standing = self._base + sum(turn.item_count for turn in standing if not turn.dropped)
        self._next = self._standing + 1

    def error(self, event: Fields) -> None:
        """What went wrong makes the turn a failed one, unless it is no matter of the turn."""
        info = event.get("codex_error_info")
        if self._current is None or (isinstance(info, str) and info in _NO_TURN):
            return
        self._touch(self._current).status = Status.FAILED
        self._current.error = {"message": text_of(event.get("message")), "codex_error_info": info}

    # -- items -----------------------------------------------------------------------------------------------

    def user_message(self, event: Fields) -> None:
        """What a person typed begins a turn, unless one was opened explicitly."""
        turn = self._current
        if turn is not None and not turn.explicit and (turn.item_count or not turn.holds_compaction):
            self._close()
        self._numbered("UserMessage", content=_user_content(event))

    def agent_message(self, event: Fields) -> None:
        """What the agent said."""
        if text := text_of(event.get("message")):
            phase = {"phase": event["phase"]} if self._later and event.get("phase") else {}
            self._numbered("AgentMessage", content=[{"type": "Text", "text": text}], **phase)

    def agent_reasoning(self, event: Fields) -> None:
        """A summary of what the agent thought; consecutive ones are one item."""
        self._reason("summary_text", text_of(event.get("text")))

    def agent_reasoning_raw_content(self, event: Fields) -> None:
        """What the agent thought, word by word."""
        self._reason("raw_content", text_of(event.get("text")))

    def turn_item(self, event: Fields) -> None:
        """Of completed items only a plan counts: all others have an event of their own."""
        item = mapping(event.get("item"))
        if item.get("type") != "Plan" or not text_of(item.get("text")):
            return
        if self._later and text_of(item.get("id")):
            self._own(item, event)
        else:
            self._numbered("Plan", text=item["text"])

    def context_compacted(self, _: Fields) -> None:
        """The model's context was compacted."""
        self._numbered("ContextCompaction")

    def entered_review(self, event: Fields) -> None:
        """A review began."""
        self._numbered("EnteredReviewMode", **as_fields(event))

    def exited_review(self, event: Fields) -> None:
        """A review ended."""
        self._numbered("ExitedReviewMode", **as_fields(event))

    def tool(self, event: Fields) -> None:
        """What a tool did: shown under the id of its call, once."""
        item = READERS[event["type"]](event)
        if item is not None:
            self._own(item, event)

    def _own(self, item: Fields, event: Fields) -> None:
        """An item with an id of its own, in the turn that it names; an unknown turn has no place for it."""
        turn_id = text_of(event.get("turn_id"))
        if not turn_id:
            self._add(self._turn(), item)
        elif (turn := self._find(turn_id)) is not None:
            self._add(turn, item)

    def _numbered(self, kind: str, **fields: Any) -> None:  # noqa: ANN401 - JSON
        turn = self._turn()
        self._add(turn, {"type": kind, "id": f"item-{self._next}", **fields})
        self._next += 1

    def _reason(self, part: str, text: str) -> None:
        if not text:
            return
        turn = self._turn()
        known = self._known.get(turn.seq)
        if turn.seq == self._reasoning[0] and known and next(reversed(known)) == self._reasoning[1]:
            self._touch(turn)
            item = known[self._reasoning[1]].item
            if item:
                item[part].append(text)
            return
        self._reasoning = turn.seq, f"item-{self._next}"
        parts: dict[str, list[str]] = {"summary_text": [], "raw_content": []}
        parts[part].append(text)
        self._numbered("Reasoning", **parts)

    # -- the turn that is meant ----------------------------------------------------------------------------------

    def _turn(self) -> Turn:
        """The current turn; without one, it is opened."""
        if self._current is None:
            self._current = self._begin(f"rollout-{self.index}", explicit=False)
        return self._current

    def _begin(self, turn_id: str, *, explicit: bool) -> Turn:
        turn = self._open(turn_id, explicit=explicit)
        turn.next_item = self._next
        return turn

    def _close(self) -> None:
        turn, self._current = self._current, None
        if turn is None:
            return
        if turn.explicit or turn.item_count or turn.holds_compaction:
            self.turns.append(turn)
            self._let_go(turn)
        else:
            self.by_id.pop(turn.id, None)

    def _find(self, turn_id: str) -> Turn | None:
        if self._current is not None and self._current.id == turn_id:
            return self._current
        return self.by_id.get(turn_id)

    def _told(self, turn: Turn, event: Fields) -> None:
        if self._later:
            self._end(turn, event)

    def _named(self, event: Fields) -> Turn | None:
        """The turn that an event names; the current one when it names none, or one that nobody knows."""
        turn_id = text_of(event.get("turn_id"))
        if self._is_earlier(turn_id):
            return None
        turn = (self._find(turn_id) if turn_id else None) or self._current
        return self._touch(turn) if turn is not None else None


def _user_content(event: Fields) -> list[Fields]:
    """Text first, as it was typed, then images; a blank text is left out."""
    content: list[Fields] = []
    text = text_of(event.get("message"))
    if text.strip():
        content.append({"type": "text", "text": text, "text_elements": array(event.get("text_elements"))})
    content += [{"type": "image", "image_url": url} for url in array(event.get("images"))]
    content += [{"type": "local_image", "path": path} for path in array(event.get("local_images"))]
    return content


_SEED: dict[str, Callable[[Any, Fields], None]] = {
    "task_started": LegacyGrammar.task_started,
    "turn_started": LegacyGrammar.task_started,
    "task_complete": LegacyGrammar.task_complete,
    "turn_complete": LegacyGrammar.task_complete,
    "turn_aborted": LegacyGrammar.turn_aborted,
    "thread_rolled_back": LegacyGrammar.thread_rolled_back,
    "user_message": LegacyGrammar.user_message,
    "agent_message": LegacyGrammar.agent_message,
    "agent_reasoning": LegacyGrammar.agent_reasoning,
    "agent_reasoning_raw_content": LegacyGrammar.agent_reasoning_raw_content,
    "item_started": LegacyGrammar.turn_item,
    "item_completed": LegacyGrammar.turn_item,
}
_LATER: dict[str, Callable[[Any, Fields], None]] = {
    **_SEED,
    "error": LegacyGrammar.error,
    "context_compacted": LegacyGrammar.context_compacted,
    "entered_review_mode": LegacyGrammar.entered_review,
    "exited_review_mode": LegacyGrammar.exited_review,
    **dict.fromkeys(READERS, LegacyGrammar.tool),
}
