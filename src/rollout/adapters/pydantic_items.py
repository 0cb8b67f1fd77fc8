"""Messages of Pydantic AI as the response items and events that Codex reads.

What goes to the model as text, call, output or image is shown; the exact messages are kept beside it, so nothing
depends on what this view leaves out (settings, deltas, files that are no images).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_ai.messages import (  # type: ignore[import-not-found, unused-ignore]  # pyright: ignore[reportMissingImports]  # an extra: only some environments have it
    BinaryContent,
    ImageUrl,
    ModelRequest,
    SystemPromptPart,
    TextContent,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

from rollout.boundaries import is_user_turn, message_text, user_texts
from rollout.items import AgentMessage, RawItem, UserMessage, encoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Json = dict[str, Any]


def shown(messages: Iterable[Any]) -> list[Json]:
    """The response items of messages, in order; the same messages give the same items."""
    return [item for message in messages for part in message.parts for item in _items(message, part)]


def lines_of(items: Iterable[Json]) -> Iterator[object]:
    """Response items with the events that go with them."""
    for item in items:
        yield RawItem("response_item", encoder.encode(item))
        if is_user_turn(item):
            images = [part["image_url"] for part in item["content"] if part["type"] == "input_image"]
            yield UserMessage(message="".join(user_texts(item)), images=images)
        elif item.get("role") == "assistant":
            yield AgentMessage(message=message_text(item))


def _items(message: Any, part: Any) -> Iterator[Json]:  # noqa: ANN401 - whatever kinds the SDK has
    """The item of one part, if it has one. An unknown kind with a text of its own is shown as context."""
    for kind, reader in _READERS.items():
        if isinstance(part, kind):
            yield from reader(part)
            return
    feedback = getattr(part, "model_response", None)
    if isinstance(message, ModelRequest) and callable(feedback):
        tool = getattr(part, "tool_name", None)
        text = str(feedback())
        yield _output(part.tool_call_id, text) if tool else _message("developer", [_text("input_text", text)])


def _user(part: Any) -> Iterator[Json]:  # noqa: ANN401 - a part of the SDK
    contents = [part.content] if isinstance(part.content, str) else part.content
    yield _message("user", [found for content in contents for found in _content(content)])


def _content(content: Any) -> Iterator[Json]:  # noqa: ANN401 - what people send
    if isinstance(content, str):
        yield _text("input_text", content)
    elif isinstance(content, TextContent):
        yield _text("input_text", content.content)
    elif isinstance(content, ImageUrl):
        yield {"type": "input_image", "image_url": content.url}
    elif isinstance(content, BinaryContent) and content.is_image:
        yield {"type": "input_image", "image_url": content.data_uri}
    elif (kind := getattr(content, "kind", "")) != "cache-point":
        yield _text("input_text", f"[{kind}]")


def _thought(part: Any) -> Iterator[Json]:  # noqa: ANN401 - a part of the SDK
    if part.content:
        yield {"type": "reasoning", "summary": [_text("summary_text", part.content)], "encrypted_content": None}


def _call(part: Any) -> Iterator[Json]:  # noqa: ANN401 - a part of the SDK
    yield {
        "type": "function_call",
        "name": part.tool_name,
        "arguments": part.args_as_json_str(),
        "call_id": part.tool_call_id,
    }


def _output(call_id: str, output: str) -> Json:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def _message(role: str, content: list[Json]) -> Json:
    return {"type": "message", "role": role, "content": content}


def _text(kind: str, text: str) -> Json:
    return {"type": kind, "text": text}


_READERS: dict[Any, Callable[[Any], Iterable[Json]]] = {
    SystemPromptPart: lambda part: [_message("developer", [_text("input_text", part.content)])],
    UserPromptPart: _user,
    ToolReturnPart: lambda part: [_output(part.tool_call_id, part.model_response_str())],
    TextPart: lambda part: [_message("assistant", [_text("output_text", part.content)])],
    ThinkingPart: _thought,
    ToolCallPart: _call,
}
