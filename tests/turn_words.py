"""Words of the tests of turns: items in, turns out, told in a few letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.codec import decode
from rollout.lines import Line, Position
from rollout.testing import builders as b
from rollout.turns import outline, read_turns

if TYPE_CHECKING:
    from rollout.items import RawItem
    from rollout.turns import Turn, TurnItem

ME = b.thread_id(1)


def lines_of(data: bytes) -> list[Line]:
    """The lines of a file."""
    found, offset = [], 0
    for n, line in enumerate(data.splitlines(keepends=True)):
        found.append(Line(line, n, Position(0, offset), decode(line)))
        offset += len(line)
    return found


def turns_in(data: bytes, *, later: bool = True) -> list[Turn]:
    """The turns of a file that stand, with their items."""
    lines = lines_of(data)
    return list(read_turns(lines, outline(lines, later=later)))


def legacy(*items: RawItem, later: bool = True) -> list[Turn]:
    """The turns of a legacy file with these items."""
    return turns_in(b.rollout_bytes(ME, *items), later=later)


def paginated(*items: RawItem, **facts: Any) -> list[Turn]:
    """The turns of a paginated file with these items."""
    return turns_in(b.paginated_bytes(ME, *items, **facts))


def started(turn_id: str, **fields: Any) -> RawItem:
    """The beginning of a turn."""
    return b.event("task_started", turn_id=turn_id, **fields)


def ended(turn_id: str, **fields: Any) -> RawItem:
    """The end of a turn."""
    return b.event("task_complete", turn_id=turn_id, last_agent_message=None, **fields)


def aborted(turn_id: str | None) -> RawItem:
    """The interruption of a turn."""
    return b.event("turn_aborted", turn_id=turn_id, reason="interrupted")


def shown(kind: str, text: str, *, turn_id: str = "t1", item_id: str) -> RawItem:
    """A completed item of a turn, with an id of its own."""
    content = {"text": text} if kind == "Plan" else {"content": [{"type": "Text", "text": text}]}
    item = {"type": kind, "id": item_id, **content}
    return b.event("item_completed", thread_id=ME, turn_id=turn_id, item=item, started_at_ms=1, completed_at_ms=2)


def told(turns: list[Turn]) -> list[str]:
    """Each turn as its id, its status where it is not completed, and the kinds and texts of its items."""
    return [" ".join([turn.id, *_status(turn), *(told_item(item) for item in turn.items)]) for turn in turns]


def told_item(item: TurnItem) -> str:
    """An item as its id, and what it says."""
    value = item.item
    content = value.get("content") or []
    texts = [part["text"] for part in content if isinstance(part, dict) and "text" in part]
    texts += [*value.get("summary_text", []), *value.get("raw_content", [])]
    words = "/".join(texts) or str(value.get("text") or item.kind)
    return f"{item.id}:{words}"


def _status(turn: Turn) -> list[str]:
    return [] if turn.status.value == "completed" else [turn.status.value]
