"""Running totals: what a ``token_count`` adds to those before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.usage.tokens import ZERO

if TYPE_CHECKING:
    from rollout.usage.tokens import Tokens

_REMEMBERED = 64


class Totals:
    """The totals that a file has told so far.

    A total that was told before is a repetition and adds nothing. One that lies by its own last request behind a
    known total, or begins anew, adds that request: so two writers that go on from one total are both counted. One
    that lies further on adds the whole way: lines between were lost, or a migration left them out.

    Bounded: only the newest 64 totals are remembered.
    """

    __slots__ = ("_known", "_newest")

    def __init__(self) -> None:
        """Nothing was told: the total is zero."""
        self._known: dict[Tokens, None] = {ZERO: None}
        self._newest = ZERO

    def note(self, total: Tokens) -> None:
        """Know a total without counting it."""
        self._known.pop(total, None)
        self._known[total] = None
        self._newest = total
        if len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]

    def knows(self, total: Tokens) -> bool:
        """Whether the total was told before."""
        return total in self._known

    def added(self, total: Tokens, last: Tokens | None) -> Tokens:
        """What a total adds, ``last`` being what the line says of its last request; the total is known from now on."""
        added = self._added(total, last)
        self.note(total)
        return added

    def _added(self, total: Tokens, last: Tokens | None) -> Tokens:
        if total in self._known:
            return ZERO
        if last is not None and (last == total or total.minus(last) in self._known):
            return last
        if total.covers(self._newest):
            return total.minus(self._newest)
        return total if last is None else last
