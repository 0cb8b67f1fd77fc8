"""Every page of a query, one after another, for whoever wants all of its threads; one page is in memory at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.query import Page, Thread, ThreadQuery
    from rollout.store.base import ThreadStore


def pages_of(store: ThreadStore, query: ThreadQuery) -> Iterator[Page]:
    """The pages from the query's cursor on, each of at most its limit; raises as ``ThreadStore.list`` does."""
    while True:
        page = store.list(query)
        yield page
        if page.next is None:
            return
        query = query._replace(cursor=page.next)


def rows_of(store: ThreadStore, query: ThreadQuery) -> Iterator[Thread]:
    """The threads of all these pages, in the order of the query."""
    return (row for page in pages_of(store, query) for row in page.threads)
