"""Sub-agents under the threads that spawned them, in a listing that else leaves them out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.cli.rows import thread_object
from rollout.query import EVERYTHING, Order, why_hidden
from rollout.store.pages import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rollout.query import Thread, ThreadQuery
    from rollout.store.base import ThreadStore

_CHUNK = 20_000
_SPAWNED = EVERYTHING._replace(sources=("subagent",), order=Order("created", ascending=True), limit=_CHUNK)


class Family:
    """Who was spawned by whom, of all threads of a store; held whole, since a parent may stand anywhere."""

    def __init__(self, store: ThreadStore) -> None:
        """Read all sub-agents' rows."""
        self._children: dict[str, list[Thread]] = {}
        for row in rows_of(store, _SPAWNED):
            self._children.setdefault(row.summary.parent_id or "", []).append(row)

    def nested(self, threads: Iterable[Thread]) -> tuple[list[Thread], list[int]]:
        """Each thread, and behind it those that it spawned, the oldest first; and how deep each of them stands."""
        rows = [(one, depth) for thread in threads for one, depth in ((thread, 0), *self._below(thread, {thread.id}))]
        return [one for one, _ in rows], [depth for _, depth in rows]

    def object(self, thread: Thread) -> dict[str, Any]:
        """A thread for ``--json`` with those that it spawned."""
        return self._object(thread, {thread.id})

    def told(self, threads: Iterable[Thread], query: ThreadQuery) -> Iterator[str]:
        """The reasons for which a listing would have left out what is told with these threads."""
        for thread in threads:
            for child, _ in self._below(thread, {thread.id}):
                if reason := why_hidden(child, query):
                    yield reason

    def _below(self, thread: Thread, above: set[str]) -> Iterator[tuple[Thread, int]]:
        for child in self._children.get(thread.id, ()):
            if child.id not in above:
                yield child, len(above)
                yield from self._below(child, above | {child.id})

    def _object(self, thread: Thread, above: set[str]) -> dict[str, Any]:
        below = (child for child in self._children.get(thread.id, ()) if child.id not in above)
        return {**thread_object(thread), "children": [self._object(child, above | {child.id}) for child in below]}
