"""Events that Codex keeps (spec: rollout-format 2.9)."""

from __future__ import annotations

from typing import ClassVar

from msgspec import UNSET, UnsetType, field

from rollout.items.base import Json, Maybe, TypedItem


class _Event(TypedItem, kw_only=True, tag_field="type"):
    line_type: ClassVar[str] = "event_msg"


class UserMessage(_Event, kw_only=True, tag="user_message"):
    """What a person typed."""

    tag: ClassVar[str] = "user_message"
    message: str
    images: list[str] | UnsetType | None = UNSET
    local_images: list[str] = field(default_factory=list)
    text_elements: list[Json] = field(default_factory=list)


class AgentMessage(_Event, kw_only=True, tag="agent_message"):
    """What the agent said."""

    tag: ClassVar[str] = "agent_message"
    message: str
    phase: Maybe = UNSET


class AgentReasoning(_Event, kw_only=True, tag="agent_reasoning"):
    """A summary of what the agent thought."""

    tag: ClassVar[str] = "agent_reasoning"
    text: str


class AgentReasoningRawContent(_Event, kw_only=True, tag="agent_reasoning_raw_content"):
    """What the agent thought, word by word."""

    tag: ClassVar[str] = "agent_reasoning_raw_content"
    text: str


class TokenCount(_Event, kw_only=True, tag="token_count"):
    """Tokens used so far, and the limits."""

    tag: ClassVar[str] = "token_count"
    info: Json = None
    rate_limits: Json = None


class ContextCompacted(_Event, kw_only=True, tag="context_compacted"):
    """The model's context was compacted; there are no fields."""

    tag: ClassVar[str] = "context_compacted"


class ThreadRolledBack(_Event, kw_only=True, tag="thread_rolled_back"):
    """The last ``num_turns`` user turns count as dropped; nothing is removed."""

    tag: ClassVar[str] = "thread_rolled_back"
    num_turns: int


class TurnAborted(_Event, kw_only=True, tag="turn_aborted"):
    """A turn ended early."""

    tag: ClassVar[str] = "turn_aborted"
    turn_id: Maybe = UNSET
    reason: str


class UndoCompleted(_Event, kw_only=True, tag="undo_completed"):
    """An undo was tried."""

    tag: ClassVar[str] = "undo_completed"
    success: bool
    message: Maybe = UNSET


class EnteredReviewMode(_Event, kw_only=True, tag="entered_review_mode"):
    """A review began."""

    tag: ClassVar[str] = "entered_review_mode"
    target: Json
    user_facing_hint: Maybe = UNSET


class ExitedReviewMode(_Event, kw_only=True, tag="exited_review_mode"):
    """A review ended, with or without a result."""

    tag: ClassVar[str] = "exited_review_mode"
    review_output: Json = None


class ItemCompleted(_Event, kw_only=True, tag="item_completed"):
    """An item of a turn, as a client shows it, is complete."""

    tag: ClassVar[str] = "item_completed"
    thread_id: str
    turn_id: str
    item: Json
    started_at_ms: int | UnsetType | None = UNSET
    completed_at_ms: int | UnsetType | None = UNSET


class TaskStarted(_Event, kw_only=True, tag="task_started"):
    """A turn began."""

    tag: ClassVar[str] = "task_started"
    turn_id: Maybe = UNSET
    started_at: int | UnsetType | None = UNSET
    model_context_window: int | None = None
    collaboration_mode_kind: Maybe = UNSET


class TaskComplete(_Event, kw_only=True, tag="task_complete"):
    """A turn ended."""

    tag: ClassVar[str] = "task_complete"
    turn_id: Maybe = UNSET
    last_agent_message: str | None = None
    error: Json | UnsetType = UNSET
    started_at: int | UnsetType | None = UNSET
    completed_at: int | UnsetType | None = UNSET
    duration_ms: int | UnsetType | None = UNSET


class ThreadGoalUpdated(_Event, kw_only=True, tag="thread_goal_updated"):
    """What the thread is for."""

    tag: ClassVar[str] = "thread_goal_updated"
    threadId: Maybe = UNSET  # noqa: N815 - the wire's spelling
    goal: Json = None


class ThreadSettingsApplied(_Event, kw_only=True, tag="thread_settings_applied"):
    """The settings that are in force from here on."""

    tag: ClassVar[str] = "thread_settings_applied"
    thread_id: Maybe = UNSET
    thread_settings: Json = None


EVENTS: tuple[type[_Event], ...] = (
    UserMessage, AgentMessage, AgentReasoning, AgentReasoningRawContent, TokenCount, ContextCompacted,
    ThreadRolledBack, TurnAborted, UndoCompleted, EnteredReviewMode, ExitedReviewMode, ItemCompleted,
    TaskStarted, TaskComplete, ThreadGoalUpdated, ThreadSettingsApplied,
)  # fmt: skip
