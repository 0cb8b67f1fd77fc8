"""What counts as a user's turn, and what is context that the program put in (spec: rollout-format 7.1).

Two readings exist. The seed's takes an opening tag for context; the later one (``later=True``) wants the closing
tag too, knows other tags, and lets a message from another agent begin a turn. Files of the paginated era are read
in the later way. The tags of the later reading are those that the real 0.169.0 treats so.
"""

from __future__ import annotations

from typing import Any

MARKER = "## My request for Codex:"
_ALONE = ("# AGENTS.md instructions for ", "<user_instructions>", "<skill")
_WRAPPED = ("<environment_context>", "<turn_aborted>", "<user_shell_command>")
_LATER = (
    ("# agents.md instructions", "</instructions>"),
    ("<environment_context>", "</environment_context>"),
    ("<turn_aborted>", "</turn_aborted>"),
    ("<user_shell_command>", "</user_shell_command>"),
    ("<skill>", "</skill>"),
    ("<subagent_notification>", "</subagent_notification>"),
    ("<agent_message_board_notification>", "</agent_message_board_notification>"),
    ("<recommended_plugins>", "</recommended_plugins>"),
    ("<goal_context>", "</goal_context>"),
    ("<hook_prompt hook_run_id=", "</hook_prompt>"),
)
_DEVELOPER = (
    "<permissions instructions>", "<model_switch>", "<collaboration_mode>", "<realtime_conversation>",
    "<personality_spec>", "<skills_instructions>", "<apps_instructions>", "<plugins_instructions>",
    "<environments_instructions>", "<managed_developer_instructions>", "<multi_agent_mode>", "<multi_agent_role>",
    "<persistent_mode>", "<context_window>", "<context_window_guidance>", "<token_budget>", "<rollout_budget>",
    "<git_attribution>", "<tools>",
)  # fmt: skip


def is_user_turn(item: dict[str, Any], *, later: bool = False) -> bool:
    """Whether a response item begins a user turn: a message from a person or, later, from another agent."""
    if later and item.get("type") == "agent_message":
        return True
    return is_user_message(item, later=later)


def is_user_message(item: dict[str, Any], *, later: bool = False) -> bool:
    """Whether a response item is a user message that is no injected context."""
    if item.get("type") != "message" or item.get("role") != "user":
        return False
    parts = message_parts(item)
    return not (any(_is_enclosed(part) for part in parts) if later else is_injected(parts))


def is_context(item: dict[str, Any]) -> bool:
    """Whether a message is context that the program put in, by the later reading, for the user or the developer."""
    if item.get("type") != "message":
        return False
    if item.get("role") == "user":
        return not is_user_message(item, later=True)
    opened = any(_start(part).startswith(_DEVELOPER) for part in message_parts(item))
    return item.get("role") == "developer" and opened


def is_injected(parts: list[dict[str, Any]]) -> bool:
    """Whether the parts of a user message are context that the program put in, by the seed's reading."""
    if len(parts) == 1 and parts[0].get("type") == "input_text" and _text(parts[0]).startswith(_ALONE):
        return True
    return any(_is_opened(part) for part in parts)


def _is_opened(part: dict[str, Any]) -> bool:
    if part.get("type") == "input_text":
        return _start(part).startswith(_WRAPPED)
    return part.get("type") == "output_text" and _start(part).startswith(_WRAPPED[:2])


def _is_enclosed(part: dict[str, Any]) -> bool:
    if part.get("type") != "input_text":
        return False
    start, end = _start(part), _text(part).rstrip()[-40:].lower()
    return any(start.startswith(opening) and end.endswith(closing) for opening, closing in _LATER)


def message_parts(item: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of a message item; a content that is a plain text is one part."""
    content = item.get("content")
    if isinstance(content, str):
        return [{"type": "input_text", "text": content}]
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def user_texts(item: dict[str, Any]) -> list[str]:
    """The texts of a user message in order, without the labels that stand directly around an image."""
    parts = message_parts(item)
    return [
        _text(part)
        for at, part in enumerate(parts)
        if part.get("type") == "input_text" and not _is_image_label(parts, at)
    ]


def _is_image_label(parts: list[dict[str, Any]], at: int) -> bool:
    text = _text(parts[at])
    if text == "<image>" or (text.startswith("<image name=") and text.endswith(">")):
        return at + 1 < len(parts) and parts[at + 1].get("type") == "input_image"
    return text == "</image>" and at > 0 and parts[at - 1].get("type") == "input_image"


def _start(part: dict[str, Any]) -> str:
    return _text(part).lstrip()[:40].lower()


def _text(part: dict[str, Any]) -> str:
    text = part.get("text")
    return text if isinstance(text, str) else ""


def message_text(item: dict[str, Any]) -> str:
    """The text of a message item, its parts put together."""
    return "".join(_text(part) for part in message_parts(item))


def strip_marker(text: str) -> str:
    """What the person typed: the text after the editor's marker, without surrounding white space."""
    _, found, after = text.partition(MARKER)
    return (after if found else text).strip()
