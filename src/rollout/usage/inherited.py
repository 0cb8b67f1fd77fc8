"""What a fork by reference goes on from: the last total of its base, and the model (spec: rollout-format 10.20)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rollout.history.facts import payload_of
from rollout.lines import Damage
from rollout.usage.tokens import ZERO, Tokens, count_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollout.codec import Record
    from rollout.lines import Found


class Inherited(NamedTuple):
    """The total and the model at the end of a base; a total of None is unknown."""

    total: Tokens | None
    model: str


def inherited(base_back: Iterable[Found] | None) -> Inherited:
    """Read a base from its end back to its last total and its last model, and no further."""
    total, model = (None, "") if base_back is None else (ZERO, "")
    known = False
    for found in base_back or ():
        if isinstance(found, Damage):
            total = total if known else None
            continue
        if not known and (told := _total_of(found.record)) is not None:
            total, known = told, True
        elif not model and found.record.type == "turn_context":
            model = str(payload_of(found.record).get("model") or "")
        if known and model:
            break
    return Inherited(total, model)


def _total_of(record: Record) -> Tokens | None:
    """The running total that a line tells."""
    if record.type != "event_msg":
        return None
    try:
        info = count_of(record)
    except (ValueError, RecursionError):
        return None
    return info.amounts()[0] if info else None
