"""From the lines of a thread to its turns: first an outline of all, then the items of those that are wanted.

An outline costs a few hundred bytes a turn however long the turns are, and what it tells is final (which turns stand,
how each ended). With it, any stretch of turns can be built from the lines of that stretch alone.
"""

from __future__ import annotations

from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from rollout.codec import to_object
from rollout.lines import Line
from rollout.turns.bare import BareGrammar
from rollout.turns.grammar import Beginning, Grammar, keep_all, keep_none, mapping, whole
from rollout.turns.legacy import LegacyGrammar
from rollout.turns.paginated import PaginatedGrammar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from rollout.codec import Era, Record
    from rollout.lines import Found
    from rollout.turns.model import Turn


class Reading(NamedTuple):
    """How to read: by the grammar of which era; ``later``: as Codex reads since April 2026, else as the seed did.

    ``own_from``: the ordinal at which the history of a sub-agent's own begins.
    """

    era: Era = "legacy"
    later: bool = True
    own_from: int = 0

    @classmethod
    def of(cls, first: Record, *, later: bool = True) -> Reading:
        """How to read a thread that begins with this record."""
        if first.bare:
            return cls("bare", later)
        meta = mapping(to_object(first.payload)) if first.type == "session_meta" else {}
        if meta.get("history_mode") != "paginated" and first.ordinal is None:
            return cls("legacy", later)
        return cls("paginated", later, whole(meta.get("subagent_history_start_ordinal")) or 0)

    def grammar(self, keeps: Callable[[int], bool] = keep_all, beginning: Beginning | None = None) -> Grammar:
        """A grammar that reads so."""
        if self.era == "paginated":
            return PaginatedGrammar(keeps, beginning, own_from=self.own_from)
        if self.era == "bare":
            return BareGrammar(keeps, beginning)
        return LegacyGrammar(keeps, beginning, later=self.later)


class Outline(NamedTuple):
    """All turns of a thread without their items, the dropped ones marked; and how they were read."""

    turns: tuple[Turn, ...]
    reading: Reading

    @property
    def standing(self) -> tuple[Turn, ...]:
        """The turns that no rollback dropped."""
        return tuple(turn for turn in self.turns if not turn.dropped)


def outline(lines: Iterable[Found], *, later: bool = True) -> Outline:
    """The turns of a whole thread, given from its first line on; damage is passed over."""
    found = iter(lines)
    head: list[Line] = []
    for line in found:
        if isinstance(line, Line):
            head.append(line)
            break
    reading = Reading.of(head[0].record, later=later) if head else Reading()
    grammar = reading.grammar(keep_none)
    _feed(grammar, chain(head, found))
    return Outline(tuple(grammar.turns), reading)


def read_turns(lines: Iterable[Found], outlined: Outline, wanted: Collection[int] | None = None) -> Iterator[Turn]:
    """The wanted turns with their items, in order, each as soon as its last line was read.

    ``wanted``: their ``seq``, None for all that stand. ``lines`` may begin anywhere up to the first wanted turn's ``n``;
    they are read no further than needed. Holds one turn at a time, and those that overlap it.
    """
    waiting = [turn for turn in outlined.turns if (not turn.dropped if wanted is None else turn.seq in wanted)]
    if not waiting:
        return
    first = min(waiting, key=attrgetter("seq"))
    beginning = Beginning(first, frozenset(turn.id for turn in outlined.turns if turn.seq < first.seq))
    seqs = {turn.seq for turn in waiting}
    grammar = outlined.reading.grammar(seqs.__contains__, beginning)
    waiting.reverse()
    for found in lines:
        if not isinstance(found, Line) or found.n < first.n:
            continue
        grammar.feed(found)
        while waiting[-1].last_n <= found.n:
            yield _filled(waiting.pop(), grammar)
            if not waiting:
                return
    grammar.finish()
    while waiting:
        yield _filled(waiting.pop(), grammar)


def _feed(grammar: Grammar, lines: Iterable[Found]) -> None:
    for found in lines:
        if isinstance(found, Line):
            grammar.feed(found)
    grammar.finish()


def _filled(turn: Turn, grammar: Grammar) -> Turn:
    """An outlined turn with the items that the grammar has found; the grammar lets go of them."""
    return msgspec.structs.replace(turn, items=grammar.take(turn.seq))
