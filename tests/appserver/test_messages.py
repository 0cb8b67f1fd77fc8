"""JSON-RPC messages, and complaints about parameters."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rollout.appserver.messages import Notification, Request, Response, RpcError, Stream, decode, encode
from rollout.appserver.params import Schema, list_of, may, need, one_of, switch, text, u32


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"id":1,"method":"m","params":{"a":1}}', Request(1, "m", {"a": 1})),
        (b'{"id":"x","method":"m"}\n', Request("x", "m", None)),
        (b'{"method":"m"}', Notification("m", None)),
        (b'{"id":1,"result":{}}', Response(1, {}, None)),
        (b'{"id":null,"method":"m"}', None),
        (b'{"id":1.5,"method":"m"}', None),
        (b'{"id":true,"method":"m"}', None),
        (b"[1]", None),
        (b"not JSON", None),
        (b"", None),
    ],
)
def test_a_line_is_a_message_or_is_passed_over(line: bytes, expected: object) -> None:
    """Ids are texts or whole numbers; there is no ``jsonrpc`` member."""
    assert expected == decode(line)


def test_a_stream_is_written_element_by_element() -> None:
    """The blocks together are the JSON of the whole; nothing is asked for before it is written."""
    asked: list[int] = []

    def elements() -> Any:
        for number in range(3):
            asked.append(number)
            yield {"n": number}

    blocks = encode({"id": 1, "result": {"thread": {"turns": Stream(elements()), "name": "x"}, "more": True}})
    head = next(blocks)

    assert [] == asked
    assert {"id": 1, "result": {"thread": {"turns": [{"n": 0}, {"n": 1}, {"n": 2}], "name": "x"}, "more": True}} == (
        json.loads(head + b"".join(blocks))
    )


def test_a_message_is_one_line() -> None:
    """Line breaks in texts are escaped."""
    assert [b'{"method":"m","params":{"t":"a\\nb"}}\n'] == list(encode({"method": "m", "params": {"t": "a\nb"}}))


SCHEMA = Schema(
    name=need(text),
    limit=may(u32),
    kinds=may(list_of(one_of("a", "b", "c")), default=()),
    way=may(one_of("up", "down"), default="up"),
    all=switch(),
)


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({}, "missing field `name`"),
        (None, "missing field `name`"),
        ([], "invalid type: sequence, expected struct"),
        ({"name": None}, "invalid type: null, expected a string"),
        ({"name": 1}, "invalid type: integer `1`, expected a string"),
        ({"name": "x", "limit": "y"}, 'invalid type: string "y", expected u32'),
        ({"name": "x", "limit": -1}, "invalid value: integer `-1`, expected u32"),
        ({"name": "x", "limit": 1.5}, "invalid type: floating point `1.5`, expected u32"),
        ({"name": "x", "kinds": ["z"]}, "unknown variant `z`, expected one of `a`, `b`, `c`"),
        ({"name": "x", "way": "left"}, "unknown variant `left`, expected `up` or `down`"),
        ({"name": "x", "all": None}, "invalid type: null, expected a boolean"),
    ],
)
def test_wrong_parameters_are_named(params: Any, complaint: str) -> None:
    """The complaint says what is wrong and what was expected."""
    with pytest.raises(RpcError) as caught:
        SCHEMA.read(params)

    assert (-32600, f"Invalid request: {complaint}") == (caught.value.code, caught.value.message)


def test_nulls_and_unknown_parameters_are_passed_over() -> None:
    """An explicit null of an optional parameter means that it is absent."""
    found = SCHEMA.read({"name": "x", "limit": None, "kinds": None, "strange": 1})

    assert {"name": "x", "limit": None, "kinds": (), "way": "up", "all": False} == found
