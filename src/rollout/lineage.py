"""The family of a thread: what it was forked from or begun by, up to the oldest, and all that came of that one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rollout.errors import NotFoundError
from rollout.ids import try_parse
from rollout.query import EVERYTHING, Order
from rollout.store.rows import row_from

if TYPE_CHECKING:
    from rollout.query import Thread
    from rollout.store.base import ThreadStore

MOST = 500
_UP = 50
_PAGE = 200


class Lineage(NamedTuple):
    """A tree of threads: its top, and of each thread what was forked from it or begun by it, the oldest first.

    Each thread stands in it once. ``missing`` is the id of one above the top that is not there, "" where there is
    none; ``complete`` is False where the family is larger than what was read.
    """

    top: Thread
    below: dict[str, tuple[Thread, ...]]
    missing: str = ""
    complete: bool = True

    @property
    def size(self) -> int:
        """How many threads it has."""
        return 1 + sum(map(len, self.below.values()))


def lineage(store: ThreadStore, thread_id: str) -> Lineage:
    """The family of a thread, at most about 500 threads of it. Raises as ``ThreadStore.list`` does, and NotFoundError."""
    top, missing = _top(store, row_from(store, thread_id))
    below: dict[str, tuple[Thread, ...]] = {}
    seen, waiting, cut = {str(top.id)}, [top], False
    while waiting and len(seen) < MOST:
        one = waiting.pop(0)
        children, more = _children(store, one.id)
        below[one.id] = tuple(child for child in children if child.id not in seen)
        seen.update(child.id for child in below[one.id])
        waiting.extend(below[one.id])
        cut = cut or more
    return Lineage(top, below, missing, complete=not waiting and not cut)


def _top(store: ThreadStore, thread: Thread) -> tuple[Thread, str]:
    """The oldest that is still there, and the id of one above it that is not."""
    seen = {str(thread.id)}
    for _ in range(_UP):
        above = thread.summary.forked_from_id or thread.summary.parent_id
        if not above or above in seen:
            break
        seen.add(above)
        if try_parse(above) is None:
            return thread, above
        try:
            thread = row_from(store, above)
        except NotFoundError:
            return thread, above
    return thread, ""


def _children(store: ThreadStore, thread_id: str) -> tuple[list[Thread], bool]:
    """The forks of a thread and what it began, and whether there are more."""
    asked = EVERYTHING._replace(order=Order("created", ascending=True), limit=_PAGE)
    pages = [store.list(asked._replace(forked_from=thread_id)), store.list(asked._replace(parent=thread_id))]
    unique = {row.id: row for page in pages for row in page.threads if row.id != thread_id}
    return list(unique.values()), any(page.next is not None for page in pages)
