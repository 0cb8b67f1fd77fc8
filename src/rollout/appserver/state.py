"""The server: what it knows and whom it tells. Requests are taken apart in ``dispatch``."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakValueDictionary

from rollout.appserver.acts import Acts
from rollout.appserver.codex_state import CodexState
from rollout.appserver.library import Library
from rollout.appserver.log import say
from rollout.appserver.messages import Outgoing
from rollout.appserver.wire.usage import usage_on_wire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rollout.appserver.agent import Agent
    from rollout.appserver.levels import Level
    from rollout.appserver.live import LiveThread
    from rollout.appserver.settings import Settings
    from rollout.appserver.wire.threads import Live
    from rollout.query import Cursor
    from rollout.store.base import ThreadStore

Message = dict[str, Any]
_CURSORS = 1000
TO_EVERYONE = frozenset(
    {
        "thread/started", "thread/name/updated", "thread/archived", "thread/unarchived", "thread/deleted", "thread/closed",
        "thread/status/changed",
    }
)  # fmt: skip
"""What every client is told; the rest goes to those who follow the thread."""


class Listener(Protocol):
    """A client, as far as the server tells it something."""

    followed: set[str]
    catch_up: Callable[[], Awaitable[None]] | None
    """There while it falls behind: waits a little for it."""

    async def tell(self, told: Outgoing, thread_id: object = None) -> None:
        """Take a notification; one who went away hears nothing."""
        ...

    async def ask(self, method: str, params: Message) -> Any:  # noqa: ANN401 - JSON as it comes
        """What the client answers; RpcError when it refuses, ConnectionError when it is gone or goes away."""
        ...


class Cursors:
    """What the texts of cursors stand for that were given out; the oldest are forgotten.

    A level's spelling of a cursor need not tell all that the store's own one does.
    """

    def __init__(self) -> None:
        """Nothing was given out yet."""
        self._kept: OrderedDict[tuple[str, str], Cursor] = OrderedDict()
        self._lock = Lock()

    def keep(self, text: tuple[str, str], cursor: Cursor) -> None:
        """Remember a cursor by its order and its text."""
        with self._lock:
            self._kept[text] = cursor
            self._kept.move_to_end(text)
            while len(self._kept) > _CURSORS:
                self._kept.popitem(last=False)

    def of(self, text: tuple[str, str]) -> Cursor | None:
        """The cursor; None when it was not given out here, or long ago."""
        with self._lock:
            return self._kept.get(text)


class Server:
    """One server for any number of connections; lives on one event loop."""

    def __init__(self, store: ThreadStore, level: Level, settings: Settings, agent: Agent | None = None) -> None:
        """``settings``: what threads begin with, and the provider of those that record none.

        Without an ``agent``, threads can be read and changed, and every turn fails.
        """
        self.level, self.settings = level, settings
        self.library = Library(store, later=level.later)
        self.codex = CodexState(self.library.home if level.later else None)
        self.agent = agent
        self.threads: dict[str, LiveThread] = {}
        self.cursors = Cursors()
        self.searched: set[str] = set()
        self.connections: list[Listener] = []
        self.closing = False
        self.acts = Acts()
        self.is_watching, self.watching = False, Event()
        self.at_close: list[Callable[[], object]] = []
        self._alone: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def store(self) -> ThreadStore:
        """The store that is served."""
        return self.library.store

    def live(self, thread_id: str) -> Live | None:
        """How a thread stands that is loaded here; None when it is not."""
        loaded = self.threads.get(thread_id)
        return None if loaded is None else loaded.view

    def alone(self, thread_id: str) -> asyncio.Lock:
        """The lock under which a thread is loaded, changed as a whole, or let go of: clients act at the same time."""
        lock = self._alone.get(thread_id)
        if lock is None:
            lock = self._alone[thread_id] = asyncio.Lock()
        return lock

    def followers(self, thread_id: str) -> list[Listener]:
        """Who is told of a thread's turns."""
        return [one for one in self.connections if thread_id in one.followed]

    async def broadcast(self, method: str, params: Message) -> None:
        """Tell every client of something, or, what is said of a turn, those who follow its thread."""
        told, thread_id = Outgoing({"method": method, "params": params}), params.get("threadId")
        listening = [one for one in self.connections if method in TO_EVERYONE or thread_id in one.followed]
        for connection in listening:
            await connection.tell(told, thread_id)
        behind = [connection.catch_up() for connection in listening if connection.catch_up is not None]
        if behind:
            await asyncio.gather(*behind)

    async def status(self, live: LiveThread) -> None:
        """Tell every client how a thread stands, where the level has a word for it."""
        if self.level.later:
            await self.broadcast("thread/status/changed", {"threadId": live.id, "status": live.view.status})

    async def token_usage(self, thread_id: str, turn_id: str, event: Message) -> None:
        """Tell what a turn has used so far, if the event tells."""
        told = usage_on_wire(event.get("info"), later=self.level.later)
        if told is not None:
            params = {"threadId": thread_id, "turnId": turn_id, "tokenUsage": told}
            await self.broadcast("thread/tokenUsage/updated", params)

    async def close(self) -> None:
        """End what runs and close every loaded thread; what was recorded is flushed. No request is served any more."""
        self.closing = True
        for work in self.at_close:
            work()
        closing = [self._close(live) for live in list(self.threads.values())]
        for outcome in await asyncio.gather(*closing, return_exceptions=True):
            if isinstance(outcome, Exception):
                say(f"a thread could not be closed: {outcome}")

    async def _close(self, live: LiveThread) -> None:
        async with self.alone(live.id):
            await unload(self, live)


async def unload(server: Server, live: LiveThread) -> None:
    """Interrupt what runs and let go of a thread, under its lock here: its lines are flushed and its file is free then."""
    if (running := live.running) is not None:
        await running.stop()
    await live.recorder.shutdown()
    server.threads.pop(live.id, None)
