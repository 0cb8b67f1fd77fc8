"""What a client sees of an item that is recorded, and how a file of each era tells it; pure.

Shown items are in the words of the paginated era, as in ``rollout.turns``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from rollout.boundaries import message_text
from rollout.turns.grammar import array, mapping, text_of
from rollout.turns.legacy_items import READERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollout.codec import Era

Fields = dict[str, Any]
SHOWN_BY_ITSELF = frozenset(READERS) | {"item_completed"}


class Told(NamedTuple):
    """Where and when something was shown."""

    thread_id: str
    turn_id: str
    at_ms: int


def shown_of(line_type: str, payload: Any, new_id: Callable[[], str]) -> Fields | None:  # noqa: ANN401 - JSON as it comes
    """What is to be shown of an item, None for nothing."""
    item = mapping(payload)
    kind = text_of(item.get("type"))
    if line_type == "event_msg":
        shown = (
            mapping(item.get("item")) if kind == "item_completed" else READERS[kind](item) if kind in READERS else None
        )
        return shown or None
    if line_type != "response_item":
        return None
    if kind == "message" and item.get("role") == "assistant" and (text := message_text(item)):
        return {"type": "AgentMessage", "id": new_id(), "content": [{"type": "Text", "text": text}]}
    if kind == "reasoning":
        summary, content = _texts(item.get("summary")), _texts(item.get("content"))
        if summary or content:
            return {"type": "Reasoning", "id": new_id(), "summary_text": summary, "raw_content": content}
    return None


def shown_input(parts: list[Fields], new_id: Callable[[], str]) -> Fields:
    """What a person sent, from the words of the wire."""
    return {"type": "UserMessage", "id": new_id(), "content": [_recorded_part(part) for part in parts]}


def events_for(shown: Fields, era: Era, told: Told) -> list[Fields]:
    """The events by which a file tells a shown item that is not told by an event of its own."""
    if era == "paginated":
        where = {"thread_id": told.thread_id, "turn_id": told.turn_id}
        when = {"started_at_ms": told.at_ms, "completed_at_ms": told.at_ms}
        return [_event("item_completed", **where, item=_recorded(shown), **when)]
    if shown["type"] == "AgentMessage":
        return [_event("agent_message", message=message_text(shown))]
    if shown["type"] == "Reasoning":
        thoughts = [_event("agent_reasoning", text=text) for text in shown["summary_text"]]
        return thoughts + [_event("agent_reasoning_raw_content", text=text) for text in shown["raw_content"]]
    return [_user_event(shown)] if shown["type"] == "UserMessage" else []


def _recorded(shown: Fields) -> Fields:
    """A shown item as a paginated file keeps it: the folder of a command is a URL there, and Codex drops one that is none."""
    cwd = shown.get("cwd")
    if shown["type"] != "CommandExecution" or not isinstance(cwd, str) or not cwd.startswith("/"):
        return shown
    return shown | {"cwd": f"file://{quote(cwd)}"}


def model_message(parts: list[Fields]) -> Fields:
    """What a person sent, as a model would be sent it."""
    content: list[Fields] = []
    for part in parts:
        if part.get("type") == "text":
            content.append({"type": "input_text", "text": text_of(part.get("text"))})
        elif part.get("type") == "image":
            content.append({"type": "input_image", "image_url": text_of(part.get("url"))})
        elif part.get("type") == "localImage":
            content.append({"type": "input_text", "text": f"<image name=[{text_of(part.get('path'))}]>"})
    return {"type": "response_item", "payload": {"type": "message", "role": "user", "content": content}}


def _user_event(shown: Fields) -> Fields:
    parts = array(shown.get("content"))
    texts = [part for part in parts if part.get("type") == "text"]
    return _event(
        "user_message",
        message="\n".join(text_of(part.get("text")) for part in texts),
        images=[part["image_url"] for part in parts if part.get("type") == "image"],
        local_images=[part["path"] for part in parts if part.get("type") == "local_image"],
        text_elements=[one for part in texts for one in array(part.get("text_elements"))],
    )


def _recorded_part(part: Fields) -> Fields:
    kind = part.get("type")
    if kind == "text":
        elements = [mapping(one) for one in array(part.get("text_elements"))]
        told = [{"byte_range": one.get("byteRange"), "placeholder": one.get("placeholder")} for one in elements]
        return {"type": "text", "text": text_of(part.get("text")), "text_elements": told}
    if kind == "image":
        return {"type": "image", "image_url": text_of(part.get("url"))}
    if kind == "localImage":
        return {"type": "local_image", "path": text_of(part.get("path"))}
    return dict(part)


def _event(tag: str, **fields: Any) -> Fields:  # noqa: ANN401 - JSON as it comes
    return {"type": "event_msg", "payload": {"type": tag, **fields}}


def _texts(parts: object) -> list[str]:
    return [text for part in array(parts) if (text := text_of(mapping(part).get("text")))]
