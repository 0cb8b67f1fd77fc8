"""Bringing the words of a home to its files: only what was appended is read, and only as much as is allowed.

A file that grew is gone on with behind the last line that was taken in, when a checksum of the bytes before it
still agrees; one that was moved keeps its words; one that was replaced or compressed is read anew. Work is done in
transactions of at most 64 MiB of rollouts; who is interrupted loses the last of them, and the next goes on there.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

import apsw

from rollout.codec import decode
from rollout.errors import FormatError
from rollout.journal.reader import classify, open_source
from rollout.lines import Line, Position
from rollout.search_bytes import may_begin_turn, says_nothing
from rollout.search_text import TurnCount, texts
from rollout.search_words import index_text
from rollout.store.local.fulltext import FileRow, LineRow
from rollout.store.local.scanning import may_begin_long_turn, take_turn
from rollout.store.local.walk import Group

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence

    from rollout.codec import Record
    from rollout.journal.filesystem import Filesystem
    from rollout.journal.source import Source
    from rollout.store.local.chain import Chains
    from rollout.store.local.fulltext import Use, Words
    from rollout.store.local.rows import Rows
    from rollout.store.local.walk import File

AT_ONCE = 64 << 20
_BATCH = 4 << 20
_GUARDED = 4096
_UNPACKED = 8


class Filled(NamedTuple):
    """What the words know after catching up: files by path; those they do not know, and how many bytes these have."""

    known: dict[str, FileRow]
    unknown: dict[str, os.stat_result]
    problem: str = ""

    @property
    def left(self) -> int:
        """Bytes of the files that are not known."""
        return sum(one.st_size for one in self.unknown.values())


class Filling:
    """Takes files into the words of one home. Made for one search, used by one thread."""

    def __init__(self, words: Words, chains: Chains, rows: Rows, fs: Filesystem) -> None:
        """Nothing is read yet."""
        self._words, self._chains, self._rows, self._fs = words, chains, rows, fs

    def catch_up(self, files: Sequence[File], use: Use, *, whole: bool = True) -> Filled:
        """Take in what changed, the newest files first, as much as ``use`` allows; the rest is told as unknown.

        ``whole``: these are all files of the home, so that others are forgotten. Raises apsw.Error but for a
        locked database.
        """
        rows = self._words.files() if whole else _known_ones(self._words, files)
        known, changed = self._compare(files, rows)
        gone = {path: row for path, row in rows.items() if path not in known and path not in changed} if whole else {}
        if not changed and not gone:
            return Filled(known, {})
        try:
            if gone:
                self._settle(gone, known, changed)
            unknown = self._take(files, known, changed, use)
        except (apsw.BusyError, apsw.LockedError):
            return Filled(known, {path: found for path, found in changed.items() if path not in known}, "is in use")
        return Filled(known, unknown)

    def _compare(
        self, files: Sequence[File], rows: dict[str, FileRow]
    ) -> tuple[dict[str, FileRow], dict[str, os.stat_result]]:
        """The files that are as they were taken in, and the state of the others."""
        known: dict[str, FileRow] = {}
        changed: dict[str, os.stat_result] = {}
        for file in files:
            try:
                found = self._fs.stat(file.path)
            except OSError:  # gone meanwhile, or not to be looked at: who reads it finds out
                continue
            row = rows.get(file.path)
            if row is not None and _agrees(row, found):
                known[file.path] = row
            else:
                changed[file.path] = found
        return known, changed

    def _settle(self, gone: dict[str, FileRow], known: dict[str, FileRow], changed: dict[str, os.stat_result]) -> None:
        """Give files that were moved their new paths, and forget those that are no longer there."""
        places = {(row.identity, row.size, row.modified_ns): row for row in gone.values()}
        with self._words.writing():
            for path, found in list(changed.items()):
                row = places.pop((_identity(found), found.st_size, found.st_mtime_ns), None)
                if row is not None and self._words.file(row.path) == row:
                    self._replace(path)
                    known[path] = self._words.put(row._replace(path=path))
                    del changed[path]
            for row in places.values():
                if self._words.file(row.path) == row:
                    self._words.forget(row.id)

    def _replace(self, path: str) -> None:
        if (other := self._words.file(path)) is not None:
            self._words.forget(other.id)

    def _take(
        self, files: Sequence[File], known: dict[str, FileRow], changed: dict[str, os.stat_result], use: Use
    ) -> dict[str, os.stat_result]:
        """Take in changed files, the newest first, several in one transaction; those left over are returned."""
        waiting = sorted(file for file in files if file.path in changed)
        unknown: dict[str, os.stat_result] = {}
        most = use.most
        while waiting:
            with self._words.writing():
                left: float = AT_ONCE
                while waiting and left > 0:
                    file = waiting.pop()
                    start = self._start(file, found := changed[file.path])
                    cost = (found.st_size - start.done) if file.plain else found.st_size * _UNPACKED
                    row = None if cost > most else self._take_file(file, found, start, use.progress)
                    if row is None:
                        unknown[file.path] = found
                    else:
                        known[file.path] = row
                        most, left = most - cost, left - cost
        return unknown

    def _start(self, file: File, found: os.stat_result) -> FileRow:
        """Where to go on: behind what was taken in of this very file, else at its beginning."""
        row = self._words.file(file.path)
        if row is not None and _agrees(row, found):
            return row  # another process has done it meanwhile
        if row is not None and file.plain and row.identity == _identity(found) and found.st_size >= row.done:
            with suppress(OSError), open_source(file.path, self._fs) as source:
                if _guard(source, row.done) == row.guard:
                    return row
        if row is not None:
            self._words.forget(row.id)
        return FileRow(0, file.path, _identity(found), -1, 0, 0, 0, 0, 0, 0, None, based=False)

    def _take_file(
        self, file: File, found: os.stat_result, start: FileRow, progress: Callable[[int], None] | None
    ) -> FileRow | None:
        """Take in one file from where it was left; None when it cannot be read, and then nothing is known of it."""
        if _agrees(start, found):
            return start
        row = saved = self._words.put(start._replace(size=-1))
        try:
            with open_source(file.path, self._fs) as source:
                for done in self._lines(source, row, found.st_size if file.plain else None):
                    if progress is not None:
                        progress(done.done - row.done)
                    row = done._replace(guard=_guard(source, done.done) if file.plain else 0)
                    if row.done - saved.done >= AT_ONCE and not self._save(saved := row):
                        return None
            active_ms = self._rows.active_ms(Group([file]))
            row = row._replace(active_ms=active_ms, based=start.based if start.lines else self._is_based(file))
        except (OSError, FormatError):
            self._words.forget(row.id)
            return None
        return self._words.put(row._replace(size=found.st_size, modified_ns=found.st_mtime_ns))

    def _save(self, row: FileRow) -> bool:
        """Keep what was done of a long file, and go on in a new transaction; False when others work on it too."""
        self._words.put(row)
        self._words.db.execute("COMMIT; BEGIN IMMEDIATE")
        return self._words.file(row.path) == row

    def _is_based(self, file: File) -> bool:
        try:
            return self._chains.base_of(file) is not None
        except FormatError:
            return True

    def _lines(self, source: Source, row: FileRow, end: int | None) -> Iterator[FileRow]:
        """Take in the lines behind a place; yields how far it has come, a few MiB at a time."""
        turns = TurnCount(row.turn, row.by_item)
        offset, n = row.done, row.lines
        lines: list[LineRow] = []
        texts: list[str] = []
        size = 0
        for found in source.measured(offset, end):
            length = len(found) if isinstance(found, bytes) else found
            if end is not None and not _is_ended(source, found, offset + length):
                break
            text = ""
            if isinstance(found, int):
                self._pass_over(source, row.id, LineRow(0, n, offset, length, turns.turn), turns)
            elif text := _text(found, turns):
                lines.append(LineRow(0, n, offset, length, turns.turn))
                texts.append(text)
            size += len(text) + 256
            offset, n = offset + length, n + 1
            if size >= _BATCH:
                self._words.add(row.id, lines, texts)
                lines, texts, size = [], [], 0
                yield row._replace(done=offset, lines=n, turn=turns.turn, by_item=turns.by_item)
        self._words.add(row.id, lines, texts)
        yield row._replace(done=offset, lines=n, turn=turns.turn, by_item=turns.by_item)

    def _pass_over(self, source: Source, file: int, line: LineRow, turns: TurnCount) -> None:
        """Take in where a very long line stands; it is read only when it may begin a turn."""
        if may_begin_long_turn(source, line.start):
            take_turn(source.read(line.start, line.length), turns)
        self._words.add_long(file, line._replace(turn=turns.turn))


def _is_ended(source: Source, found: bytes | int, stop: int) -> bool:
    """Whether a line, or the long one that stops at an offset, has its newline."""
    return found.endswith(b"\n") if isinstance(found, bytes) else source.read(stop - 1, 1) == b"\n"


def _text(data: bytes, turns: TurnCount) -> str:
    """What of a line goes into the table; the count of turns goes along."""
    if says_nothing(data):
        return ""
    try:
        return _told(decode(data), turns if may_begin_turn(data) else None)
    except FormatError:
        found = (one for one in classify(data, 0, Position(0, 0)) if isinstance(one, Line))
        return "\n".join(_told(line.record, turns) for line in found)


def _told(record: Record, turns: TurnCount | None) -> str:
    if turns is not None:
        turns.take(record)
    found = texts(record)
    return _sound(index_text(found)) if found else ""


def _sound(text: str) -> str:
    """A text that SQLite takes: lone surrogates are no characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def _known_ones(words: Words, files: Sequence[File]) -> dict[str, FileRow]:
    return {file.path: row for file in files if (row := words.file(file.path)) is not None}


def _identity(found: os.stat_result) -> str:
    return f"{found.st_dev}:{found.st_ino}"


def _agrees(row: FileRow, found: os.stat_result) -> bool:
    return (row.identity, row.size, row.modified_ns) == (_identity(found), found.st_size, found.st_mtime_ns)


def _guard(source: Source, end: int) -> int:
    """A checksum of what stands before an offset, and of how the file begins."""
    start = max(0, end - _GUARDED)
    return crc32(source.read(0, min(end, _GUARDED)), crc32(source.read(start, end - start)))
