"""How a thread that is only ever appended to comes to say less: Codex's own markers, then what stays of the rest.

A rollback drops whole user turns. Whatever of the dropped stretch was to stay is appended again behind the marker,
so that everybody who reads the thread (this library, Codex, the model) sees the same conversation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rollout.boundaries import is_context, is_user_turn
from rollout.history import rules_for
from rollout.items import Compacted, Item, ThreadRolledBack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollout.codec import Era

Json = dict[str, Any]


class Change(NamedTuple):
    """The markers to write, and how many of the visible items stand after them: the rest is to be appended."""

    markers: list[Item]
    kept: int


def change(visible: Sequence[Json], wanted: Sequence[Json], era: Era) -> Change:
    """What turns the visible items into the wanted ones; both are response items as Codex writes them."""
    shared = next((n for n, pair in enumerate(zip(visible, wanted, strict=False)) if pair[0] != pair[1]), None)
    shared = min(len(visible), len(wanted)) if shared is None else shared
    if shared == len(visible):
        return Change([], shared)
    rules = rules_for(era)
    starts = [n for n, item in enumerate(visible) if is_user_turn(item, later=rules.later_boundaries)]
    whole = [n for n in starts if n <= shared]
    if not whole:
        return _everything(len(starts))
    cut = whole[-1]
    while rules.rollback_takes_context and cut > starts[0] and is_context(visible[cut - 1]):
        cut -= 1
    return Change([ThreadRolledBack(num_turns=len(starts) - len(whole) + 1)], cut)


def _everything(turns: int) -> Change:
    """All of it. What stands above the first turn cannot be rolled back: a compaction to nothing takes it away."""
    markers: list[Item] = [ThreadRolledBack(num_turns=turns)] if turns else []
    return Change([*markers, Compacted(message="", replacement_history=[])], 0)
