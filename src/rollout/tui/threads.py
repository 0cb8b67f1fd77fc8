"""The threads of a list: what is shown of each, page by page from the store, and in which groups."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from rollout.query import EVERYTHING, Cursor, Order, ThreadQuery, narrowed
from rollout.render.safe import safe_line
from rollout.times import to_text
from rollout.tui.filters import Filter
from rollout.tui.item import Item

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rollout.query import Page
    from rollout.store.base import ThreadStore

PAGE = 200
_PAGES = 10
_DAY_MS = 86_400_000
GROUPINGS = ("time", "project", "none")


class Wanted(NamedTuple):
    """Which threads are listed: what a filter lets through, of a folder, all kinds or the usual ones.

    ``soon``: in the order in which they were begun, which a store without an index has at once.
    """

    text: str = ""
    cwd: str = ""
    everything: bool = False
    soon: bool = False

    def query(self, cursor: Cursor | None = None) -> ThreadQuery:
        """As the store asks it."""
        base = EVERYTHING if self.everything else ThreadQuery()
        text, order = Filter.parse(self.text).text, Order("created") if self.soon else Order()
        return base._replace(text=text or None, cwds=(self.cwd,) if self.cwd else (), order=order, cursor=cursor, limit=PAGE)


class Listed(NamedTuple):
    """Threads, where they go on, and what was left out in words."""

    items: tuple[Item, ...]
    next: Cursor | None
    note: str


def listed(store: ThreadStore, wanted: Wanted, cursor: Cursor | None = None) -> Listed:
    """One page; where only rows tell what fits, what of some pages does. Raises as ``ThreadStore.list`` does."""
    fits, items, note = Filter.parse(wanted.text), list[Item](), ""
    for _ in range(_PAGES if fits.parts else 1):
        query = wanted.query(cursor)
        page = store.list(query)
        items += filter(fits.fits, map(Item.of, page.threads))
        note, cursor = note or _left_out(page, query), page.next
        if cursor is None or len(items) >= PAGE:
            break
    return Listed(tuple(items), cursor, note)


def _left_out(page: Page, query: ThreadQuery) -> str:
    unasked = {reason: number for reason, number in page.hidden.items() if number and reason != narrowed(query)}
    hidden = ", ".join(f"{number:,} {safe_line(reason)}" for reason, number in unasked.items())
    return f"hidden: {hidden}" if hidden else ""


def size_text(size: int) -> str:
    """A number of bytes in KiB or MiB."""
    return f"{size / 1024:,.0f} KiB" if size < 1 << 20 else f"{size / (1 << 20):,.1f} MiB"


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
