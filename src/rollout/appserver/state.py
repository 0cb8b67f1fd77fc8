"""The server and its connections: what they know. Requests are taken apart in ``dispatch``."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from rollout.appserver.codex_state import CodexState
from rollout.appserver.library import Library
from rollout.appserver.messages import RpcError
from rollout.appserver.wire.usage import usage_on_wire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rollout.appserver.agent import Agent
    from rollout.appserver.levels import Level
    from rollout.appserver.live import LiveThread
    from rollout.appserver.messages import Response
    from rollout.appserver.settings import Settings
    from rollout.appserver.wire.threads import Live
    from rollout.query import Cursor
    from rollout.store.base import ThreadStore

Message = dict[str, Any]
_CURSORS = 1000


class Client(NamedTuple):
    """Who is at the other end, as it said in ``initialize``."""

    name: str
    version: str
    experimental: bool = False
    muted: frozenset[str] = frozenset()


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
        self.connections: list[Connection] = []

    @property
    def store(self) -> ThreadStore:
        """The store that is served."""
        return self.library.store

    def live(self, thread_id: str) -> Live | None:
        """How a thread stands that is loaded here; None when it is not."""
        loaded = self.threads.get(thread_id)
        return None if loaded is None else loaded.view

    async def broadcast(self, method: str, params: Message) -> None:
        """Tell every client of something."""
        for connection in list(self.connections):
            await connection.send({"method": method, "params": params})

    async def status(self, live: LiveThread) -> None:
        """Tell every client how a thread stands, where the level has a word for it."""
        if self.level.later:
            await self.broadcast("thread/status/changed", {"threadId": live.id, "status": live.view.status})

    async def token_usage(self, thread_id: str, turn_id: str, event: Message) -> None:
        """Tell every client what a turn has used so far, if the event tells."""
        told = usage_on_wire(event.get("info"), later=self.level.later)
        if told is not None:
            params = {"threadId": thread_id, "turnId": turn_id, "tokenUsage": told}
            await self.broadcast("thread/tokenUsage/updated", params)

    async def close(self) -> None:
        """End what runs and close every loaded thread; what was recorded is flushed."""
        for live in list(self.threads.values()):
            await unload(self, live)


class Connection:
    """One client: what it said of itself, and the way to it."""

    def __init__(self, server: Server, send: Callable[[Message], Awaitable[None]]) -> None:
        """``send`` writes one message, and returns when another may follow."""
        self.server = server
        self.client: Client | None = None
        self._send = send
        self._after: list[Message] = []
        self._then: list[Callable[[], object]] = []
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._questions = 0
        server.connections.append(self)

    async def ask(self, method: str, params: Message) -> Any:  # noqa: ANN401 - JSON as it comes
        """What the client answers to a request; RpcError when it refuses, ConnectionError when it goes away."""
        number, answer = self._questions, asyncio.get_running_loop().create_future()
        self._questions += 1
        self._asked[number] = answer
        try:
            await self._send({"id": number, "method": method, "params": params})
            return await answer
        finally:
            self._asked.pop(number, None)
            if self.server.level.later:
                resolved = {"threadId": params.get("threadId"), "requestId": number}
                await self.server.broadcast("serverRequest/resolved", resolved)

    def answered(self, response: Response) -> None:
        """Take what the client answers; an answer to nothing is passed over."""
        waiting = self._asked.get(response.id) if isinstance(response.id, int) else None
        if waiting is None or waiting.done():
            return
        if response.error is None:
            waiting.set_result(response.result)
            return
        told = response.error if isinstance(response.error, dict) else {}
        waiting.set_exception(RpcError(int(told.get("code") or 0), str(told.get("message") or "refused")))

    async def send(self, message: Message) -> None:
        """Write a message, unless it is a notification that the client does not want, or nobody said hello yet."""
        method = message.get("method")
        if method is None or (self.client is not None and method not in self.client.muted):
            await self._send(message)

    def after(self, method: str, params: Message) -> None:
        """Have this connection told of something, right behind the answer to the request at hand."""
        self._after.append({"method": method, "params": params})

    def when_answered(self, work: Callable[[], object]) -> None:
        """Have something done once the request at hand is answered."""
        self._then.append(work)

    async def send_after(self) -> None:
        """Write what was to follow an answer, then do what was to wait for it."""
        messages, self._after = self._after, []
        for message in messages:
            await self.send(message)
        waiting, self._then = self._then, []
        for work in waiting:
            work()

    def close(self) -> None:
        """The client went away."""
        if self in self.server.connections:
            self.server.connections.remove(self)
        for waiting in self._asked.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError("the client went away"))


async def unload(server: Server, live: LiveThread) -> None:
    """Interrupt what runs and let go of a thread: its lock is free and its lines are flushed afterwards."""
    if (running := live.running) is not None:
        await running.stop()
    await live.recorder.shutdown()
    server.threads.pop(live.id, None)
