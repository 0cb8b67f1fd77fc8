"""Threads made by hand, line by line, for the tests of the history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from rollout.codec import Era, decode
from rollout.lines import Line, Position

if TYPE_CHECKING:
    from collections.abc import Sequence

Json = dict[str, Any]
Step = tuple[str, Json]

TIMESTAMP = "2026-02-12T10:00:00.000Z"
PERMISSIONS = "<permissions instructions>\nask\n</permissions instructions>"
ENVIRONMENT = "<environment_context>\n  <cwd>/home/dev/app</cwd>\n</environment_context>"
SUMMARY = "Another language model started to solve this problem and produced a summary of its work:\nit went well"


def thread(*steps: Step, era: Era = "legacy") -> list[Line]:
    """A thread with these lines behind its session_meta, numbered and placed as in a file."""
    lines, offset = [], 0
    for n, (line_type, payload) in enumerate([("session_meta", {"id": "t", "timestamp": TIMESTAMP}), *steps]):
        data = _data(line_type, payload, n, era)
        lines.append(Line(data, n, Position(0, offset), decode(data)))
        offset += len(data)
    return lines


def _data(line_type: str, payload: Json, n: int, era: Era) -> bytes:
    if era == "bare":
        return msgspec.json.encode(payload) + b"\n"
    ordinal = {"ordinal": n} if era == "paginated" else {}
    return msgspec.json.encode({"timestamp": TIMESTAMP, **ordinal, "type": line_type, "payload": payload}) + b"\n"


def item(kind: str, **fields: object) -> Step:
    """A response item of any kind."""
    return "response_item", {"type": kind, **fields}


def event(kind: str, **fields: object) -> Step:
    """An event of any kind."""
    return "event_msg", {"type": kind, **fields}


def message(role: str, *texts: str) -> Step:
    """A message with these texts as its parts."""
    kind = "output_text" if role == "assistant" else "input_text"
    return item("message", role=role, content=[{"type": kind, "text": text} for text in texts])


def user(*texts: str) -> Step:
    """A user message."""
    return message("user", *texts)


def assistant(text: str) -> Step:
    """An assistant message."""
    return message("assistant", text)


def developer(text: str) -> Step:
    """A developer message."""
    return message("developer", text)


CONTEXT = (developer(PERMISSIONS), user(ENVIRONMENT))


def call(call_id: str, name: str = "shell") -> Step:
    """A function call."""
    return item("function_call", name=name, arguments="{}", call_id=call_id)


def output(call_id: str, text: str = "done") -> Step:
    """What a function answered."""
    return item("function_call_output", call_id=call_id, output=text)


def ghost() -> Step:
    """A snapshot for undo."""
    return item("ghost_snapshot", ghost_commit={"id": "9f0c", "parent": None})


def compaction(summary: str, replacement: Sequence[Step] | None = None) -> Step:
    """A compaction; with ``replacement`` it recorded the history that it left."""
    if replacement is None:
        return "compacted", {"message": summary}
    return "compacted", {"message": summary, "replacement_history": [payload for _, payload in replacement]}


def rollback(turns: int) -> Step:
    """A marker that the last turns are dropped."""
    return event("thread_rolled_back", num_turns=turns)


def turn(turn_id: str, *steps: Step) -> list[Step]:
    """Steps between the start and the end of a turn."""
    return [event("task_started", turn_id=turn_id), *steps, event("task_complete", turn_id=turn_id)]


def talk(*names: str) -> list[Step]:
    """One question and answer for each name: ``1`` is ``u1``, ``a1``."""
    return [step for name in names for step in (user(f"u{name}"), assistant(f"a{name}"))]


def payloads(*steps: Step) -> list[Json]:
    """What the steps carry: how items look in a history."""
    return [payload for _, payload in steps]


def told(items: Sequence[Json]) -> list[str]:
    """Items in short: the texts of messages, their parts divided by ``|``; other items by kind and call."""
    return [_told(each) for each in items]


def _told(each: Json) -> str:
    if each["type"] == "message":
        return "|".join(part["text"] for part in each["content"])
    return f"{each['type']} {each.get('call_id')}"
