"""Response items: what goes to the model and comes from it (spec: rollout-format 2.8)."""

from __future__ import annotations

from typing import ClassVar

from msgspec import UNSET, UnsetType

from rollout.items.base import Json, Maybe, TypedItem


class _ResponseItem(TypedItem, kw_only=True, tag_field="type"):
    line_type: ClassVar[str] = "response_item"


class Message(_ResponseItem, kw_only=True, tag="message"):
    """A message to or from the model."""

    tag: ClassVar[str] = "message"
    id: Maybe = UNSET
    role: str
    content: list[Json]
    end_turn: bool | UnsetType | None = UNSET
    phase: Maybe = UNSET


class Reasoning(_ResponseItem, kw_only=True, tag="reasoning"):
    """What the model thought, as far as it is told."""

    tag: ClassVar[str] = "reasoning"
    id: Maybe = UNSET
    summary: list[Json]
    content: list[Json] | UnsetType | None = UNSET
    encrypted_content: str | None = None


class LocalShellCall(_ResponseItem, kw_only=True, tag="local_shell_call"):
    """A call of the model's built-in shell."""

    tag: ClassVar[str] = "local_shell_call"
    id: Maybe = UNSET
    call_id: str | None = None
    status: str
    action: Json


class FunctionCall(_ResponseItem, kw_only=True, tag="function_call"):
    """A call of a function; ``arguments`` is JSON as a string."""

    tag: ClassVar[str] = "function_call"
    id: Maybe = UNSET
    name: str
    namespace: Maybe = UNSET
    arguments: str
    call_id: str


class FunctionCallOutput(_ResponseItem, kw_only=True, tag="function_call_output"):
    """What a function answered: a text, or a list of parts."""

    tag: ClassVar[str] = "function_call_output"
    id: Maybe = UNSET
    call_id: str
    output: str | list[Json]


class CustomToolCall(_ResponseItem, kw_only=True, tag="custom_tool_call"):
    """A call of a free-form tool."""

    tag: ClassVar[str] = "custom_tool_call"
    id: Maybe = UNSET
    status: Maybe = UNSET
    call_id: str
    name: str
    input: str


class CustomToolCallOutput(_ResponseItem, kw_only=True, tag="custom_tool_call_output"):
    """What a free-form tool answered."""

    tag: ClassVar[str] = "custom_tool_call_output"
    id: Maybe = UNSET
    call_id: str
    output: str | list[Json]


class WebSearchCall(_ResponseItem, kw_only=True, tag="web_search_call"):
    """A search that the model's side ran."""

    tag: ClassVar[str] = "web_search_call"
    id: Maybe = UNSET
    status: Maybe = UNSET
    action: Json | UnsetType = UNSET


class GhostSnapshot(_ResponseItem, kw_only=True, tag="ghost_snapshot"):
    """A commit that undo could go back to (removed from Codex in April 2026)."""

    tag: ClassVar[str] = "ghost_snapshot"
    ghost_commit: Json


class Compaction(_ResponseItem, kw_only=True, tag="compaction"):
    """A compaction that the model's side made; its content is sealed."""

    tag: ClassVar[str] = "compaction"
    encrypted_content: str


class ToolSearchCall(_ResponseItem, kw_only=True, tag="tool_search_call"):
    """A search for tools."""

    tag: ClassVar[str] = "tool_search_call"
    call_id: Maybe = UNSET
    status: Maybe = UNSET
    execution: Json
    arguments: Json


class ToolSearchOutput(_ResponseItem, kw_only=True, tag="tool_search_output"):
    """The tools that a search found."""

    tag: ClassVar[str] = "tool_search_output"
    call_id: Maybe = UNSET
    status: str
    execution: Json
    tools: list[Json]


class ImageGenerationCall(_ResponseItem, kw_only=True, tag="image_generation_call"):
    """An image that the model's side made; ``result`` is base64."""

    tag: ClassVar[str] = "image_generation_call"
    id: str
    status: str
    revised_prompt: Maybe = UNSET
    result: str


class AgentMessageItem(_ResponseItem, kw_only=True, tag="agent_message"):
    """A message between agents, as the model sees it."""

    tag: ClassVar[str] = "agent_message"
    id: Maybe = UNSET
    author: str
    recipient: str
    content: list[Json]


class AdditionalTools(_ResponseItem, kw_only=True, tag="additional_tools"):
    """Tools that were offered in the middle of a thread."""

    tag: ClassVar[str] = "additional_tools"
    id: Maybe = UNSET
    role: Maybe = UNSET
    tools: list[Json]


class ContextCompaction(_ResponseItem, kw_only=True, tag="context_compaction"):
    """A compaction that the model's side made, in its later form."""

    tag: ClassVar[str] = "context_compaction"
    encrypted_content: Maybe = UNSET


RESPONSE_ITEMS: tuple[type[_ResponseItem], ...] = (
    Message, Reasoning, LocalShellCall, FunctionCall, FunctionCallOutput, CustomToolCall,
    CustomToolCallOutput, WebSearchCall, GhostSnapshot, Compaction, ToolSearchCall, ToolSearchOutput,
    ImageGenerationCall, AgentMessageItem, AdditionalTools, ContextCompaction,
)  # fmt: skip
