"""Entries and records of Pydantic AI's ConversationStore as lines of a thread: exactly what the SDK would store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from pydantic import TypeAdapter  # type: ignore[import-not-found, unused-ignore]  # pyright: ignore[reportMissingImports]  # an extra: only some environments have it
from pydantic_ai.conversation_store import (  # type: ignore[import-not-found, unused-ignore]  # pyright: ignore[reportMissingImports]  # an extra: only some environments have it
    ConversationEntry,
    ConversationRecord,
)
from pydantic_ai.messages import (  # type: ignore[import-not-found, unused-ignore]  # pyright: ignore[reportMissingImports]  # an extra: only some environments have it
    ModelMessagesTypeAdapter,
)

from rollout.items import RawItem
from rollout.lines import Line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rollout.codec import Record
    from rollout.lines import Found

LINE_TYPE = "pydantic_ai"
_records = TypeAdapter(ConversationRecord)


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    type: str = "entry"
    id: str
    parent_id: str | None
    kind: str = "message"
    message: msgspec.Raw


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    type: str = "record"
    conversation_id: str
    record: msgspec.Raw


class _Tag(msgspec.Struct, frozen=True):
    type: str = ""
    id: str = ""
    conversation_id: str = ""


_entry = msgspec.json.Decoder(_Entry)
_record = msgspec.json.Decoder(_Record)
_tag = msgspec.json.Decoder(_Tag)


def entry_line(entry: Any) -> RawItem:  # noqa: ANN401 - a ConversationEntry
    """The line of an entry; bytes inside the message are base64."""
    message = ModelMessagesTypeAdapter.dump_json([entry.message])[1:-1]
    line = _Entry(id=entry.id, parent_id=entry.parent_id, kind=entry.kind, message=msgspec.Raw(message))
    return RawItem(LINE_TYPE, msgspec.json.encode(line))


def record_line(record: Any) -> RawItem:  # noqa: ANN401 - a ConversationRecord
    """The line of a record."""
    body = msgspec.Raw(_records.dump_json(record))
    return RawItem(LINE_TYPE, msgspec.json.encode(_Record(conversation_id=record.conversation_id, record=body)))


def newest_record(lines_back: Iterable[Found], conversation_id: str | None = None) -> Any | None:  # noqa: ANN401 - JSON
    """The newest record among lines that come newest first, of one conversation or of any; None without one.

    The copied records of a fork belong to the conversation that was forked.
    """
    for line in _ours(lines_back):
        tag = _tag.decode(line.payload)
        if tag.type == "record" and conversation_id in (None, tag.conversation_id):
            return _records.validate_json(bytes(_record.decode(line.payload).record))
    return None


def chain(lines_back: Iterable[Found], head_id: str | None, limit: int | None = None) -> list[Any] | None:
    """The entries up to a head, oldest first, or the last ``limit`` of them; None when one of them is missing.

    One pass from the end, as far as it needs: an entry always stands behind the one it points at.
    """
    found: list[Any] = []
    wanted = head_id
    lines = _ours(lines_back)
    while wanted is not None and (limit is None or len(found) < limit):
        entry = _next(lines, wanted)
        if entry is None:
            return None
        found.append(entry)
        wanted = entry.parent_id
    return found[::-1]


def _next(lines: Iterator[Record], wanted: str) -> Any | None:  # noqa: ANN401 - a ConversationEntry
    for record in lines:
        tag = _tag.decode(record.payload)
        if tag.type == "entry" and tag.id == wanted:
            line = _entry.decode(record.payload)
            (message,) = ModelMessagesTypeAdapter.validate_json(b"[" + bytes(line.message) + b"]")
            return ConversationEntry(id=line.id, parent_id=line.parent_id, message=message)
    return None


def _ours(lines_back: Iterable[Found]) -> Iterator[Record]:
    return (found.record for found in lines_back if isinstance(found, Line) and found.record.type == LINE_TYPE)
