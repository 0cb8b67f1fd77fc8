"""The agent: ask the model, do what it calls for, tell it what came of it, until it has nothing to call for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from rollout.appserver.responses.borrowed import offered_along
from rollout.appserver.responses.client import events
from rollout.appserver.responses.provider import ModelError, provider_of
from rollout.appserver.responses.streamed import counted, finished, progress
from rollout.appserver.responses.tools import CALLS, offered, run_call
from rollout.appserver.shown import model_message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from rollout.appserver.agent import Agent, TurnRequest

Fields = dict[str, Any]
_GUIDE_BYTES = 32 * 1024
_INSTRUCTIONS = """\
You are a coding agent. You work in a folder on the user's machine, with a shell and with apply_patch, which edits files.
Look before you change anything, keep changes small, check your work by running it, and say at the end what you did."""
_SUMMARISE = """\
Summarise the conversation so far for whoever goes on with it and sees nothing else: what is wanted, what was done and
found, which files matter, what is left to do. Be exact about names, paths and decisions."""


def responses(body_of: Callable[[TurnRequest, Sequence[Fields]], Fields] | None = None) -> Agent:
    """The agent; ``body_of`` makes the body of a request from the turn and the conversation."""
    return _Responses(body_of or request_body)


class _Responses:
    def __init__(self, body_of: Callable[[TurnRequest, Sequence[Fields]], Fields]) -> None:
        self._body_of = body_of

    async def __call__(self, request: TurnRequest) -> AsyncIterator[object]:
        """One turn: as many answers of the model as it takes until one calls for nothing."""
        provider, talk, used = provider_of(request.settings), _Talk(request), request.used
        while True:
            calls: list[Fields] = []
            async for event in events(provider, self._body_of(request, talk.items)):
                if (shown := progress(event)) is not None:
                    yield shown
                if (item := finished(event)) is not None:
                    talk.items.append(item)
                    calls += [item] if item.get("type") in CALLS else []
                    yield {"type": "response_item", "payload": item}
                if (count := counted(event, used, request.settings.context_window)) is not None:
                    used = count["payload"]["info"]["total_token_usage"]
                    yield count
            for call in calls:
                async for given in run_call(request, call):
                    talk.take(given)
                    yield given
            if not talk.hear() and not calls:
                return

    async def compact(self, request: TurnRequest) -> str:
        """A summary of the conversation, by the model."""
        asked = [*request.history, _from_user(_SUMMARISE)]
        body = self._body_of(request, asked) | {"tools": [], "tool_choice": "none"}
        said: list[str] = []
        async for event in events(provider_of(request.settings), body):
            item = finished(event) or {}
            if item.get("type") == "message":
                said += [str(part.get("text", "")) for part in item["content"]]
        if not "".join(said).strip():
            raise ModelError("the model gave no summary")
        return "\n".join(said)


class _Talk:
    """The conversation of a turn, as the model is sent it."""

    def __init__(self, request: TurnRequest) -> None:
        self.items, self._steering = list(request.history), request.steering

    def take(self, given: object) -> None:
        """What the model has to see of what a tool gave."""
        if isinstance(given, dict) and given.get("type") == "response_item":
            self.items.append(given["payload"])

    def hear(self) -> bool:
        """Take in what was said meanwhile; whether there was anything."""
        heard = False
        while not self._steering.empty():
            self.items.append(model_message(self._steering.get_nowait())["payload"])
            heard = True
        return heard


def request_body(request: TurnRequest, items: Sequence[Fields]) -> Fields:
    """The body of one request. Nothing is kept at the endpoint: each request carries the whole conversation."""
    body: Fields = {
        "model": request.model,
        "instructions": "\n\n".join(_instructions(request)),
        "input": list(items),
        "tools": [*offered(request.model), *offered_along(request.tools)],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": request.thread_id,
    }
    return body | ({"reasoning": {"effort": request.effort, "summary": "auto"}} if request.effort else {})


def _instructions(request: TurnRequest) -> list[str]:
    told = [request.instructions or _INSTRUCTIONS, f"The working folder is {request.cwd}."]
    guide = _guide(request.cwd)
    return [*told, f"The folder's AGENTS.md says:\n\n{guide}"] if guide else told


def _guide(cwd: str) -> str:
    try:
        with open(os.path.join(cwd, "AGENTS.md"), "rb") as file:
            return file.read(_GUIDE_BYTES).decode("utf-8", "replace").strip()
    except OSError:
        return ""


def _from_user(text: str) -> Fields:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
