"""The line types that stand beside items and events: who, which settings, what was left of the context."""

from __future__ import annotations

from typing import ClassVar

import msgspec
from msgspec import UNSET, UnsetType, field

from rollout.items.base import Json, Maybe, TypedItem


class GitInfo(msgspec.Struct, kw_only=True, gc=False):
    """Commit, branch and origin of the session's folder (spec 2.3); unknown ones are absent."""

    commit_hash: Maybe = UNSET
    branch: Maybe = UNSET
    repository_url: Maybe = UNSET


class SessionMeta(TypedItem, kw_only=True):
    """The first line of a rollout: who, when, where (spec 2.2)."""

    line_type: ClassVar[str] = "session_meta"
    account_scoped: Json | UnsetType = UNSET
    session_id: Maybe = UNSET
    id: str
    forked_from_id: Maybe = UNSET
    forked_from_ordinal_exclusive: int | UnsetType | None = UNSET
    timestamp: str
    cwd: str
    runtime_workspace_roots: Json | UnsetType = UNSET
    originator: str
    cli_version: str
    agent_nickname: Maybe = UNSET
    agent_role: Maybe = UNSET
    agent_path: Maybe = UNSET
    source: Json = "vscode"
    thread_source: Maybe = UNSET
    parent_thread_id: Maybe = UNSET
    model_provider: str | None = None
    base_instructions: Json = None
    dynamic_tools: Json | UnsetType = UNSET
    memory_mode: Maybe = UNSET
    history_mode: Maybe = UNSET
    history_base: Json | UnsetType = UNSET
    multi_agent_version: Maybe = UNSET
    context_window: Json | UnsetType = UNSET
    git: GitInfo | UnsetType | None = UNSET


class Compacted(TypedItem, kw_only=True):
    """The point where the model's context was replaced by a summary (spec 2.6)."""

    line_type: ClassVar[str] = "compacted"
    message: str
    replacement_history: list[Json] | UnsetType | None = UNSET
    window_number: int | UnsetType | None = UNSET
    first_window_id: Maybe = UNSET
    previous_window_id: Maybe = UNSET
    window_id: Json | UnsetType = UNSET


class TurnContext(TypedItem, kw_only=True):
    """The settings of one model request (spec 2.7)."""

    line_type: ClassVar[str] = "turn_context"
    turn_id: Maybe = UNSET
    cwd: str
    approval_policy: Json
    sandbox_policy: Json
    model: str
    personality: Maybe = UNSET
    collaboration_mode: Json | UnsetType = UNSET
    effort: Maybe = UNSET
    summary: Json
    user_instructions: Maybe = UNSET
    developer_instructions: Maybe = UNSET
    final_output_json_schema: Json | UnsetType = UNSET
    truncation_policy: Json | UnsetType = UNSET


class WorldState(TypedItem, kw_only=True):
    """A baseline of the surroundings (``full``), or a merge patch to it (spec 10.24)."""

    line_type: ClassVar[str] = "world_state"
    full: bool
    state: Json


class TokenUsageRecord(TypedItem, kw_only=True):
    """What one model request cost, and the totals of turn and thread behind it (spec 10.23)."""

    line_type: ClassVar[str] = "token_usage_record"
    thread_id: str
    turn_id: Maybe = UNSET
    session_id: Maybe = UNSET
    root_turn_id: Maybe = UNSET
    response_id: Maybe = UNSET
    usage: Json
    turn_token_usage: Json = None
    thread_token_usage: Json = None


class InterAgentCommunication(TypedItem, kw_only=True):
    """A message between agents (spec 2.1)."""

    line_type: ClassVar[str] = "inter_agent_communication"
    id: Maybe = UNSET
    author: str
    recipient: str
    other_recipients: list[str] = field(default_factory=list)
    content: Json = None
    encrypted_content: Maybe = UNSET
    trigger_turn: bool


class InterAgentCommunicationMetadata(TypedItem, kw_only=True):
    """Whether a message between agents begins a turn (spec 2.1)."""

    line_type: ClassVar[str] = "inter_agent_communication_metadata"
    trigger_turn: bool
