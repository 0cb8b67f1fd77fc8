"""A thread as the ``messages`` of OpenAI's chat completions: the whole conversation, in order, in constant memory.

Rolled-back turns are left out; what a compaction summed up is still there, and the summary is not. What a chat
cannot say (reasoning, searches on the model's side, sealed items) is left out and counted.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from rollout.codec import to_object
from rollout.lines import Line
from rollout.render.shown import compact, text_in, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rollout.lines import Found
    from rollout.render.entries import Stretch

Json = dict[str, Any]
ABORTED = "aborted"
_MOST_HELD = 256
_ROLES = frozenset({"system", "developer", "user", "assistant"})


class Messages:
    """Makes the messages of one thread.

    A chat wants the answers to an assistant's calls directly behind it: what came between is moved behind them, and
    a call that nobody answered is answered with ``aborted``. ``left_out`` counts by kind what has no place in a chat.
    """

    def __init__(self, dropped: Sequence[Stretch] = ()) -> None:
        """Nothing has been read; ``dropped`` as of ``dropped_stretches``."""
        self.left_out: Counter[str] = Counter()
        self._dropped = deque(dropped)
        self._calling: Json | None = None
        self._open: dict[str, None] = {}
        self._answers: list[Json] = []
        self._held: deque[Json] = deque()

    def messages(self, found: Iterable[Found]) -> Iterator[Json]:
        """The messages of a whole thread, in order."""
        for thing in found:
            if not isinstance(thing, Line) or thing.record.type != "response_item":
                continue
            if self._is_dropped(thing):
                self.left_out["rolled back"] += 1
                continue
            item = to_object(thing.record.payload)
            if isinstance(item, dict):
                yield from self._take(item)
        yield from self._settle()

    def _is_dropped(self, line: Line) -> bool:
        while self._dropped and self._dropped[0].end <= line.position:
            self._dropped.popleft()
        return bool(self._dropped) and self._dropped[0].start <= line.position

    def _take(self, item: Json) -> Iterator[Json]:
        kind = text_in(item, "type")
        if kind == "message" and item.get("role") in _ROLES:
            yield from self._say(_message(item))
        elif kind in _CALLS:
            yield from self._call(_CALLS[kind](item))
        elif kind in ("function_call_output", "custom_tool_call_output"):
            yield from self._answer(text_in(item, "call_id"), text_of(item.get("output")))
        else:
            self.left_out[kind or "without a type"] += 1

    def _say(self, message: Json) -> Iterator[Json]:
        """A message; while calls are unanswered it has to wait, but nobody types before they are settled."""
        if self._open and message["role"] != "user" and len(self._held) < _MOST_HELD:
            self._held.append(message)
            return
        yield from self._settle()
        yield message

    def _call(self, call: Json) -> Iterator[Json]:
        if self._calling is None or self._answers:
            yield from self._settle()
            self._calling = {"role": "assistant", "content": None, "tool_calls": []}
        self._calling["tool_calls"].append(call)
        self._open[str(call["id"])] = None

    def _answer(self, call_id: str, text: str) -> Iterator[Json]:
        if call_id not in self._open:
            self.left_out["an output without its call"] += 1
            return
        del self._open[call_id]
        self._answers.append({"role": "tool", "tool_call_id": call_id, "content": text})
        if not self._open:
            yield from self._settle()

    def _settle(self) -> Iterator[Json]:
        """Give the calls that are open, their answers, and what waited for them."""
        if self._calling is not None:
            yield self._calling
            yield from self._answers
            yield from ({"role": "tool", "tool_call_id": call_id, "content": ABORTED} for call_id in self._open)
            self._calling, self._answers = None, []
            self._open.clear()
        while self._held:
            yield self._held.popleft()


def messages_json(messages: Iterable[Json]) -> Iterator[bytes]:
    """The array in pieces, each message on a line of its own."""
    separator = b"[\n"
    for message in messages:
        yield separator + _encoded(message)
        separator = b",\n"
    yield b"[]\n" if separator == b"[\n" else b"\n]\n"


def _encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def _message(item: Json) -> Json:
    content = item.get("content")
    if isinstance(content, list) and any(text_in(part, "type") == "input_image" for part in content):
        return {"role": item["role"], "content": [_part(part) for part in content]}
    return {"role": item["role"], "content": text_of(content)}


def _part(part: Json) -> Json:
    if text_in(part, "type") == "input_image":
        return {"type": "image_url", "image_url": {"url": text_in(part, "image_url")}}
    return {"type": "text", "text": text_of([part])}


def _function_call(item: Json) -> Json:
    arguments = item.get("arguments")
    told = arguments if isinstance(arguments, str) else compact(arguments)
    function = {"name": text_in(item, "name") or "tool", "arguments": told}
    return {"id": text_in(item, "call_id", "id"), "type": "function", "function": function}


def _custom_call(item: Json) -> Json:
    custom = {"name": text_in(item, "name") or "tool", "input": text_in(item, "input")}
    return {"id": text_in(item, "call_id", "id"), "type": "custom", "custom": custom}


def _shell_call(item: Json) -> Json:
    function = {"name": "local_shell", "arguments": compact(item.get("action"))}
    return {"id": text_in(item, "call_id", "id"), "type": "function", "function": function}


_CALLS = {"function_call": _function_call, "custom_tool_call": _custom_call, "local_shell_call": _shell_call}
