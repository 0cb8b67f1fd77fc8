"""The row of one thread, from any store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from rollout.ids import ThreadId, try_parse
from rollout.labels import NO_LABELS
from rollout.query import Thread
from rollout.times import parse_ms

if TYPE_CHECKING:
    from rollout.store.base import ThreadStore


@runtime_checkable
class KeepsRows(Protocol):
    """A store that has the row of each thread at hand."""

    def row(self, thread_id: str) -> Thread:
        """The row of a thread. Raises NotFoundError."""
        ...


def row_from(store: ThreadStore, thread_id: str) -> Thread:
    """The row of a thread, put together from what every store tells. Raises NotFoundError."""
    if isinstance(store, KeepsRows):
        return store.row(thread_id)
    summary, segments = store.summary(thread_id), store.segments(thread_id)
    newest = segments[-1]
    modified = newest.modified_ns // 1_000_000
    identity = try_parse(summary.id or "") or ThreadId(thread_id)
    return Thread(
        id=identity,
        path=newest.name,
        archived=newest.archived,
        bytes=sum(segment.bytes for segment in segments),
        created_ms=parse_ms(summary.created_at) or modified,
        modified_ms=modified,
        active_ms=parse_ms(summary.active_at) or modified,
        name=store.names().get(identity),
        summary=summary,
        segments=len(segments),
        problem=None if summary.has_meta else "no session metadata",
        **store.labels().get(identity, NO_LABELS)._asdict(),
    )
