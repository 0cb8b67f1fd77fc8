"""What tokens cost, by a table of prices per million."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from rollout.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rollout.usage.tokens import Tokens

_MILLION = 1_000_000
_KINDS = ("input", "cached", "cache_write", "output")


class Price(NamedTuple):
    """The price of one model, per million tokens."""

    input: Decimal
    cached: Decimal
    cache_write: Decimal
    output: Decimal

    def cost(self, tokens: Tokens) -> Decimal:
        """What an amount costs, exactly. Reasoning is output; input read from or written to a cache has its own price."""
        plain = max(0, tokens.input - tokens.cached - tokens.cache_write)
        told = plain * self.input + tokens.cached * self.cached + tokens.cache_write * self.cache_write
        return (told + tokens.output * self.output) / _MILLION


class Prices:
    """Prices by the model's name, and the currency if the table tells one."""

    def __init__(self, models: Mapping[str, Price], currency: str = "") -> None:
        """Keep them."""
        self._models = dict(models)
        self.currency = currency

    @classmethod
    def parse(cls, table: Mapping[str, object]) -> Prices:
        """Read ``{model: {"input": …, "output": …, "cached": …, "cache_write": …}, "currency": …}``.

        ``input`` and ``output`` must be there; what is read from or written to a cache costs as much as input where
        the table does not tell. Numbers as ``Decimal``, ``int`` or decimal text stay exact. Raises FormatError, naming
        the model.
        """
        currency = table.get("currency", "")
        if not isinstance(currency, str):
            raise FormatError(f"the currency of a price table is a text, not {currency!r}")
        return cls({model: _price(model, row) for model, row in table.items() if model != "currency"}, currency)

    def of(self, model: str) -> Price | None:
        """The price of a model; None when the table has none."""
        return self._models.get(model)


def _price(model: str, row: object) -> Price:
    if not isinstance(row, dict):
        raise FormatError(f"the price of {model!r} is not a table of input, cached, output; it is {row!r}")
    if unknown := sorted(set(row) - set(_KINDS)):
        raise FormatError(f"the price of {model!r} has {unknown[0]!r}; there are {', '.join(_KINDS)}")
    return Price(*_numbers(model, {"cached": row.get("input"), "cache_write": row.get("input"), **row}))


def _numbers(model: str, row: Mapping[str, object]) -> Iterator[Decimal]:
    for kind in _KINDS:
        told = row.get(kind)
        number = _number(told)
        if number is None:
            raise FormatError(f"the price of {model!r} needs a number from 0 on for {kind!r}, not {told!r}")
        yield number


def _number(told: object) -> Decimal | None:
    if isinstance(told, bool) or not isinstance(told, (int, float, str, Decimal)):
        return None
    try:
        number = Decimal(str(told))
    except ArithmeticError:
        return None
    return number if number.is_finite() and number >= 0 else None
