"""From a line to its answer: find the method, check its parameters, run it, tell what went wrong."""

from __future__ import annotations

import asyncio
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from rollout.appserver.log import say, say_exception
from rollout.appserver.messages import (
    INTERNAL,
    METHOD_NOT_FOUND,
    Request,
    Response,
    RpcError,
    answer,
    invalid,
    refusal,
)
from rollout.appserver.methods import find
from rollout.appserver.unreadable import Unreadable, read
from rollout.errors import RolloutError

if TYPE_CHECKING:
    from rollout.appserver.connection import Connection
    from rollout.appserver.messages import Incoming
    from rollout.appserver.unreadable import Oversized

BEFORE_HELLO = "initialize"
_COMPLAINTS = 20


async def receive(connection: Connection, line: bytes | Oversized) -> None:
    """Take one line from a client and answer it, if it is a request."""
    if isinstance(line, bytes) and not line.strip():
        return
    await serve(connection, read(line))


async def serve(connection: Connection, message: Incoming | Unreadable) -> None:
    """Take one message and answer it, if it is a request, together with what follows the answer."""
    if isinstance(message, Request):
        try:
            await give_answer(connection, message)
        finally:
            await connection.send_after()
    elif isinstance(message, Response):
        connection.answered(message)
    elif isinstance(message, Unreadable):
        await _complain(connection, message)


async def give_answer(connection: Connection, request: Request) -> None:
    """Answer a request, whatever becomes of it; raises ConnectionError when nobody is there to hear it."""
    try:
        await connection.send(answer(request, await _run(connection, request)))
    except ConnectionError:
        raise
    except Exception as error:  # noqa: BLE001 - the last line of defence: it is told, not swallowed
        await connection.send(refusal(request, _told(request, error)))


def _told(request: Request, error: Exception) -> RpcError:
    """What the client is told of an error; what nobody has foreseen goes to the operator as well."""
    if isinstance(error, RpcError):
        return error
    if isinstance(error, RolloutError | OSError):
        return RpcError(INTERNAL, f"{request.method}: {error}")
    say_exception()
    return RpcError(INTERNAL, f"{request.method}: internal error: {type(error).__name__}: {error}")


async def _run(connection: Connection, request: Request) -> Any:  # noqa: ANN401 - JSON as it comes
    if connection.client is None and request.method != BEFORE_HELLO:
        raise invalid("Not initialized")
    if connection.server.closing:
        raise RpcError(INTERNAL, "the server is stopping")
    method = find(connection.server.level, request.method)
    if method is None:
        raise RpcError(METHOD_NOT_FOUND, f"method not found: {request.method}")
    params = method.schema.read(request.params)
    if iscoroutinefunction(method.run):
        return await method.run(connection, params)
    return await asyncio.to_thread(method.run, connection, params)


async def _complain(connection: Connection, found: Unreadable) -> None:
    """Answer a line that is no message where its id can be read off; else it is passed over, and the operator is told."""
    if found.request is not None:
        await connection.send(refusal(found.request, found.error))
        return
    connection.complaints += 1
    if connection.complaints <= _COMPLAINTS:
        more = "; no more of this client's are named" if connection.complaints == _COMPLAINTS else ""
        say(f"passed over a line that is no message: {found.shown!r}: {found.error.message}{more}")
