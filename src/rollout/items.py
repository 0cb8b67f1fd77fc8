"""The item kinds: what a line carries (spec: rollout-format 2.2 to 2.9).

Each kind is a lean struct whose fields stand in the order in which Codex writes them; ``UNSET`` is absent,
``None`` is an explicit null. The structs are for *authoring* and for *looking*: a view drops what it does not
know, so history is carried as ``RawItem`` (or as whole lines), never as a re-encoded view.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from rollout.codec import Record, decode_item, payload_tag, to_object
from rollout.errors import InvalidItemError

Json: TypeAlias = Any
Maybe: TypeAlias = str | UnsetType | None


class RawItem:
    """Any item as bytes: the lossless carrier of every kind, known or unknown.

    ``payload`` is one JSON value without line breaks; it is written exactly as it is.
    """

    __slots__ = ("_tag", "line_type", "payload")

    def __init__(self, line_type: str, payload: bytes) -> None:
        """Take the bytes as they are.

        Raises InvalidItemError when they are not one JSON value on one line of valid UTF-8.
        """
        try:
            payload.decode()
            self._tag: str | None = payload_tag(payload)
        except (ValueError, RecursionError) as error:
            raise InvalidItemError(f"{line_type}: the payload is not JSON: {error}") from None
        if b"\n" in payload:
            raise InvalidItemError(f"{line_type}: the payload has a line break outside its strings")
        self.line_type = line_type
        self.payload = payload

    @classmethod
    def of(cls, record: Record) -> RawItem:
        """The item of a line that a reader has judged good already: its bytes are not looked at again."""
        item = cls.__new__(cls)
        item.line_type, item.payload, item._tag = record.type, bytes(record.payload), None  # noqa: SLF001 - its own class
        return item

    @property
    def tag(self) -> str:
        """The ``type`` inside the payload, "" when it has none."""
        if self._tag is None:
            self._tag = payload_tag(self.payload)
        return self._tag

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RawItem) and (self.line_type, self.payload) == (other.line_type, other.payload)

    def __hash__(self) -> int:
        return hash((self.line_type, self.payload))

    def __repr__(self) -> str:
        return f"RawItem({self.line_type!r}, {self.payload[:60]!r})"

    @property
    def object(self) -> Json:
        """The payload as plain Python values."""
        return to_object(self.payload)


class TypedItem(msgspec.Struct, kw_only=True, gc=False):
    """An item with named fields: ``line_type`` is the type of its line, ``tag`` the type inside its payload."""

    line_type: ClassVar[str]
    tag: ClassVar[str] = ""


Item: TypeAlias = TypedItem | RawItem


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


# Response items (spec 2.8)


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


# Events (spec 2.9): those that Codex keeps


class _Event(TypedItem, kw_only=True, tag_field="type"):
    line_type: ClassVar[str] = "event_msg"


class UserMessage(_Event, kw_only=True, tag="user_message"):
    """What a person typed."""

    tag: ClassVar[str] = "user_message"
    message: str
    images: list[str] | UnsetType | None = UNSET
    local_images: list[str] = []
    text_elements: list[Json] = []


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


RESPONSE_ITEMS: tuple[type[_ResponseItem], ...] = (
    Message, Reasoning, LocalShellCall, FunctionCall, FunctionCallOutput, CustomToolCall,
    CustomToolCallOutput, WebSearchCall, GhostSnapshot, Compaction,
)  # fmt: skip
EVENTS: tuple[type[_Event], ...] = (
    UserMessage, AgentMessage, AgentReasoning, AgentReasoningRawContent, TokenCount, ContextCompacted,
    ThreadRolledBack, TurnAborted, UndoCompleted, EnteredReviewMode, ExitedReviewMode, ItemCompleted,
    TaskStarted, TaskComplete,
)  # fmt: skip
_ALIASES = {"turn_started": "task_started", "turn_complete": "task_complete", "compaction_summary": "compaction"}
_KINDS: dict[tuple[str, str], type[TypedItem]] = {
    **{(kind.line_type, kind.tag): kind for kind in (*RESPONSE_ITEMS, *EVENTS)},
    ("session_meta", ""): SessionMeta,
    ("compacted", ""): Compacted,
    ("turn_context", ""): TurnContext,
}


def _plain(value: object) -> object:
    """Values the JSON library does not know by their exact type: a ThreadId is a text like any other."""
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")


encoder = msgspec.json.Encoder(enc_hook=_plain)
_decoders = {key: msgspec.json.Decoder(kind) for key, kind in _KINDS.items()}


def view(line_type: str, payload: bytes | msgspec.Raw) -> Item | None:
    """The typed view of a payload; None for kinds and shapes that we do not know (spec 2.9: read aliases)."""
    tag = payload_tag(payload) if line_type in ("response_item", "event_msg") else ""
    known = _ALIASES.get(tag, tag)
    decoder = _decoders.get((line_type, known))
    if decoder is None:
        return None
    try:
        if known == tag:
            return decoder.decode(payload)
        return msgspec.convert({**_as_dict(payload), "type": known}, _KINDS[line_type, known])
    except msgspec.ValidationError:
        return None


def view_record(record: Record) -> Item | None:
    """The typed view of a decoded line."""
    return view(record.type, record.payload)


def _as_dict(payload: bytes | msgspec.Raw) -> dict[str, Json]:
    found = to_object(payload)
    return found if isinstance(found, dict) else {}


def payload_bytes(item: Item) -> bytes:
    """The payload of an item as compact JSON; a ``RawItem`` gives its own bytes.

    Raises InvalidItemError when the item holds something JSON cannot say (a lone surrogate, an unknown object).
    """
    if isinstance(item, RawItem):
        return item.payload
    try:
        return encoder.encode(item)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidItemError(f"{item.line_type} {item.tag}: cannot be written as JSON: {error}") from None


def to_item(value: object) -> Item:
    """Whatever a caller may record, as an item: an item itself, or a mapping ``{"type", "payload"}``.

    Raises InvalidItemError for anything else.
    """
    if isinstance(value, TypedItem | RawItem):
        return value
    if isinstance(value, dict):
        return _from_mapping(value)
    raise InvalidItemError(f"not an item: {type(value).__name__}")


def _from_mapping(value: dict[Any, Json]) -> RawItem:
    line_type, payload = value.get("type"), value.get("payload")
    if not isinstance(line_type, str) or not line_type or "payload" not in value:
        raise InvalidItemError('an item needs "type" and "payload"')
    try:
        return RawItem(line_type, encoder.encode(payload))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidItemError(f"{line_type}: cannot be written as JSON: {error}") from None


def from_line(line: bytes) -> RawItem:
    """An item from a whole rollout line, or from ``{"type", "payload"}`` as JSON; its payload keeps its bytes.

    Raises FormatError when the bytes are no JSON object, InvalidItemError when they hold no item.
    """
    line_type, payload = decode_item(line)
    if not line_type:
        raise InvalidItemError('an item needs a "type"')
    return RawItem(line_type, payload)
