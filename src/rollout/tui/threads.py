"""The threads of a list: what is shown of each, page by page from the store, and in which groups."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from rollout.query import EVERYTHING, Cursor, Order, ThreadQuery, branch_of, narrowed
from rollout.render.naming import title
from rollout.render.safe import safe_line
from rollout.times import to_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rollout.query import Thread
    from rollout.store.base import ThreadStore

PAGE = 200
_TITLE = 400
_DAY_MS = 86_400_000
GROUPINGS = ("time", "project", "none")


class Item(NamedTuple):
    """What the list holds of a thread; all texts are safe. ``cwd`` alone is as it was recorded."""

    id: str
    title: str
    cwd: str
    branch: str
    active_ms: int
    archived: bool
    bytes: int
    path: str
    name: str
    forked_from: str
    parent: str

    @classmethod
    def of(cls, thread: Thread) -> Item:
        """What is kept of a row."""
        summary = thread.summary
        return cls(
            thread.id, title(thread)[:_TITLE], summary.cwd or "", safe_line(branch_of(summary) or ""), thread.active_ms,
            thread.archived, thread.bytes, thread.path, thread.name or "", summary.forked_from_id or "",
            summary.parent_id or "",
        )  # fmt: skip


class Wanted(NamedTuple):
    """Which threads are listed: with a text in name or first question, of a folder, all kinds or the usual ones."""

    text: str = ""
    cwd: str = ""
    everything: bool = False

    def query(self, cursor: Cursor | None = None) -> ThreadQuery:
        """As the store asks it."""
        base = EVERYTHING if self.everything else ThreadQuery()
        return base._replace(
            text=self.text or None, cwds=(self.cwd,) if self.cwd else (), order=Order(), cursor=cursor, limit=PAGE
        )


class Listed(NamedTuple):
    """Threads, where they go on, and what was left out in words."""

    items: tuple[Item, ...]
    next: Cursor | None
    note: str


def listed(store: ThreadStore, wanted: Wanted, cursor: Cursor | None = None) -> Listed:
    """One page. Raises as ``ThreadStore.list`` does."""
    query = wanted.query(cursor)
    page = store.list(query)
    unasked = {reason: number for reason, number in page.hidden.items() if number and reason != narrowed(query)}
    hidden = ", ".join(f"{number:,} {safe_line(reason)}" for reason, number in unasked.items())
    return Listed(tuple(map(Item.of, page.threads)), page.next, f"hidden: {hidden}" if hidden else "")


def grouped(items: Sequence[Item], grouping: str, now_ms: int) -> list[Item | str]:
    """The items with a heading before each group; by project they are sorted, the newest project first."""
    if grouping == "none":
        return list(items)
    if grouping == "project":
        newest = {item.cwd: -item.active_ms for item in reversed(items)}
        items = sorted(items, key=lambda item: (newest[item.cwd], item.cwd, -item.active_ms))
        return _headed(items, [safe_line(item.cwd) or "(no folder)" for item in items])
    return _headed(items, [_when(item.active_ms, now_ms) for item in items])


def _headed(items: Iterable[Item], labels: Iterable[str]) -> list[Item | str]:
    rows: list[Item | str] = []
    for label, group in groupby(zip(labels, items, strict=True), key=lambda pair: pair[0]):
        rows.append(label)
        rows.extend(item for _, item in group)
    return rows


def _when(at_ms: int, now_ms: int) -> str:
    """Days are those of UTC, as in every list."""
    days = now_ms // _DAY_MS - at_ms // _DAY_MS
    if days <= 0:
        return "Today"
    if days == 1:
        return "Yesterday"
    return "The last 7 days" if days < 7 else to_text(at_ms)[:7]
