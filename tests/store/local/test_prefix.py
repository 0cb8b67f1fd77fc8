"""What the beginning of a JSON object tells."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.store.local.prefix import parse_prefix


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ('{"a":1,"b":"tex', {"a": 1, "b": "tex"}),
        ('{"a":1,"b', {"a": 1}),
        ('{"a":1,"b"', {"a": 1}),
        ('{"a":1,"b":', {"a": 1}),
        ('{"a":12', {}),
        ('{"a":12,', {"a": 12}),
        ('{"a":tru', {}),
        ('{"a":-', {}),
        ('{"a":{"b":[1,{"c":"x', {"a": {"b": [1, {"c": "x"}]}}),
        ('{"a":[1,2', {"a": [1]}),
        ('{ "a" : [ ] , "b" : { } , ', {"a": [], "b": {}}),
        ('{"a":"x\\', {"a": "x"}),
        ('{"a":"x\\u00', {"a": "x"}),
        ('{"a":"x\\ud83d', {"a": "x"}),
        ('{"a":"x\\ud83d\\ude0', {"a": "x"}),
        ('{"a":1}', {"a": 1}),
        ("{", {}),
    ],
)
def test_what_is_whole_and_the_part_of_a_string(data: str, told: dict[str, Any]) -> None:
    """Complete members and the part of a cut string are given; a cut number, word, key or escape is not."""
    assert parse_prefix(data.encode()) == told


@pytest.mark.parametrize(
    "data", ["", "[1", "nope", '{"a":x', '{"a" 1', "{1:2", '{"a":1 2', '{"a":"\\q and more text', '{"a":[1 2']
)
def test_what_is_no_beginning(data: str) -> None:
    """What is not the beginning of an object, wherever it might have been cut, tells nothing."""
    assert parse_prefix(data.encode()) is None


def test_a_cut_character() -> None:
    """A character that the cut has split is left out; a bad byte further in makes the whole damage."""
    assert parse_prefix('{"a":"é'.encode()[:-1]) == {"a": ""}
    assert parse_prefix(b'{"a":"\xff and more text"') is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=4), st.data(), st.booleans())
def test_every_cut_tells_something_true(value: dict[str, Any], data: st.DataObject, ascii_only: bool) -> None:
    """Wherever an object is cut, its beginning is understood, and every member but the last is told as it is."""
    text = json.dumps(value, ensure_ascii=ascii_only).encode()
    cut = text[: data.draw(st.integers(1, len(text)))]
    told = parse_prefix(cut)

    assert told is not None
    whole = list(told)[:-1]
    assert [value[key] for key in whole] == [told[key] for key in whole]


def test_depth_is_bounded() -> None:
    """A file that nests absurdly costs no recursion."""
    assert parse_prefix(b'{"a":' * 100_000) is None
