"""Search: the words of lines tell which threads may have hits, the matcher that all stores share tells the hits.

The words of a line are what ``index_text`` makes of it, CJK characters one by one, kept as a ``tsvector`` without the
server's parser: no dictionary or locale of the server changes what is found (docs/decisions/0041-words-of-lines.md).
They are brought up by the searches themselves; appends do not wait for them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import psycopg

from rollout.errors import NotFoundError
from rollout.journal.reader import classify
from rollout.lines import Line, Position
from rollout.query import Cursor, checked
from rollout.search_match import Candidate, Matcher
from rollout.search_query import search_query
from rollout.search_text import TurnCount, passages
from rollout.search_words import index_expression, index_text
from rollout.store.hits import ThreadHits, page_of
from rollout.store.postgres.chain import File, whole_chain
from rollout.store.postgres.connections import UnreachableError, fetching
from rollout.store.postgres.listing import Scope, key_of, keyed_rows
from rollout.store.postgres.reading import lines, physical_lines
from rollout.store.postgres.threads import one_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.query import Key, Thread, ThreadQuery
    from rollout.search_query import SearchQuery
    from rollout.store.base import SearchPage
    from rollout.store.postgres.chain import Chain
    from rollout.store.postgres.connections import Connection, Connections, Row

_CHUNK = 200
_COMMON = 20_000  # lines that have the words, from which on the first threads are looked through without asking which
_FEW, _MANY = 2_000, 100_000  # threads that are asked for by id; and from which on they are looked through in order
_LONGEST, _MOST = 48, 20_000
_TOKENS = re.compile(r"[0-9a-z\x80-\U0010ffff]+")
_QUOTED = re.compile(r'"([^"]*)"(\*?)')
_LINES_A_STEP = 2000
_TOLD = """
UPDATE rollout.segments SET indexed = greatest(indexed, %(upto)s) WHERE tenant = %(tenant)s AND thread_id = %(id)s
AND segment = %(segment)s RETURNING true
"""
_STALE = """
SELECT thread_id::text, segment, indexed, lines - (complete < bytes)::int FROM rollout.segments
WHERE tenant = %(tenant)s AND indexed < lines AND indexed < lines - (complete < bytes)::int AND trash IS NULL LIMIT 50
"""


class Search:
    """One search in the making."""

    def __init__(self, connections: Connections, text: str | SearchQuery, query: ThreadQuery) -> None:
        """Nothing is read yet. Raises InvalidQueryError."""
        self._connections, self._query = connections, checked(query)
        self._wanted = search_query(text)
        self._matcher = Matcher(self._wanted)

    def page(self) -> SearchPage:
        """The hits. Raises NotFoundError, UnreachableError."""
        threads = iter(()) if self._matcher.finds_nothing else self._threads()
        return page_of(threads, self._wanted, self._query.limit, ascending=self._query.order.ascending)

    def _threads(self) -> Iterator[ThreadHits]:
        if self._wanted.thread_id:
            yield self._one(self._wanted.thread_id)
            return
        query, expression = self._query._replace(cursor=None), _tsquery(self._wanted)
        if expression:
            bring_up(self._connections)  # as far as this role may; what is left is looked through
        is_common = bool(expression) and self._is_common(expression)
        may_hold = None if is_common else self._narrowed(expression)
        while True:
            few = may_hold if may_hold is not None and len(may_hold) <= _FEW else None
            rows = keyed_rows(Scope(self._connections.fetch, self._connections.tenant, few), query, _CHUNK)
            for key, row in rows:
                if may_hold is None or row.id in may_hold:
                    yield self._hits(key, row)
            if len(rows) < _CHUNK:
                return
            query = query._replace(cursor=Cursor(*rows[-1][0]))
            if is_common:  # but not in the first threads
                is_common, may_hold = False, self._narrowed(expression)

    def _is_common(self, expression: str) -> bool:
        """Whether so many lines have the words that the first threads probably fill a page."""
        rows = self._connections.fetch("SELECT rollout.lines_with(%(query)s::tsquery)", {"query": expression})
        return int(rows[0][0]) >= _COMMON

    def _one(self, thread_id: str) -> ThreadHits:
        fetch, tenant = self._connections.fetch, self._connections.tenant
        newest = whole_chain(fetch, tenant, thread_id).newest
        row = one_thread(fetch, tenant, newest.thread_id)
        if row is None:
            raise NotFoundError(f"thread {thread_id} went away while it was looked at")
        return self._hits(key_of(row, newest.named_ms, self._query.order), row)

    def _hits(self, key: tuple[Key, str], row: Thread) -> ThreadHits:
        return ThreadHits(key, row, lambda: iter(self._found_in(row.id)), list)

    def _found_in(self, thread_id: str) -> list[Candidate]:
        try:
            chain = whole_chain(self._connections.fetch, self._connections.tenant, thread_id)
        except NotFoundError:
            return []  # it was removed meanwhile
        return list(_candidates(self._connections, chain, self._matcher))[::-1]

    def _narrowed(self, expression: str) -> set[str] | None:
        """The threads that may hold hits; None when the words cannot tell."""
        if not expression:
            return None
        rows = self._connections.fetch(
            "SELECT threads_with::text FROM rollout.threads_with(%(query)s::tsquery, %(most)s)"
            " UNION SELECT thread_id::text FROM rollout.segments WHERE tenant = %(tenant)s AND trash IS NULL"
            " AND complete < bytes"
            " UNION SELECT thread_id::text FROM rollout.segments WHERE tenant = %(tenant)s AND trash IS NULL"
            " AND indexed < lines",
            {"tenant": self._connections.tenant, "query": expression, "most": _MANY},
        )
        return {row[0] for row in rows} if len(rows) < _MANY else None


def bring_up(connections: Connections) -> bool:
    """Tell the words of all lines that have come since; False when this role may not, or somebody was faster."""
    try:
        while stale := connections.fetch(_STALE, {"tenant": connections.tenant}):
            for some in _together(stale):
                with connections.changing() as connection:
                    if not _index(connection, connections.tenant, some):
                        return False
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction, UnreachableError):
        return False
    return True


def _together(stale: list[Row]) -> Iterator[list[Row]]:
    """Files that are told in one transaction: up to so many lines, in an order that all searches keep."""
    some: list[Row] = []
    for row in sorted(stale):
        some.append(row)
        if sum(end - indexed for _, _, indexed, end in some) >= _LINES_A_STEP:
            yield some
            some = []
    if some:
        yield some


def _index(connection: Connection, tenant: str, stale: list[Row]) -> bool:
    """Tell the words of files, rows of ``_STALE``; what appends wait for, the files' own rows, is locked at the end."""
    done = [_tell(connection, tenant, row) for row in stale]
    updated = [connection.execute(_TOLD, values).fetchone() for values in done]
    return all(updated)


