"""Nothing that a thread says reaches a terminal as anything but text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.render.safe import fit, pad, safe, safe_json, safe_line, width

ACTING = (
    [chr(code) for code in range(0x20) if chr(code) not in "\t\n"]
    + [chr(code) for code in range(0x7F, 0xA0)]
    + list("\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069\ufeff")
    + ["\ud800", "\udfff", "\U000e0041"]
)


@pytest.mark.parametrize("char", ACTING, ids=lambda char: f"U+{ord(char):04X}")
def test_acting_characters_are_shown(char: str) -> None:
    """A character that a terminal acts on is replaced by text that names it."""
    assert char not in safe(f"a{char}b")
    assert char not in safe_line(f"a{char}b")


def test_escape_sequences_lose_their_escape() -> None:
    """An ANSI or OSC sequence becomes readable text."""
    text = "\x1b[2J\x1b]0;title\x07\x9b31m red"

    assert safe(text) == "␛[2J␛]0;title␇<U+009B>31m red"


def test_ordinary_text_is_left_alone() -> None:
    """Text of any script, emoji with joiners included, stays as it is."""
    text = "naïve データ分析 👩\u200d👩\u200d👧 שלום\n\tindented"

    assert text == safe(text)


def test_carriage_returns_of_line_ends_go() -> None:
    """CR LF is a newline; a lone carriage return, which would overwrite the line, is shown."""
    assert safe("a\r\nb\rc") == "a\nb␍c"


def test_one_line_has_no_line_breaks() -> None:
    """Runs of white space become one space."""
    assert safe_line("  a\n\n b\t\u2028 c ") == "a b c"


@given(st.text())
def test_safe_text_has_nothing_acting(text: str) -> None:
    """Whatever the text, no acting character is left."""
    assert not set(ACTING) & set(safe(text))
    assert not set(ACTING) & set(safe_line(text))
    assert "\n" not in safe_line(text)


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_safe_json_means_the_same(value: object) -> None:
    """A JSON text made safe is the same value, and has no acting character but line ends."""
    document = json.dumps(value, ensure_ascii=False)

    shown = safe_json(document)

    assert value == json.loads(shown)
    assert not set(ACTING) & set(shown)


def test_wide_characters_take_two_columns() -> None:
    """East Asian wide characters take two columns, combining ones and joiners none."""
    assert width("分析") == 4
    assert width("cafe\u0301") == 4
    assert width("ab\u200dc") == 3


@given(st.text(alphabet=st.characters(exclude_categories=("Cc", "Cs"))), st.integers(min_value=1, max_value=40))
def test_fitted_text_fits(text: str, columns: int) -> None:
    """Cut text never takes more columns than there are, and padded text takes all of them."""
    assert width(fit(text, columns)) <= columns
    assert columns == width(pad(text, columns))


def test_cut_text_says_so() -> None:
    """What was cut ends in an ellipsis; what fits is whole."""
    assert fit("abc", 3) == "abc"
    assert fit("abcd", 3) == "ab…"
    assert fit("分析する", 4) == "分…"
