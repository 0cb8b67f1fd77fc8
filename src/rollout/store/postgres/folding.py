"""What the store knows of a file and of a thread without reading their lines: kept while lines come, once for all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from rollout.codec import decode, to_object
from rollout.errors import FormatError
from rollout.folders import spelled
from rollout.ids import ThreadId, try_parse
from rollout.journal.reader import classify
from rollout.lines import Line, Position
from rollout.query import Thread, branch_of, kind_of, plain_id, text_of, title_key
from rollout.store.stored_summary import fill, summary_json
from rollout.summary import Summary, fold
from rollout.times import parse_ms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollout.codec import Era, Record

_NOWHERE = Position(0, 0)
_LARGEST = 253_402_300_799_999


class Name(NamedTuple):
    """What the name of a file tells: its thread, its own id, its time read as UTC."""

    thread_id: ThreadId
    rollout_id: ThreadId
    unix_ms: int


def parse_name(name: str) -> Name:
    """Read the name of a file; raises FormatError when it is not the name of a rollout."""
    thread, _, rollout = name[28:-6].partition("_")
    thread_id, unix_ms = try_parse(thread), parse_ms(name[8:27])
    rollout_id = try_parse(rollout) if rollout else thread_id
    shaped = name.startswith("rollout-") and name[27:28] == "-" and name.endswith(".jsonl")
    if not shaped or thread_id is None or rollout_id is None or unix_ms is None:
        raise FormatError(f"{name!r} is not the name of a rollout: rollout-<time>-<id>.jsonl")
    return Name(thread_id, rollout_id, unix_ms)


class Stored(NamedTuple):
    """One physical line as a row: where it begins, its time and type (None: damage or blank), its bytes."""

    at: int
    timestamp: str | None
    type: str | None
    bytes: bytes


class FileState:
    """A file as far as it is known: its size, how its ordinals go on, on what it builds; and a summary of its lines."""

    def __init__(self, summary: Summary | None = None) -> None:
        """An empty file."""
        self.lines = self.bytes = self.complete = self.unnumbered = self.modified_ns = 0
        self.era = ""
        self.ordinal: int | None = None
        self.base: dict[str, Any] | None = None
        self.summary = Summary() if summary is None else summary
        self._has_meta = False

    @classmethod
    def of(cls, row: tuple[Any, ...], summary: str) -> FileState:
        """From the columns ``STATE`` and the summary in the thread's row."""
        state = cls(fill(Summary(), summary))
        state.lines, state.bytes, state.complete, state.era, ordinal, state.unnumbered, base, state.modified_ns = row
        state.ordinal = None if ordinal is None else int(ordinal)
        state.base = None if base is None else json.loads(base)
        state._has_meta = state.summary.has_meta
        return state

    def row(self) -> tuple[Any, ...]:
        """The columns ``STATE``."""
        base = None if self.base is None else json.dumps(self.base)
        return (
            self.lines, self.bytes, self.complete, self.era, self.ordinal, self.unnumbered, base, self.modified_ns
        )  # fmt: skip

    def facts(self) -> dict[str, Any]:
        """The columns by name, and the id of the base."""
        told = dict(zip(STATE.split(", "), self.row(), strict=True))
        base = str(self.base.get("thread_id")) if self.base is not None else None
        return {**told, "base_id": base and plain(plain_id(base) or "")}

    @property
    def is_torn(self) -> bool:
        """Whether the last line lacks its newline."""
        return self.complete != self.bytes

    @property
    def next_ordinal(self) -> int | None:
        """The ordinal with which the file goes on, None outside the paginated era."""
        if self.era != "paginated":
            return None
        return (self.ordinal or 0) + self.unnumbered + 1

    @property
    def writer_era(self) -> Era:
        """The era, ``legacy`` while nothing tells it."""
        return "bare" if self.era == "bare" else "paginated" if self.era == "paginated" else "legacy"

    def fence(self) -> None:
        """The newline that a torn tail lacks."""
        self.bytes += 1
        self.complete = self.bytes

    def take(self, physical: bytes) -> Stored:
        """One more physical line."""
        at = self.bytes
        found = _records(physical)
        self.bytes += len(physical)
        self.lines += 1
        if physical.endswith(b"\n"):
            self.complete = self.bytes
        if not found:
            return Stored(at, None, None, physical)
        record = found[0][0]
        self._count(record)
        for one, data in found:
            self._fold(one, data)
        return Stored(at, plain(record.timestamp), plain(record.type), physical)

    def _count(self, record: Record) -> None:
        if not self.era:
            self.era = "paginated" if record.ordinal is not None else "bare" if record.bare else "legacy"
        if record.ordinal is None:
            self.unnumbered += 1
        else:
            self.ordinal, self.unnumbered = max(self.ordinal or 0, record.ordinal), 0

    def _fold(self, record: Record, data: bytes) -> None:
        value = _told_by(record, data, bare=self.summary.era == "bare")
        if isinstance(value, dict):
            fold(self.summary, value)
            if self.summary.has_meta and not self._has_meta:
                self._has_meta, self.base = True, self.summary.history_base
                self.summary.base_instructions = None  # long, and the same in most threads: ``summary()`` tells them


