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
from rollout.lines import Gap, Line
from rollout.turns.bare import BareGrammar
from rollout.turns.grammar import Beginning, Grammar, keep_all, keep_none, mapping, whole
from rollout.turns.legacy import LegacyGrammar
from rollout.turns.paginated import PaginatedGrammar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from rollout.codec import Era, Record
    from rollout.lines import Found
    from rollout.turns.model import Turn, TurnItem


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
        meta = mapping(to_object(first.payload)) if first.type == "session_meta" else None
        paginated = first.ordinal is not None if meta is None else meta.get("history_mode") == "paginated"
        if meta is None or not paginated:
            return cls("paginated" if paginated else "legacy", later)
        return cls("paginated", later, whole(meta.get("subagent_history_start_ordinal")) or 0)

    @property
    def kinds(self) -> frozenset[str] | None:
        """The kinds of lines that such a grammar reads, as ``rollout.journal.skim`` has them; None for all."""
        if self.era == "bare":
            return None
        events = frozenset(self.grammar(keep_none).kinds)
        return events | {"compacted"} if self.era == "legacy" else events

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
    head = [first] if (first := first_line(found)) else []
    reading = Reading.of(head[0].record, later=later) if head else Reading()
    return outline_as(reading, chain(head, found))


def first_line(found: Iterable[Found]) -> Line | None:
    """The first good line."""
    return next((line for line in found if isinstance(line, Line)), None)


def outline_as(reading: Reading, lines: Iterable[Found | Gap]) -> Outline:
    """The turns of a whole thread of which it is known how to read it; what it does not read may be left out."""
    grammar = reading.grammar(keep_none)
    _feed(grammar, lines)
    return Outline(tuple(grammar.turns), reading)


class Spelled:
    """An outline made together with the items of its turns, each turn's spelled out as soon as it has ended.

    ``items`` has what ``spell`` made of them, by the turn's ``seq``. It is None where that came to more than ``most`` bytes, or
    where a turn that had ended was told of once more: then they have to be read again, as ``read_turns`` does it.
    """

    def __init__(self, reading: Reading, spell: Callable[[list[TurnItem]], bytes], most: int) -> None:
        """Nothing is read yet."""
        self.items: dict[int, bytes] | None = {}
        self._reading, self._spell, self._left = reading, spell, most
        self._grammar = reading.grammar(self._keeps)
        self._grammar.when_ended = self._take

    def read(self, lines: Iterable[Found | Gap]) -> Outline:
        """The turns of a whole thread without their items."""
        _feed(self._grammar, lines)
        for turn in self._grammar.turns:
            self._take(turn)
            if turn.items:  # it was spelled out before
                self.items, turn.items = None, []
        return Outline(tuple(self._grammar.turns), self._reading)

    def _keeps(self, _: int) -> bool:
        return self.items is not None

    def _take(self, turn: Turn) -> None:
        if self.items is None:
            self._grammar.take(turn.seq)
        elif turn.seq not in self.items:
            self.items[turn.seq] = spelled = self._spell(self._grammar.take(turn.seq))
            self._left -= len(spelled)
            self.items = self.items if self._left >= 0 else None


def _feed(grammar: Grammar, lines: Iterable[Found | Gap]) -> None:
    for found in lines:
        if isinstance(found, Line):
            grammar.feed(found)
        elif isinstance(found, Gap):
            grammar.pass_over(found.records)
    grammar.finish()


def read_turns(lines: Iterable[Found | Gap], outlined: Outline, wanted: Collection[int] | None = None) -> Iterator[Turn]:
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
        if isinstance(found, Gap) and grammar.n >= 0:
            grammar.pass_over(found.records)
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


def _filled(turn: Turn, grammar: Grammar) -> Turn:
    """An outlined turn with the items that the grammar has found; the grammar lets go of them."""
    return msgspec.structs.replace(turn, items=grammar.take(turn.seq))
