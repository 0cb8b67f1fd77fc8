"""A file of lines beside the threads of a home: appended to, read whole, and rewritten when a thread goes for good.

Appending and rewriting (temporary file and rename) take ``<file>.lock``, as Codex does for ``session_index.jsonl``, so
that neither loses what the other wrote; reading takes nothing. A line that a crash left unfinished is ended before the
next.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from rollout.errors import LockError, WriteError
from rollout.journal.filesystem import CREATE_NEW, READ, make_folders, sync_folder, write_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rollout.journal.filesystem import Filesystem
    from rollout.journal.lock import HeldLock

PATIENCE_S = 10.0
_BLOCK = 64 * 1024
_TELLING = len('{"id":"",') + 36
"""How long a line is at least that tells whose it is."""


class Sidecar:
    """One such file; it need not exist. ``queue``: where in the folder of locks its writers wait for their turn."""

    def __init__(self, path: str, queue: str, fs: Filesystem, patience_s: float = PATIENCE_S) -> None:
        """Nothing is read yet. ``patience_s``: how long a change waits for other programs."""
        self.path = path
        self._queue, self._fs, self._patience_s = queue, fs, patience_s

    def stamp(self) -> tuple[int, int, int, int] | None:
        """What changes with the file: device, inode, size, time; None when it is not there."""
        try:
            found = self._fs.stat(self.path)
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def lines(self) -> list[bytes]:
        """Every line, terminators included; none when the file cannot be read."""
        try:
            return _split(self._read()[0])
        except OSError:
            return []

    def of(self, wanted: Callable[[bytes], bool]) -> bytes:
        """Some lines, each ended by a newline. Raises WriteError when they cannot be read: they are to be kept."""
        try:
            return ended(line for line in _split(self._read()[0]) if wanted(line))
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise WriteError(self.path, error) from error

    def append(self, lines: bytes) -> None:
        """Append whole lines. Durable when it returns. Raises WriteError, LockError."""
        with self._locked():
            try:
                self._append(lines)
            except OSError as error:
                raise WriteError(self.path, error) from error

    def bring_back(self, lines: bytes, wanted: Callable[[bytes], bool]) -> None:
        """Append lines that were taken, as far as they do not stand here; none where others like them came since.

        Durable when it returns; may be repeated, also after it was cut off. Raises WriteError, LockError.
        """
        if not lines:
            return
        with self._locked():
            present = self.of(wanted)
            try:
                if lines != present and lines.startswith(present):
                    self._append(lines[len(present) :])
            except OSError as error:
                raise WriteError(self.path, error) from error

    def take(self, wanted: Callable[[bytes], bool]) -> bytes:
        """Take lines away; they are returned, each ended by a newline. Without any, nothing is rewritten.

        Durable when it returns. Raises WriteError, LockError.
        """
        with self._locked():
            try:
                return self._take(wanted)
            except FileNotFoundError:
                return b""
            except OSError as error:
                raise WriteError(self.path, error) from error

    def take_lines(self, lines: bytes) -> None:
        """Take exactly these lines away, as far as they are here, one that was cut off too. Raises WriteError, LockError."""
        ours = lines.splitlines()
        if ours and self.stamp() is not None:
            self.take(lambda line: any(one.startswith(line.rstrip(b"\n")) for one in ours) and len(line) > _TELLING)

    def _append(self, lines: bytes) -> None:
        is_new = self.stamp() is None
        fd = self._fs.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC)
        try:
            size = self._fs.fstat(fd).st_size
            torn = size > 0 and self._fs.pread(fd, 1, size - 1) != b"\n"
            write_all(self._fs, fd, memoryview(b"\n" + lines if torn else lines))
            self._fs.fdatasync(fd)
        finally:
            self._fs.close(fd)
        if is_new:
            sync_folder(self._fs, os.path.dirname(self.path))

    def _take(self, wanted: Callable[[bytes], bool]) -> bytes:
        data, mode = self._read()
        gone: list[bytes] = []
        kept: list[bytes] = []
        for line in _split(data):
            (gone if wanted(line) else kept).append(line)
        if gone:
            self._replace(b"".join(kept), mode)
        return ended(gone)

    def _replace(self, data: bytes, mode: int) -> None:
        """What a crash left behind of an earlier one is taken away first."""
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
        from rollout.journal.lock import lock_in_turn  # noqa: PLC0415 - reading takes no lock
        from rollout.store.local.locks import FOLDER  # noqa: PLC0415 - the same

        path, folder = f"{self.path}.lock", os.path.join(os.path.dirname(self.path), FOLDER)
        try:
            make_folders(self._fs, folder)
            held = lock_in_turn(self._fs, path, os.path.join(folder, self._queue), self._patience_s)
        except OSError as error:
            raise LockError(f"cannot lock {self.path}: {error}") from error
        if held is None:
            raise LockError(f"{self.path} has been locked by another program for {self._patience_s:g} s; try again")
        return held

    def _read(self) -> tuple[bytes, int]:
        """The whole file, and its mode."""
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


def ended(lines: Iterable[bytes]) -> bytes:
    """Lines, each ended by a newline, in one piece."""
    return b"".join(line if line.endswith(b"\n") else line + b"\n" for line in lines)


def _split(data: bytes) -> list[bytes]:
    """Lines by newlines alone."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return [line for line in lines if line]
