"""What single records say about turns: shared by the rebuild and by the fork's cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.codec import to_object

if TYPE_CHECKING:
    from rollout.codec import Record

TURN_STARTS = frozenset({"task_started", "turn_started"})
TURN_ENDS = frozenset({"task_complete", "turn_complete", "turn_aborted"})
ROLLBACK = "thread_rolled_back"


def payload_of(record: Record) -> dict[str, Any]:
    """The payload as an object; {} when it is none or cannot be decoded."""
    try:
        found = to_object(record.payload)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def turn_id_of(record: Record) -> str | None:
    """The turn that a record names; files before February 2026 name none."""
    turn_id = payload_of(record).get("turn_id")
    return turn_id if isinstance(turn_id, str) else None


def turns_dropped_by(record: Record) -> int:
    """How many turns a ``thread_rolled_back`` event drops; 0 when it does not say."""
    turns = payload_of(record).get("num_turns")
    return turns if isinstance(turns, int) and not isinstance(turns, bool) and turns > 0 else 0
