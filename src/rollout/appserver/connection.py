"""One client: what it said of itself, which threads it follows, and the way to it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from rollout.appserver.messages import Outgoing, RpcError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rollout.appserver.messages import Response
    from rollout.appserver.state import Server

Message = dict[str, Any]
_GONE = "the client went away"


class Client(NamedTuple):
    """Who is at the other end, as it said in ``initialize``."""

    name: str
    version: str
    experimental: bool = False
    muted: frozenset[str] = frozenset()


class Connection:
    """The way to one client, on the server's event loop alone.

    What changes something is asked for by one request at a time, the request at hand; ``follow``, ``after`` and
    ``when_answered`` belong to it.
    """

    def __init__(self, server: Server, send: Callable[[Outgoing], Awaitable[None]]) -> None:
        """``send`` takes one message, and returns when another may follow; ConnectionError: nobody is there."""
        self.server = server
        self.client: Client | None = None
        self.followed: set[str] = set()
        self.gone = False
        self.complaints = 0
        self.catch_up: Callable[[], Awaitable[None]] | None = None
        self._send = send
        self._after: list[tuple[str, Message]] = []
        self._then: list[Callable[[], object]] = []
        self._held: dict[str, list[Outgoing]] = {}
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._questions = 0
        server.connections.append(self)

    async def ask(self, method: str, params: Message) -> Any:  # noqa: ANN401 - JSON as it comes
        """What the client answers to a request; RpcError when it refuses, ConnectionError when it is gone or goes away."""
        if self.gone:
            raise ConnectionError(_GONE)
        number, answer = self._questions, asyncio.get_running_loop().create_future()
        self._questions += 1
        self._asked[number] = answer
        try:
            await self._send(Outgoing({"id": number, "method": method, "params": params}))
            return await answer
        finally:
            self._asked.pop(number, None)
            if self.server.level.later:  # for this client alone: its numbers are its own
                resolved = {"threadId": params.get("threadId"), "requestId": number}
                await self.tell(Outgoing({"method": "serverRequest/resolved", "params": resolved}), params.get("threadId"))

    def answered(self, response: Response) -> None:
        """Take what the client answers; an answer to nothing is passed over."""
        waiting = self._asked.get(response.id) if isinstance(response.id, int) else None
        if waiting is None or waiting.done():
            return
        if response.error is None:
            waiting.set_result(response.result)
            return
        told = response.error if isinstance(response.error, dict) else {}
        code = told.get("code")
        waiting.set_exception(RpcError(code if isinstance(code, int) else 0, str(told.get("message") or "refused")))

    async def send(self, message: Message) -> None:
        """Send an answer; raises whatever makes it impossible."""
        await self._send(Outgoing(message))

    async def tell(self, told: Outgoing, thread_id: object = None) -> None:
        """Send a notification, unless nobody said hello yet or it is not wanted; one who went away hears nothing."""
        if self.client is None or self.gone or told.message["method"] in self.client.muted:
            return
        held = self._held.get(thread_id) if isinstance(thread_id, str) else None
        if held is not None:
            held.append(told)
            return
        try:
            await self._send(told)
        except ConnectionError:
            self.close()

    def follow(self, thread_id: str) -> None:
        """Have this client told of a thread's turns; what comes before the request at hand is answered comes behind it."""
        if thread_id not in self.followed:
            self.followed.add(thread_id)
            self._held[thread_id] = []

    def after(self, method: str, params: Message) -> None:
        """Have clients told of something, this one right behind the answer to the request at hand."""
        self._after.append((method, params))

    def when_answered(self, work: Callable[[], object]) -> None:
        """Have something done once the request at hand is answered."""
        self._then.append(work)

    async def send_after(self) -> None:
        """Tell what was to follow an answer, then do what was to wait for it."""
        messages, self._after = self._after, []
        for method, params in messages:
            await self.server.broadcast(method, params)
        for thread_id in list(self._held):
            await self._release(thread_id)
        waiting, self._then = self._then, []
        for work in waiting:
            work()

    async def _release(self, thread_id: str) -> None:
        """Tell what was held back of a thread; more may come meanwhile, and stays in order."""
        held = self._held[thread_id]
        while held and not self.gone:
            told = held.pop(0)
            try:
                await self._send(told)
            except ConnectionError:
                self.close()
        del self._held[thread_id]

    def close(self) -> None:
        """The client went away; idempotent."""
        self.gone = True
        self.followed.clear()
        if self in self.server.connections:
            self.server.connections.remove(self)
        for waiting in self._asked.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError(_GONE))
