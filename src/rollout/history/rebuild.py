"""From lines to history: find the part that matters, replay it forward, edit it for the prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.boundaries import is_context, is_user_turn
from rollout.history.compaction import compacted
from rollout.history.prompt import edited
from rollout.history.rules import era_of, rules_for
from rollout.history.tail import LINE_TYPES, Tail
from rollout.lines import Line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rollout.history.rules import Rules
    from rollout.lines import Found

Json = dict[str, Any]


def history(lines: Iterable[Found], initial_context: Sequence[Json] = (), rules: Rules | None = None) -> list[Json]:
    """The conversation as the model would be sent it, in order; ``lines`` in file order, bases of forks included.

    ``initial_context`` is the context of the session that resumes: some rules begin an old compaction with it.
    ``rules`` default to those of the era of the newest line. Damage and records that cannot be understood are
    passed over. Holds the thread's items; ``history_back`` gives the same answer for the price of the tail.
    """
    return history_back(_reversed(lines), initial_context, rules)


def history_back(
    lines_back: Iterable[Found], initial_context: Sequence[Json] = (), rules: Rules | None = None
) -> list[Json]:
    """The same as ``history`` from lines that come newest first.

    Stops at the newest compaction that stands alone: it recorded its result and no later rollback reaches
    behind it. Reads everything when there is none.
    """
    read = _read_back(lines_back, rules)
    return edited(_replayed(*read, initial_context), read[1].edits) if read else []


def rebuild(lines: Iterable[Found], initial_context: Sequence[Json] = (), rules: Rules | None = None) -> list[Json]:
    """The history before a prompt's edits: what forks and rollbacks reason about. Arguments as of ``history``."""
    read = _read_back(_reversed(lines), rules)
    return _replayed(*read, initial_context) if read else []


def _reversed(lines: Iterable[Found]) -> Iterator[Line]:
    return reversed([found for found in lines if isinstance(found, Line) and found.record.type in LINE_TYPES])


def _read_back(lines_back: Iterable[Found], rules: Rules | None) -> tuple[Tail, Rules] | None:
    """The part that matters and the rules for it; None when no line bears on the history."""
    tail = None
    for found in lines_back:
        if not isinstance(found, Line) or found.record.type not in LINE_TYPES:
            continue
        rules = rules or rules_for(era_of(found.record))
        tail = tail or Tail(rules)
        if tail.take(found.record):
            break
    return (tail, rules) if tail and rules else None


def _replayed(tail: Tail, rules: Rules, context: Sequence[Json]) -> list[Json]:
    replay = _Replay(tail.base, rules)
    for step in reversed(tail.steps):
        if isinstance(step, dict):
            replay.add(step)
        elif isinstance(step, int):
            replay.roll_back(step)
        else:
            replay = _Replay(compacted(replay.items, step, context, rules), rules)
    return replay.items


class _Replay:
    """Items as they come, and where the user turns among them start: a thread may have many rollbacks."""

    __slots__ = ("_rules", "_starts", "items")

    def __init__(self, items: list[Json], rules: Rules) -> None:
        self._rules = rules
        self._starts: list[int] = []
        self.items: list[Json] = []
        for item in items:
            self.add(item)

    def add(self, item: Json) -> None:
        if is_user_turn(item, later=self._rules.later_boundaries):
            self._starts.append(len(self.items))
        self.items.append(item)

    def roll_back(self, turns: int) -> None:
        """Drop the last turns; what stands above the first turn always stays."""
        if not self._starts:
            return
        first, cut = self._starts[0], self._starts[max(0, len(self._starts) - turns)]
        while self._rules.rollback_takes_context and cut > first and is_context(self.items[cut - 1]):
            cut -= 1
        del self._starts[-turns:], self.items[cut:]
