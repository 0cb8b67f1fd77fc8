"""What people and agents said and did, line by line: the texts that a search looks through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.boundaries import message_text
from rollout.codec import to_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rollout.codec import Record

_BEFORE, _AFTER = 48, 96


def said(record: Record) -> Iterator[tuple[str, str]]:
    """Role (``user``, ``agent`` or ``tool``) and text of a line; nothing for lines in which nobody speaks.

    A message is taken from its event, because the response item that goes with it repeats it; only bare
    files, which have no events, are searched in their response items.
    """
    if record.type not in ("event_msg", "response_item"):
        return
    payload = to_object(record.payload)
    kind = payload.get("type") if isinstance(payload, dict) else None
    reader = _READERS.get(str(kind))
    if reader is not None and isinstance(payload, dict) and (kind != "message" or record.bare):
        role, text = reader(payload)
        if role and text:
            yield role, text


def snippet(text: str, folded: str) -> str:
    """The place where a case-folded text occurs, with what stands around it, on one line."""
    at = max(0, text.casefold().find(folded))
    around = text[max(0, at - _BEFORE) : at + len(folded) + _AFTER]
    return " ".join(around.split())


def _turn_item(event: dict[str, Any]) -> tuple[str, str]:
    item = event.get("item")
    if not isinstance(item, dict):
        return "", ""
    role = {"UserMessage": "user", "AgentMessage": "agent", "Plan": "agent"}.get(str(item.get("type")), "")
    return role, _text(item.get("text")) or message_text(item)


def _message(item: dict[str, Any]) -> tuple[str, str]:
    role = {"user": "user", "assistant": "agent"}.get(str(item.get("role")), "")
    return role, message_text(item)


def _call(item: dict[str, Any]) -> tuple[str, str]:
    parts = [_text(item.get(key)) for key in ("name", "arguments", "input")]
    action = item.get("action")
    command = action.get("command") if isinstance(action, dict) else None
    if isinstance(command, list):
        parts += [_text(part) for part in command]
    return "tool", " ".join(part for part in parts if part)


def _output(item: dict[str, Any]) -> tuple[str, str]:
    return "tool", _text(item.get("output")) or message_text({"content": item.get("output")})


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


_READERS: dict[str, Callable[[dict[str, Any]], tuple[str, str]]] = {
    "user_message": lambda event: ("user", _text(event.get("message"))),
    "agent_message": lambda event: ("agent", _text(event.get("message"))),
    "item_completed": _turn_item,
    "message": _message,
    "function_call": _call,
    "custom_tool_call": _call,
    "local_shell_call": _call,
    "function_call_output": _output,
    "custom_tool_call_output": _output,
}
