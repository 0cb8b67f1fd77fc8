"""What a model's events mean: pieces to show, items to record, tokens to count; pure."""

from __future__ import annotations

from typing import Any

from rollout.appserver.agent import Begun, Piece

Fields = dict[str, Any]
_COUNTS = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens", "total_tokens")


def progress(event: Fields) -> Begun | Piece | None:
    """What is to be shown of an event before its item is there."""
    match event.get("type"):
        case "response.output_item.added":
            return _begun(event.get("item"))
        case "response.output_text.delta":
            return Piece(str(event.get("item_id")), str(event.get("delta", "")))
        case "response.reasoning_summary_text.delta":
            part = int(event.get("summary_index") or 0)
            return Piece(str(event.get("item_id")), str(event.get("delta", "")), "Reasoning", part)
        case _:
            return None


def _begun(item: Any) -> Begun | None:  # noqa: ANN401 - JSON as it comes
    if not isinstance(item, dict):
        return None
    if item.get("type") == "message":
        return Begun({"type": "AgentMessage", "id": str(item.get("id")), "content": []})
    if item.get("type") == "reasoning":
        return Begun({"type": "Reasoning", "id": str(item.get("id")), "summary_text": [], "raw_content": []})
    return None


def finished(event: Fields) -> Fields | None:
    """The item that an event completes, as files keep it: what is only the endpoint's own is left out."""
    item = event.get("item")
    if event.get("type") != "response.output_item.done" or not isinstance(item, dict):
        return None
    keep = _KEPT.get(str(item.get("type")))
    if keep is None:
        return {name: value for name, value in item.items() if name != "id"}
    kept = {name: item[name] for name in keep if name in item}
    if item["type"] == "message":
        kept["content"] = [_part(one) for one in item.get("content") or [] if isinstance(one, dict)]
    if item["type"] == "reasoning":
        kept.setdefault("content", None)
    return kept


_KEPT: dict[str, tuple[str, ...]] = {
    "message": ("type", "role", "content", "phase"),
    "reasoning": ("type", "summary", "content", "encrypted_content"),
    "function_call": ("type", "name", "namespace", "arguments", "call_id"),
    "custom_tool_call": ("type", "status", "call_id", "name", "namespace", "input"),
}


def _part(part: Fields) -> Fields:
    return {name: part[name] for name in ("type", "text", "refusal") if name in part}


def counted(event: Fields, before: Fields, window: int | None) -> Fields | None:
    """The token count that an event closes an answer with; ``before``: what the thread had used until then."""
    response = event.get("response")
    usage = response.get("usage") if isinstance(response, dict) else None
    if not isinstance(usage, dict):
        return None
    last = {
        "input_tokens": usage.get("input_tokens") or 0,
        "cached_input_tokens": (usage.get("input_tokens_details") or {}).get("cached_tokens") or 0,
        "output_tokens": usage.get("output_tokens") or 0,
        "reasoning_output_tokens": (usage.get("output_tokens_details") or {}).get("reasoning_tokens") or 0,
        "total_tokens": usage.get("total_tokens") or 0,
    }
    total = {name: int(before.get(name) or 0) + last[name] for name in _COUNTS}
    info = {"total_token_usage": total, "last_token_usage": last, "model_context_window": window}
    return {"type": "event_msg", "payload": {"type": "token_count", "info": info, "rate_limits": None}}
