"""One request to a model, and its answer as it streams in: server-sent events over httpx."""

from __future__ import annotations

import asyncio
import json
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from rollout.appserver.responses.provider import ModelError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from ssl import SSLContext

    from httpx import Response

    from rollout.appserver.responses.provider import Provider

Fields = dict[str, Any]
_CONNECT_SECONDS = 30.0
_PAUSE_SECONDS = 0.2
_COMPLAINT = 2000
_READING = Lock()
_WORTH_ANOTHER_TRY = frozenset({408, 409, 429, 500, 502, 503, 504})


class _TryAgainError(ModelError):
    """Nothing was answered, and another try may help."""


async def events(provider: Provider, body: Fields) -> AsyncIterator[Fields]:
    """The events of one answer, to its completion.

    Tried again, with growing pauses, as long as no event has come. Raises ModelError.
    """
    for attempt in range(provider.retries + 1):
        begun = False
        try:
            async for event in _once(provider, body):
                begun = True
                yield event
        except _TryAgainError:
            if begun or attempt == provider.retries:
                raise
            await asyncio.sleep(_PAUSE_SECONDS * 2**attempt)
        else:
            return


async def _once(provider: Provider, body: Fields) -> AsyncIterator[Fields]:
    try:
        import httpx  # noqa: PLC0415 - only who asks a model needs it
    except ImportError:
        raise ModelError("asking a model needs httpx: pip install 'rollout-recorder[responses]'") from None
    timeout = httpx.Timeout(provider.idle_seconds, connect=_CONNECT_SECONDS)
    headers = {**provider.headers, "accept": "text/event-stream"}
    try:
        async with (
            httpx.AsyncClient(timeout=timeout, verify=await asyncio.to_thread(_trusted)) as client,
            client.stream("POST", provider.url, json=body, headers=headers, params=provider.query) as response,
        ):
            await _check(provider, response)
            async for event in _read(response):
                yield event
                if event.get("type") in ("response.completed", "response.incomplete"):
                    return
    except httpx.HTTPError as error:
        raise _TryAgainError(f"{provider.name}: {type(error).__name__}: {error}".rstrip(": ")) from error
    raise _TryAgainError(f"{provider.name}: the answer broke off before it was complete")


def _trusted() -> SSLContext:
    """Whom to trust; read once, as it takes longer than all else that is done for a request."""
    with _READING:  # who comes while it is read waits for it
        return _trust()


@cache
def _trust() -> SSLContext:
    import httpx  # noqa: PLC0415 - only who asks a model needs it

    return httpx.create_ssl_context()


async def _check(provider: Provider, response: Response) -> None:
    if response.status_code == 200:
        return
    said = (await response.aread()).decode("utf-8", "replace")
    kind = _TryAgainError if response.status_code in _WORTH_ANOTHER_TRY else ModelError
    raise kind(f"{provider.name} answered {response.status_code}: {_complaint(said)}")


def _complaint(said: str) -> str:
    try:
        error = json.loads(said)["error"]
        return str(error["message"] if isinstance(error, dict) else error)[:_COMPLAINT]
    except (ValueError, KeyError, TypeError):
        return " ".join(said.split())[:_COMPLAINT] or "nothing"


async def _read(response: Response) -> AsyncIterator[Fields]:
    """The JSON objects in a stream of server-sent events. Raises ModelError for a failure that is told in it."""
    data: list[str] = []
    async for line in response.aiter_lines():
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            event = _event("\n".join(data))
            data = []
            if event is not None:
                yield event


def _event(text: str) -> Fields | None:
    if text == "[DONE]":
        return None
    try:
        event = json.loads(text)
    except ValueError:
        raise ModelError(f"the model sent an event that is no JSON: {text[:80]!r}") from None
    if not isinstance(event, dict):
        return None
    if event.get("type") in ("response.failed", "error"):
        raise ModelError(f"the model failed: {_why(event)}")
    return event


def _why(event: Fields) -> str:
    inner = event.get("response")
    error = (inner.get("error") if isinstance(inner, dict) else None) or event.get("error") or event
    return str(error.get("message") or error.get("code") or "no reason given") if isinstance(error, dict) else str(error)