def _tell(connection: Connection, tenant: str, stale: Row) -> dict[str, Any]:
    thread_id, segment, indexed, end = stale
    upto = min(end, indexed + _LINES_A_STEP)
    values = {"tenant": tenant, "id": thread_id, "segment": segment, "upto": upto}
    file = File(thread_id, segment, "", "", 0, 0, 0, False, False, 0, 0, 0, None)
    rows = [(n, _words(data)) for n, _, data in physical_lines(fetching(connection), file, indexed, upto)]
    told = [(n, words) for n, words in rows if words is None or words]
    connection.execute(
        "INSERT INTO rollout.words (tenant, thread_id, segment, n, words)"
        " SELECT %(tenant)s, %(id)s, %(segment)s, one.n, one.words::tsvector"
        " FROM unnest(%(ns)b::bigint[], %(words)b::text[]) AS one (n, words) ON CONFLICT DO NOTHING",
        {**values, "ns": [n for n, _ in told], "words": [_quoted(words) for _, words in told]},
    )
    return values


def _quoted(words: list[str] | None) -> str | None:
    """The text form of a tsvector; in quotes, since what is a space depends on the server's locale."""
    return None if words is None else " ".join(f"'{word}'" for word in words)


def _words(physical: bytes) -> list[str] | None:
    """The different words of a line; None when there are too many to keep."""
    found: set[str] = set()
    for line in classify(physical, 0, Position(0, 0)):
        if isinstance(line, Line):
            text = index_text(one.text for one in passages(line.record)).lower()
            found.update(token[:_LONGEST] for token in _TOKENS.findall(text))
    return None if len(found) > _MOST else sorted(one.encode("utf-8", "replace").decode() for one in found)


def _tsquery(wanted: SearchQuery) -> str:
    """What to ask the words: every token of the query; "" when they cannot tell."""
    told: list[str] = []
    for phrase, star in _QUOTED.findall(index_expression(wanted)):
        tokens = [token[:_LONGEST] for token in phrase.split()]
        told += [f"'{token}'" for token in tokens[:-1]]
        told += [f"'{token}'{':*' if star else ''}" for token in tokens[-1:]]
    return " & ".join(told)


def _candidates(connections: Connections, chain: Chain, matcher: Matcher) -> Iterator[Candidate]:
    """The lines of a thread's own files that match, with their numbers and turns."""
    turns, mine = TurnCount(), chain.newest.thread_id
    for line in lines(connections.fetch, chain):
        if isinstance(line, Line):
            turn = turns.take(line.record)
            owned = chain.stretches[line.position.segment].thread_id == mine
            found = matcher.match_line(line) if owned else None
            if found is not None:
                yield Candidate(line.position, line.record.timestamp, found, line.n, turn)
