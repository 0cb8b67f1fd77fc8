"""Threads on the wire (spec: state-and-protocol 6.2, 6.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rollout.boundaries import MARKER, is_user_message, strip_marker, user_texts
from rollout.codec import to_object
from rollout.sources import source_key
from rollout.times import parse_ms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollout.codec import Record
    from rollout.query import Thread

Fields = dict[str, Any]
IMAGE = "[Image]"
HEAD = 10
"""How many records 0.100.0 looks at for the first question of one thread."""


def source_on_wire(source: Any, *, later: bool) -> Any:  # noqa: ANN401 - JSON as it comes
    """A source as answers tell it; a thread without one counts as ``vscode``."""
    if source is None:
        return "vscode"
    key = source_key(source)
    if key in ("cli", "vscode", "exec", "unknown"):
        return key
    if key == "mcp":
        return "appServer"
    ((family, inner),) = source.items()
    if family != "subagent":
        return {family: inner} if later and family == "custom" else "unknown"
    if later and isinstance(inner, dict) and isinstance(inner.get("thread_spawn"), dict):
        absent = {"agent_path": None, "agent_nickname": None, "agent_role": None}
        return {"subAgent": {"thread_spawn": {**absent, **inner["thread_spawn"]}}}
    return {"subAgent": inner}


def git_on_wire(git: Fields | None, *, v1: bool = False) -> Fields | None:
    """Commit, branch and origin; None when nothing is known."""
    told = {
        "sha": (git or {}).get("commit_hash"),
        "branch": (git or {}).get("branch"),
        "origin_url" if v1 else "originUrl": (git or {}).get("repository_url"),
    }
    return told if any(value is not None for value in told.values()) else None


def asked_in_event(row: Thread) -> str:
    """The first question as lists of 0.100.0 tell it: "" when it is nothing but an image."""
    summary = row.summary
    if summary.first_user_message == IMAGE != summary.title:
        return ""
    return summary.first_user_message


def asked_in_head(records: Iterable[Record]) -> str:
    """The first question as 0.100.0 finds it in one file: in a message to the model, among the first records."""
    for record in records:
        item = to_object(record.payload) if record.type == "response_item" else None
        if isinstance(item, dict) and is_user_message(item):
            asked = "".join(user_texts(item))
            return strip_marker(asked) if MARKER in asked else asked
    return ""


def seed_thread(row: Thread, provider: str, preview: str, turns: Any = ()) -> Fields:  # noqa: ANN401 - JSON as it comes
    """A thread as 0.100.0 tells it; ``provider`` is what one that records none counts as."""
    summary = row.summary
    return {
        "id": row.id,
        "preview": preview,
        "modelProvider": summary.model_provider or provider,
        "createdAt": (parse_ms(summary.created_at) or 0) // 1000,
        "updatedAt": row.modified_ms // 1000,
        "path": row.path,
        "cwd": summary.cwd or "",
        "cliVersion": summary.cli_version or "",
        "source": source_on_wire(summary.source, later=False),
        "gitInfo": git_on_wire(summary.git),
        "turns": turns,
    }


class Facts(NamedTuple):
    """What answers of 0.169.0 tell in one way in a list and in another of a single thread; times in milliseconds."""

    preview: str
    provider: str
    model: str | None
    cwd: str
    git: Fields | None
    created_ms: int
    updated_ms: int
    recency_ms: int
    section: Fields | None = None
    section_entered_ms: int | None = None
    forked_from: str | None = None
    thread_source: str | None = None


class Live(NamedTuple):
    """What a thread is in a server that has it loaded: how it stands, and where its next turn runs."""

    status: Fields
    cwd: str


def later_thread(row: Thread, facts: Facts, turns: Any = (), live: Live | None = None) -> Fields:  # noqa: ANN401 - JSON as it comes
    """A thread as 0.169.0 tells it; ``live`` only where the server has it loaded."""
    summary = row.summary
    return {
        "id": row.id,
        "environments": None if live is None else [environment(live.cwd)],
        "extra": None,
        "sessionId": row.id,
        "forkedFromId": facts.forked_from,
        "attachedToThreadId": None,
        "parentThreadId": summary.parent_id if summary.history_mode == "paginated" else None,
        "preview": facts.preview,
        "ephemeral": False,
        "section": facts.section,
        "sectionEnteredAt": None if facts.section_entered_ms is None else facts.section_entered_ms // 1000,
        "projectId": None,
        "historyMode": summary.history_mode or "legacy",
        "modelProvider": summary.model_provider or facts.provider,
        "model": facts.model,
        "reasoningEffort": summary.effort,
        "createdAt": facts.created_ms // 1000,
        "updatedAt": facts.updated_ms // 1000,
        "recencyAt": facts.recency_ms // 1000,
        "status": {"type": "notLoaded"} if live is None else live.status,
        "path": row.path,
        "cwd": facts.cwd,
        "cliVersion": summary.cli_version or "",
        "originator": summary.originator,
        "source": source_on_wire(summary.source, later=True),
        "canAcceptDirectInput": None if live is None else True,
        "threadSource": facts.thread_source,
        "agentNickname": summary.agent_nickname,
        "agentRole": summary.agent_role,
        "gitInfo": git_on_wire(facts.git),
        "name": row.name,
        "daybreakEnabled": None,
        "turns": turns,
    }


def environment(cwd: str) -> Fields:
    """The one place where turns run."""
    return {"environmentId": "local", "cwd": cwd, "runtimeWorkspaceRoots": [cwd]}
