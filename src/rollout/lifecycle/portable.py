"""A thread without what only one account can read: sealed reasoning, sealed compactions, sealed messages.

The model's side seals them (``encrypted_content``); under another account, organization or provider they make
every request fail. What people can read stays, in order: the summaries of reasoning stand in events of their own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from rollout.codec import encode_record
from rollout.history.facts import payload_of
from rollout.items import encoder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rollout.codec import Record
    from rollout.lines import Line

Json = dict[str, Any]
_MARK = b"encrypted_content"
_ORDINAL = re.compile(rb'"ordinal"\s*:\s*(\d+)')
_SEALED_WHOLE = frozenset({"reasoning", "compaction", "compaction_summary", "context_compaction"})


class Portable:
    """Passes lines on without what is sealed, and counts what it leaves out.

    ``dropped`` counts by kind: ``reasoning``, ``compaction``, ``message``; ``dropped_bytes`` are the bytes that
    went. A compaction whose summary is sealed goes as a whole, so that what it had replaced is visible again.
    """

    def __init__(self, ordinal: int | None = None) -> None:
        """``ordinal``: number the lines from here on."""
        self.dropped: dict[str, int] = {}
        self.dropped_bytes = 0
        self.kept = 0
        self._ordinal = ordinal

    def lines(self, lines: Iterable[Line]) -> Iterator[bytes]:
        """The lines that are left; those that had nothing sealed keep their bytes, but for a new ordinal."""
        for line in lines:
            data = self._passed(line)
            self.dropped_bytes += max(0, len(line.data) - len(data))
            if data:
                self.kept += 1
                yield data

    def _passed(self, line: Line) -> bytes:
        record: Record | None = line.record
        if _MARK in line.data:
            record = self._unsealed(line.record)
        if record is None:
            return b""
        if self._ordinal is None:
            return _ended(line.data) if record is line.record else encode_record(record)
        number, self._ordinal = self._ordinal, self._ordinal + 1
        found = _ORDINAL.search(line.data, 0, max(0, line.data.find(b'"payload"')))
        if record is line.record and found:
            return _ended(line.data[: found.start(1)] + b"%d" % number + line.data[found.end(1) :])
        return encode_record(msgspec.structs.replace(record, ordinal=number))

    def _unsealed(self, record: Record) -> Record | None:
        """The record without what is sealed; itself when nothing is; None when nothing is left."""
        payload = payload_of(record)
        if record.type == "response_item":
            item = self._open_item(payload)
            return record if item is payload else _with(record, item)
        if record.type == "compacted":
            return self._open_compaction(record, payload)
        return record

    def _open_compaction(self, record: Record, payload: Json) -> Record | None:
        history = payload.get("replacement_history")
        if not isinstance(history, list):
            return record
        if any(isinstance(item, dict) and is_sealed(item) and item.get("type") != "reasoning" for item in history):
            self._count("compaction")
            return None
        opened = [self._open_item(item) if isinstance(item, dict) else item for item in history]
        if all(new is old for new, old in zip(opened, history, strict=True)):
            return record
        return _with(record, {**payload, "replacement_history": [item for item in opened if item is not None]})

    def _open_item(self, item: Json) -> Json | None:
        if is_sealed(item):
            self._count("reasoning" if item["type"] == "reasoning" else "compaction")
            return None
        content = item.get("content")
        parts = content if isinstance(content, list) else []
        readable = [part for part in parts if not (isinstance(part, dict) and part.get("type") == "encrypted_content")]
        if len(readable) == len(parts):
            return item
        self._count("message")
        return {**item, "content": readable} if readable else None

    def _count(self, kind: str) -> None:
        self.dropped[kind] = self.dropped.get(kind, 0) + 1


def is_sealed(item: Json) -> bool:
    """Whether an item is of no use without the account that made it."""
    return item.get("type") in _SEALED_WHOLE and isinstance(item.get("encrypted_content"), str)


def _with(record: Record, payload: Json | None) -> Record | None:
    if payload is None:
        return None
    return msgspec.structs.replace(record, payload=msgspec.Raw(encoder.encode(payload)))


def _ended(line: bytes) -> bytes:
    return line if line.endswith(b"\n") else line + b"\n"
