"""Items of turns on the wire (spec: state-and-protocol 6.2, 6.5)."""

from __future__ import annotations

from os.path import isabs, join
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from rollout.appserver.wire import shell
from rollout.appserver.wire.review import review_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollout.turns import TurnItem

Fields = dict[str, Any]

SEED_KINDS = frozenset({
    "userMessage", "agentMessage", "plan", "reasoning", "commandExecution", "fileChange", "mcpToolCall",
    "collabAgentToolCall", "webSearch", "imageView", "enteredReviewMode", "exitedReviewMode", "contextCompaction",
})  # fmt: skip
"""What a client of 0.100.0 knows; it cannot decode an answer with any other kind."""
_LATER_ONLY: dict[str, tuple[str, ...]] = {
    "userMessage": ("clientId",),
    "agentMessage": ("moderation", "phase", "memoryCitation", "delivery", "questions"),
    "commandExecution": ("pluginId", "scriptPath", "source"),
    "webSearch": ("results",),
    "collabAgentToolCall": ("model", "reasoningEffort"),
}


def item_on_wire(item: TurnItem, *, later: bool) -> Fields | None:
    """An item as a level spells it; None for a kind that a client of that level could not decode."""
    spelled = spell(item.item)
    if later:
        return {**spelled, "startedAtMs": item.started_ms, "completedAtMs": item.completed_ms}
    kind = spelled["type"]
    if kind not in SEED_KINDS:
        return None
    if kind == "userMessage":
        spelled["content"] = [{name: part[name] for name in part if name != "detail"} for part in spelled["content"]]
    return {name: value for name, value in spelled.items() if name not in _LATER_ONLY.get(kind, ())}


def spell(item: Fields) -> Fields:
    """An item in the words of the wire, as the newest level has them; unknown kinds keep all their fields."""
    kind = str(item.get("type", ""))
    wire = {"type": kind[:1].lower() + kind[1:], "id": item.get("id")}
    speller = _SPELLERS.get(kind)
    fields = speller(item) if speller else {_camel(name): value for name, value in item.items()}
    return {**fields, **wire} if speller is None else {**wire, **fields}


def content_part(part: Fields) -> Fields:
    """A part of what a person sent."""
    kind = part.get("type")
    if kind == "text":
        return {
            "type": "text",
            "text": part.get("text"),
            "text_elements": [_element(one) for one in _list(part, "text_elements")],
        }
    if kind == "image":
        return {"type": "image", "url": part.get("image_url", part.get("url")), "detail": part.get("detail")}
    if kind in ("local_image", "localImage"):
        return {"type": "localImage", "detail": part.get("detail"), "path": part.get("path")}
    return dict(part)


def _element(element: Fields) -> Fields:
    return {"byteRange": element.get("byte_range", element.get("byteRange")), "placeholder": element.get("placeholder")}


def _user_message(item: Fields) -> Fields:
    content = [content_part(part) for part in _list(item, "content") if isinstance(part, dict)]
    return {"clientId": item.get("client_id"), "content": content}


def _agent_message(item: Fields) -> Fields:
    text = "".join(part.get("text") or "" for part in _list(item, "content") if isinstance(part, dict))
    later = {_camel(name): item.get(name) for name in ("moderation", "memory_citation", "delivery", "questions")}
    return {"text": text, "phase": item.get("phase"), **later}


def _plan(item: Fields) -> Fields:
    return {"text": item.get("text")}


def _reasoning(item: Fields) -> Fields:
    return {"summary": _list(item, "summary_text"), "content": _list(item, "raw_content")}


def _command(item: Fields) -> Fields:
    cwd, command = _path(item.get("cwd")), item.get("command")
    words = [str(word) for word in command] if isinstance(command, list) else [str(command or "")]
    return {
        "pluginId": item.get("plugin_id"),
        "scriptPath": item.get("script_path"),
        "command": shell.join(words),
        "cwd": cwd,
        "processId": item.get("process_id"),
        "source": _camel(str(item.get("source") or "agent")),
        "status": _camel(str(item.get("status") or "completed")),
        "commandActions": [_action(one, cwd) for one in _list(item, "parsed_cmd") if isinstance(one, dict)],
        "aggregatedOutput": item.get("aggregated_output") or None,
        "exitCode": item.get("exit_code"),
        "durationMs": _duration(item.get("duration")),
    }


def _action(action: Fields, cwd: str) -> Fields:
    kind, path = str(action.get("type", "unknown")), action.get("path")
    told: Fields = {"type": _camel(kind), "command": action.get("cmd")}
    if kind == "read":
        return {**told, "name": action.get("name"), "path": _absolute(path, cwd)}
    if kind == "list_files":
        return {**told, "path": path}
    return {**told, "query": action.get("query"), "path": path} if kind == "search" else told


