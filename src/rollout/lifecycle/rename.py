"""Rename: a name that people gave, kept beside the threads and found again from the files alone."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from rollout.errors import InvalidQueryError
from rollout.lifecycle.at_home import at_home, check_free
from rollout.lifecycle.codex_index import LEFT, NO_INDEX, CodexNote, update_row

if TYPE_CHECKING:
    from rollout.store.base import ThreadStore


class Renamed(NamedTuple):
    """A thread with its new name and the one it had."""

    thread_id: str
    name: str
    before: str | None
    codex: CodexNote


def rename(store: ThreadStore, thread_id: str, name: str, *, leave_codex_index: bool = False) -> Renamed:
    """Give a thread a name. Raises InvalidQueryError for an empty one, NotFoundError, BusyError, WriteError.

    Codex 0.169 takes the name of a paginated thread from its database alone, so its row gets it too.
    """
    store.heal()
    planned = plan_rename(store, thread_id, name)
    with closing(store.open_writer(thread_id)) as lock:
        store.set_name(thread_id, planned.name)
        home = at_home(store)
        if lock.era != "paginated" or home is None:
            return planned._replace(codex=NO_INDEX)
        codex = LEFT if leave_codex_index else update_row(home.home, thread_id, {"name": planned.name})
    return planned._replace(codex=codex)


def plan_rename(store: ThreadStore, thread_id: str, name: str) -> Renamed:
    """What ``rename`` would do; nothing is changed."""
    if not name.strip():
        raise InvalidQueryError("a thread's name cannot be empty")
    store.segments(thread_id)
    check_free(store, thread_id)
    return Renamed(thread_id, name.strip(), store.names().get(thread_id), LEFT)
