"""What to look for, and where a page of hits ended: SearchQuery, SearchCursor. See docs/reference/search.md."""

from __future__ import annotations

import math
from typing import NamedTuple

from rollout.errors import InvalidQueryError
from rollout.lines import Position
from rollout.query import Cursor

MODES = ("phrase", "prefix", "words", "part", "regex")
ROLES = ("user", "agent", "reasoning", "tool", "file", "note", "context")


class SearchCursor(NamedTuple):
    """Where the next page begins: behind the hit of this thread at this position.

    Text form: that of the thread's ``Cursor``, then ``|<segment>:<offset>``.
    """

    thread: Cursor
    position: Position

    @classmethod
    def parse(cls, text: str) -> SearchCursor:
        """Read a cursor; raises InvalidQueryError for anything else than what ``str`` gives."""
        thread, bar, place = text.rpartition("|")
        segment, _, offset = place.partition(":")
        if not bar or not (segment.isdecimal() and offset.isdecimal()):
            raise InvalidQueryError(f"invalid cursor: {text}")
        return cls(Cursor.parse(thread), Position(int(segment), int(offset)))

    def __str__(self) -> str:
        return f"{self.thread}|{self.position.segment}:{self.position.offset}"


class SearchQuery(NamedTuple):
    """What to look for in the lines of threads; which threads, in what order and how many hits: ``ThreadQuery``.

    ``mode``: ``phrase`` (the text as it stands, from word edge to word edge), ``prefix`` (its last word may go on),
    ``words`` (every word of it, anywhere in one line), ``part`` (the text as it stands, inside of words too), ``regex`` (a
    Python expression). Case is ignored.
    ``roles``: only what these said or did; empty means all. ``thread_id``: only within this thread, whatever
    filters say. ``ranked``: the best hits first instead of the newest. ``everything``: also injected context,
    sealed and encoded blobs. ``since_ms`` and ``until_ms`` (exclusive) bound the time of a line.
    """

    text: str
    mode: str = "phrase"
    roles: tuple[str, ...] = ()
    thread_id: str = ""
    ranked: bool = False
    everything: bool = False
    since_ms: float = -math.inf
    until_ms: float = math.inf
    cursor: SearchCursor | None = None

    @property
    def bounded(self) -> bool:
        """Whether the time of a line matters."""
        return self.since_ms > -math.inf or self.until_ms < math.inf


def search_query(text: str | SearchQuery) -> SearchQuery:
    """A query from a text, or the query itself; raises InvalidQueryError for what cannot be honoured."""
    query = SearchQuery(text) if isinstance(text, str) else text
    if query.mode not in MODES:
        raise InvalidQueryError(f"unknown mode {query.mode!r}; there are {', '.join(MODES)}")
    if unknown := set(query.roles).difference(ROLES):
        raise InvalidQueryError(f"unknown role {', '.join(sorted(unknown))}; there are {', '.join(ROLES)}")
    if query.ranked and query.cursor:
        raise InvalidQueryError("ranked hits have no pages; raise the limit instead of giving a cursor")
    return query
