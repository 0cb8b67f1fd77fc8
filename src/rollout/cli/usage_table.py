"""Sums of tokens as a table for people and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.render.plots import bar
from rollout.render.safe import fit, pad, safe_line, width

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rollout.usage import Cell

_GAP = "  "
_TITLE = 40
_BAR, _SHORTEST_BAR = 40, 6
_NUMBERS = ("INPUT", "CACHED", "OUTPUT", "REASONING", "TOTAL", "REQUESTS")
Row = tuple[tuple[str, ...], "Cell"]


class UsageTable:
    """Lays out sums: the keys on the left, amounts with separated thousands on the right, their total below.

    ``titles`` give threads a name beside their id; a ``currency`` that is not None adds the cost.
    """

    def __init__(self, by: Sequence[str], titles: Mapping[str, str], currency: str | None) -> None:
        """Nothing is laid out yet."""
        self._by, self._titles, self._currency = by, titles, currency

    def lines(self, rows: Iterable[Row], total: Cell, columns: int = 0) -> list[str]:
        """The lines, each ending in a newline; what is left of so many columns is filled with a bar of the totals."""
        kept = list(rows)
        body = [[*self._keys(key), *self._numbers(cell)] for key, cell in kept]
        heads = self._with_title([key.upper() for key in self._by], "TITLE")
        left = len(heads)
        last = ["total", *[""] * (left - 1), *self._numbers(total)]
        cells = [[*heads, *_NUMBERS, *self._cost_head()], *body, last]
        widths = [max(width(row[at]) for row in cells) for at in range(len(last))]
        plain = [_line(row, widths, left) for row in cells]
        room = min(_BAR, columns - sum(widths) - len(_GAP) * len(widths))
        amounts = [cell.tokens.total for _, cell in kept]
        if room < _SHORTEST_BAR or not amounts:
            return plain
        drawn = [bar(amount, max(amounts), room) for amount in amounts]
        return [_with_bar(line, shown) for line, shown in zip(plain, ["", *drawn, ""], strict=True)]

    def _keys(self, key: tuple[str, ...]) -> list[str]:
        shown = [safe_line(value) or "(unknown)" for value in key]
        thread = key[self._by.index("thread")] if "thread" in self._by else ""
        return self._with_title(shown, fit(self._titles.get(thread, ""), _TITLE))

    def _with_title(self, cells: list[str], title: str) -> list[str]:
        """A thread's title stands beside its id."""
        if "thread" not in self._by:
            return cells
        at = self._by.index("thread") + 1
        return [*cells[:at], title, *cells[at:]]

    def _cost_head(self) -> list[str]:
        return [] if self._currency is None else [f"COST {safe_line(self._currency)}".strip()]

    def _numbers(self, cell: Cell) -> list[str]:
        tokens = cell.tokens
        amounts = (tokens.input, tokens.cached, tokens.output, tokens.reasoning, tokens.total, cell.requests)
        costs = [] if self._currency is None else [f"{cell.cost:,.4f}"]
        return [*(f"{amount:,}" for amount in amounts), *costs]


def _with_bar(line: str, shown: str) -> str:
    return f"{line[:-1]}{_GAP}{shown}\n" if shown else line


def _line(row: Sequence[str], widths: Sequence[int], left: int) -> str:
    cells = [
        pad(text, columns) if at < left else " " * (columns - width(text)) + text
        for at, (text, columns) in enumerate(zip(row, widths, strict=True))
    ]
    return _GAP.join(cells).rstrip() + "\n"


def cell_object(cell: Cell, *, priced: bool) -> dict[str, Any]:
    """A sum as ``--json`` tells it; the names are those of Codex's protocol."""
    tokens = cell.tokens
    return {
        "inputTokens": tokens.input,
        "cachedInputTokens": tokens.cached,
        "cacheWriteInputTokens": tokens.cache_write,
        "outputTokens": tokens.output,
        "reasoningOutputTokens": tokens.reasoning,
        "totalTokens": tokens.total,
        "requests": cell.requests,
        "cost": float(cell.cost) if priced else None,
    }
