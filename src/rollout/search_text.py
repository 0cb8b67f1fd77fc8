"""What of a line can be found: who said or did what. The one place that decides it, for every store and index.

A line gives passages: a role and a text. What the program put in (AGENTS.md, environment, developer messages,
instructions), bookkeeping, sealed content and encoded images are no passages unless ``everything`` is asked for;
then every other text of the line is one too, as role ``context``.

Messages stand twice in a rollout, as the model's item and as the event for clients, and so may calls: ``carrier``
and ``call_id`` let a search tell one thing only once (``rollout.search_match.without_twins``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from rollout.boundaries import is_user_message, message_parts
from rollout.codec import payload_tag, to_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rollout.codec import Record

    Json = Any
    Reader = Callable[[dict[str, Json]], Iterator[tuple[str, str]]]

_BLOB = re.compile(r"(;base64,)[A-Za-z0-9+/=_-]{32,}")
_COLOUR = re.compile("\x1b\\[[0-9;:?]*[A-Za-z]")
_ENCODED = re.compile(r"[A-Za-z0-9+/=_-]{256,}|data:.*")
_PATCHED = re.compile(r"(?m)^\s*\*\*\* (?:(?:Add|Update|Delete) File|Move to): (.+?)\s*$")
_PATCH = "*** "
_CARRIERS = {"event_msg": "event", "response_item": "item"}
_DEEPEST = 64


class Passage(NamedTuple):
    """One text of a line and whose it is; ``carrier`` is ``item`` or ``event``, "" for everything else."""

    role: str
    text: str
    carrier: str = ""
    call_id: str = ""


def passages(record: Record, *, everything: bool = False) -> list[Passage]:
    """The passages of a line, in the order in which they are looked through; an empty list for bookkeeping."""
    found = _spoken(record)
    if everything:
        found += [Passage("context", text) for text in _strings(_payload(record)) if text]
    return found


def texts(record: Record) -> list[str]:
    """The texts of the passages alone, for who does not ask whose they are."""
    reader, payload = _reader(record)
    return [_without_codes(text) for _, text in reader(payload) if text] if reader else []


def begins_turn(record: Record) -> str:
    """``item`` or ``event`` when the line is a person's message in that form, "" otherwise."""
    if not record.has_payload:
        return ""
    if record.type == "event_msg":
        tag = payload_tag(record.payload)
        if tag == "user_message":
            return "event"
        item = _payload(record).get("item") if tag == "item_completed" else None
        return "event" if isinstance(item, dict) and item.get("type") == "UserMessage" else ""
    if record.type == "response_item" and payload_tag(record.payload) == "message":
        return "item" if is_user_message(_payload(record)) else ""
    return ""


class TurnCount:
    """Counts turns along the lines of a thread; the item and the event of one message are one turn."""

    __slots__ = ("by_item", "turn")

    def __init__(self, turn: int = 0, by_item: int = 0) -> None:
        """Go on behind a turn; ``by_item`` is 1 when it was its item that began it, and its event may follow."""
        self.turn, self.by_item = turn, by_item

    def take(self, record: Record) -> int:
        """Take in a line; the number of the turn that it belongs to, 0 before the first."""
        carrier = begins_turn(record)
        if carrier:
            twin = carrier == "event" and self.by_item
            self.turn += not twin
            self.by_item = int(carrier == "item")
        return self.turn


def _spoken(record: Record) -> list[Passage]:
    reader, payload = _reader(record)
    if reader is None:
        return []
    carrier = _CARRIERS.get(record.type, "")
    call_id = _text(payload.get("call_id")) or _text(_mapping(payload.get("item")).get("call_id"))
    item_id = _text(_mapping(payload.get("item")).get("id"))
    return [
        Passage(role, _without_codes(text), carrier, call_id or (item_id if role == "tool" else ""))
        for role, text in reader(payload)
        if text
    ]


def _reader(record: Record) -> tuple[Reader | None, dict[str, Json]]:
    """What reads a line's payload, and the payload, which nobody needs where there is no reader."""
    kinds = _KINDS.get(record.type)
    if kinds is None or not record.has_payload:
        return None, {}
    reader = _compacted if record.type == "compacted" else kinds.get(payload_tag(record.payload))
    return reader, _payload(record) if reader else {}


