"""What to list, and the answer: ThreadQuery, Order, Cursor, Thread, Page.

Plain values: listing must not pay for a JSON or dataclass import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rollout.errors import InvalidQueryError
from rollout.ids import ThreadId, try_parse
from rollout.sources import INTERACTIVE, source_matches
from rollout.times import parse_ms, to_text

if TYPE_CHECKING:
    from rollout.summary import Summary

ORDERS = ("active", "created", "updated")


class Order(NamedTuple):
    """By which time a listing is sorted; ties are broken by the id in the same direction.

    ``created`` is the time in the file name (local time read as UTC, as Codex has it), ``updated`` the file's
    time, ``active`` the time of the last record. ``tick_ms`` coarsens the key: 1000 is the seed's precision.
    """

    key: str = "active"
    ascending: bool = False
    tick_ms: int = 1

    def cut(self, unix_ms: int) -> int:
        """A time at this order's precision."""
        return unix_ms - unix_ms % self.tick_ms


class Cursor(NamedTuple):
    """Where the next page begins: after the row with this key and id. Text form: ``<time>|<id>``."""

    key_ms: int
    id: str

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read a cursor: ours, or the seed's ``<RFC 3339 or YYYY-MM-DDThh-mm-ss>|<uuid>`` (spec 6.7).

        Raises InvalidQueryError for anything else.
        """
        when, bar, identity = text.partition("|")
        key_ms, thread = parse_ms(when), try_parse(identity)
        if not bar or key_ms is None or thread is None:
            raise InvalidQueryError(f"invalid cursor: {text}")
        return cls(key_ms, thread)

    def __str__(self) -> str:
        return f"{to_text(self.key_ms, millis=bool(self.key_ms % 1000))}|{self.id}"


class ThreadQuery(NamedTuple):
    """What to list. Every filter narrows; None or an empty tuple leaves it out.

    ``archived``: False active, True archived, None both. ``sources``: keys or families of
    ``rollout.sources``; empty means every source. ``default_provider``: what a thread that records no
    provider counts as. ``cwds``: folders, compared as the store compares paths. ``untitled``: also threads
    in which nobody has asked anything yet, and files that cannot be read. ``limit``: rows of the page.
    """

    archived: bool | None = False
    sources: tuple[str, ...] = INTERACTIVE
    providers: tuple[str, ...] = ()
    default_provider: str | None = None
    cwds: tuple[str, ...] = ()
    untitled: bool = False
    order: Order = Order()
    cursor: Cursor | None = None
    limit: int = 25


EVERYTHING = ThreadQuery(archived=None, sources=(), untitled=True)


class Thread(NamedTuple):
    """One row: the facts of a thread and of the file that records it.

    Times in milliseconds since 1970, UTC. ``id`` is the id that the file's own metadata gives, else the one
    in its name. ``problem`` says in words why a file could not be read as a thread; None is good news.
    """

    id: ThreadId
    path: str
    archived: bool
    bytes: int
    created_ms: int
    modified_ms: int
    active_ms: int
    name: str | None
    summary: Summary
    segments: int = 1
    problem: str | None = None

    @property
    def preview(self) -> str:
        """The first thing a person asked, "" when nothing was or when it lies too far in."""
        return self.summary.preview


class Page(NamedTuple):
    """One answer. ``next`` is None on the last page.

    ``hidden`` counts, by reason, what was skipped on the way to this page; ``complete`` says whether that is
    all there is to count. ``scanned`` and ``cap_reached`` are the seed's fields.
    """

    threads: tuple[Thread, ...]
    next: Cursor | None
    hidden: dict[str, int]
    complete: bool
    scanned: int = 0
    cap_reached: bool = False


def sort_key(thread: Thread, order: Order) -> tuple[int, str]:
    """The key of a row in an order: (time at the order's precision, id)."""
    times: dict[str, int] = {"created": thread.created_ms, "updated": thread.modified_ms, "active": thread.active_ms}
    return order.cut(times[order.key]), thread.id


def is_past(key: tuple[int, str], cursor: Cursor | None, order: Order) -> bool:
    """Whether a row with this key stands behind the cursor."""
    if cursor is None:
        return True
    mark = (cursor.key_ms, cursor.id)
    return key > mark if order.ascending else key < mark


def why_hidden(thread: Thread, query: ThreadQuery) -> str | None:
    """The first reason for which the query leaves this thread out, None when it belongs to the answer.

    Folder filters are the store's business: only it can compare paths.
    """
    summary: Summary = thread.summary
    if query.archived is not None and thread.archived != query.archived:
        return "archived" if thread.archived else "active"
    if thread.problem is not None and not query.untitled:
        return "unreadable"
    if query.sources and not source_matches(summary.source_key, query.sources):
        return summary.source_key.partition(":")[0]
    if query.providers and (summary.model_provider or query.default_provider) not in query.providers:
        return "provider"
    if not query.untitled and not summary.preview and not summary.has_user_event:
        return None if summary.partial else "no user message"
    return None


def query_from(**filters: Any) -> ThreadQuery:  # noqa: ANN401 - keyword arguments of ThreadQuery
    """A query from keywords; raises InvalidQueryError for an unknown order."""
    query = ThreadQuery(**filters)
    if query.order.key not in ORDERS:
        raise InvalidQueryError(f"unknown order {query.order.key!r}; there are {', '.join(ORDERS)}")
    return query
