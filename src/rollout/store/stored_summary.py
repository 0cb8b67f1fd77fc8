"""A summary as a store keeps it: JSON without what is absent, decoded when somebody asks for a fact."""

from __future__ import annotations

import json
from itertools import compress
from operator import attrgetter, ne
from typing import Any

from rollout.summary import Summary

_NAMES = Summary.__slots__
_facts_of = attrgetter(*_NAMES)
_EMPTY = _facts_of(Summary())
_encode = json.JSONEncoder(separators=(",", ":")).encode
_TWINS = ("title", "first_user_message")


class StoredSummary(Summary):
    """A summary that is decoded when one of its facts is asked for."""

    __slots__ = ("_json",)

    def __init__(self, text: str) -> None:
        """Keep the text; every slot of ``Summary`` stays empty until then."""
        self._json = text

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - JSON as it comes
        """Called for empty slots alone: fill them all."""
        if name not in _NAMES:
            raise AttributeError(name)
        fill(self, self._json)
        return getattr(self, name)


def summary_json(summary: Summary) -> str:
    """The facts that are there, as ASCII JSON, so that NUL and lone surrogates survive."""
    told = _facts_of(summary)
    facts = dict(compress(zip(_NAMES, told, strict=True), map(ne, told, _EMPTY)))  # no bytecode for each of the facts
    for name in _TWINS:
        if facts.get(name) == summary.preview and summary.preview:
            facts[name] = True
    return _encode(facts)


def fill(summary: Summary, text: str) -> Summary:
    """Give a summary the facts of a JSON text and no others."""
    Summary.__init__(summary)
    for name, value in json.loads(text).items():
        setattr(summary, name, value)
    for name in _TWINS:
        if getattr(summary, name) is True:
            setattr(summary, name, summary.preview)
    return summary