def _payload(record: Record) -> dict[str, Json]:
    found = to_object(record.payload) if record.has_payload else None
    return found if isinstance(found, dict) else {}


def _without_codes(text: str) -> str:
    """A text without the letters of encoded images and of terminal colours, which are no words; blanks stand there."""
    if ";base64," in text:
        text = _BLOB.sub(r"\1 ", text)
    return _COLOUR.sub(" ", text) if "\x1b[" in text else text


# -- the model's items (spec: rollout-format 2.8) -------------------------------------------------------------


def _message(item: dict[str, Json]) -> Iterator[tuple[str, str]]:
    if item.get("role") == "assistant":
        yield "agent", _joined(item)
    elif is_user_message(item) and is_user_message(item, later=True):
        yield "user", _joined(item)


def _agent_item(item: dict[str, Json]) -> Iterator[tuple[str, str]]:
    yield "agent", _joined(item)


def _reasoning_item(item: dict[str, Json]) -> Iterator[tuple[str, str]]:
    for name in ("summary", "content"):
        for part in _listed(item.get(name)):
            yield "reasoning", _text(_mapping(part).get("text"))


def _call(item: dict[str, Json]) -> Iterator[tuple[str, str]]:
    asked = "\n".join(_strings(_parsed(item.get("arguments") or item.get("input") or item.get("action"))))
    yield "tool", f"{_text(item.get('name'))}\n{asked}".strip()
    yield from _patched(asked)


def _output(item: dict[str, Json]) -> Iterator[tuple[str, str]]:
    yield "tool", _told(item.get("output"))


def _web_search(item: dict[str, Json]) -> Iterator[tuple[str, str]]:
    yield "tool", "\n".join([_text(item.get("query")), *_strings(item.get("action"))]).strip()


def _image_call(item: dict[str, Json]) -> Iterator[tuple[str, str]]:
    yield "tool", _text(item.get("revised_prompt"))


# -- events for clients (spec: rollout-format 2.9) and the items of turns --------------------------------------


def _field(role: str, *names: str) -> Reader:
    """A reader of the first of these fields that is a text."""

    def reader(event: dict[str, Json]) -> Iterator[tuple[str, str]]:
        yield role, next(filter(None, (_text(event.get(name)) for name in names)), "")

    return reader


def _goal(event: dict[str, Json]) -> Iterator[tuple[str, str]]:
    yield "note", _text(_mapping(event.get("goal")).get("objective"))


def _user_event(event: dict[str, Json]) -> Iterator[tuple[str, str]]:
    yield "user", _text(event.get("message"))
    for path in _listed(event.get("local_images")):
        yield "file", _text(path)


def _user_item(item: dict[str, Json]) -> Iterator[tuple[str, str]]:
    yield "user", _joined(item)
    for part in message_parts(item):
        yield "file", _text(part.get("path"))


def _command(item: dict[str, Json]) -> Iterator[tuple[str, str]]:
    yield "tool", "\n".join(_strings(item.get("command")))
    yield "tool", next(filter(None, (_text(item.get(name)) for name in _OUTPUTS)), "")


_OUTPUTS = ("aggregated_output", "formatted_output", "stdout")


def _changes(item: dict[str, Json]) -> Iterator[tuple[str, str]]:
    for path, change in _mapping(item.get("changes")).items():
        yield "file", path
        yield "tool", "\n".join(_strings(change))
        yield "file", _text(_mapping(change).get("move_path"))
    yield "tool", f"{_text(item.get('stdout'))}\n{_text(item.get('stderr'))}".strip()


def _mcp(item: dict[str, Json]) -> Iterator[tuple[str, str]]:
    asked = _mapping(item.get("invocation")) or item
    names = [_text(asked.get(name)) for name in ("server", "tool")]
    yield "tool", "\n".join([*filter(None, names), *_strings(_parsed(asked.get("arguments")))])
    yield "tool", "\n".join(part for part in _strings(item.get("result")) if not _ENCODED.fullmatch(part))


def _view(item: dict[str, Json]) -> Iterator[tuple[str, str]]:
    yield "file", _text(item.get("path"))


def _review(item: dict[str, Json]) -> Iterator[tuple[str, str]]:
    told = _mapping(item.get("review_output"))
    yield "agent", _text(told.get("overall_explanation")) or _text(item.get("review"))
    for finding in _listed(told.get("findings")):
        parts = _mapping(finding)
        yield "agent", f"{_text(parts.get('title'))}\n{_text(parts.get('body'))}".strip()
        yield "file", _text(_mapping(parts.get("code_location")).get("absolute_file_path"))


