"""Tokens on the wire."""

from __future__ import annotations

from typing import Any

_NAMES = {
    "totalTokens": "total_tokens",
    "inputTokens": "input_tokens",
    "cachedInputTokens": "cached_input_tokens",
    "outputTokens": "output_tokens",
    "reasoningOutputTokens": "reasoning_output_tokens",
}


def usage_on_wire(info: Any, *, later: bool = False) -> dict[str, Any] | None:  # noqa: ANN401 - JSON as it comes
    """What ``info`` of a token count tells; None when it tells nothing."""
    if not isinstance(info, dict):
        return None
    total, last = info.get("total_token_usage"), info.get("last_token_usage")
    told = {"total": _usage(total, later=later), "last": _usage(last, later=later)}
    return {**told, "modelContextWindow": info.get("model_context_window")}


def _usage(usage: Any, *, later: bool) -> dict[str, int]:  # noqa: ANN401 - JSON as it comes
    found = usage if isinstance(usage, dict) else {}
    names = {**_NAMES, "cacheWriteInputTokens": "cache_write_input_tokens"} if later else _NAMES
    return {wire: int(found.get(name) or 0) for wire, name in names.items()}
