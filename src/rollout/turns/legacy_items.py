"""What tools did, from the events of legacy files that keep them: each as the item that a paginated file would have.

A ``_begin`` gives the item in progress, its ``_end`` the finished one under the same id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.turns.grammar import array, mapping, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

Fields = dict[str, Any]


def as_fields(event: Fields) -> Fields:
    """The fields of an event without its tag."""
    return {name: value for name, value in event.items() if name not in ("type", "turn_id", "id")}


def _command(event: Fields) -> Fields:
    """A command, with what it printed once it has ended."""
    code = event.get("exit_code")
    status = text_of(event.get("status")) or ("failed" if code else "completed")
    shown = text_of(event.get("aggregated_output")) or text_of(event.get("stdout")) + text_of(event.get("stderr"))
    item = {
        "process_id": event.get("process_id"),
        "command": array(event.get("command")),
        "cwd": text_of(event.get("cwd")),
        "parsed_cmd": array(event.get("parsed_cmd")),
        "source": text_of(event.get("source")) or "agent",
        "status": "in_progress",
    }
    if event["type"] == "exec_command_end":
        item |= {"status": status, "aggregated_output": shown, "exit_code": code, "duration": event.get("duration")}
    return _item("CommandExecution", event, item)


def _patch(event: Fields) -> Fields:
    """A change of files."""
    ended = event["type"] == "patch_apply_end"
    done = text_of(event.get("status")) or ("completed" if event.get("success") else "failed")
    status = done if ended else "in_progress"
    return _item("FileChange", event, {"changes": mapping(event.get("changes")), "status": status})


def _mcp(event: Fields) -> Fields:
    """A call of a tool on an MCP server; its result says which way it went."""
    call, result = mapping(event.get("invocation")), mapping(event.get("result"))
    ok = mapping(result.get("Ok"))
    failed = "Err" in result or bool(ok.get("is_error") or ok.get("isError"))
    status = ("failed" if failed else "completed") if event["type"] == "mcp_tool_call_end" else "in_progress"
    item: Fields = {"server": text_of(call.get("server")), "tool": text_of(call.get("tool")), "status": status}
    item |= {"arguments": call.get("arguments"), "duration": event.get("duration")}
    item |= {"result": ok or None, "error": {"message": text_of(result["Err"])} if "Err" in result else None}
    return _item("McpToolCall", event, item)


def _web_search(event: Fields) -> Fields:
    """A search on the web."""
    return _item("WebSearch", event, {"query": text_of(event.get("query")), "action": event.get("action")})


def _image_view(event: Fields) -> Fields:
    """An image that was looked at."""
    return _item("ImageView", event, {"path": text_of(event.get("path"))})


def _image_made(event: Fields) -> Fields:
    """An image that was made."""
    names = ("status", "revised_prompt", "result", "saved_path")
    return _item("ImageGeneration", event, {name: event.get(name) for name in names})


def _dynamic(event: Fields) -> Fields:
    """A call of a tool that the client brought along."""
    ended = event["type"] == "dynamic_tool_call_response"
    status = ("completed" if event.get("success") else "failed") if ended else "in_progress"
    names = ("namespace", "tool", "arguments", "content_items", "success", "duration")
    event = event if event.get("call_id") else {**event, "call_id": event.get("callId")}
    return _item("DynamicToolCall", event, {"status": status, **{name: event.get(name) for name in names}})


def _item(kind: str, event: Fields, fields: Fields) -> Fields:
    return {"type": kind, "id": text_of(event.get("call_id")), **fields}


_COLLAB = {
    "collab_agent_spawn": "spawn_agent",
    "collab_agent_interaction": "send_input",
    "collab_waiting": "wait",
    "collab_close": "close_agent",
    "collab_resume": "resume_agent",
}


def _collab(event: Fields) -> Fields:
    """One agent's dealings with another."""
    stem, _, end = text_of(event.get("type")).rpartition("_")
    receivers = [event.get(name) for name in ("new_thread_id", "receiver_thread_id") if event.get(name)]
    receivers = receivers or array(event.get("receiver_thread_ids"))
    states = mapping(event.get("statuses"))
    if not states and receivers and event.get("status") is not None:
        states = {str(receivers[0]): event["status"]}
    status = "in_progress" if end == "begin" else _collab_status(states, receivers)
    names = ("prompt", "model", "reasoning_effort")
    fields: Fields = {
        "tool": _COLLAB[stem],
        "status": status,
        "sender_thread_id": text_of(event.get("sender_thread_id")),
    }
    fields |= {"receiver_thread_ids": receivers, "agents_states": states}
    return _item("CollabAgentToolCall", event, fields | {name: event.get(name) for name in names if name in event})


def _collab_status(states: Fields, receivers: list[Any]) -> str:
    bad = any(state == "not_found" or "errored" in mapping(state) for state in states.values())
    return "failed" if bad or not receivers else "completed"


READERS: dict[str, Callable[[Fields], Fields | None]] = {
    "exec_command_begin": _command,
    "exec_command_end": _command,
    "apply_patch_approval_request": _patch,
    "patch_apply_begin": _patch,
    "patch_apply_end": _patch,
    "mcp_tool_call_begin": _mcp,
    "mcp_tool_call_end": _mcp,
    "web_search_begin": _web_search,
    "web_search_end": _web_search,
    "view_image_tool_call": _image_view,
    "image_generation_begin": _image_made,
    "image_generation_end": _image_made,
    "dynamic_tool_call_request": _dynamic,
    "dynamic_tool_call_response": _dynamic,
    **{f"{stem}_{end}": _collab for stem in _COLLAB for end in ("begin", "end")},
}
"""Tag of an event: who makes an item of it."""
