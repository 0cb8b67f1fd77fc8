"""Rows that are wider than the screen."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from rollout.tui.wrapping import wrapped


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        ("short", ["short"]),
        ("one two three four", ["one two", "three four"]),
        ("> one two three four", ["> one two", "> three", "> four"]),
        ("  one two three four", ["  one two", "  three", "  four"]),
        ("┊ > one two three", ["┊ > one", "┊ > two", "┊ > three"]),
        ("abcdefghijklmno", ["abcdefghij", "klmno"]),
        ("日本語日本語日本", ["日本語日本", "語日本"]),
        ("\x1b[1;36m> one two three\x1b[0m", ["\x1b[1;36m> one two\x1b[0m", "\x1b[1;36m> three\x1b[0m"]),
        ("\x1b[1mtwo\x1b[0m colours in one row", ["\x1b[1mtwo\x1b[0m colours in one row"]),
        ("1:\tone two", ["1:     ", "one two"]),
    ],
)  # fmt: skip
def test_rows_are_broken_between_words(line: str, rows: list[str]) -> None:
    """At the last space that is not too far in front, with the colour and the indent of the whole."""
    assert list(wrapped(line, 10)) == rows


def test_a_very_long_row_takes_linear_time() -> None:
    """It is broken wherever the screen ends, and nothing of it is lost."""
    line = "word and 語 " * 20_000
    rows = list(wrapped(line, 80))

    assert "".join(rows) == line
    assert max(map(cell_len, rows)) <= 80
