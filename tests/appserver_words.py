"""Words of the tests of the app-server: a client in the same process, on a home of its own."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from rollout.appserver.connection import Connection
from rollout.appserver.dispatch import receive
from rollout.appserver.levels import Level
from rollout.appserver.settings import Settings
from rollout.appserver.state import Server

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Self

    from rollout.appserver.agent import Agent
    from rollout.appserver.messages import Outgoing
    from rollout.store.base import ThreadStore

HELLO = {"clientInfo": {"name": "tester", "version": "1"}, "capabilities": {"experimentalApi": True}}
BOTH = [Level.V0_100, Level.V0_169]


class RefusedError(Exception):
    """A request that the server refused."""

    def __init__(self, code: int, message: str) -> None:
        """Keep what it said."""
        self.code, self.message = code, message
        super().__init__(f"{code} {message}")


class Peer:
    """One client of one server; an async context manager."""

    def __init__(
        self,
        store: ThreadStore,
        level: Level = Level.V0_169,
        agent: Agent | None = None,
        settings: Settings | None = None,
    ) -> None:
        """Nobody has said hello yet."""
        self._join(Server(store, level, settings or Settings(), agent))

    def _join(self, server: Server) -> None:
        self.server = server
        self.heard: list[dict[str, Any]] = []
        self.connection = Connection(server, self._hear)
        self._news = asyncio.Event()

    async def another(self) -> Self:
        """A second client of the same server, which has said hello."""
        other = object.__new__(type(self))
        other._join(self.server)
        await other.ask("initialize", **HELLO)
        return other

    async def _hear(self, told: Outgoing) -> None:
        self.heard.append(json.loads(told.line))
        self._news.set()

    async def say(self, line: bytes) -> None:
        """Send a line as it is."""
        await receive(self.connection, line)

    async def ask(self, method: str, /, **params: Any) -> dict[str, Any]:
        """The result of a request; raises RefusedError."""
        await self.say(json.dumps({"id": len(self.heard), "method": method, "params": params}).encode())
        told = next(one for one in reversed(self.heard) if "method" not in one)
        if "error" in told:
            raise RefusedError(told["error"]["code"], told["error"]["message"])
        result: dict[str, Any] = told["result"]
        return result

    async def refused(self, method: str, /, **params: Any) -> tuple[int, str]:
        """Code and message of a request that must fail."""
        try:
            result = await self.ask(method, **params)
        except RefusedError as error:
            return error.code, error.message
        raise AssertionError(f"{method} was answered: {result}")

    async def until(self, method: str) -> dict[str, Any]:
        """The parameters of the newest notification of a kind, waited for if there is none yet."""
        while True:
            found = [one["params"] for one in self.heard if one.get("method") == method]
            if found:
                params: dict[str, Any] = found[-1]
                return params
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), 10)

    async def decide(self, method: str, decision: str) -> dict[str, Any]:
        """Answer the newest request for an approval of a kind, once it comes; what was asked."""
        return await self.reply(method, {"decision": decision})

    async def reply(self, method: str, result: dict[str, Any]) -> dict[str, Any]:
        """Answer the server's newest request of a kind, once it comes; what was asked."""
        asked = await self.until(method)
        identity = next(one["id"] for one in reversed(self.heard) if one.get("method") == method)
        await self.say(json.dumps({"id": identity, "result": result}).encode())
        return asked

    async def turn(self, thread_id: str, words: str) -> dict[str, Any]:
        """A whole turn, as its end was told."""
        self.heard = [one for one in self.heard if one.get("method") != "turn/completed"]
        await self.ask("turn/start", threadId=thread_id, input=[text(words)])
        told: dict[str, Any] = (await self.until("turn/completed"))["turn"]
        return told

    def news(self) -> list[str]:
        """The kinds of all notifications so far, in order."""
        return [one["method"] for one in self.heard if "method" in one]

    async def __aenter__(self) -> Self:
        await self.ask("initialize", **HELLO)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.close()


def text(words: str) -> dict[str, Any]:
    """What a person types."""
    return {"type": "text", "text": words}


def run(scenario: Coroutine[Any, Any, None]) -> None:
    """Run a test's scenario to its end."""
    asyncio.run(scenario)


def words_of(thread: dict[str, Any]) -> list[list[str]]:
    """What was said in each turn of a thread."""
    return [[_said(item) for item in turn["items"]] for turn in thread["turns"]]


def _said(item: dict[str, Any]) -> str:
    content = item.get("content") or []
    return str(item.get("text") or "".join(part.get("text", "") for part in content) or item["type"])
