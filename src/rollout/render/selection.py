"""Which entries of a transcript are wanted: of one turn, from a time on, of some kinds."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from rollout.times import parse_ms

if TYPE_CHECKING:
    from rollout.render.shown import Entry

WORDS: dict[str, frozenset[str]] = {
    "user": frozenset({"user"}),
    "agent": frozenset({"agent"}),
    "reasoning": frozenset({"reasoning"}),
    "commands": frozenset({"call", "output"}),
    "patches": frozenset({"patch", "output"}),
    "errors": frozenset({"error", "abort"}),
    "notes": frozenset({"context", "plan", "compaction", "rollback", "review", "note", "other"}),
}
"""What a person calls the kinds of entries."""
_REMEMBERED = 256


class Selection(NamedTuple):
    """What to show. ``turn`` 0 means all turns, ``only`` empty all kinds (``WORDS``), ``since_ms`` None all times.

    ``rolled_back``: also what rollbacks took back.
    """

    turn: int = 0
    since_ms: int | None = None
    only: frozenset[str] = frozenset()
    rolled_back: bool = True


ALL = Selection()


class Chooser:
    """Tells for one entry after the other, in their order, whether it is wanted; remembers a bounded number of calls."""

    def __init__(self, selection: Selection = ALL) -> None:
        """Nothing was seen."""
        self.selection = selection
        self._kinds = frozenset().union(*(WORDS[word] for word in selection.only))
        self._patches: OrderedDict[str, None] = OrderedDict()
        self._at_ms = 0
        self.chosen = 0

    def wants(self, entry: Entry, turn: int) -> bool:
        """Whether an entry of this turn (0: before the first) is wanted; the heading of the thread always is.

        ``chosen`` counts those that were, the heading not among them.
        """
        wanted = self._wants(entry, turn)
        self.chosen += wanted and entry.kind != "header"
        return wanted

    def _wants(self, entry: Entry, turn: int) -> bool:
        self._at_ms = parse_ms(entry.timestamp) or self._at_ms
        if entry.kind == "patch":
            self._remember(entry.call_id)
        if entry.kind == "header":
            return True
        if self.selection.turn and turn != self.selection.turn:
            return False
        if self.selection.since_ms is not None and self._at_ms < self.selection.since_ms:
            return False
        return not self._kinds or self._is_of_kind(entry)

    def _is_of_kind(self, entry: Entry) -> bool:
        if entry.kind != "output" or {"commands", "patches"} <= self.selection.only:
            return entry.kind in self._kinds
        return entry.kind in self._kinds and (entry.call_id in self._patches) == ("patches" in self.selection.only)

    def _remember(self, call_id: str) -> None:
        self._patches[call_id] = None
        if len(self._patches) > _REMEMBERED:
            self._patches.popitem(last=False)
