"""A question to several clients, of which the first answer counts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from rollout.appserver.messages import RpcError

if TYPE_CHECKING:
    from collections.abc import Iterable

Fields = dict[str, Any]


class Asked(Protocol):
    """A client, as far as it can be asked something."""

    async def ask(self, method: str, params: Fields) -> Any:  # noqa: ANN401 - JSON as it comes
        """What it answers; RpcError when it refuses, ConnectionError when it is gone or goes away."""
        ...


class Question:
    """One question, open until somebody has answered; on the server's event loop alone."""

    def __init__(self, method: str, params: Fields) -> None:
        """Nobody is asked yet."""
        self._method, self._params = method, params
        self._asking: dict[Asked, asyncio.Task[Any]] = {}
        self._answers: asyncio.Queue[asyncio.Task[Any]] = asyncio.Queue()
        self._open = 0

    def ask(self, client: Asked) -> None:
        """Ask one more client, once."""
        if client not in self._asking:
            self._asking[client] = task = asyncio.create_task(client.ask(self._method, self._params))
            task.add_done_callback(self._answers.put_nowait)
            self._open += 1

    async def first_answer(self, clients: Iterable[Asked]) -> Any:  # noqa: ANN401 - JSON as it comes
        """What the first of all who are asked answers; RpcError when all refuse, ConnectionError when all are gone."""
        for client in clients:
            self.ask(client)
        failed: RpcError | ConnectionError = ConnectionError("nobody is there to be asked")
        try:
            while self._open:
                task = await self._answers.get()
                self._open -= 1
                try:
                    return task.result()
                except RpcError as error:
                    failed = error
                except ConnectionError:
                    continue
            raise failed
        finally:
            for task in self._asking.values():
                task.cancel()
            await asyncio.gather(*self._asking.values(), return_exceptions=True)
