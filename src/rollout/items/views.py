"""From bytes to views and back: the registry of the kinds, and what a caller may hand in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from rollout.codec import decode_item, payload_tag, to_object
from rollout.errors import InvalidItemError
from rollout.items.base import Item, Json, RawItem, TypedItem
from rollout.items.events import EVENTS
from rollout.items.responses import RESPONSE_ITEMS
from rollout.items.session import (
    Compacted,
    InterAgentCommunication,
    InterAgentCommunicationMetadata,
    SessionMeta,
    TokenUsageRecord,
    TurnContext,
    WorldState,
)

if TYPE_CHECKING:
    from rollout.codec import Record

_ALIASES = {"turn_started": "task_started", "turn_complete": "task_complete", "compaction_summary": "compaction"}
_KINDS: dict[tuple[str, str], type[TypedItem]] = {
    **{(kind.line_type, kind.tag): kind for kind in (*RESPONSE_ITEMS, *EVENTS)},
    ("session_meta", ""): SessionMeta,
    ("compacted", ""): Compacted,
    ("turn_context", ""): TurnContext,
    ("world_state", ""): WorldState,
    ("token_usage_record", ""): TokenUsageRecord,
    ("inter_agent_communication", ""): InterAgentCommunication,
    ("inter_agent_communication_metadata", ""): InterAgentCommunicationMetadata,
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
