"""Small plots in characters: a bar, and a line of amounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_EIGHTHS = " ▏▎▍▌▋▊▉"
_HEIGHTS = "▁▂▃▄▅▆▇█"


def bar(amount: float, most: float, columns: int) -> str:
    """A bar as long as the share of ``amount`` in ``most``; anything above nothing can be seen."""
    if amount <= 0 or most <= 0 or columns <= 0:
        return ""
    eighths = max(1, round(min(1.0, amount / most) * columns * 8))
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest] if rest else "")


def sparkline(amounts: Sequence[float]) -> str:
    """One character for each amount, its height relative to the greatest; nothing is a space."""
    most = max(amounts, default=0)
    return "".join(_height(amount, most) for amount in amounts)


def _height(amount: float, most: float) -> str:
    if amount <= 0:
        return " "
    return _HEIGHTS[min(7, int(8 * amount / most))]


def grouped(amounts: Sequence[float], columns: int) -> list[float]:
    """The same amounts in at most so many groups of neighbours, summed, all groups but the last equally long."""
    size = max(1, -(-len(amounts) // max(1, columns)))
    return [sum(amounts[at : at + size]) for at in range(0, len(amounts), size)]
