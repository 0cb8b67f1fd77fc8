"""A row of a listing as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.times import to_text

if TYPE_CHECKING:
    from rollout.query import Thread


def thread_object(thread: Thread) -> dict[str, Any]:
    """What ``--json`` tells of a thread; times in UTC with milliseconds, absent facts are null."""
    summary = thread.summary
    return {
        "id": thread.id,
        "path": thread.path,
        "name": thread.name,
        "preview": thread.preview,
        "cwd": summary.cwd,
        "source": summary.source_key,
        "modelProvider": summary.model_provider,
        "cliVersion": summary.cli_version,
        "createdAt": to_text(thread.created_ms),
        "updatedAt": to_text(thread.modified_ms),
        "activeAt": to_text(thread.active_ms),
        "git": summary.git,
        "archived": thread.archived,
        "era": summary.era,
        "bytes": thread.bytes,
        "forkedFrom": summary.forked_from_id,
        "parent": summary.parent_id,
        "problem": thread.problem,
        "tags": list(thread.tags),
        "note": thread.note or None,
    }
