"""Archive and unarchive: every file of a thread moves, same bytes, same names."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rollout.lifecycle.at_home import check_free, refresh_row
from rollout.lifecycle.codex_index import LEFT, CodexNote
from rollout.recording import Options

if TYPE_CHECKING:
    from rollout.store.base import ThreadStore


class Moved(NamedTuple):
    """A thread that is where it was wanted; ``changed`` tells whether it was elsewhere before."""

    thread_id: str
    archived: bool
    changed: bool
    names: tuple[str, ...]
    codex: CodexNote


def archive(
    store: ThreadStore, thread_id: str, *, leave_codex_index: bool = False, options: Options | None = None
) -> Moved:
    """Put a thread away. Durable when this returns; may be repeated, which also mends what a crash left behind.

    Raises NotFoundError, BusyError (nothing is changed then), LockError, ExistsError, WriteError.
    """
    return _move(store, thread_id, options or Options(), archived=True, leave=leave_codex_index)


def unarchive(
    store: ThreadStore, thread_id: str, *, leave_codex_index: bool = False, options: Options | None = None
) -> Moved:
    """Bring an archived thread back into the folder of the date in its name. Otherwise as ``archive``."""
    return _move(store, thread_id, options or Options(), archived=False, leave=leave_codex_index)


def plan_move(store: ThreadStore, thread_id: str, *, archived: bool) -> Moved:
    """What ``archive`` or ``unarchive`` would do; nothing is changed."""
    segments = store.segments(thread_id)
    check_free(store, thread_id)
    changed = any(segment.archived != archived for segment in segments)
    return Moved(thread_id, archived, changed, tuple(segment.name for segment in segments), LEFT)


def _move(store: ThreadStore, thread_id: str, options: Options, *, archived: bool, leave: bool) -> Moved:
    """Files first: they are the truth. Codex's row follows, also when nothing had to be moved."""
    store.heal()
    planned = plan_move(store, thread_id, archived=archived)
    store.set_archived(thread_id, archived)
    codex = refresh_row(store, thread_id, options.now_ms(), leave=leave, locked=False)
    return planned._replace(codex=codex)
