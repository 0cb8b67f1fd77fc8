"""The names that people gave to threads: ``session_index.jsonl`` (spec: rollout-format 1.4).

One line a naming, appended; the newest line of an id wins. Appending and the removal at delete (the one
rewrite in a home: temporary file and rename) take ``session_index.jsonl.lock``, as Codex does; reading takes
nothing and passes over lines that cannot be read.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from rollout.ids import ThreadId, try_parse
from rollout.journal.filesystem import OS
from rollout.store.local.paths import NAME_INDEX
from rollout.store.local.sidecar import PATIENCE_S, Sidecar
from rollout.tuples import NamedTuple

if TYPE_CHECKING:
    from rollout.journal.filesystem import Filesystem

QUEUE = ".names.queue"


class _Seen(NamedTuple):
    """The file as it was when it was read: device, inode, size, time; and the newest name of each id as it stands."""

    stamp: tuple[int, int, int, int]
    names: dict[ThreadId, str]


class Names:
    """The names of one home. Safe from any thread: what was read is replaced whole, never changed."""

    def __init__(self, home: str, fs: Filesystem = OS, *, patience_s: float = PATIENCE_S) -> None:
        """Nothing is read yet. ``patience_s``: how long a change waits for other programs."""
        self.path = os.path.join(home, NAME_INDEX)
        self._file = Sidecar(self.path, QUEUE, fs, patience_s)
        self._seen: _Seen | None = None

    def stamp(self) -> object:
        """What changes with the names."""
        return self._file.stamp()

    def of(self, thread_id: str) -> str | None:
        """The newest name of a thread, None when it has none."""
        return self._newest().get(ThreadId(thread_id), "").strip() or None

    def all(self) -> dict[ThreadId, str]:
        """The newest name of every thread that has one, the thread last named last."""
        return {thread_id: name.strip() for thread_id, name in self._newest().items() if name.strip()}

    def bearers(self, name: str) -> list[ThreadId]:
        """The threads whose newest name is this one, the last named first; an old name means nobody."""
        found = [thread_id for thread_id, given in self._newest().items() if given == name]
        return found[::-1] if name.strip() else []

    def lines_of(self, thread_id: str) -> bytes:
        """All lines that name a thread, as they stand. Raises WriteError when they cannot be read."""
        return self._file.of(lambda line: _names(line, thread_id))

    def append(self, thread_id: str, name: str, *, now_ns: int) -> None:
        """Give a name. Durable when it returns. Raises WriteError, LockError."""
        self.add(line_naming(thread_id, name, now_ns))

    def add(self, lines: bytes) -> None:
        """Append lines, if there are any. Durable when it returns. Raises WriteError, LockError."""
        if lines:
            self._file.append(lines)

    def take(self, lines: bytes) -> None:
        """Take exactly these lines away. Raises WriteError, LockError."""
        self._file.take_lines(lines)

    def bring_back(self, thread_id: str, lines: bytes) -> None:
        """Append the lines that named a thread, unless it was named since. Raises WriteError, LockError."""
        self._file.bring_back(lines, lambda line: _names(line, thread_id))

    def remove(self, thread_id: str) -> bytes:
        """Take all lines of a thread away, one that was cut off too; they are returned.

        Without any, nothing is rewritten. Raises WriteError, LockError.
        """
        begun = f'{{"id":"{thread_id}"'.encode()
        return self._file.take(lambda line: _names(line, thread_id) or (line.startswith(begun) and _row(line) is None))

    def _newest(self) -> dict[ThreadId, str]:
        """The newest name of each id; the file is read again only when it has changed."""
        stamp = self._file.stamp()
        if stamp is None:
            return {}
        seen = self._seen
        if seen is None or seen.stamp != stamp:
            seen = self._seen = _Seen(stamp, self._parse())
        return seen.names

    def _parse(self) -> dict[ThreadId, str]:
        newest: dict[ThreadId, str] = {}
        for line in self._file.lines():
            row = _row(line)
            if row is not None:
                newest.pop(row.thread_id, None)
                newest[row.thread_id] = row.name
        return newest


def line_naming(thread_id: str, name: str, now_ns: int) -> bytes:
    """A line that gives a name."""
    row = {"id": thread_id, "thread_name": name, "updated_at": _instant(now_ns)}
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _names(line: bytes, thread_id: str) -> bool:
    """Whether a line names a thread."""
    row = _row(line)
    return row is not None and row.thread_id == thread_id


class _Row(NamedTuple):
    thread_id: ThreadId
    name: str


def _row(line: bytes) -> _Row | None:
    """A line that has the three texts which every line must have, None for any other."""
    try:
        row = json.loads(line.decode())
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict):
        return None
    texts = [row.get(field) for field in ("id", "thread_name", "updated_at")]
    thread_id = try_parse(texts[0]) if isinstance(texts[0], str) else None
    if thread_id is None or not isinstance(texts[1], str) or not isinstance(texts[2], str):
        return None
    return _Row(thread_id, texts[1])


def _instant(now_ns: int) -> str:
    """RFC 3339 in UTC with the fraction's trailing zeros cut off, as Codex writes it."""
    from rollout.times import to_text  # noqa: PLC0415 - only who names a thread needs it

    seconds, fraction = divmod(now_ns, 1_000_000_000)
    digits = f".{fraction:09d}".rstrip("0").rstrip(".")
    return to_text(seconds * 1000, millis=False)[:-1] + digits + "Z"
