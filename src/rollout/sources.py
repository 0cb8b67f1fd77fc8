"""Where a thread was started: the source in ``session_meta``, named (spec: rollout-format 2.4).

A source is told by a key: ``cli``, ``vscode``, ``exec``, ``mcp``, ``unknown``, ``custom:<name>``,
``internal:<name>``, ``subagent:review``, ``subagent:compact``, ``subagent:thread_spawn``, ``subagent:other`` …
Codex reads an unknown source as a damaged line; here it is ``unknown`` and the thread stays visible.
"""

from __future__ import annotations

from typing import Any

INTERACTIVE = ("cli", "vscode", "custom:atlas", "custom:chatgpt")
_PLAIN = frozenset({"cli", "vscode", "exec", "mcp", "unknown"})
_SUBAGENTS = frozenset({"review", "compact", "memory_consolidation"})


def source_key(source: Any) -> str:  # noqa: ANN401 - JSON as it stands in the file
    """The key of a source as it stands in a file; anything that no version writes is ``unknown``."""
    if isinstance(source, str):
        return source if source in _PLAIN else "unknown"
    if not isinstance(source, dict) or len(source) != 1:
        return "unknown"
    ((family, inner),) = source.items()
    if family == "subagent":
        return _subagent_key(inner)
    return f"{family}:{inner}" if family in ("custom", "internal") and isinstance(inner, str) else "unknown"


def _subagent_key(inner: Any) -> str:  # noqa: ANN401 - JSON as it stands in the file
    if isinstance(inner, str):
        return f"subagent:{inner}" if inner in _SUBAGENTS else "unknown"
    if isinstance(inner, dict) and len(inner) == 1:
        (kind,) = inner
        return f"subagent:{kind}"
    return "unknown"


def source_matches(key: str, wanted: tuple[str, ...]) -> bool:
    """Whether a source key is wanted; a family (``subagent``) wants all of its members."""
    return key in wanted or key.partition(":")[0] in wanted


def spawn_of(source: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON as it stands in the file
    """The facts of a spawned sub-agent (parent, depth, nickname, role), or {}."""
    inner = source.get("subagent") if isinstance(source, dict) else None
    spawn = inner.get("thread_spawn") if isinstance(inner, dict) else None
    return spawn if isinstance(spawn, dict) else {}
