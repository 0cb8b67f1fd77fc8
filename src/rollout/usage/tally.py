"""Uses added up, by any of five facts."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from rollout.usage.tokens import ZERO, Tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rollout.usage.prices import Prices
    from rollout.usage.reading import Use

KEYS = ("day", "model", "cwd", "provider", "thread")


class Cell:
    """A sum: tokens, how many uses they come from, and what they cost where there are prices."""

    __slots__ = ("cost", "requests", "tokens")

    def __init__(self) -> None:
        """Nothing."""
        self.tokens = ZERO
        self.requests = 0
        self.cost = Decimal(0)

    def add(self, tokens: Tokens, requests: int, cost: Decimal) -> None:
        """Add an amount."""
        self.tokens = self.tokens.plus(tokens)
        self.requests += requests
        self.cost += cost


class Tally:
    """Sums by the values of some ``KEYS``. Memory grows with the number of sums, not of uses.

    ``day`` makes a day of milliseconds since 1970; ``prices`` are optional. ``unpriced`` has the tokens of the
    models that the prices lack.
    """

    def __init__(self, by: Sequence[str], day: Callable[[int], str], prices: Prices | None = None) -> None:
        """Nothing was added. Raises ValueError for an unknown key."""
        if unknown := [key for key in by if key not in KEYS]:
            raise ValueError(f"there is no key {unknown[0]!r}; there are {', '.join(KEYS)}")
        self.by, self._day, self._prices = tuple(by), day, prices
        self._cells: dict[tuple[str, ...], Cell] = {}
        self.total = Cell()
        self.unpriced: dict[str, Cell] = {}

    def add(self, use: Use) -> None:
        """Add one use."""
        price = self._prices.of(use.model) if self._prices else None
        cost = price.cost(use.tokens) if price else Decimal(0)
        if self._prices and price is None:
            self.unpriced.setdefault(use.model, Cell()).add(use.tokens, 1, cost)
        key = tuple(self._value(use, name) for name in self.by)
        self._cells.setdefault(key, Cell()).add(use.tokens, 1, cost)
        self.total.add(use.tokens, 1, cost)

    def _value(self, use: Use, name: str) -> str:
        if name == "day":
            return "" if use.at_ms is None else self._day(use.at_ms)
        return {"model": use.model, "cwd": use.cwd, "provider": use.provider, "thread": use.thread_id}[name]

    def rows(self) -> Iterator[tuple[tuple[str, ...], Cell]]:
        """The sums: days in their order, everything else by the tokens, the most first; "" is unknown."""
        first_is_day = self.by[:1] == ("day",)
        yield from sorted(
            self._cells.items(), key=lambda row: (row[0][:1] if first_is_day else (), -row[1].tokens.total, row[0])
        )


def roots(parents: Mapping[str, str | None]) -> dict[str, str]:
    """The topmost known ancestor of every thread, by the parent that each one names; its own id where there is none.

    ``parents`` holds every thread that is there. A circle ends where it began.
    """
    return {thread: _root(thread, parents) for thread in parents}


def _root(thread: str, parents: Mapping[str, str | None]) -> str:
    seen = {thread}
    while (parent := parents.get(thread)) is not None and parent in parents and parent not in seen:
        seen.add(parent)
        thread = parent
    return thread
