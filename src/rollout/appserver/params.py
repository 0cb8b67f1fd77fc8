"""The parameters of a method: which there are, and what is wrong with those that were sent.

Unknown ones are passed over, an explicit null counts as absent where the parameter is optional. The complaints are
worded as the real server words them (spec: state-and-protocol 6.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rollout.appserver.messages import RpcError, invalid

if TYPE_CHECKING:
    from collections.abc import Callable

Values = dict[str, Any]
_U32 = 1 << 32


class Field(NamedTuple):
    """One parameter. ``default`` is what counts when it is absent; a ``strict`` one must not be null."""

    check: Callable[[Any], Any]
    required: bool = False
    default: Any = None
    strict: bool = False


class Schema:
    """The parameters of one method."""

    def __init__(self, **fields: Field) -> None:
        """``fields`` by their names on the wire."""
        self._fields = fields

    def read(self, params: Any) -> Values:  # noqa: ANN401 - JSON as it comes
        """The parameters, absent ones with their defaults. Raises RpcError."""
        if params is None:
            params = {}
        if not isinstance(params, dict):
            raise malformed(f"invalid type: {named(params)}, expected struct")
        return {name: _value(name, field, params) for name, field in self._fields.items()}


def _value(name: str, field: Field, params: Values) -> Any:  # noqa: ANN401 - JSON as it comes
    value = params.get(name)
    if name not in params or (value is None and not field.required and not field.strict):
        if field.required:
            raise malformed(f"missing field `{name}`")
        return field.default
    return field.check(value)


def malformed(why: str) -> RpcError:
    """The request cannot be decoded."""
    return invalid(f"Invalid request: {why}")


def named(value: Any) -> str:  # noqa: ANN401 - JSON as it comes
    """A JSON value as complaints name it."""
    if isinstance(value, bool):
        return f"boolean `{str(value).lower()}`"
    if isinstance(value, str):
        shown = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'string "{shown}"'
    if isinstance(value, int):
        return f"integer `{value}`"
    if isinstance(value, float):
        return f"floating point `{value}`"
    return "null" if value is None else "sequence" if isinstance(value, list) else "map"


def text(value: Any) -> str:  # noqa: ANN401 - JSON as it comes
    """A text."""
    if not isinstance(value, str):
        raise malformed(f"invalid type: {named(value)}, expected a string")
    return value


def flag(value: Any) -> bool:  # noqa: ANN401 - JSON as it comes
    """True or false."""
    if not isinstance(value, bool):
        raise malformed(f"invalid type: {named(value)}, expected a boolean")
    return value


def u32(value: Any) -> int:  # noqa: ANN401 - JSON as it comes
    """A number from 0 on."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise malformed(f"invalid type: {named(value)}, expected u32")
    if not 0 <= value < _U32:
        raise malformed(f"invalid value: {named(value)}, expected u32")
    return value


def mapping(value: Any) -> Values:  # noqa: ANN401 - JSON as it comes
    """An object."""
    if not isinstance(value, dict):
        raise malformed(f"invalid type: {named(value)}, expected a map")
    return value


def anything(value: Any) -> Any:  # noqa: ANN401 - JSON as it comes
    """Whatever it is."""
    return value


def one_of(*variants: str) -> Callable[[Any], str]:
    """One of several words."""

    def check(value: Any) -> str:  # noqa: ANN401 - JSON as it comes
        if text(value) not in variants:
            raise malformed(f"unknown variant `{value}`, expected {_choice(variants)}")
        return str(value)

    return check


def list_of(element: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    """A list."""

    def check(value: Any) -> list[Any]:  # noqa: ANN401 - JSON as it comes
        if not isinstance(value, list):
            raise malformed(f"invalid type: {named(value)}, expected a sequence")
        return [element(one) for one in value]

    return check


def _choice(variants: tuple[str, ...]) -> str:
    quoted = [f"`{one}`" for one in variants]
    return " or ".join(quoted) if len(quoted) == 2 else f"one of {', '.join(quoted)}" if len(quoted) > 2 else quoted[0]


def need(check: Callable[[Any], Any]) -> Field:
    """A parameter that must be there."""
    return Field(check, required=True)


def may(check: Callable[[Any], Any], default: Any = None) -> Field:  # noqa: ANN401 - JSON as it comes
    """A parameter that may be absent or null."""
    return Field(check, default=default)


def switch(*, default: bool = False) -> Field:
    """A parameter that is true or false; it may be absent, and must not be null."""
    return Field(flag, default=default, strict=True)
