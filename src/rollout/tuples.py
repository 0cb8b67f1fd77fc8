"""``typing.NamedTuple`` without its look at the annotations, for the modules that a listing imports.

Annotations are text here, and the original compiles the text of every field when the class is made: a third of what
``rollout list`` takes to start. Type checkers see the original; from Python 3.14 on it is the original, since there
annotations are not looked at before somebody asks.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or sys.version_info >= (3, 14):
    from typing import NamedTuple
else:
    from collections import namedtuple

    _OF_THE_CLASS = frozenset({"__annotations__", "__dict__", "__weakref__"})

    class _Maker(type):
        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type:
            """The tuple class with these fields and defaults, and with what else the body holds."""
            if not bases:
                return super().__new__(cls, name, bases, body)
            fields = tuple(body.get("__annotations__", ()))
            with_default = [field for field in fields if field in body]
            if with_default != [*fields[len(fields) - len(with_default) :]]:
                raise TypeError(f"{name}: a field without a default stands behind one that has one")
            defaults = [body[field] for field in with_default]
            made = namedtuple(name, fields, defaults=defaults, module=body["__module__"])  # noqa: PYI024 - see above
            made.__annotations__ = body.get("__annotations__", {})
            for attribute, value in body.items():
                if attribute not in _OF_THE_CLASS and attribute not in with_default:
                    setattr(made, attribute, value)
            return made

    class NamedTuple(metaclass=_Maker):
        """The base to write; the class that is made has ``tuple`` alone above it."""


__all__ = ["NamedTuple"]
