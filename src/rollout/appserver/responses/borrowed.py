"""Tools that the client brought along: offered to the model, and run by the client when they are called."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from rollout.appserver.agent import Begun

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from rollout.appserver.agent import ToolAnswer, TurnRequest

Fields = dict[str, Any]


def offered_along(tools: Iterable[Fields]) -> list[Fields]:
    """How the model is told of them; those of a namespace stand inside it."""
    return [
        {**_named(tool), "type": "namespace", "tools": [_function(one) for one in _inside(tool)]}
        if tool.get("type") == "namespace"
        else _function(tool)
        for tool in tools
    ]


def is_borrowed(request: TurnRequest, call: Fields) -> bool:
    """Whether a call is meant for a tool of the client's."""
    wanted = call.get("namespace") or None, call.get("name")
    return call.get("type") == "function_call" and wanted in set(_names(request.tools))


async def run_borrowed(request: TurnRequest, call: Fields, arguments: Fields) -> AsyncIterator[object]:
    """What comes of one call; its output for the model comes last, as a text or as parts."""
    call_id, name, namespace = str(call.get("call_id") or ""), str(call.get("name")), call.get("namespace") or None
    told: Fields = {"namespace": namespace, "tool": name, "arguments": arguments}
    yield Begun({"type": "DynamicToolCall", "id": call_id, **told, "status": "in_progress"})
    began = time.monotonic()
    answer = await request.calls.call(call_id, name, arguments, namespace)
    seconds = time.monotonic() - began
    duration = {"secs": int(seconds), "nanos": int(seconds % 1 * 1e9)}
    ended: Fields = {"content_items": answer.content, "success": answer.success, "error": None, "duration": duration}
    fields = {"type": "dynamic_tool_call_response", "call_id": call_id, "turn_id": request.turn_id, **told, **ended}
    yield {"type": "event_msg", "payload": fields}
    yield _for_model(answer)


def _for_model(answer: ToolAnswer) -> str | list[Fields]:
    parts = [part for one in answer.content if (part := _part(one)) is not None]
    if all(part["type"] == "input_text" for part in parts):
        return "\n".join(part["text"] for part in parts) or ("done" if answer.success else "failed")
    return parts


def _part(part: Fields) -> Fields | None:
    if part.get("type") == "inputText":
        return {"type": "input_text", "text": str(part.get("text", ""))}
    return {"type": "input_image", "image_url": str(part.get("imageUrl"))} if part.get("type") == "inputImage" else None


def _names(tools: Iterable[Fields]) -> Iterator[tuple[object, object]]:
    for tool in tools:
        if tool.get("type") == "namespace":
            yield from ((tool.get("name"), one.get("name")) for one in _inside(tool))
        else:
            yield None, tool.get("name")


def _inside(tool: Fields) -> list[Fields]:
    tools = tool.get("tools")
    return [one for one in tools if isinstance(one, dict)] if isinstance(tools, list) else []


def _function(tool: Fields) -> Fields:
    parameters = tool.get("inputSchema")
    return {**_named(tool), "type": "function", "strict": False, "parameters": parameters if isinstance(parameters, dict) else {}}


def _named(tool: Fields) -> Fields:
    return {"name": tool.get("name"), "description": tool.get("description") or ""}
