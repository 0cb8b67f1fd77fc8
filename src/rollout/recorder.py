"""RolloutRecorder: records one thread from asyncio.

Items become lines in one reusable buffer, written once per tick of the loop or at 64 KiB, on the loop itself:
a write to a local file costs a microsecond, a hand-off to a thread ten to fifty (docs/design/durability.md).
Off the loop go: every sync, batches of 1 MiB and more, a disk that has just been slow, and writers that say
they are not ``inline``.
"""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING

from rollout.errors import FencedError, WriteError
from rollout.loop_syncs import syncs_of
from rollout.recording import CreateParams, Options, Recording, Shutdown, Statistics
from rollout.seed import SeedNames

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable
    from typing import Self

    from rollout.ids import ThreadId
    from rollout.store.base import ThreadStore

FLUSH_AT = 1 << 16
LARGE = 1 << 20
SLOW_S = 0.020
_RETRY_S = (0.02, 1.0)


class RolloutRecorder(SeedNames):
    """Records one thread; an async context manager. Use it from the event loop that made it, by any tasks.

    ``record``: accepted, in order. ``flush``: survives the death of the process. ``sync``: survives the death
    of the machine. Cancelling a call loses nothing that a finished call accepted. Write errors keep the lines
    and are raised by the next barrier (persist, flush, sync, shutdown), which first tries again.
    """

    def __init__(self, recording: Recording) -> None:
        """Use ``create`` or ``resume``."""
        self._recording = recording
        self._loop = asyncio.get_running_loop()
        self._tick: asyncio.Handle | None = None
        self._off_loop: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._lifecycle = asyncio.Lock()
        self._ending = asyncio.Lock()
        self._end: Shutdown | None = None
        self._waiting = 0
        self._slow = False
        self._fenced = ""
        self._flushed = self._synced = 0

    @classmethod
    async def create(cls, store: ThreadStore, params: CreateParams | None = None, options: Options | None = None) -> Self:
        """A new thread. Its id and path are known at once; nothing is stored until ``persist``."""
        return cls(Recording.create(store, params or CreateParams(), options or Options()))

    @classmethod
    async def resume(
        cls, store: ThreadStore, thread: str, options: Options | None = None, *, wait: float = 0.0
    ) -> Self:
        """An existing thread, by id (or, in a store of files, by path), to append to.

        Opening changes no byte and no time. Raises NotFoundError; BusyError naming the other writer after
        ``wait`` seconds.
        """
        opening = asyncio.to_thread(Recording.resume, store, thread, options or Options(), wait)
        return cls(await opening)

    @property
    def thread_id(self) -> ThreadId:
        """The thread that is recorded."""
        return self._recording.writer.thread_id

    @property
    def path(self) -> str:
        """Where the thread is (or will be) stored."""
        return self._recording.writer.path

    @property
    def persisted(self) -> bool:
        """Whether the thread exists in the store."""
        return not self._recording.deferred

    def statistics(self) -> Statistics:
        """Counts since the recorder was made."""
        return self._recording.statistics(self._flushed, self._synced)

    async def record(self, items: Iterable[object]) -> int:
        """Accept items in order, all or none; returns how many the policy keeps.

        Items are ``rollout.items`` values or mappings ``{"type", "payload"}``. Waits while more than the
        budget is unwritten; nothing is ever dropped. Raises InvalidItemError, BudgetError (a deferred thread
        is over its budget), ClosedError, FencedError (there is no room, and there will never be).
        """
        recording = self._recording
        if self._waiting or not recording.has_room():
            return await self._accept_in_turn(items)
        kept = recording.accept(items)
        if kept and not recording.deferred:
            self._plan()
        return kept

    async def persist(self) -> None:
        """Make the thread exist: its first line (git is asked now), then what waited, flushed. Idempotent.

        A second call only flushes. Raises BusyError, LockError, WriteError; may be repeated.
        """
        self._recording.check_open()
        await _uncancelled(self._persist())

    async def flush(self) -> None:
        """Barrier: every item accepted before survives the death of the process once this returns.

        A deferred thread is left deferred, and nothing is written (the seed; ``Options.flush_persists``
        is the later behaviour). Raises WriteError with file and cause; the items are kept, call again.
        """
        self._recording.check_open()
        if self._recording.deferred:
            if not (self._recording.options.flush_persists and self._recording.waiting):
                return
            await _uncancelled(self._persist())
        await self._flush_all()

    async def sync(self) -> None:
        """Barrier: ``flush``, and stable storage has it all; group commit over all recorders of the process.

        The first one also syncs the folders that were made. Raises WriteError, SyncError.
        """
        await self.flush()
        if self._recording.deferred:
            return
        upto = self._flushed
        await syncs_of(self._loop).synced(self._recording.writer)
        self._synced = max(self._synced, upto)

    async def shutdown(self) -> Shutdown:
        """Drain and close; says how many items a never persisted thread drops. A second call does nothing.

        When the drain fails the error is raised and the recorder stays alive for another try.
        """
        async with self._ending:
            if self._end is None:
                await self._drain()
                self._recording.closed = True  # nothing can be accepted between the last write and the close
                self._stop_ticking()
                self._end = await asyncio.to_thread(self._recording.close)
            return self._end

    async def _drain(self) -> None:
        """Flush until nothing is left, whatever other tasks record meanwhile."""
        while True:
            await self.flush()
            await self._settle()
            if self._recording.deferred or not self._recording.pending_bytes:
                return

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shutdown()

    # -- accepting -------------------------------------------------------------------------------------------

    async def _accept_in_turn(self, items: Iterable[object]) -> int:
        """First come, first served, once there is room."""
        self._waiting += 1
        try:
            async with self._turn:
                await self._wait_for_room()
                kept = self._recording.accept(items)
        finally:
            self._waiting -= 1
        self._plan()
        return kept

    async def _wait_for_room(self) -> None:
        delay, longest = _RETRY_S
        while not self._recording.has_room():
            await self._settle()
            if self._fenced:
                raise FencedError(self._fenced)
            self._write_quietly()
            if self._off_loop is None and not self._recording.has_room():
                await asyncio.sleep(delay)  # the disk is full or gone; it is asked again, ever less often
                delay = min(delay * 2, longest)

    # -- writing ---------------------------------------------------------------------------------------------

    def _plan(self) -> None:
        """Have the buffer written: now when it is full, else with the next tick."""
        if self._off_loop is not None:
            return  # the write in flight plans the next one
        if len(self._recording.buffer) >= FLUSH_AT:
            self._write_quietly()
        elif self._tick is None:
            self._tick = self._loop.call_soon(self._on_tick)

    def _on_tick(self) -> None:
        self._tick = None
        if self._off_loop is None and not self._recording.closed:
            self._write_quietly()

    def _write_quietly(self) -> None:
        """A write nobody waits for: an error stays with the pending lines, and the next barrier reports it."""
        if not self._recording.pending_bytes or self._recording.deferred:
            return
        if self._belongs_off_loop():
            self._start_off_loop()
            return
        try:
            self._write_inline()
        except WriteError:
            self._slow = False

    def _write_inline(self) -> None:
        began = perf_counter()
        try:
            self._flushed = self._recording.flush()
        finally:
            self._slow = perf_counter() - began > SLOW_S

    def _belongs_off_loop(self) -> bool:
        return self._slow or not self._recording.writer.inline or self._recording.pending_bytes >= LARGE

    def _start_off_loop(self) -> asyncio.Task[None]:
        self._recording.push()  # the loop appends, the thread only flushes: never both at once
        task = self._loop.create_task(self._write_off_loop())
        task.add_done_callback(self._on_off_loop_done)
        self._off_loop = task
        return task

    async def _write_off_loop(self) -> None:
        began = perf_counter()
        try:
            self._flushed = await asyncio.to_thread(self._recording.writer.flush)
            self._recording.settled()
        except WriteError as error:
            self._recording.last_error = str(error)
            raise
        except FencedError as error:
            self._recording.last_error = self._fenced = str(error)
            raise
        finally:
            self._slow = perf_counter() - began > SLOW_S

    def _on_off_loop_done(self, task: asyncio.Task[None]) -> None:
        self._off_loop = None
        if self._recording.closed:
            return
        if task.cancelled() or task.exception() is not None:
            self._try_again()
        elif self._recording.buffer:
            self._plan()

    def _try_again(self) -> None:
        """A server that was away is asked again, though nobody records or waits meanwhile."""
        if self._tick is None and not self._fenced:
            self._tick = self._loop.call_later(_RETRY_S[1], self._on_tick)

    async def _settle(self) -> None:
        """Wait until no write is in flight; its error is the next barrier's to find again."""
        while self._off_loop is not None:
            await asyncio.wait({self._off_loop})
            await asyncio.sleep(0)  # its callback runs

    async def _flush_all(self) -> None:
        await self._settle()
        if not self._recording.pending_bytes:
            return
        if self._belongs_off_loop():
            task = self._start_off_loop()
            await asyncio.wait({task})
            task.result()
        else:
            self._write_inline()

    async def _persist(self) -> None:
        async with self._lifecycle:
            if self._recording.deferred:
                await asyncio.to_thread(self._recording.begin)
            self._recording.release_deferred()
        await self._flush_all()

    def _stop_ticking(self) -> None:
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None


async def _uncancelled(work: Coroutine[None, None, None]) -> None:
    """Let work that has begun end, even when the caller is cancelled: half a persist helps nobody."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_look_at_error)
        raise


def _look_at_error(task: asyncio.Task[None]) -> None:
    """The caller has gone; the next barrier meets the same error again."""
    if not task.cancelled():
        task.exception()
