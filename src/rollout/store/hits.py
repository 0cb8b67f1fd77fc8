"""From lines that match to one page of hits: order, cursor, bound and ranks, alike for every store."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple

from rollout.errors import InvalidQueryError
from rollout.query import Cursor
from rollout.search_match import without_twins
from rollout.search_query import SearchCursor
from rollout.store.base import Hit, SearchPage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rollout.query import Key, Thread
    from rollout.search_match import Candidate
    from rollout.search_query import SearchQuery

    Place = tuple[float, Key, str, tuple[int, int]]


class ThreadHits(NamedTuple):
    """One thread in a search: its sort key, its row, its matching lines newest first, made when asked for.

    ``number`` gives candidates of this thread their ``n`` and ``turn``.
    """

    key: tuple[Key, str]
    thread: Thread
    candidates: Callable[[], Iterator[Candidate]]
    number: Callable[[Sequence[Candidate]], list[Candidate]]


class _Entry(NamedTuple):
    place: Place
    owner: ThreadHits
    candidate: Candidate


def page_of(threads: Iterable[ThreadHits], query: SearchQuery, limit: int, *, ascending: bool = False) -> SearchPage:
    """The page that a query asks for; threads come in the order of the answer, in which keys rise if ``ascending``.

    Reads of them only what the page needs; with ranks, all. Memory: as many candidates as the limit. Raises
    InvalidQueryError for a cursor of another order.
    """
    limit = max(1, limit)
    entries = _entries(threads, query.cursor, ascending=ascending)
    if query.ranked:
        found = heapq.nlargest(limit + 1, entries, key=lambda entry: entry.place)
    else:
        found = [entry for _, entry in zip(range(limit + 1), entries, strict=False)]
    hits = _numbered(found[:limit])
    rows = {entry.owner.thread.id: entry.owner.thread for entry in found[:limit]}
    if len(found) <= limit:
        return SearchPage(tuple(hits), True, "", None, tuple(rows.values()))
    note = f"only the {'best' if query.ranked else 'first'} {limit} places; raise the limit"
    last = found[limit - 1]
    behind = None if query.ranked else SearchCursor(Cursor(*last.owner.key), last.candidate.position)
    return SearchPage(tuple(hits), False, note, behind, tuple(rows.values()))


def _entries(threads: Iterable[ThreadHits], cursor: SearchCursor | None, *, ascending: bool) -> Iterator[_Entry]:
    for owner in threads:
        mark = (cursor.thread.key, cursor.thread.id) if cursor else None
        if mark and isinstance(mark[0], str) != isinstance(owner.key[0], str):
            raise InvalidQueryError(f"the cursor {cursor} belongs to another order")
        if mark and (owner.key < mark if ascending else owner.key > mark):
            continue
        for candidate in without_twins(owner.candidates()):
            if cursor and owner.key == mark and candidate.position >= cursor.position:
                continue
            place = (candidate.match.score, *owner.key, (candidate.position.segment, candidate.position.offset))
            yield _Entry(place, owner, candidate)


def _numbered(entries: Sequence[_Entry]) -> list[Hit]:
    """The hits of the entries, in their order; each thread counts its lines once."""
    known: dict[tuple[str, tuple[int, int]], Candidate] = {}
    for owner in {id(entry.owner): entry.owner for entry in entries}.values():
        mine = [entry.candidate for entry in entries if entry.owner is owner]
        known |= {(owner.key[1], one.position): one for one in owner.number(mine)}
    return [_hit(entry.owner, known[entry.owner.key[1], entry.candidate.position]) for entry in entries]


def _hit(owner: ThreadHits, one: Candidate) -> Hit:
    match = one.match
    return Hit(
        thread_id=owner.thread.id,
        n=one.n,
        position=one.position,
        role=match.role,
        timestamp=one.timestamp,
        snippet=match.snippet,
        turn=one.turn,
        at=match.at,
        length=match.length,
        score=match.score,
    )