STATE = "lines, bytes, complete, era, ordinal, unnumbered, base, modified_ns"


def _records(physical: bytes) -> list[tuple[Record, bytes]]:
    """What a physical line records, with its bytes: nothing when it is blank or damage, several that a lost newline glued."""
    try:
        return [(decode(physical), physical)]
    except FormatError:
        found = (one for one in classify(physical, 0, _NOWHERE) if isinstance(one, Line))
        return [(one.record, one.data) for one in found]


def _told_by(record: Record, data: bytes, *, bare: bool) -> Any:  # noqa: ANN401 - JSON
    """A line as ``fold`` wants it; most bytes are in response items, which tell it no more than their time."""
    quiet = record.type == "response_item" and not (bare or record.bare)
    if not quiet or bytes(memoryview(record.payload)[:1]) != b"{" or b'"ordinal"' in data:
        return to_object(data)
    return {"timestamp": record.timestamp, "type": record.type, "payload": {}}


def folded(lines: Iterable[object]) -> Summary:
    """The summary of the good lines among what was found."""
    summary = Summary()
    for line in lines:
        value = to_object(line.data) if isinstance(line, Line) else None
        if isinstance(value, dict):
            fold(summary, value)
    return summary


def inherit(summary: Summary, whole: Summary) -> Summary:
    """What was asked first may stand in a base."""
    summary.has_user_event |= whole.has_user_event
    for name in ("preview", "first_user_message", "title"):
        setattr(summary, name, getattr(whole, name))
    summary.partial = not summary.preview
    return summary


def thread_columns(row: Thread) -> dict[str, Any]:
    """A row of a listing as columns of ``threads``."""
    summary, kind = row.summary, kind_of(row)
    cwd, branch = summary.cwd, branch_of(summary)
    return {
        "archived": row.archived, "size": min(row.bytes, _LARGEST), "segments": row.segments,
        "created_ms": row.created_ms, "modified_ms": row.modified_ms, "active_ms": row.active_ms,
        "tokens": min(summary.tokens, _LARGEST), "state": kind.state, "source": plain(kind.source),
        "provider": plain(kind.provider), "cwd": exact(spelled(cwd)) if cwd else None,
        "branch": branch and exact(branch), "parent": _id(summary.parent_id), "forked_from": _id(summary.forked_from_id),
        "title": title_key(row), "texts": text_of(row), "summary": summary_json(summary),
    }  # fmt: skip


def _id(text: str | None) -> str | None:
    found = plain_id(text)
    return None if found is None else plain(found)


def exact(text: str) -> str:
    """A text as a database can hold it, so that equal texts and only those are equal."""
    return json.dumps(text)


def plain(text: str) -> str:
    """A text as a database can hold it; what it cannot is replaced."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
