"""The model's items as entries (spec: rollout-format 2.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.boundaries import is_user_turn
from rollout.render import tools
from rollout.render.shown import Entry, Json, command_text, images_of, text_in, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SILENT = frozenset({"ghost_snapshot", "additional_tools", "compaction_trigger"})


def response_entries(item: dict[str, Json]) -> Iterator[Entry]:
    """What a person reads of one response item; nothing for what only the model needs."""
    kind = text_in(item, "type")
    handler = _HANDLERS.get(kind)
    if handler is not None:
        yield from handler(item)
    elif kind not in _SILENT:
        yield Entry("other", title=kind or "an item without a type")


def _message(item: dict[str, Json]) -> Iterator[Entry]:
    role, text = text_in(item, "role"), text_of(item.get("content"))
    if role == "assistant":
        yield Entry("agent", text)
    elif is_user_turn(item):
        yield Entry("user", text, images=images_of(item.get("content")))
    else:
        yield Entry("context", text, title=role or "message")


def _reasoning(item: dict[str, Json]) -> Iterator[Entry]:
    summary, content = item.get("summary"), item.get("content")
    for part in summary if isinstance(summary, list) and summary else content if isinstance(content, list) else ():
        yield Entry("reasoning", text_in(part, "text"))


def _function_call(item: dict[str, Json]) -> Iterator[Entry]:
    yield tools.call(text_in(item, "name"), tools.parsed(item.get("arguments")), text_in(item, "call_id"))


def _custom_call(item: dict[str, Json]) -> Iterator[Entry]:
    yield tools.call(text_in(item, "name"), item.get("input"), text_in(item, "call_id"))


def _shell_call(item: dict[str, Json]) -> Iterator[Entry]:
    action = item.get("action")
    command = action.get("command") if isinstance(action, dict) else None
    yield Entry("call", title=command_text(command), call_id=text_in(item, "call_id", "id"))


def _output(item: dict[str, Json]) -> Iterator[Entry]:
    yield tools.output(item.get("output"), text_in(item, "call_id"))


def _web_search(item: dict[str, Json]) -> Iterator[Entry]:
    action = item.get("action")
    asked = text_in(action, "query", "url", "pattern")
    yield Entry("call", asked, title="web search", call_id=text_in(item, "id", "call_id"))


def _sealed_compaction(_item: dict[str, Json]) -> Iterator[Entry]:
    yield Entry("compaction", title="sealed by the model's side")


def _other_agent(item: dict[str, Json]) -> Iterator[Entry]:
    told = f"{text_in(item, 'author')} → {text_in(item, 'recipient')}"
    yield Entry("context", text_of(item.get("content")), title=told)


_HANDLERS: dict[str, Callable[[dict[str, Json]], Iterator[Entry]]] = {
    "message": _message,
    "reasoning": _reasoning,
    "function_call": _function_call,
    "custom_tool_call": _custom_call,
    "local_shell_call": _shell_call,
    "function_call_output": _output,
    "custom_tool_call_output": _output,
    "web_search_call": _web_search,
    "compaction": _sealed_compaction,
    "compaction_summary": _sealed_compaction,
    "context_compaction": _sealed_compaction,
    "agent_message": _other_agent,
}
