"""A thread as OpenTelemetry traces, in OTLP's JSON, after the semantic conventions for generative AI.

A trace for each turn: a span ``invoke_agent`` from what was asked to the last thing that was done, in it a span
``chat`` for each request to the model that left a token count, and a span ``execute_tool`` for each call. What
belongs together over turns has one ``gen_ai.conversation.id``, the thread. Ids are made of the thread's id and line
numbers, so the same thread gives the same spans. Constant memory: what is held is the turn's first and last message.
"""

from __future__ import annotations

import json
from collections import deque
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from rollout.boundaries import is_user_turn
from rollout.codec import payload_tag, to_object
from rollout.lines import Line
from rollout.render.shown import compact, text_in, text_of
from rollout.times import parse_ms
from rollout.usage.tokens import ZERO, Tokens, count_of, request_of
from rollout.usage.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rollout.codec import Record
    from rollout.lines import Found
    from rollout.render.entries import Stretch

Json = dict[str, Any]
SCHEMA_URL = "https://opentelemetry.io/schemas/1.41.0"
_INTERNAL, _CLIENT = 1, 3
_ERROR = 2
_CALLS = frozenset({"function_call", "custom_tool_call", "local_shell_call"})
_OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output"})
_MOST_OPEN = 1024


class _Call(NamedTuple):
    span_id: str
    began_ms: int
    item: Json


class Spans:
    """Makes the spans of one thread; ``dropped`` as of ``dropped_stretches``: those turns bear a mark of our own."""

    def __init__(self, thread_id: str, dropped: Sequence[Stretch] = ()) -> None:
        """Nothing has been read."""
        self._thread_id = thread_id
        self._dropped = deque(dropped)
        self._agent = "codex"
        self._provider, self._model = "openai", ""
        self._totals = Totals()
        self._named_requests = False
        self._turn: _Turn | None = None
        self._calls: dict[str, _Call] = {}
        self._last_ms = 0
        self._input_ms = self._ended_ms = 0

    def spans(self, found: Iterable[Found]) -> Iterator[Json]:
        """The spans in the order in which they end."""
        for thing in found:
            if isinstance(thing, Line):
                self._last_ms = parse_ms(thing.record.timestamp) or self._last_ms
                yield from self._take(thing)
                self._ended_ms = self._last_ms
        yield from self._end_turn()

    def _take(self, line: Line) -> Iterator[Json]:
        record = line.record
        if record.type == "response_item":
            item = to_object(record.payload)
            if isinstance(item, dict):
                yield from self._item(line, item)
        elif record.type == "session_meta":
            self._meta(to_object(record.payload))
        elif record.type == "turn_context":
            self._model = text_in(to_object(record.payload), "model") or self._model
        elif record.type in ("event_msg", "token_usage_record"):
            yield from self._event(line)

    def _meta(self, meta: object) -> None:
        self._agent = text_in(meta, "agent_nickname", "originator") or self._agent
        self._provider = text_in(meta, "model_provider") or self._provider

    def _item(self, line: Line, item: Json) -> Iterator[Json]:
        kind = text_in(item, "type")
        if kind == "message" and is_user_turn(item):
            yield from self._end_turn()
            self._turn = _Turn(line.n, self._last_ms, text_of(item.get("content")), self._is_dropped(line))
            self._input_ms = self._last_ms
        elif kind == "message" and item.get("role") == "assistant" and self._turn:
            self._turn.answer = text_of(item.get("content"))
        elif kind in _CALLS and self._turn and len(self._calls) < _MOST_OPEN:
            self._calls[text_in(item, "call_id", "id")] = _Call(self._span_id(f"call {line.n}"), self._last_ms, item)
        elif kind in _OUTPUTS and text_in(item, "call_id") in self._calls:
            self._input_ms = self._last_ms
            yield self._tool_span(self._calls.pop(text_in(item, "call_id")), item.get("output"))

    def _event(self, line: Line) -> Iterator[Json]:
        if self._turn is None:
            return
        try:
            tokens = self._tokens(line.record)
        except (ValueError, RecursionError):
            return
        if tokens != ZERO:
            self._turn.tokens = self._turn.tokens.plus(tokens)
            yield self._chat_span(line.n, tokens)
        if line.record.type == "event_msg" and payload_tag(line.record.payload) in ("turn_aborted", "error"):
            event = to_object(line.record.payload)
            self._turn.problem = text_in(event, "reason", "message") or "error"

    def _tokens(self, record: Record) -> Tokens:
        """What a request took; a file that names its requests repeats each as a running total."""
        if record.type == "token_usage_record":
            self._named_requests = True
            return request_of(record).usage.tokens()
        info = count_of(record)
        if info is None or self._named_requests:
            return ZERO
        return self._totals.added(*info.amounts())

    def _is_dropped(self, line: Line) -> bool:
        while self._dropped and self._dropped[0].end <= line.position:
            self._dropped.popleft()
        return bool(self._dropped) and self._dropped[0].start <= line.position

    def _end_turn(self) -> Iterator[Json]:
        """End the turn with the line before this one."""
        last_ms, self._last_ms = self._last_ms, self._ended_ms
        yield from self._open_spans()
        self._last_ms = last_ms

    def _open_spans(self) -> Iterator[Json]:
        for call in self._calls.values():
            yield self._tool_span(call, None)
        self._calls.clear()
        if self._turn is not None:
            yield self._turn_span(self._turn)
        self._turn = None

    def _turn_span(self, turn: _Turn) -> Json:
        told = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": self._agent,
            **self._common(),
            **_usage(turn.tokens),
            "gen_ai.input.messages": _messages("user", turn.asked),
            "gen_ai.output.messages": _messages("assistant", turn.answer) if turn.answer else "",
            "rollout.rolled_back": turn.dropped or "",
        }
        span = self._span(f"turn {turn.n}", f"invoke_agent {self._agent}", _INTERNAL, turn.began_ms)
        return _told(span, told, turn.problem)

    def _chat_span(self, n: int, tokens: Tokens) -> Json:
        told = {"gen_ai.operation.name": "chat", **self._common(), **_usage(tokens)}
        name = f"chat {self._model}".strip()
        return _told(self._child(f"chat {n}", name, _CLIENT, self._input_ms), told)

    def _tool_span(self, call: _Call, output: object) -> Json:
        item = call.item
        name = text_in(item, "name") or "local_shell"
        arguments = item.get("arguments", item.get("input", item.get("action")))
        told = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.conversation.id": self._thread_id,
            "gen_ai.tool.name": name,
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.id": text_in(item, "call_id", "id"),
            "gen_ai.tool.call.arguments": arguments if isinstance(arguments, str) else compact(arguments),
            "gen_ai.tool.call.result": text_of(output),
        }
        span = self._child("", f"execute_tool {name}", _INTERNAL, call.began_ms)
        return _told({**span, "spanId": call.span_id}, told, "no output" if output is None else "")

    def _common(self) -> Json:
        return {
            "gen_ai.provider.name": self._provider,
            "gen_ai.conversation.id": self._thread_id,
            "gen_ai.request.model": self._model,
        }

    def _child(self, key: str, name: str, kind: int, began_ms: int) -> Json:
        parent = self._span_id(f"turn {self._turn.n}") if self._turn else ""
        return {**self._span(key, name, kind, began_ms), "parentSpanId": parent}

    def _span(self, key: str, name: str, kind: int, began_ms: int) -> Json:
        trace = self._digest(f"trace {self._turn.n}" if self._turn else "trace")[:32]
        return {
            "traceId": trace,
            "spanId": self._span_id(key),
            "name": name,
            "kind": kind,
            "startTimeUnixNano": _nanos(began_ms),
            "endTimeUnixNano": _nanos(max(began_ms, self._last_ms)),
        }

    def _span_id(self, key: str) -> str:
        return self._digest(key)[:16]

    def _digest(self, key: str) -> str:
        return sha256(f"{self._thread_id} {key}".encode()).hexdigest()


