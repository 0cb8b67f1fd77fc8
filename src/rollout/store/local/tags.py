"""The tags and notes of the threads of a home: ``rollout_tags.jsonl`` beside ``session_index.jsonl``.

One line a change, appended: ``{"id": …, "add": [tags], "remove": [tags], "updated_at": …}`` or ``{"id": …, "note": text,
"updated_at": …}``, a note of "" takes the note away. What a thread has is folded from its lines in their order, so the
changes of two writers both count, and files of two machines can be put together. Lines that cannot be read are passed
over and kept. Rollouts are not touched, and Codex does not know the file.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from rollout.ids import ThreadId, try_parse
from rollout.journal.filesystem import OS
from rollout.labels import NO_LABELS, Labels
from rollout.store.local.paths import TAGS_FILE
from rollout.store.local.sidecar import Sidecar
from rollout.times import to_text
from rollout.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollout.journal.filesystem import Filesystem

QUEUE = ".tags.queue"


class _Seen(NamedTuple):
    """The file as it was when it was read, and what each thread has."""

    stamp: tuple[int, int, int, int] | None
    labels: dict[ThreadId, Labels]


class Tags:
    """The tags and notes of one home. Safe from any thread: what was read is replaced whole, never changed."""

    def __init__(self, home: str, fs: Filesystem = OS) -> None:
        """Nothing is read yet."""
        self.path = os.path.join(home, TAGS_FILE)
        self._file = Sidecar(self.path, QUEUE, fs)
        self._seen: _Seen | None = None

    def of(self, thread_id: str) -> Labels:
        """What a thread has."""
        return self.all().get(ThreadId(thread_id), NO_LABELS)

    def all(self) -> dict[ThreadId, Labels]:
        """Every thread that has tags or a note; the file is read again only when it has changed."""
        stamp, seen = self._file.stamp(), self._seen
        if seen is None or seen.stamp != stamp:
            seen = self._seen = _Seen(stamp, _folded(self._file.lines()))
        return seen.labels

    def tag(self, thread_id: str, add: Iterable[str], remove: Iterable[str], *, now_ns: int) -> None:
        """Give and take tags; what is in both goes. Durable when it returns. Raises WriteError, LockError."""
        self.add(line_tagging(thread_id, add, remove, now_ns))

    def note(self, thread_id: str, note: str, *, now_ns: int) -> None:
        """Set the note; "" takes it away. Durable when it returns. Raises WriteError, LockError."""
        self.add(_line(thread_id, {"note": note}, now_ns))

    def add(self, lines: bytes) -> None:
        """Append lines, if there are any. Durable when it returns. Raises WriteError, LockError."""
        if lines:
            self._file.append(lines)

    def take(self, lines: bytes) -> None:
        """Take exactly these lines away. Raises WriteError, LockError."""
        self._file.take_lines(lines)

    def lines_of(self, thread_id: str) -> bytes:
        """All lines about a thread, as they stand. Raises WriteError when they cannot be read."""
        return self._file.of(lambda line: _is_of(line, thread_id))

    def bring_back(self, thread_id: str, lines: bytes) -> None:
        """Append the lines about a thread, unless there are others since. Raises WriteError, LockError."""
        self._file.bring_back(lines, lambda line: _is_whole(line, thread_id))

    def remove(self, thread_id: str) -> bytes:
        """Take all lines about a thread away; they are returned. Raises WriteError, LockError."""
        return self._file.take(lambda line: _is_of(line, thread_id)) if self._file.stamp() else b""


def line_tagging(thread_id: str, add: Iterable[str], remove: Iterable[str], now_ns: int) -> bytes:
    """A line that gives and takes tags."""
    return _line(thread_id, {"add": [*add], "remove": [*remove]}, now_ns)


def _line(thread_id: str, facts: dict[str, Any], now_ns: int) -> bytes:
    row = {"id": thread_id, **facts, "updated_at": to_text(now_ns // 1_000_000)}
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _folded(lines: Iterable[bytes]) -> dict[ThreadId, Labels]:
    found: dict[ThreadId, Labels] = {}
    for line in lines:
        row = _row(line)
        thread_id = try_parse(row["id"]) if row else None
        if row is None or thread_id is None:
            continue
        labels = found.pop(thread_id, NO_LABELS).tagged(_texts(row.get("add")), _texts(row.get("remove")))
        note = row.get("note")
        labels = labels._replace(note=note) if isinstance(note, str) else labels
        if labels != NO_LABELS:
            found[thread_id] = labels
    return found


def _row(line: bytes) -> dict[str, Any] | None:
    """A line with the id of a thread, None for any other."""
    try:
        row = json.loads(line.decode())
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and isinstance(row.get("id"), str) else None


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _is_whole(line: bytes, thread_id: str) -> bool:
    row = _row(line)
    return row is not None and try_parse(row["id"]) == thread_id


def _is_of(line: bytes, thread_id: str) -> bool:
    """Whether a line is about a thread; one that cannot be read is, when it has the id in it: nothing may stay of it."""
    row = _row(line)
    return try_parse(row["id"]) == thread_id if row else thread_id.encode() in line
