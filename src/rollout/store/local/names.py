"""The names that people gave to threads: ``session_index.jsonl`` (spec: rollout-format 1.4).

One line a naming, appended; the newest line of an id wins. Appending and the removal at delete (the one
rewrite in a home: temporary file and rename) take ``session_index.jsonl.lock``, as Codex does; reading takes
nothing and passes over lines that cannot be read.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from rollout.errors import LockError, WriteError
from rollout.ids import ThreadId, try_parse
from rollout.journal.filesystem import CREATE_NEW, OS, READ, make_folders, write_all
from rollout.store.local.paths import NAME_INDEX
from rollout.tuples import NamedTuple

if TYPE_CHECKING:
    from rollout.journal.filesystem import Filesystem
    from rollout.journal.lock import HeldLock

_BLOCK = 64 * 1024
QUEUE = ".names.queue"
_PATIENCE_S = 10.0


class _Seen(NamedTuple):
    """The file as it was when it was read: device, inode, size, time; and the newest name of each id as it stands."""

    stamp: tuple[int, int, int, int]
    names: dict[ThreadId, str]


class Names:
    """The names of one home. Safe from any thread: what was read is replaced whole, never changed."""

    def __init__(self, home: str, fs: Filesystem = OS, *, patience_s: float = _PATIENCE_S) -> None:
        """Nothing is read yet. ``patience_s``: how long a change waits for other programs."""
        self.path = os.path.join(home, NAME_INDEX)
        self._fs = fs
        self._patience_s = patience_s
        self._seen: _Seen | None = None

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
        """All lines that name a thread, as they stand."""
        try:
            data, _ = self._read()
        except OSError:
            return b""
        return _parted(data, thread_id)[0]

    def append(self, thread_id: str, name: str, *, now_ns: int) -> None:
        """Give a name. Durable when it returns. Raises WriteError, LockError."""
        row = {"id": thread_id, "thread_name": name, "updated_at": _instant(now_ns)}
        line = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        self.append_lines(line)

    def append_lines(self, lines: bytes) -> None:
        """Append whole lines; a line that somebody left unfinished is ended first."""
        with self._locked():
            try:
                self._append(lines)
            except OSError as error:
                raise WriteError(self.path, error) from error

    def remove(self, thread_id: str) -> bytes:
        """Take all lines of a thread away; they are returned. Without any, nothing is rewritten.

        Raises WriteError, LockError.
        """
        with self._locked():
            try:
                return self._remove(thread_id)
            except FileNotFoundError:
                return b""
            except OSError as error:
                raise WriteError(self.path, error) from error

    def _append(self, lines: bytes) -> None:
        fd = self._fs.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC)
        try:
            size = self._fs.fstat(fd).st_size
            torn = size > 0 and self._fs.pread(fd, 1, size - 1) != b"\n"
            write_all(self._fs, fd, memoryview(b"\n" + lines if torn else lines))
            self._fs.fdatasync(fd)
        finally:
            self._fs.close(fd)

    def _remove(self, thread_id: str) -> bytes:
        data, mode = self._read()
        gone, kept = _parted(data, thread_id)
        if gone:
            self._replace(kept, mode)
        return gone

    def _replace(self, data: bytes, mode: int) -> None:
        """Temporary file and rename; a temporary file that a crash left behind is taken away first."""
        temporary = self.path + ".tmp"
        with suppress(FileNotFoundError):
            self._fs.unlink(temporary)
        fd = self._fs.open(temporary, CREATE_NEW, mode)
        try:
            write_all(self._fs, fd, memoryview(data))
            self._fs.fsync(fd)
        finally:
            self._fs.close(fd)
        self._fs.rename(temporary, self.path)
        sync_folder(self._fs, os.path.dirname(self.path))

    def _locked(self) -> HeldLock:
        from rollout.journal.lock import lock_in_turn  # noqa: PLC0415 - reading names takes no lock
        from rollout.store.local.locks import FOLDER  # noqa: PLC0415 - the same

        path, folder = f"{self.path}.lock", os.path.join(os.path.dirname(self.path), FOLDER)
        try:
            make_folders(self._fs, folder)
            held = lock_in_turn(self._fs, path, os.path.join(folder, QUEUE), self._patience_s)
        except OSError as error:
            raise LockError(f"cannot lock the names at {path}: {error}") from error
        if held is None:
            raise LockError(f"the names at {path} have been locked by another program for {self._patience_s:g} s; try again")
        return held

    def _newest(self) -> dict[ThreadId, str]:
        """The newest name of each id; the file is read again only when it has changed."""
        try:
            found = self._fs.stat(self.path)
        except OSError:
            return {}
        stamp = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
        seen = self._seen
        if seen is None or seen.stamp != stamp:
            seen = self._seen = _Seen(stamp, self._parse())
        return seen.names

    def _parse(self) -> dict[ThreadId, str]:
        newest: dict[ThreadId, str] = {}
        try:
            data, _ = self._read()
        except OSError:
            return newest
        for line in data.split(b"\n"):
            row = _row(line) if line else None
            if row is not None:
                newest.pop(row.thread_id, None)
                newest[row.thread_id] = row.name
        return newest

    def _read(self) -> tuple[bytes, int]:
        """The whole file, and its mode; it holds a line a naming and is small."""
        fd = self._fs.open(self.path, READ)
        try:
            blocks: list[bytes] = []
            offset = 0
            while block := self._fs.pread(fd, _BLOCK, offset):
                blocks.append(block)
                offset += len(block)
            return b"".join(blocks), self._fs.fstat(fd).st_mode & 0o777
        finally:
            self._fs.close(fd)


def _parted(data: bytes, thread_id: str) -> tuple[bytes, bytes]:
    """The lines of a thread, each ended by a newline, and all the others as they stand."""
    gone: list[bytes] = []
    kept: list[bytes] = []
    for line in _split(data):
        row = _row(line)
        (kept if row is None or row.thread_id != thread_id else gone).append(line)
    return b"".join(line if line.endswith(b"\n") else line + b"\n" for line in gone), b"".join(kept)


def _split(data: bytes) -> list[bytes]:
    """Lines by newlines alone, terminators included."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return [line for line in lines if line]


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


def sync_folder(fs: Filesystem, folder: str) -> None:
    """Put a folder's names on stable storage; raises OSError."""
    fd = fs.open(folder, READ)
    try:
        fs.fsync(fd)
    finally:
        fs.close(fd)