def _file_change(item: Fields) -> Fields:
    changes = item.get("changes")
    by_path = sorted(changes.items()) if isinstance(changes, dict) else []
    told = [_change(path, change) for path, change in by_path if isinstance(change, dict)]
    return {"changes": told, "status": _camel(str(item.get("status") or "completed"))}


def _change(path: str, change: Fields) -> Fields:
    kind = change.get("type", "update")
    if kind != "update":
        return {"path": path, "kind": {"type": kind}, "diff": change.get("content") or ""}
    target, diff = change.get("move_path"), change.get("unified_diff") or ""
    moved = f"{diff}\n\nMoved to: {target}" if target else diff
    return {"path": path, "kind": {"type": "update", "move_path": target}, "diff": moved}


def _mcp_call(item: Fields) -> Fields:
    result = item.get("result")
    told = (
        {
            _camel(name): value
            for name, value in result.items()
            if name in ("content", "structured_content", "structuredContent")
        }
        if isinstance(result, dict)
        else None
    )
    return {
        "server": item.get("server"),
        "tool": item.get("tool"),
        "status": _camel(str(item.get("status") or "completed")),
        "arguments": item.get("arguments"),
        "result": {"content": [], "structuredContent": None, **told} if told is not None else None,
        "error": item.get("error"),
        "durationMs": _duration(item.get("duration")),
    }


def _dynamic_call(item: Fields) -> Fields:
    return {
        "namespace": item.get("namespace"),
        "tool": item.get("tool"),
        "arguments": item.get("arguments"),
        "status": _camel(str(item.get("status") or "completed")),
        "contentItems": item.get("content_items"),
        "success": item.get("success"),
        "durationMs": _duration(item.get("duration")),
    }


def _collab(item: Fields) -> Fields:
    states = item.get("agents_states")
    return {
        "tool": _camel(str(item.get("tool", ""))),
        "status": _camel(str(item.get("status") or "completed")),
        "senderThreadId": item.get("sender_thread_id"),
        "receiverThreadIds": _list(item, "receiver_thread_ids"),
        "prompt": item.get("prompt"),
        "model": item.get("model"),
        "reasoningEffort": item.get("reasoning_effort"),
        "agentsStates": {name: _agent_state(state) for name, state in states.items()}
        if isinstance(states, dict)
        else {},
    }


def _agent_state(state: Any) -> Fields:  # noqa: ANN401 - JSON as it comes
    """A word, or a word with what the agent said last."""
    if isinstance(state, dict) and len(state) == 1:
        ((word, message),) = state.items()
        return {"status": _camel(word), "message": message if isinstance(message, str) else None}
    return {"status": _camel(str(state)), "message": None}


def _sub_agent(item: Fields) -> Fields:
    names = ("model", "reasoning_effort", "kind", "agent_thread_id", "agent_path")
    return {_camel(name): item.get(name) for name in names}


def _web_search(item: Fields) -> Fields:
    action = item.get("action")
    told = {**action, "type": _camel(str(action.get("type", "other")))} if isinstance(action, dict) else None
    return {"query": item.get("query"), "action": told, "results": item.get("results")}


def _image_view(item: Fields) -> Fields:
    return {"path": _path(item.get("path"))}


def _entered_review(item: Fields) -> Fields:
    return {"review": item.get("user_facing_hint") or "Review requested."}


def _exited_review(item: Fields) -> Fields:
    return {"review": review_text(item.get("review_output"))}


def _nothing(_: Fields) -> Fields:
    return {}


_SPELLERS: dict[str, Callable[[Fields], Fields]] = {
    "UserMessage": _user_message,
    "AgentMessage": _agent_message,
    "Plan": _plan,
    "Reasoning": _reasoning,
    "CommandExecution": _command,
    "FileChange": _file_change,
    "McpToolCall": _mcp_call,
    "DynamicToolCall": _dynamic_call,
    "CollabAgentToolCall": _collab,
    "SubAgentActivity": _sub_agent,
    "WebSearch": _web_search,
    "ImageView": _image_view,
    "EnteredReviewMode": _entered_review,
    "ExitedReviewMode": _exited_review,
    "ContextCompaction": _nothing,
}


def _list(item: Fields, name: str) -> list[Any]:
    value = item.get(name)
    return value if isinstance(value, list) else []


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest)


def _duration(duration: Any) -> int | None:  # noqa: ANN401 - JSON as it comes
    """Milliseconds of seconds and nanoseconds."""
    if not isinstance(duration, dict):
        return None
    return int(duration.get("secs") or 0) * 1000 + int(duration.get("nanos") or 0) // 1_000_000


def _path(path: Any) -> str:  # noqa: ANN401 - JSON as it comes
    """A path, also out of a file URL."""
    text = path if isinstance(path, str) else ""
    return unquote(text[7:]) if text.startswith("file://") else text


def _absolute(path: Any, cwd: str) -> str:  # noqa: ANN401 - JSON as it comes
    text = _path(path)
    return text if isabs(text) else join(cwd, text)