class _Turn:
    """What is known of the turn that goes on."""

    def __init__(self, n: int, began_ms: int, asked: str, dropped: bool) -> None:  # noqa: FBT001 - a state, not a switch
        self.n, self.began_ms, self.asked, self.dropped = n, began_ms, asked, dropped
        self.answer = self.problem = ""
        self.tokens = ZERO


def otlp(spans: Iterable[Json], version: str) -> Iterator[bytes]:
    """An export request for traces in pieces, each span on a line of its own."""
    resource = {"attributes": [_attribute("service.name", "codex"), _attribute("telemetry.sdk.name", "rollout")]}
    scope = {"name": "rollout", "version": version}
    yield (
        b'{"resourceSpans":[{"resource":' + _json(resource) + b',"scopeSpans":[{"scope":' + _json(scope) + b',"spans":['
    )
    separator = b"\n"
    for span in spans:
        yield separator + _json(span)
        separator = b",\n"
    yield b'\n],"schemaUrl":' + _json(SCHEMA_URL) + b"}]}]}\n"


def _told(span: Json, attributes: Json, problem: str = "") -> Json:
    """A span with those attributes that say something, and what went wrong."""
    if problem:
        attributes = {**attributes, "error.type": problem}
    told = [_attribute(key, value) for key, value in attributes.items() if value not in ("", None)]
    status: Json = {"status": {"code": _ERROR, "message": problem}} if problem else {}
    return {**span, "attributes": told, **status}


def _attribute(key: str, value: object) -> Json:
    """OTLP's JSON writes 64-bit numbers as text."""
    if isinstance(value, bool):
        return {"key": key, "value": {"boolValue": value}}
    return {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": str(value)}}


def _usage(tokens: Tokens) -> Json:
    return {
        "gen_ai.usage.input_tokens": tokens.input,
        "gen_ai.usage.output_tokens": tokens.output,
        "gen_ai.usage.cache_read.input_tokens": tokens.cached,
        "gen_ai.usage.reasoning.output_tokens": tokens.reasoning,
    } if tokens != ZERO else {}  # fmt: skip


def _messages(role: str, text: str) -> str:
    message: Json = {"role": role, "parts": [{"type": "text", "content": text}]}
    return compact([{**message, "finish_reason": "stop"}] if role == "assistant" else [message])


def _nanos(unix_ms: int) -> str:
    return str(unix_ms * 1_000_000)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
