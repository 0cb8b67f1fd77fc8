"""Where a text occurs in what people and agents said and did: a streaming scan, the newest thread first.

Each thread is looked through in its own files, so that what forks share is found once. Case is ignored
(``str.casefold``). Lines that cannot hold the text are told apart by their bytes before they are decoded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.journal.reader import classify, count_lines
from rollout.lines import Line, Position
from rollout.store.base import Hit, SearchPage
from rollout.store.local.chain import own_links
from rollout.store.texts import said, snippet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.query import ThreadQuery
    from rollout.store.local.chain import Chains, Link
    from rollout.store.local.listing import Listing

_PLAIN = frozenset(" !#$%&'()*+,-.0123456789:;<=>?@[]^_`abcdefghijklmnopqrstuvwxyz{|}~")


def search(listing: Listing, chains: Chains, text: str, query: ThreadQuery) -> SearchPage:
    """At most ``query.limit`` places; ``complete`` is False when there are more."""
    needle, bound = text.casefold(), max(1, query.limit)
    hits: list[Hit] = []
    for hit in _all_hits(listing, chains, needle, query):
        if len(hits) == bound:
            return SearchPage(tuple(hits), complete=False, note=f"only the first {bound} places; raise the limit")
        hits.append(hit)
    return SearchPage(tuple(hits), complete=True)


def _all_hits(listing: Listing, chains: Chains, needle: str, query: ThreadQuery) -> Iterator[Hit]:
    for listed in listing.rows(query):
        if listed.row is None or listed.reason is not None or not needle:
            continue
        links = chains.links(listed.group.newest)
        try:
            yield from _hits(chains, links, listed.row.id, needle)
        except FileNotFoundError:  # removed while the search went on
            continue


def _hits(chains: Chains, links: list[Link], thread_id: str, needle: str) -> Iterator[Hit]:
    mine, n = own_links(links), 0
    for number, link in enumerate(links):
        if link.file is None:
            continue
        with chains.open(link.file) as source:
            if number not in mine:
                n += count_lines(source, link.end)
                continue
            offset = 0
            for data in source.lines(0, link.end):
                if may_hold(data, needle):
                    yield from _hits_in(data, n, Position(number, offset), thread_id, needle)
                offset += len(data)
                n += 1


def _hits_in(data: bytes, n: int, position: Position, thread_id: str, needle: str) -> Iterator[Hit]:
    for found in classify(data, n, position):
        if not isinstance(found, Line):
            continue
        for role, words in said(found.record):
            if needle in words.casefold():
                yield Hit(thread_id, n, found.position, role, found.record.timestamp, snippet(words, needle))


def may_hold(data: bytes, needle: str) -> bool:
    """Whether a line may hold a case-folded text; exact for plain letters, else it has to be decoded."""
    if not _PLAIN.issuperset(needle) or not data.isascii() or b"\\u" in data:
        return True
    return needle.encode() in data.lower()
