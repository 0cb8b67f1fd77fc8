"""Items of the OpenAI Agents SDK as lines of a thread, and back.

Most are Responses API items and stand in the thread as they are. A message in short form (without ``type``, or with
a plain text as ``content``) is written in the full form that Codex reads; the event that goes with it says in
``given`` how it was given. What no response item can be is a line of its own type, byte for byte.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from rollout.boundaries import is_user_turn, message_parts, user_texts
from rollout.codec import Record, to_object
from rollout.errors import InvalidItemError
from rollout.history import rebuild
from rollout.items import RawItem
from rollout.lines import Line, Position
from rollout.policy import RESPONSE_ITEMS_NEVER_KEPT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rollout.lines import Found

Json = dict[str, Any]
LINE_TYPE = "agents_item"
_GIVEN = "agents_item_given"
_UNTYPED, _TEXT = "untyped", "text"
_NUMBER = "rollout:number"
_HERE = Position(0, 0)


def lines_of(item: object) -> Iterator[RawItem]:
    """The lines of one item: what the model sees, then what a person sees. Raises InvalidItemError."""
    if not isinstance(item, dict):
        raise InvalidItemError(f"an item of a session is a dict and not {type(item).__name__}; nothing was stored")
    shown, given = as_codex(item)
    kind = shown.get("type")
    if not isinstance(kind, str) or not kind or kind in RESPONSE_ITEMS_NEVER_KEPT:
        yield _raw(LINE_TYPE, item)
        return
    yield _raw("response_item", shown)
    event = _event_of(shown)
    if given:
        event = {**(event or {"type": _GIVEN}), "given": given}
    if event is not None:
        yield _raw("event_msg", event)


def as_codex(item: Json) -> tuple[Json, list[str]]:
    """A message in full form, and in which ways it was short; anything else as it is."""
    kind, role, content = item.get("type", "message"), item.get("role"), item.get("content")
    if kind != "message" or not isinstance(role, str) or not isinstance(content, str | list):
        return item, []
    shown, given = dict(item), []
    if "type" not in item:
        shown, given = {"type": "message", **item}, [_UNTYPED]
    if isinstance(content, str):
        part = "output_text" if role == "assistant" else "input_text"
        shown["content"] = [{"type": part, "text": content}]
        given.append(_TEXT)
    return shown, given


def _as_given(shown: Json, given: object) -> Json:
    """A message in the form in which it was given; ``as_codex`` backwards."""
    item = dict(shown)
    words = given if isinstance(given, list) else []
    if _TEXT in words:
        item["content"] = "".join(str(part.get("text", "")) for part in message_parts(shown))
    if _UNTYPED in words:
        item.pop("type", None)
    return item


def _event_of(shown: Json) -> Json | None:
    """What a person sees of an item; None for what is shown by nothing but itself."""
    if is_user_turn(shown):
        images = [part.get("image_url") for part in message_parts(shown) if part.get("type") == "input_image"]
        urls = [url for url in images if isinstance(url, str)]
        message = "".join(user_texts(shown))
        return {"type": "user_message", "message": message, "images": urls, "local_images": [], "text_elements": []}
    if shown.get("type") == "message" and shown.get("role") == "assistant":
        texts = (part.get("text", part.get("refusal")) for part in message_parts(shown))
        return {"type": "agent_message", "message": "".join(text for text in texts if isinstance(text, str))}
    return None


def _raw(line_type: str, payload: Json) -> RawItem:
    try:
        text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return RawItem(line_type, text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidItemError(f"an item cannot be written as JSON: {error}; nothing was stored") from None


def visible_items(lines: Iterable[Found]) -> list[Json]:
    """The items that stand, as they were given: compactions and rollbacks applied by the rules of the thread's era.

    Holds the whole list. Items that others recorded (Codex's own context among them) are in it as they stand.
    """
    reading = _Reading()
    return [reading.items[item[_NUMBER]] if _NUMBER in item else item for item in rebuild(reading.outlines(lines))]


class _Reading:
    """One pass over a thread: its items in full, and for the rules of history only what those look at."""

    def __init__(self) -> None:
        self.items: list[Json] = []

    def outlines(self, lines: Iterable[Found]) -> Iterator[Line]:
        """The lines for the rules; each item is known by its number."""
        for found in lines:
            if not isinstance(found, Line):
                continue
            record = found.record
            if record.type in (LINE_TYPE, "response_item"):
                payload = to_object(record.payload)
                if isinstance(payload, dict):
                    yield self._outline(found, payload)
            else:
                if record.type == "event_msg":
                    self._take_event(record)
                yield found

    def _outline(self, line: Line, payload: Json) -> Line:
        outline: Json = {"type": "kept", _NUMBER: len(self.items)}
        if line.record.type != LINE_TYPE and payload.get("type") == "message" and payload.get("role") != "system":
            outline |= {"type": "message", "role": payload.get("role"), "content": payload.get("content")}
        self.items.append(payload)
        encoded = msgspec.Raw(msgspec.json.encode(outline))
        record = Record(line.record.timestamp, "response_item", encoded, line.record.ordinal, bare=False)
        return Line(b"", line.n, _HERE, record)

    def _take_event(self, record: Record) -> None:
        if b'"given"' not in bytes(record.payload) or not self.items:
            return
        event = to_object(record.payload)
        if isinstance(event, dict) and "given" in event:
            self.items[-1] = _as_given(self.items[-1], event["given"])
