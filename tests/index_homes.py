"""Words of the tests of an index: a store that must answer through it, and both answers side by side."""

from __future__ import annotations

import os
from itertools import product
from typing import TYPE_CHECKING, Any

from rollout.query import EVERYTHING, ORDERS, TIMES, Cursor, Order, ThreadQuery
from rollout.store.local.index_path import IndexPlace
from rollout.store.local.store import LocalStore
from rollout.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rollout.journal.filesystem import Filesystem
    from rollout.query import Page, Thread
    from rollout.store.local.clock import Clock


class Indexed(LocalStore):
    """A home whose index is used: an answer from the files is a failure, unless the home is not there yet."""

    def __init__(
        self, home: Path, index: Path, fs: Filesystem | None = None, *, ours: bool = True, clock: Clock | None = None
    ) -> None:
        """A store of a home, with its index at a path."""
        place = IndexPlace(str(index), ours)
        if fs is None:
            super().__init__(home, clock=clock, index=place)
        else:
            super().__init__(home, fs, clock=clock, index=place)

    def list(self, query: ThreadQuery) -> Page:
        """One page, surely through the index."""
        page = super().list(query)
        if page.note and os.path.isdir(self.home):
            raise AssertionError(f"the index did not answer: {page.note}")
        return page


def told(row: Thread) -> dict[str, Any]:
    """All that a row tells."""
    facts = {name: getattr(row.summary, name) for name in Summary.__slots__}
    return {**row._asdict(), "summary": facts}


def walked(store: LocalStore, query: ThreadQuery) -> list[dict[str, Any]]:
    """The rows of all pages of a query; cursors go through their texts."""
    rows: list[dict[str, Any]] = []
    while True:
        page = store.list(query)
        rows += map(told, page.threads)
        if page.next is None:
            return rows
        query = query._replace(cursor=Cursor.parse(str(page.next)))


def orders(*, coarse: bool = True) -> Iterator[Order]:
    """Every order, both ways; times also at the precision of seconds."""
    for key, ascending, tick in product(ORDERS, (False, True), (1, 1000) if coarse else (1,)):
        if tick == 1 or key in TIMES:
            yield Order(key, ascending, tick)


def queries(rows: list[Thread]) -> Iterator[ThreadQuery]:
    """Queries with every filter, with values that some of these rows have and values that none has."""
    yield from (ThreadQuery(), EVERYTHING, ThreadQuery(archived=True, untitled=True))
    yield from (EVERYTHING._replace(untitled=False), ThreadQuery(sources=("subagent", "exec", "unknown", "mcp")))
    for row in rows:
        summary = row.summary
        yield EVERYTHING._replace(sources=(summary.source_key,), untitled=False)
        yield EVERYTHING._replace(providers=(summary.model_provider or "openai",), default_provider="openai")
        yield EVERYTHING._replace(cwds=(summary.cwd or "/nowhere",))
        yield EVERYTHING._replace(branches=(str((summary.git or {}).get("branch")), "no such branch"))
        yield EVERYTHING._replace(origins=(str((summary.git or {}).get("repository_url")), "no such repository"))
        yield EVERYTHING._replace(tags=row.tags or ("no-such-tag",))
        yield EVERYTHING._replace(since_ms=row.active_ms)
        yield EVERYTHING._replace(until_ms=row.active_ms, untitled=False)
        yield EVERYTHING._replace(parent=summary.parent_id or row.id)
        yield EVERYTHING._replace(forked_from=(summary.forked_from_id or row.id).upper())
        yield EVERYTHING._replace(name=row.name or "no such name")
        yield EVERYTHING._replace(text=(row.preview or "nothing")[1:9].upper(), since_ms=row.active_ms - 3_600_000)
        yield EVERYTHING._replace(text=(row.name or row.preview or "no")[:2])
