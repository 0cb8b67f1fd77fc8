"""The strategies draw what they say, and enough of it to be worth drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import Phase, find, given, settings

from rollout.codec import decode, decode_item
from rollout.journal.reader import classify
from rollout.lines import Damage, Found, Line, Position
from rollout.store.memory import MemoryStore
from rollout.testing import strategies
from rollout.testing.stateful import StoreComparison

if TYPE_CHECKING:
    import pytest

    from rollout.items import RawItem


def found_in(data: bytes) -> list[Found]:
    """What a reader finds in the bytes of a file."""
    pieces = data.split(b"\n")
    physical = [piece + b"\n" for piece in pieces[:-1]] + [piece for piece in pieces[-1:] if piece]
    return [one for n, line in enumerate(physical) for one in classify(line, n, Position(0, 0), last=True)]


@given(strategies.lines)
def test_lines_are_good(line: bytes) -> None:
    """A drawn line is one record on one line."""
    assert decode(line).type
    assert (line.count(b"\n"), line[-1:]) == (1, b"\n")


@given(strategies.odd_lines)
def test_odd_lines_are_good_too(line: bytes) -> None:
    """Other orders and further keys leave a record."""
    assert decode(line).type
    assert decode_item(line)[0] == decode(line).type


@given(strategies.damaged_lines)
def test_damaged_lines_are_one_line(line: bytes) -> None:
    """What is drawn as damaged ends with its only newline."""
    assert (line.count(b"\n"), line[-1:]) == (1, b"\n")


@given(strategies.batches)
def test_batches_are_items(items: list[RawItem]) -> None:
    """A batch can be recorded as it is."""
    assert all(item.line_type and b"\n" not in item.payload for item in items)


def test_files_hold_everything() -> None:
    """Among the drawn files are some with good lines, damage and a torn tail at once."""

    def rich(data: bytes) -> bool:
        found = found_in(data)
        kinds = {type(one) for one in found}
        return kinds == {Line, Damage} and any(isinstance(one, Damage) and one.reason == "torn tail" for one in found)

    assert rich(
        find(strategies.files, rich, settings=settings(max_examples=2000, phases=[Phase.generate], database=None))
    )


def test_the_comparison_finds_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that loses a line in a while is told from the reference."""

    class Lossy(MemoryStore):
        def lines(self, thread_id: str, start: int = 0, *, own: bool = False) -> Any:
            return (one for one in super().lines(thread_id, start, own=own) if one.n != 1)

    class Comparison(StoreComparison):
        def make_store(self) -> MemoryStore:
            return Lossy()

    monkeypatch.setattr(
        Comparison.TestCase,
        "settings",
        settings(max_examples=200, phases=[Phase.generate], database=None, deadline=None, report_multiple_bugs=False),
    )
    result = Comparison.TestCase("runTest").run()

    assert result is not None
    assert not result.wasSuccessful()
