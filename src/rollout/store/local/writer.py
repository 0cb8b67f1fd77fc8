"""The writer of one thread of a home: a journal writer under the thread's lock, with eras and ordinals."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rollout.errors import ExistsError, WriteError
from rollout.journal.filesystem import OS, Filesystem
from rollout.journal.reader import Source, backward, classify, forward, open_source
from rollout.journal.together import drive
from rollout.journal.whole_file import write_new
from rollout.journal.writer import JournalWriter
from rollout.lines import Line, Position
from rollout.store.base import Writer
from rollout.store.local.paths import new_rollout_path

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from rollout.codec import Era
    from rollout.ids import ThreadId
    from rollout.store.base import Place
    from rollout.store.local.feeding import Feeder
    from rollout.store.local.locks import ThreadLock, ThreadLocks

_BLOCK = 1 << 18
_TAIL = 1 << 16


class LocalWriter(Writer):
    """A thread of a home, open for appending. See ``Writer`` for the contract.

    The lock is held from ``begin`` (new threads) or from ``resume`` on, until ``close``.
    """

    def __init__(self, journal: JournalWriter, thread_id: ThreadId, locks: ThreadLocks, fs: Filesystem) -> None:
        """Use ``create`` or ``resume``."""
        self._journal = journal
        self._thread_id = thread_id
        self._locks = locks
        self.filesystem = fs
        self._stored_at = journal.path
        self._lock: ThreadLock | None = None
        self._begun = False
        self._meta_lines = 0
        self._era: Era = "legacy"
        self._next_ordinal: int | None = None
        self._segment = 0
        self._count_base: Callable[[], int] = int
        self._feeder: Feeder | None = None
        self._counted = (0, 0)

    @classmethod
    def create(cls, home: str, thread_id: ThreadId, place: Place, locks: ThreadLocks, fs: Filesystem = OS) -> LocalWriter:
        """A writer of a new thread: its path is known, nothing is stored, no lock is taken."""
        return cls(JournalWriter(new_rollout_path(home, thread_id, place), fs), thread_id, locks, fs)

    @classmethod
    def resume(cls, path: str, thread_id: ThreadId, locks: ThreadLocks, lock: ThreadLock, fs: Filesystem = OS) -> LocalWriter:
        """A writer of an existing file whose lock is held; opening changes no byte and no time.

        A compressed file becomes a plain one with the first write (same bytes; spec: rollout-format 10.17).
        """
        plain = path.removesuffix(".zst")
        prepare = None if plain == path else _Unpacking(path, plain, fs)
        writer = cls(JournalWriter(plain, fs, prepare=prepare), thread_id, locks, fs)
        writer._lock, writer._begun, writer._stored_at = lock, True, path
        writer._era, writer._next_ordinal = _continuation(path, fs)
        return writer

    def in_chain(self, segment: int, count_base: Callable[[], int]) -> LocalWriter:
        """Tell where the file stands in its chain of bases: its number, and how to count the lines before it."""
        self._segment, self._count_base = segment, count_base
        return self

    def fed_to(self, feeder: Feeder | None) -> LocalWriter:
        """Tell who brings what is written to the index; None: nobody does."""
        self._feeder = feeder
        return self

    @property
    def inline(self) -> bool:
        """A write to a local file is quick enough for an event loop."""
        return True

    @property
    def thread_id(self) -> ThreadId:
        """The thread that is written."""
        return self._thread_id

    @property
    def path(self) -> str:
        """The rollout file; another one after it was moved under us."""
        return self._journal.path

    @property
    def era(self) -> Era:
        """The era of the file; a new thread is ``legacy``."""
        return self._era

    @property
    def next_ordinal(self) -> int | None:
        """The ordinal of the next line; None outside the paginated era."""
        return self._next_ordinal

    @property
    def next_n(self) -> int:
        """The number of the next line; counts the file once, later only what was added."""
        if not self._begun:
            return self._count_base()
        offset, lines = self._counted
        with self._source() as source:
            end = self.position.offset
            while block := source.read(offset, min(_BLOCK, max(0, end - offset))):
                lines += block.count(b"\n")
                offset += len(block)
        self._counted = (offset, lines)
        return self._count_base() + lines

    @property
    def position(self) -> Position:
        """Where the next byte goes."""
        if self._journal.is_open or not self._begun:
            return Position(self._segment, self._journal.end)
        with self._source() as source:
            return Position(self._segment, source.size)

    def _source(self) -> Source:
        return open_source(self.path if self._journal.is_open else self._stored_at, self.filesystem)

    @property
    def begun(self) -> bool:
        """Whether the file exists with its first line."""
        return self._begun

    @property
    def pending_bytes(self) -> int:
        """Bytes accepted and not yet written."""
        return self._journal.pending_bytes

    def begin(self, meta_line: bytes) -> None:
        """Take the lock, make the folders and the file, write the first line. Idempotent; may be repeated."""
        self._check_open()
        if self._begun:
            return
        if self._lock is None:
            self._lock = self._locks.acquire(self._thread_id)
        try:
            self._journal.create()
        except FileExistsError as error:
            if error.filename2 is None and os.path.isfile(self.path):
                raise ExistsError(f"{self.path} exists already; nothing was written") from error
            raise WriteError(self.path, error) from error
        except OSError as error:
            raise WriteError(self.path, error) from error
        if not self._meta_lines:
            self._meta_lines = 1
            self._journal.append(meta_line, 1)
        self._journal.flush()
        self._era, self._next_ordinal = _start(meta_line)
        self._begun = True

    def append(self, lines: bytes | bytearray | memoryview, count: int) -> int:
        """Accept whole lines; in a paginated file they bear the ordinals from ``next_ordinal`` on."""
        self._check_begun()
        accepted = self._journal.append(lines, count) - self._meta_lines
        if self._next_ordinal is not None:
            self._next_ordinal += count
        return accepted

    def flush(self) -> int:
        """Write what was accepted; see ``JournalWriter.flush`` for files that were moved or replaced."""
        self._check_open()
        flushed = self._journal.flush() - self._meta_lines
        if self._feeder is not None:
            self._feeder.written(self._journal.path)
        return flushed

    def sync(self) -> int:
        """Put what was flushed on stable storage."""
        return max(0, self._journal.sync() - self._meta_lines)

    def sync_steps(self) -> Generator[int, None, int]:
        """``sync`` in steps; see ``JournalWriter.sync_steps``."""
        return self._journal.sync_steps()

    @staticmethod
    def sync_together(writers: Sequence[Writer]) -> list[Exception | None]:
        """Sync many at the price of few: their files are handed to the filesystem at once."""
        ours = [writer for writer in writers if isinstance(writer, LocalWriter)]
        failures: list[Exception | None] = [None] * len(ours)
        for fs in {writer.filesystem for writer in ours}:
            numbers = [number for number, writer in enumerate(ours) if writer.filesystem is fs]
            answers = drive(fs.fdatasync_all, [ours[number].sync_steps() for number in numbers])
            for number, answer in zip(numbers, answers, strict=True):
                failures[number] = answer if isinstance(answer, Exception) else None
        return failures

    def close(self) -> None:
        """Release the file and the lock; idempotent."""
        self._closed = True
        self._journal.close()
        if self._feeder is not None and self._journal.flushed:
            self._feeder.closed(self._journal.path)
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    def _check_open(self) -> None:
        """A forked child, or a writer whose lock was lost, must never write."""
        if self._lock is not None and not self._lock.held:
            self._fenced = f"thread {self._thread_id}: this process no longer holds the writer's lock"
        super()._check_open()


class _Unpacking:
    """Puts the plain file in the place of a compressed one, before the first append."""

    def __init__(self, packed: str, plain: str, fs: Filesystem) -> None:
        self._packed, self._plain, self._fs = packed, plain, fs

    def __call__(self) -> None:
        """Same bytes, same mode; the compressed twin goes only when the plain file stands. May be repeated."""
        found = self._fs.stat(self._packed)
        try:
            write_new(self._fs, self._plain, self._blocks(), found.st_mode & 0o777)
        except FileExistsError:
            if not self._stands():
                raise
        self._fs.unlink(self._packed)

    def _stands(self) -> bool:
        """Whether an earlier try has put the plain file there already."""
        with open_source(self._plain, self._fs) as plain:
            offset = 0
            for block in self._blocks():
                if plain.read(offset, len(block)) != block:
                    return False
                offset += len(block)
            return plain.size == offset

    def _blocks(self) -> Iterator[bytes]:
        with open_source(self._packed, self._fs) as source:
            offset = 0
            while block := source.read(offset, _BLOCK):
                yield block
                offset += len(block)


def _start(meta_line: bytes) -> tuple[Era, int | None]:
    """The era of a new file, told by its first line, and the ordinal of the next one."""
    ordinal = next((one.record.ordinal for one in classify(meta_line, 0, Position(0, 0)) if isinstance(one, Line)), None)
    return ("legacy", None) if ordinal is None else ("paginated", ordinal + 1)


def _continuation(path: str, fs: Filesystem) -> tuple[Era, int | None]:
    """The era of a file, and the ordinal with which it goes on (spec: rollout-format 10.19).

    The first record decides the era. The next ordinal is one more than the largest in the tail: a file whose
    ordinals fell goes on behind the largest, so that none is given twice; lines without one count one each.
    """
    with open_source(path, fs) as source:
        first = next((found for found in forward(source) if isinstance(found, Line)), None)
        if first is None or first.record.ordinal is None:
            return ("bare" if first is not None and first.record.bare else "legacy"), None
        largest, unnumbered = -1, 0
        for found in backward(source):
            if isinstance(found, Line) and found.record.ordinal is not None:
                largest = max(largest, found.record.ordinal)
            elif isinstance(found, Line) and largest < 0:
                unnumbered += 1
            if largest >= 0 and source.size - found.position.offset > _TAIL:
                break
    return "paginated", largest + unnumbered + 1
