"""From a line to its answer: find the method, check its parameters, run it, tell what went wrong."""

from __future__ import annotations

import asyncio
import sys
from inspect import iscoroutinefunction
from traceback import print_exc
from typing import TYPE_CHECKING, Any

from rollout.appserver.messages import (
    INTERNAL,
    METHOD_NOT_FOUND,
    Request,
    Response,
    RpcError,
    answer,
    decode,
    invalid,
    refusal,
)
from rollout.appserver.methods import find
from rollout.errors import RolloutError

if TYPE_CHECKING:
    from rollout.appserver.state import Connection

BEFORE_HELLO = "initialize"


async def receive(connection: Connection, line: bytes) -> None:
    """Take one line from a client and answer it, if it is a request."""
    message = decode(line)
    if message is None:
        if line.strip():
            print(f"rollout app-server: passed over a line that is no message: {line[:80]!r}", file=sys.stderr)  # noqa: T201 - standard error is where it belongs
        return
    if isinstance(message, Response):
        connection.answered(message)
    if not isinstance(message, Request):
        return
    try:
        told = answer(message, await _run(connection, message))
    except RpcError as error:
        told = refusal(message, error)
    except (RolloutError, OSError) as error:
        told = refusal(message, RpcError(INTERNAL, f"{message.method}: {error}"))
    except Exception as error:  # noqa: BLE001 - the last line of defence: it is told, not swallowed
        print_exc()
        told = refusal(
            message, RpcError(INTERNAL, f"{message.method}: internal error: {type(error).__name__}: {error}")
        )
    await connection.send(told)
    await connection.send_after()


async def _run(connection: Connection, request: Request) -> Any:  # noqa: ANN401 - JSON as it comes
    if connection.client is None and request.method != BEFORE_HELLO:
        raise invalid("Not initialized")
    method = find(connection.server.level, request.method)
    if method is None:
        raise RpcError(METHOD_NOT_FOUND, f"method not found: {request.method}")
    params = method.schema.read(request.params)
    if iscoroutinefunction(method.run):
        return await method.run(connection, params)
    return await asyncio.to_thread(method.run, connection, params)
