"""What tokens cost."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rollout.errors import FormatError
from rollout.usage import Prices, Tally, Tokens, Use

TABLE = {"m": {"input": Decimal("1.25"), "cached": Decimal("0.125"), "output": 10}, "currency": "EUR"}


def test_cached_input_and_output_have_prices_of_their_own() -> None:
    """Reasoning is output and costs no more; a million tokens cost the price."""
    price = Prices.parse(TABLE).of("m")

    assert price is not None
    assert Decimal("1.25") * 6 / 10 + Decimal("0.125") * 4 / 10 + 5 == price.cost(
        Tokens(1_000_000, 400_000, 0, 500_000, 300_000)
    )


def test_what_the_table_does_not_tell_of_a_cache_costs_as_input() -> None:
    """Only input and output must be told."""
    price = Prices.parse({"m": {"input": 2, "output": "0"}}).of("m")

    assert price is not None
    assert Decimal(2) == price.cost(Tokens(1_000_000, 300_000, 200_000, 5, 0))


def test_a_cost_is_exact() -> None:
    """A third of a cent a thousand times is no rounding error."""
    tally = Tally(["model"], str, Prices.parse(TABLE))
    for _ in range(1000):
        tally.add(Use("t", None, "m", "", "", Tokens(1, 0, 0, 0, 0)))

    assert Decimal("0.00125") == tally.total.cost


def test_models_without_a_price_are_told() -> None:
    """Their tokens count, their cost does not."""
    tally = Tally(["model"], str, Prices.parse(TABLE))
    tally.add(Use("t", None, "other", "", "", Tokens(7, 0, 0, 1, 0)))

    assert {"other": 8} == {model: cell.tokens.total for model, cell in tally.unpriced.items()}
    assert Decimal(0) == tally.total.cost


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"m": 3}, "the price of 'm' is not a table"),
        ({"m": {"input": 1}}, "needs a number from 0 on for 'output', not None"),
        ({"m": {"input": -1, "output": 1}}, "for 'input', not -1"),
        ({"m": {"input": "dear", "output": 1}}, "for 'input', not 'dear'"),
        ({"m": {"input": True, "output": 1}}, "for 'input', not True"),
        ({"m": {"input": float("nan"), "output": 1}}, "for 'input', not nan"),
        ({"m": {"input": 1, "output": 1, "reasoning": 1}}, "has 'reasoning'"),
        ({"currency": 1}, "the currency of a price table is a text"),
    ],
)
def test_a_bad_table_names_the_model_and_what_is_wrong(table: dict[str, object], told: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(FormatError, match=told):
        Prices.parse(table)


def test_an_unknown_key_is_refused() -> None:
    """The keys are few."""
    with pytest.raises(ValueError, match="no key 'week'"):
        Tally(["week"], str)
