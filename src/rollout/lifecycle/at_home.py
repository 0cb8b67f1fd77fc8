"""What only a Codex home has: a database of Codex's beside the threads, which must follow what we do.

Any other store has none, and is left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from rollout.errors import BusyError
from rollout.lifecycle.codex_index import LEFT, NO_INDEX, CodexNote, update_row, update_row_locked
from rollout.store.local.paths import logical_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.query import Thread
    from rollout.store.base import ThreadStore


@runtime_checkable
class AtHome(Protocol):
    """A store whose threads are files of a home."""

    home: str

    def find_path(self, thread_id: str, *, archived: bool = False) -> str | None:
        """The newest file of an active (or archived) thread, None when there is none."""
        ...

    def every_row(self) -> Iterator[Thread] | None:
        """Every thread, read while iterated; None where single threads are told of sooner than all."""
        ...


def at_home(store: object) -> AtHome | None:
    """The store as one of a home, where Codex may know its threads; None for any other."""
    return store if isinstance(store, AtHome) else None


def refresh_row(store: ThreadStore, thread_id: str, now_ms: int, *, leave: bool, locked: bool) -> CodexNote:
    """Tell Codex's database where the thread's newest file is and whether it is archived.

    ``leave``: do nothing. ``locked``: the caller holds the thread's lock; else it is taken meanwhile.
    """
    home = at_home(store)
    if leave or home is None:
        return LEFT if leave else NO_INDEX
    archived = store.segments(thread_id)[-1].archived
    path = home.find_path(thread_id, archived=archived)
    if path is None:
        return NO_INDEX
    changes: dict[str, str | int | None] = {
        "rollout_path": logical_name(path),
        "archived": int(archived),
        "archived_at": now_ms // 1000 if archived else None,
    }
    return (update_row if locked else update_row_locked)(home.home, thread_id, changes)


def check_free(store: ThreadStore, thread_id: str) -> None:
    """Raise BusyError when somebody writes the thread now; takes no lock."""
    owner = store.owner(thread_id)
    if owner is not None:
        raise BusyError(thread_id, owner.facts())
