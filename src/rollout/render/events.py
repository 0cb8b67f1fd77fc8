"""The events for clients as entries (spec: rollout-format 2.9), and the turn items inside ``item_completed``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.policy import KNOWN_EVENTS
from rollout.render import tools
from rollout.render.shown import Entry, Json, command_text, compact, images_of, text_in, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Handler = Callable[[dict[str, Json]], Iterator[Entry]]

_ERRORS = frozenset({"error", "stream_error", "warning", "guardian_warning"})


def event_entries(event: dict[str, Json]) -> Iterator[Entry]:
    """What a person reads of one event; nothing for bookkeeping."""
    kind = text_in(event, "type")
    handler = _EVENTS.get(kind)
    if handler is not None:
        yield from handler(event)
    elif kind not in KNOWN_EVENTS:
        yield Entry("other", title=kind or "an event without a type")


def _item_completed(event: dict[str, Json]) -> Iterator[Entry]:
    item = event.get("item")
    if not isinstance(item, dict):
        return
    kind = text_in(item, "type")
    handler = _TURN_ITEMS.get(kind)
    if handler is not None:
        yield from handler(item)
    elif kind != "ContextCompaction":
        yield Entry("other", title=kind or "an item without a type")


def _said(kind: str, *fields: str) -> Handler:
    """A handler for something said: the first of these fields that has a text."""

    def handler(event: dict[str, Json]) -> Iterator[Entry]:
        yield Entry(kind, text_in(event, *fields))

    return handler


def _user_event(event: dict[str, Json]) -> Iterator[Entry]:
    images = [*_listed(event.get("images")), *_listed(event.get("local_images"))]
    shown = [text_of([{"type": "image", "image_url": image}]) for image in images]
    addresses = tuple(image for image in images if isinstance(image, str))
    yield Entry("user", "\n".join(filter(None, [text_in(event, "message"), *shown])), images=addresses)


def _content(kind: str) -> Handler:
    def handler(item: dict[str, Json]) -> Iterator[Entry]:
        yield Entry(kind, text_of(item.get("content")), images=images_of(item.get("content")))

    return handler


def _reasoning(item: dict[str, Json]) -> Iterator[Entry]:
    for text in _listed(item.get("summary_text")) or _listed(item.get("raw_content")):
        yield Entry("reasoning", text if isinstance(text, str) else text_of([text]))


def _command(item: dict[str, Json]) -> Iterator[Entry]:
    call_id = text_in(item, "call_id", "id")
    yield Entry("call", title=command_text(item.get("command")), call_id=call_id)
    text = text_in(item, "aggregated_output", "formatted_output", "stdout")
    code = item.get("exit_code")
    yield tools.ended(Entry("output", text, title=tools.exit_text(code), call_id=call_id), code, item.get("duration"))


def _file_change(item: dict[str, Json]) -> Iterator[Entry]:
    call_id = text_in(item, "call_id", "id")
    yield tools.changes(item.get("changes"), call_id)
    yield Entry("output", text_in(item, "stdout") + text_in(item, "stderr"), call_id=call_id)


def _mcp(item: dict[str, Json]) -> Iterator[Entry]:
    invocation = item.get("invocation")
    asked = invocation if isinstance(invocation, dict) else item
    call_id = text_in(item, "call_id", "id")
    name = ".".join(filter(None, [text_in(asked, "server"), text_in(asked, "tool")]))
    yield tools.call(name, asked.get("arguments"), call_id)
    result = item.get("result")
    yield Entry(
        "output", text_of(result.get("content", result) if isinstance(result, dict) else result), call_id=call_id
    )


def _search(item: dict[str, Json]) -> Iterator[Entry]:
    yield Entry("call", text_in(item, "query"), title="web search", call_id=text_in(item, "call_id", "id"))


def _image(item: dict[str, Json]) -> Iterator[Entry]:
    yield Entry("call", text_in(item, "path"), title="view_image", call_id=text_in(item, "call_id", "id"))


def _rolled_back(event: dict[str, Json]) -> Iterator[Entry]:
    count = event.get("num_turns")
    yield Entry("rollback", turns=count if isinstance(count, int) else 0)


def _entered_review(event: dict[str, Json]) -> Iterator[Entry]:
    yield Entry("review", text_in(event, "user_facing_hint") or compact(event.get("target")), title="review begins")


def _exited_review(event: dict[str, Json]) -> Iterator[Entry]:
    found = event.get("review_output")
    findings = _listed(found.get("findings")) if isinstance(found, dict) else []
    told = [f"{text_in(finding, 'title')}\n{text_in(finding, 'body')}" for finding in findings]
    text = "\n".join(filter(None, [text_in(found, "overall_explanation"), *told]))
    yield Entry("review", text, title="review ends")


def _turn_ended(event: dict[str, Json]) -> Iterator[Entry]:
    """A turn that ended well says nothing new."""
    if event.get("error") is not None:
        yield Entry("error", text_in(event["error"], "message") or text_of(event["error"]))


def _goal(event: dict[str, Json]) -> Iterator[Entry]:
    yield Entry("note", title=f"goal: {text_in(event.get('goal'), 'objective')}")


def _undo(event: dict[str, Json]) -> Iterator[Entry]:
    yield Entry("note", text_in(event, "message"), title="undo" if event.get("success") else "undo failed")


def _activity(item: dict[str, Json]) -> Iterator[Entry]:
    who = text_in(item, "agent_path", "tool") or "agent"
    told = f"sub-agent {who}: {text_in(item, 'kind', 'status')}"
    yield Entry("note", title=" ".join(filter(None, [told, text_in(item, "agent_thread_id")])))


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


_EVENTS: Mapping[str, Handler] = {
    "user_message": _user_event,
    "agent_message": _said("agent", "message"),
    "agent_reasoning": _said("reasoning", "text"),
    "agent_reasoning_raw_content": _said("reasoning", "text"),
    "item_completed": _item_completed,
    "thread_rolled_back": _rolled_back,
    "turn_aborted": _said("abort", "reason"),
    "task_complete": _turn_ended,
    "turn_complete": _turn_ended,
    "entered_review_mode": _entered_review,
    "exited_review_mode": _exited_review,
    "undo_completed": _undo,
    "exec_command_end": _command,
    "patch_apply_end": _file_change,
    "mcp_tool_call_end": _mcp,
    "web_search_end": _search,
    "view_image_tool_call": _image,
    "thread_goal_updated": _goal,
    **{kind: _said("error", "message") for kind in _ERRORS},
}
_TURN_ITEMS: Mapping[str, Handler] = {
    "UserMessage": _content("user"),
    "AgentMessage": _content("agent"),
    "Reasoning": _reasoning,
    "Plan": _said("plan", "text"),
    "CommandExecution": _command,
    "FileChange": _file_change,
    "McpToolCall": _mcp,
    "WebSearch": _search,
    "ImageView": _image,
    "EnteredReviewMode": _entered_review,
    "ExitedReviewMode": _exited_review,
    "SubAgentActivity": _activity,
    "CollabAgentToolCall": _activity,
}
