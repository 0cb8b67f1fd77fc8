"""The policy table, written out: what each policy keeps of every event that the seed knows."""

from __future__ import annotations

import pytest

from rollout.items import Item, RawItem
from rollout.policy import EVERYTHING, POLICIES, SEED
from rollout.testing import builders as b

# event | seed | limited | extended | legacy | paginated | everything
TABLE = """
error                                    . . x . . x
warning                                  . . . . . x
context_compacted                        x x x x . x
thread_rolled_back                       x x x x x x
task_started                             . x x x x x
task_complete                            . x x x x x
token_count                              x x x x x x
agent_message                            x x x x . x
user_message                             x x x x . x
agent_message_delta                      . . . . . x
agent_reasoning                          x x x x . x
agent_reasoning_delta                    . . . . . x
agent_reasoning_raw_content              x x x x . x
agent_reasoning_raw_content_delta        . . . . . x
agent_reasoning_section_break            . . . . . x
session_configured                       . . . . . x
thread_name_updated                      . . . . . x
mcp_startup_update                       . . . . . x
mcp_startup_complete                     . . . . . x
mcp_tool_call_begin                      . . . . . x
mcp_tool_call_end                        . . x x . x
web_search_begin                         . . . . . x
web_search_end                           . . x x . x
exec_command_begin                       . . . . . x
exec_command_output_delta                . . . . . x
terminal_interaction                     . . . . . x
exec_command_end                         . . x . . x
view_image_tool_call                     . . x . . x
exec_approval_request                    . . . . . x
request_user_input                       . . . . . x
dynamic_tool_call_request                . . x . . x
elicitation_request                      . . . . . x
apply_patch_approval_request             . . . . . x
deprecation_notice                       . . . . . x
background_event                         . . . . . x
undo_started                             . . . . . x
undo_completed                           x x x x . x
stream_error                             . . . . . x
patch_apply_begin                        . . . . . x
patch_apply_end                          . . x x . x
turn_diff                                . . . . . x
get_history_entry_response               . . . . . x
mcp_list_tools_response                  . . . . . x
list_custom_prompts_response             . . . . . x
list_skills_response                     . . . . . x
list_remote_skills_response              . . . . . x
remote_skill_downloaded                  . . . . . x
skills_update_available                  . . . . . x
plan_update                              . . . . . x
turn_aborted                             x x x x x x
shutdown_complete                        . . . . . x
entered_review_mode                      x x x x . x
exited_review_mode                       x x x x . x
raw_response_item                        . . . . . x
item_started                             . . . . . x
item_completed                           . . . . x x
agent_message_content_delta              . . . . . x
plan_delta                               . . . . . x
reasoning_content_delta                  . . . . . x
reasoning_raw_content_delta              . . . . . x
collab_agent_spawn_begin                 . . . . . x
collab_agent_spawn_end                   . . x . . x
collab_agent_interaction_begin           . . . . . x
collab_agent_interaction_end             . . x . . x
collab_waiting_begin                     . . . . . x
collab_waiting_end                       . . x . . x
collab_close_begin                       . . . . . x
collab_close_end                         . . x . . x
collab_resume_begin                      . . . . . x
collab_resume_end                        . . x . . x
"""
ORDER = ("seed", "limited", "extended", "legacy", "paginated", "everything")
ROWS = {tag: "".join(marks) for tag, *marks in (row.split() for row in TABLE.strip().splitlines())}
LATER = {
    "guardian_assessment": "..x..x",
    "dynamic_tool_call_response": "..x..x",
    "image_generation_end": "...x.x",
    "sub_agent_activity": "...x.x",
    "thread_goal_updated": "...xxx",
    "thread_settings_applied": "...xxx",
    "realtime_conversation_started": ".....x",
    "hook_completed": ".....x",
}


def kept_by(item: Item) -> str:
    """Which policies keep an item, in the order of the table."""
    return "".join("x" if POLICIES[name].keeps(item) else "." for name in ORDER)


def test_the_table_is_whole() -> None:
    """The seed has 70 events, and every policy has its column."""
    assert len(ROWS) == 70
    assert set(ORDER) == set(POLICIES)


@pytest.mark.parametrize("tag", ROWS)
def test_events_of_the_seed(tag: str) -> None:
    """Every policy keeps exactly what its version kept."""
    assert ROWS[tag] == kept_by(b.event(tag))


@pytest.mark.parametrize("tag", LATER)
def test_later_events(tag: str) -> None:
    """Events that came after the seed are kept by the policies of their time."""
    assert LATER[tag] == kept_by(b.event(tag))


@pytest.mark.parametrize(
    ("kind", "expected"), [("Plan", "xxxxxx"), ("Sleep", "...xxx"), ("UserMessage", "....xx"), ("", "....xx")]
)
def test_completed_items(kind: str, expected: str) -> None:
    """Of completed turn items the old policies keep plans, the legacy one sleeps too, the paginated one all."""
    assert expected == kept_by(b.turn_item(kind, "text"))


@pytest.mark.parametrize("line_type", ["session_meta", "turn_context", "compacted", "world_state", "from_the_future"])
def test_other_lines(line_type: str) -> None:
    """Every other kind of line is kept always, unknown ones too."""
    assert kept_by(RawItem(line_type, b'{"type":"warning"}')) == "xxxxxx"


@pytest.mark.parametrize(
    ("tag", "expected"),
    [("message", "xxxxxx"), ("ghost_snapshot", "xxxxxx"), ("from_the_future", "xxxxxx"), ("other", "......")],
)
def test_response_items(tag: str, expected: str) -> None:
    """Response items are kept, unknown ones too; only the placeholder of lost content is not."""
    assert expected == kept_by(b.response(tag))


def test_unknown_events_are_kept() -> None:
    """Dropping what one does not know is how history is lost."""
    assert kept_by(b.event("from_the_future")) == "xxxxxx"
    assert kept_by(RawItem("event_msg", b"7")) == "xxxxxx"


def test_typed_and_raw_items_agree() -> None:
    """A completed item counts the same as bytes and as a view."""
    from rollout.items import view

    raw = b.turn_item("Plan", "text")
    typed = view(raw.line_type, raw.payload)

    assert typed is not None
    assert SEED.keeps(raw)
    assert SEED.keeps(typed)
    assert repr(EVERYTHING) == "Policy('everything')"
