"""What people write beside threads to find them again: tags and a note. Pure values.

A tag is a word: no white space, no control characters, no ``+``, ``-`` or ``#`` in front; upper and lower case are two
tags. A thread has any number of tags and at most one note, which is any text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.errors import InvalidQueryError
from rollout.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

PINNED = "pinned"
"""The tag of a thread that is to stay: it is not deleted, and a fork does not begin with it."""

_LONGEST_TAG = 64
_LONGEST_NOTE = 64 * 1024


class Labels(NamedTuple):
    """The tags of a thread, sorted, and its note, "" when it has none."""

    tags: tuple[str, ...] = ()
    note: str = ""

    def tagged(self, add: Iterable[str], remove: Iterable[str]) -> Labels:
        """With some tags more and some fewer; what is in both goes."""
        return self._replace(tags=tuple(sorted({*self.tags, *add} - {*remove})))


NO_LABELS = Labels()


def checked_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags themselves; raises InvalidQueryError for what cannot be one, saying why."""
    found = tuple(tags)
    for tag in found:
        if not tag or not tag.isprintable() or any(letter.isspace() for letter in tag):
            raise InvalidQueryError(f"{tag!r} is no tag: a tag is one word of printable characters")
        if tag[0] in "+-#":
            raise InvalidQueryError(f"{tag!r} is no tag: a tag begins with none of + - #")
        if len(tag) > _LONGEST_TAG:
            raise InvalidQueryError(f"{tag[:20]!r}… is no tag: a tag has at most {_LONGEST_TAG} characters")
    return found


def checked_name(name: str | None) -> str | None:
    """A name without white space around it, None for none; raises InvalidQueryError for an empty one."""
    if name is None:
        return None
    if not name.strip():
        raise InvalidQueryError("a name cannot be empty")
    return name.strip()


def checked_note(note: str) -> str:
    """A note without white space around it; raises InvalidQueryError for one that cannot be kept."""
    if "\0" in note or any("\ud800" <= letter <= "\udfff" for letter in note):
        raise InvalidQueryError("a note is text: NUL and halves of characters cannot be kept")
    if len(note) > _LONGEST_NOTE:
        raise InvalidQueryError(f"a note has at most {_LONGEST_NOTE} characters, this one has {len(note)}")
    return note.strip()
