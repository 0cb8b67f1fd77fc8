"""What the list holds of a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rollout.query import branch_of
from rollout.render.naming import title
from rollout.render.safe import safe_line

if TYPE_CHECKING:
    from rollout.query import Thread

_TITLE = 400


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
    model: str = ""
    provider: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""

    @classmethod
    def of(cls, thread: Thread) -> Item:
        """What is kept of a row."""
        summary = thread.summary
        return cls(
            thread.id, title(thread)[:_TITLE], summary.cwd or "", safe_line(branch_of(summary) or ""), thread.active_ms,
            thread.archived, thread.bytes, thread.path, thread.name or "", summary.forked_from_id or "",
            summary.parent_id or "", safe_line(summary.model or ""), safe_line(summary.model_provider or ""),
            tuple(map(safe_line, thread.tags)), safe_line(thread.note[:_TITLE]),
        )  # fmt: skip
