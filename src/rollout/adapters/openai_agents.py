"""The Session of the OpenAI Agents SDK, kept as a thread that Codex can list, read and resume.

``Runner.run(agent, text, session=RolloutSession("chat"))`` is all that changes. The SDK itself is never imported
here: its Session is a protocol of four coroutines.
"""

# pyright: reportUnknownParameterType=false, reportUnknownLambdaType=false
# The SDK need not be installed where types are checked.
from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

from rollout.adapters.agents_items import as_codex, lines_of, visible_items
from rollout.adapters.dropping import change
from rollout.adapters.keeping import (
    WAIT_S,
    abandon,
    append,
    as_store,
    find_thread,
    guarded,
    make_thread,
    settled,
    thread_id_of,
)
from rollout.errors import BusyError, NotFoundError
from rollout.recording import CreateParams, Options, Recording

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Generator, Sequence
    from typing import Self

    from agents.memory import SessionSettings  # type: ignore[import-not-found, unused-ignore]  # pyright: ignore[reportMissingImports]  # an extra: only some environments have it

    from rollout.codec import Era
    from rollout.ids import ThreadId
    from rollout.store.base import ThreadStore

Json = dict[str, Any]
ORIGINATOR = "openai-agents"


class RolloutSession:
    """A session of the Agents SDK in a store of threads; give it to ``Runner.run(..., session=...)``.

    ``session_id`` may be any text. A UUID in any form is the id of the thread; any other text means one thread for
    ever, which also gets it as a name; where that thread does not exist, an existing thread of that name is taken.
    The thread is made by the first ``add_items``, never by looking.

    Safe for use by many tasks, and by several processes by turns: each call takes the thread's lock and gives it
    back, waiting up to ``wait`` seconds. ``async with`` keeps the thread for the whole block instead. Whoever comes
    in vain gets BusyError, which names the thread's writer (a running Codex, say) and the session.
    """

    def __init__(
        self,
        session_id: str,
        store: ThreadStore | str | os.PathLike[str] | None = None,
        *,
        params: CreateParams | None = None,
        wait: float = WAIT_S,
        session_settings: SessionSettings | None = None,
    ) -> None:
        """Nothing is opened yet. ``store``: a store, a home's path, or None for the home of ``open_store()``.

        ``params``: what a new thread says of itself; its ``thread_id`` is the session's business.
        """
        self.session_id = session_id
        self.session_settings = session_settings
        self.store = as_store(store)
        self.wait = wait
        self._params = params or CreateParams(originator=ORIGINATOR)
        self._held: Recording | None = None
        self._holding = False
        self._one_at_a_time = Lock()

    @property
    def thread_id(self) -> ThreadId | None:
        """The thread, None while there is none; looks into the store. Raises AmbiguousError."""
        return find_thread(self.store, self.session_id)

    async def get_items(self, limit: int | None = None) -> list[Any]:
        """The items that stand, oldest first; with a limit (or that of ``session_settings``) the newest of them.

        Equal to what was added. Takes no lock. Raises AmbiguousError.
        """
        asked = getattr(self.session_settings, "limit", None) if limit is None else limit
        items = await settled(self._items)
        return items if asked is None else items[max(0, len(items) - max(0, asked)) :]

    async def add_items(self, items: list[Any]) -> None:
        """Add items in order; they survive the death of the process when this returns.

        All or none when an item cannot be written (InvalidItemError). After a WriteError call again: what had got
        into the file before the disk failed stays there. Raises BusyError, LockError.
        """
        lines = [line for item in items for line in lines_of(item)]
        if lines:
            await self._run(lambda: self._append(lines))

    async def pop_item(self) -> Any | None:  # noqa: ANN401 - an item is JSON
        """Take the newest item back and return it, None when there is none.

        Its line stays in the file. The last turn is marked as rolled back, and what stands of it is appended again:
        Codex then sees what the SDK sees. Costs the bytes of that turn.
        """
        return await self._run(self._pop)

    async def clear_session(self) -> None:
        """Take all items back. The lines stay in the file, marked as rolled back; ``rollout delete`` takes them away.

        What stood above the first question is compacted to nothing, which Codex 0.169 does not honour.
        """
        await self._run(lambda: self._replace(lambda _: []))

    async def close(self) -> None:
        """Give the thread free if ``async with`` holds it; idempotent. The session can be used again."""
        await settled(self._release)

    async def __aenter__(self) -> Self:
        """Make the thread if there is none, and keep it from all others. Raises BusyError after ``wait`` seconds."""
        self._holding = True
        try:
            await self._run(lambda: self._append([]))
        except BaseException:
            self._holding = False
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # -- in a worker thread ----------------------------------------------------------------------------------

    async def _run(self, work: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the work gives
        def alone() -> Any:  # noqa: ANN401 - the same
            with self._one_at_a_time:
                return work()

        return await settled(alone)

    def _items(self) -> list[Json]:
        found = self.thread_id
        return [] if found is None else self._items_of(found)

    def _items_of(self, thread_id: ThreadId) -> list[Json]:
        try:
            return visible_items(self.store.lines(thread_id))
        except NotFoundError:
            return []  # it was deleted a moment ago

    def _append(self, lines: Sequence[object]) -> None:
        with self._writing() as recording:
            append(recording, lines)

    def _pop(self) -> Json | None:
        popped: list[Json] = []

        def without_last(items: list[Json]) -> list[Json]:
            popped.extend(items[-1:])
            return items[:-1]

        self._replace(without_last)
        return popped[0] if popped else None

    def _replace(self, wanted_of: Callable[[list[Json]], list[Json]]) -> None:
        """Make the visible items others; read, judged and written under one lock, in one batch."""
        if self._held is None and self.thread_id is None:
            return
        with self._writing() as recording:
            items = self._items_of(recording.writer.thread_id)
            wanted = wanted_of(items)
            append(recording, _replacement(items, wanted, recording.writer.era))

    @contextmanager
    def _writing(self) -> Generator[Recording]:
        """The thread, open to append. It is given free afterwards unless the session holds it, or when work fails."""
        recording = self._held or self._open()
        self._held = None
        try:
            yield recording
        except BaseException:
            abandon(recording)
            raise
        if self._holding:
            self._held = recording
        else:
            recording.close()

    def _open(self) -> Recording:
        try:
            found = self.thread_id
            if found is None:
                return self._make()
            return Recording.resume(self.store, found, Options(), self.wait)
        except BusyError as error:
            error.add_note(f"this thread keeps session {self.session_id!r}; waited {self.wait:g} s for it")
            raise

    def _make(self) -> Recording:
        with guarded(self.store, thread_id_of(self.session_id), self.wait):
            found = self.thread_id  # another process may have been quicker
            if found is None:
                return make_thread(self.store, self.session_id, self._params, Options())
        return Recording.resume(self.store, found, Options(), self.wait)

    def _release(self) -> None:
        with self._one_at_a_time:
            self._holding = False
            held, self._held = self._held, None
            if held is not None:
                held.close()


def _replacement(items: list[Json], wanted: list[Json], era: Era) -> list[object]:
    markers, kept = change([as_codex(item)[0] for item in items], [as_codex(item)[0] for item in wanted], era)
    return [*markers, *(line for item in wanted[kept:] for line in lines_of(item))]
