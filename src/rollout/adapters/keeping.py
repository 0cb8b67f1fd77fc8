"""Which thread keeps a session, how it comes to be exactly once, and how one batch of items gets into it."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID, uuid5

from rollout.errors import AmbiguousError, BusyError, InvalidQueryError
from rollout.ids import ThreadId, try_parse
from rollout.lifecycle.at_home import at_home
from rollout.recording import Options, Recording
from rollout.store import open_store
from rollout.store.base import ThreadStore
from rollout.store.local.locks import ThreadLocks

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Generator, Iterable

    from rollout.recording import CreateParams

T = TypeVar("T")
WAIT_S = 5.0
_SESSIONS = UUID("5f3f2f0c-6d0a-5c53-9a55-3b1f0f5d2c11")
_GUARDS = UUID("0b9d7f0e-3f6e-5d0b-8a47-6f9a4f2f7e22")
_IN_MEMORY = Lock()


def as_store(store: ThreadStore | str | os.PathLike[str] | None) -> ThreadStore:
    """A store, or the one that a path or URL means; None: the home that ``open_store`` finds."""
    return store if isinstance(store, ThreadStore) else open_store(store or "")


def thread_id_of(session_id: str) -> ThreadId:
    """The id of the thread that keeps a session: the session's own when it is a UUID, else one made from its text.

    The same text means the same thread in every process, whatever the thread is named later. Raises
    InvalidQueryError for a text that is no valid Unicode.
    """
    own = try_parse(session_id)
    if own is not None:
        return own
    try:
        return ThreadId.parse(str(uuid5(_SESSIONS, session_id)))
    except UnicodeEncodeError as error:
        raise InvalidQueryError(f"session id {session_id!r} is no valid Unicode: {error.reason}") from None


def find_thread(store: ThreadStore, session_id: str) -> ThreadId | None:
    """The thread of a session: by its id, else the one that bears its text as a name; None when there is none.

    Raises AmbiguousError when several threads bear the name. Prefixes of ids count for nothing here: a session
    called ``1234`` must never get into somebody's thread.
    """
    own = thread_id_of(session_id)
    if store.resolve(own):
        return own
    named = [one for one, name in store.names().items() if name == session_id.strip()]
    there = sorted({found for one in named for found in store.resolve(one)})
    if len(there) > 1:
        raise AmbiguousError(session_id, there)
    return there[0] if there else None


@contextmanager
def guarded(store: ThreadStore, thread_id: ThreadId, wait: float) -> Generator[None]:
    """Keep every other adapter away from a thread, also while it has no file yet whose lock could be taken.

    Of two processes that want the same new session one makes it and the other finds it. In a home this is a lock
    beside those of the threads, under an id that no thread has. Raises BusyError after ``wait`` seconds.
    """
    home = at_home(store)
    if home is None:
        with _IN_MEMORY:
            yield
        return
    try:
        lock = ThreadLocks(home.home).acquire(ThreadId(str(uuid5(_GUARDS, thread_id))), wait)
    except BusyError as error:
        raise BusyError(thread_id, error.owner) from None
    with lock:
        yield


def make_thread(store: ThreadStore, session_id: str, params: CreateParams, options: Options) -> Recording:
    """A new thread for a session, open to append; call it guarded. A session id that is no UUID is its name.

    Stored when this returns. Raises BusyError, LockError, WriteError.
    """
    thread_id = thread_id_of(session_id)
    recording = Recording.create(store, replace(params, thread_id=thread_id), options)
    try:
        recording.begin()
        recording.release_deferred()
        if try_parse(session_id) is None and session_id.strip():
            store.set_name(thread_id, session_id)
    except BaseException:
        abandon(recording)
        raise
    return recording


def abandon(recording: Recording) -> None:
    """Give a thread free although lines may be pending: who is told of the failure will hand them in again."""
    with suppress(OSError):
        recording.close()


def append(recording: Recording, items: Iterable[object]) -> None:
    """Append a batch in one go: it survives the death of the process when this returns. Raises WriteError."""
    recording.accept(items)
    recording.flush()


async def settled(work: Callable[[], T]) -> T:
    """Do blocking work in a thread and wait for its outcome, also when the caller is cancelled meanwhile.

    A cancelled caller gets CancelledError once the work has ended, so that nothing is written behind its back.
    """
    task = asyncio.ensure_future(asyncio.to_thread(work))
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        task.exception()
        raise cancelled
    return task.result()
