"""Turns on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.appserver.wire.items import item_on_wire
from rollout.turns import Status

if TYPE_CHECKING:
    from rollout.turns import Turn, TurnItem

Fields = dict[str, Any]
_STATUS = {Status.COMPLETED: "completed", Status.INTERRUPTED: "interrupted", Status.FAILED: "failed"}


def turn_on_wire(turn: Turn, *, later: bool, view: str = "full", running: bool = False) -> Fields:
    """A turn as a level spells it. ``view``: ``full``, ``summary`` (first question, last answer), ``notLoaded``.

    A turn without an end is the one that runs now, if one does; else it counts as completed at 0.100 and as
    interrupted at 0.169 (spec: state-and-protocol 6.3).
    """
    return turn_with(turn, items_on_wire(turn.items, later=later), later=later, view=view, running=running)


def items_on_wire(items: list[TurnItem], *, later: bool) -> list[Fields]:
    """Items as a level spells them."""
    return [item for one in items if (item := item_on_wire(one, later=later)) is not None]


def turn_with(turn: Turn, items: Any, *, later: bool, view: str = "full", running: bool = False) -> Fields:  # noqa: ANN401 - JSON, ready-made or not
    """A turn around items that are spelled out already; in a ``full`` view they may be JSON that is encoded, too."""
    unfinished = "inProgress" if running else "interrupted" if later else "completed"
    status = _STATUS.get(turn.status, unfinished)
    if not later:
        return {"id": turn.id, "items": items, "status": status, "error": _error(turn, later=False)}
    return {
        "id": turn.id,
        "rootTurnId": turn.root_id,
        "items": _viewed(items, view),
        "itemsView": view,
        "status": status,
        "error": _error(turn, later=True),
        "startedAt": turn.started_at,
        "completedAt": turn.completed_at,
        "durationMs": turn.duration_ms,
    }


def _viewed(items: Any, view: str) -> Any:  # noqa: ANN401 - JSON, ready-made or not
    if view == "full":
        return items
    if view == "notLoaded":
        return []
    asked = next((item for item in items if item["type"] == "userMessage"), None)
    said = next((item for item in reversed(items) if item["type"] == "agentMessage"), None)
    return [item for item in (asked, said) if item is not None]


def _error(turn: Turn, *, later: bool) -> Fields | None:
    if turn.error is None:
        return None
    info = turn.error.get("codex_error_info")
    told: Fields = {"message": turn.error.get("message"), "codexErrorInfo": _info(info), "additionalDetails": None}
    return {**told, "misalignment": None} if later else told


def _info(info: Any) -> Any:  # noqa: ANN401 - JSON as it comes
    """A word, or a word with facts, in the wire's spelling."""
    if isinstance(info, str):
        head, *rest = info.split("_")
        return head + "".join(word.capitalize() for word in rest)
    if isinstance(info, dict):
        return {
            _info(name): {_info(key): one for key, one in value.items()} if isinstance(value, dict) else value
            for name, value in info.items()
        }
    return info
