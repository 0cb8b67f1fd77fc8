"""What a person types into the filter: words of names and questions, and ``#tag``, ``model:``, ``provider:``, ``branch:``, ``note:``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rollout.tui.item import Item

_PART = re.compile(r"(?:(?<=\s)|^)(?:(#)|(model|provider|branch|note):)(\S+)")


class Filter(NamedTuple):
    """What was typed, taken apart: ``text`` is for the store, each of ``parts`` (a field and a text) must stand in the row."""

    text: str = ""
    parts: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, typed: str) -> Filter:
        """Everything that is no part is text."""
        parts = tuple(("tag" if tag else field, value.casefold()) for tag, field, value in _PART.findall(typed))
        return cls(" ".join(_PART.sub(" ", typed).split()) if parts else typed, parts)

    def fits(self, item: Item) -> bool:
        """Whether a row has every part: a tag from its beginning on, anything else anywhere."""
        return all(_has(item, field, wanted) for field, wanted in self.parts)


def _has(item: Item, field: str, wanted: str) -> bool:
    if field == "tag":
        return any(tag.casefold().startswith(wanted) for tag in item.tags)
    told = {"model": item.model, "provider": item.provider, "branch": item.branch, "note": item.note}
    return wanted in told[field].casefold()