def _reasoning_turn(item: dict[str, Json]) -> Iterator[tuple[str, str]]:
    for name in ("summary_text", "raw_content"):
        for part in _listed(item.get(name)):
            yield "reasoning", _text(part)


def _agents_asked(item: dict[str, Json]) -> Iterator[tuple[str, str]]:
    yield "tool", _text(item.get("prompt"))


def _turn_item(event: dict[str, Json]) -> Iterator[tuple[str, str]]:
    item = _mapping(event.get("item"))
    reader = _TURN_ITEMS.get(_text(item.get("type")))
    if reader is not None:
        yield from reader(item)


def _compacted(payload: dict[str, Json]) -> Iterator[tuple[str, str]]:
    yield "agent", _text(payload.get("message"))


def _agent_turn(item: dict[str, Json]) -> Iterator[tuple[str, str]]:
    yield "agent", _text(item.get("text")) or _joined(item)


_ITEMS: dict[str, Reader] = {
    "message": _message,
    "agent_message": _agent_item,
    "reasoning": _reasoning_item,
    **dict.fromkeys(("function_call", "custom_tool_call", "local_shell_call", "tool_search_call"), _call),
    **dict.fromkeys(("function_call_output", "custom_tool_call_output"), _output),
    "web_search_call": _web_search,
    "image_generation_call": _image_call,
}
_EVENTS: dict[str, Reader] = {
    "user_message": _user_event,
    "agent_message": _field("agent", "message"),
    **dict.fromkeys(("agent_reasoning", "agent_reasoning_raw_content"), _field("reasoning", "text")),
    "item_completed": _turn_item,
    "exec_command_end": _command,
    "patch_apply_end": _changes,
    "mcp_tool_call_end": _mcp,
    "web_search_end": _web_search,
    "view_image_tool_call": _view,
    "exited_review_mode": _review,
    "entered_review_mode": _field("note", "user_facing_hint"),
    "thread_goal_updated": _goal,
    **dict.fromkeys(("error", "stream_error", "warning", "guardian_warning"), _field("note", "message")),
}
_KINDS: dict[str, dict[str, Reader]] = {"event_msg": _EVENTS, "response_item": _ITEMS, "compacted": {}}
_TURN_ITEMS: dict[str, Reader] = {
    "UserMessage": _user_item,
    **dict.fromkeys(("AgentMessage", "Plan"), _agent_turn),
    "Reasoning": _reasoning_turn,
    "CommandExecution": _command,
    "FileChange": _changes,
    "McpToolCall": _mcp,
    "WebSearch": _web_search,
    "ImageView": _view,
    "EnteredReviewMode": _field("note", "review", "user_facing_hint"),
    "ExitedReviewMode": _review,
    "CollabAgentToolCall": _agents_asked,
}


# -- texts in values -------------------------------------------------------------------------------------------


def _joined(item: dict[str, Json]) -> str:
    return "\n".join(filter(None, (_text(part.get("text")) for part in message_parts(item))))


def _told(output: Json) -> str:
    """What a tool answered: a text, one wrapped in JSON, or parts."""
    if isinstance(output, str) and output.startswith('{"output"'):
        output = _mapping(_parsed(output)).get("output", output)
    if isinstance(output, list):
        return "\n".join(filter(None, (_text(_mapping(part).get("text")) for part in output)))
    return _text(output) or "\n".join(_strings(output))


def _patched(text: str) -> Iterator[tuple[str, str]]:
    """The files that a patch in a call touches."""
    if _PATCH in text:
        for path in dict.fromkeys(_PATCHED.findall(text)):
            yield "file", path


def _parsed(value: Json) -> Json:
    """Arguments that are JSON inside a text, read; anything else as it is."""
    if not isinstance(value, str) or value[:1] not in ("{", "["):
        return value
    try:
        return to_object(value.encode())
    except (ValueError, RecursionError):
        return value


def _strings(value: Json, depth: int = 0) -> Iterator[str]:
    """Every text inside a value, names of fields left out."""
    if isinstance(value, str):
        yield value
    elif depth < _DEEPEST and isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _strings(one, depth + 1)


def _mapping(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
