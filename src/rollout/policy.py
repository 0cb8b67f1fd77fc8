"""Which items are kept: one exhaustive table for each era of the rules (spec: rollout-format 3).

The seed's rules are the default. A policy answers for every line type, response item and event that any
Codex has had; what none of them knows is kept, because dropping an unknown thing is how history is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.codec import to_object

if TYPE_CHECKING:
    from rollout.items import Item

SEED_EVENTS = frozenset({
    "user_message", "agent_message", "agent_reasoning", "agent_reasoning_raw_content", "token_count",
    "context_compacted", "entered_review_mode", "exited_review_mode", "thread_rolled_back", "undo_completed",
    "turn_aborted",
})  # fmt: skip
TURN_EVENTS = frozenset({"task_started", "task_complete", "turn_started", "turn_complete"})
EXTENDED_EVENTS = frozenset({
    "error", "guardian_assessment", "web_search_end", "exec_command_end", "patch_apply_end", "mcp_tool_call_end",
    "view_image_tool_call", "collab_agent_spawn_end", "collab_agent_interaction_end", "collab_waiting_end",
    "collab_close_end", "collab_resume_end", "dynamic_tool_call_request", "dynamic_tool_call_response",
})  # fmt: skip
LATER_EVENTS = frozenset({
    "patch_apply_end", "mcp_tool_call_end", "web_search_end", "image_generation_end", "thread_goal_updated",
    "sub_agent_activity", "thread_settings_applied",
})  # fmt: skip
ALWAYS_EVENTS = TURN_EVENTS | {
    "token_count", "thread_goal_updated", "thread_rolled_back", "turn_aborted", "thread_settings_applied",
}  # fmt: skip
# Every event tag that some Codex has emitted and no policy keeps. Listed so that the table is exhaustive:
# a tag that stands nowhere here is unknown, and unknown things are kept.
NEVER_EVENTS = frozenset({
    "warning", "agent_message_delta", "agent_reasoning_delta", "agent_reasoning_raw_content_delta",
    "agent_reasoning_section_break", "session_configured", "thread_name_updated", "mcp_startup_update",
    "mcp_startup_complete", "mcp_tool_call_begin", "web_search_begin", "exec_command_begin",
    "exec_command_output_delta", "terminal_interaction", "exec_approval_request", "request_user_input",
    "elicitation_request", "apply_patch_approval_request", "deprecation_notice", "background_event",
    "undo_started", "stream_error", "patch_apply_begin", "patch_apply_updated", "turn_diff",
    "get_history_entry_response", "mcp_list_tools_response", "list_custom_prompts_response",
    "list_skills_response", "list_remote_skills_response", "remote_skill_downloaded", "skills_update_available",
    "plan_update", "shutdown_complete", "raw_response_item", "item_started", "agent_message_content_delta",
    "plan_delta", "reasoning_content_delta", "reasoning_raw_content_delta", "collab_agent_spawn_begin",
    "collab_agent_interaction_begin", "collab_waiting_begin", "collab_close_begin", "collab_resume_begin",
    "realtime_conversation_started", "realtime_conversation_realtime", "realtime_conversation_closed",
    "realtime_conversation_sdp", "realtime_conversation_list_voices_response", "model_reroute",
    "image_generation_begin", "request_permissions", "hook_started", "hook_completed", "guardian_warning",
    "model_verification", "turn_moderation_metadata", "safety_buffering",
})  # fmt: skip
KNOWN_EVENTS = SEED_EVENTS | TURN_EVENTS | EXTENDED_EVENTS | LATER_EVENTS | NEVER_EVENTS | {"item_completed"}
RESPONSE_ITEMS_NEVER_KEPT = frozenset({"other", "additional_tools_request", "compaction_trigger"})


class Policy:
    """What is kept: the events by tag, and the kinds of ``item_completed`` (None keeps all of them)."""

    __slots__ = ("events", "item_kinds", "name")

    def __init__(self, name: str, events: frozenset[str], item_kinds: frozenset[str] | None) -> None:
        """A named set of rules."""
        self.name, self.events, self.item_kinds = name, events, item_kinds

    def keeps(self, item: Item) -> bool:
        """Whether the item is written; an unknown line type, item or event is."""
        if item.line_type == "event_msg":
            return self._keeps_event(item)
        return item.line_type != "response_item" or item.tag not in RESPONSE_ITEMS_NEVER_KEPT

    def _keeps_event(self, item: Item) -> bool:
        if item.tag == "item_completed":
            return self.item_kinds is None or _turn_item_kind(item) in self.item_kinds
        return item.tag in self.events or item.tag not in KNOWN_EVENTS

    def __repr__(self) -> str:
        return f"Policy({self.name!r})"


def _turn_item_kind(item: Item) -> str:
    """The kind of the turn item inside an ``item_completed`` event."""
    inner = getattr(item, "item", None)
    if inner is None:
        payload = to_object(getattr(item, "payload", b"{}"))
        inner = payload.get("item") if isinstance(payload, dict) else None
    return str(inner.get("type", "")) if isinstance(inner, dict) else ""


_PLAN = frozenset({"Plan"})
SEED = Policy("seed", SEED_EVENTS, _PLAN)
LIMITED = Policy("limited", SEED_EVENTS | TURN_EVENTS, _PLAN)
EXTENDED = Policy("extended", SEED_EVENTS | TURN_EVENTS | EXTENDED_EVENTS, _PLAN)
LEGACY = Policy("legacy", SEED_EVENTS | TURN_EVENTS | LATER_EVENTS, frozenset({"Plan", "Sleep"}))
PAGINATED = Policy("paginated", ALWAYS_EVENTS, None)
EVERYTHING = Policy("everything", KNOWN_EVENTS, None)
POLICIES = {policy.name: policy for policy in (SEED, LIMITED, EXTENDED, LEGACY, PAGINATED, EVERYTHING)}
