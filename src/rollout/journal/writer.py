"""One growing file: append, flush, sync (three words, three promises).

append: the bytes are accepted, in order. flush: the operating system has them; they survive the death of the
process. sync: stable storage has them; they survive the death of the machine.

A write that fails half way leaves a fragment. It is never cut off, because a writer that takes no lock
(Codex 0.100) may have appended behind it: the next write begins with a newline, so the fragment becomes a bad
line of its own, and the line it belongs to is written again in whole. A fragment that lacks only its newline
is completed by that newline. Every accepted line therefore stands in the file exactly once.
"""

from __future__ import annotations

import os
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from rollout.errors import ClosedError, SyncError, WriteError
from rollout.journal import forksafe, place
from rollout.journal.filesystem import APPEND, CREATE_NEW, OS, Filesystem, make_folders, sync_folder
from rollout.journal.together import drive

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from rollout.journal.filesystem import Buffer

UNSYNCED_LIMIT = 1 << 20  # bytes kept so that a refused sync can be written anew


class JournalWriter:
    """The writer of one rollout file; whole lines in, in order.

    One thread at a time, except that ``sync`` may run beside the others. Opening reads nothing and changes
    nothing: the file is looked at with the first write. ``prepare``, when given, runs once before that first
    write (it may put the file there).
    """

    def __init__(self, path: str, fs: Filesystem = OS, *, prepare: Callable[[], None] | None = None) -> None:
        """A writer for the file at ``path``; ``create`` makes it, else it must exist by the first flush."""
        self.path = path
        self.accepted = self.flushed = self.synced = 0
        self.end = 0  # offset behind the last byte that we know to be in the file
        self._fs = fs
        self._fd = -1
        self._closed = self._created = False
        self._prepare = prepare
        self._identity: tuple[int, int] | None = None
        self._pending = bytearray()
        self._torn = 0  # how many bytes of the first pending line stand at the end of the file already
        self._fenced = True  # whether the file ends behind a newline
        self._handles = Lock()  # the handle, and what sync must know, change together
        self._syncing = 0
        self._retired: list[int] = []  # handles that a sync in flight may still use
        self._unsynced: bytearray | None = bytearray()
        self._synced_end = 0
        self._refused: OSError | None = None
        self._made_folders: list[str] = []
        self._unsynced_folders: list[str] = []
        forksafe.close_in_child(self)

    @property
    def pending_bytes(self) -> int:
        """Bytes accepted and not yet written."""
        return len(self._pending)

    @property
    def is_open(self) -> bool:
        """Whether the file has been opened for writing."""
        return self._fd >= 0

    def create(self) -> None:
        """Make the file, and its folders, private to the user; a file that stands there is an error.

        The folders are synced with the first ``sync``. May be repeated after an error. Raises OSError.
        """
        self._check_open()
        if self._fd >= 0:
            return
        if self._created:
            self._adopt(self._fs.open(self.path, APPEND))
            return
        make_folders(self._fs, os.path.dirname(self.path), self._made_folders)
        fd = self._fs.open(self.path, CREATE_NEW | os.O_APPEND)
        self._created = True
        self._unsynced_folders = [*map(os.path.dirname, self._made_folders), os.path.dirname(self.path)]
        self._adopt(fd)

    def append(self, lines: Buffer, count: int) -> int:
        """Accept ``count`` whole lines; returns how many were accepted since the writer was made. Copies."""
        self._check_open()
        self._pending += lines
        self.accepted += count
        return self.accepted

    def flush(self) -> int:
        """Write everything accepted; returns how many lines are written since the writer was made.

        Once a batch, looks whether the path still leads to our file: an unlinked file is made again whole
        from the open descriptor, a moved one is followed, another one in its place is ReplacedError unless it
        begins with every byte of ours. A failed write is tried once more on a fresh handle; then WriteError,
        and what was not written stays accepted.
        """
        self._check_open()
        if not self._pending:
            return self.flushed
        try:
            self._write_pending()
        except OSError:
            self._try_afresh()
        return self.flushed

    def _try_afresh(self) -> None:
        try:
            self._reopen()
            self._write_pending()
        except OSError as error:
            raise WriteError(self.path, error) from error

    def sync(self) -> int:
        """Put everything flushed on stable storage; returns how many lines are.

        After a refusal the kernel may call the same pages clean, so a second fdatasync would lie: the bytes
        are written anew, at their offsets, through a second handle, as long as they are still in memory.
        Raises SyncError.
        """
        (answer,) = drive(self._fs.fdatasync_all, [self.sync_steps()])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def sync_steps(self) -> Generator[int, None, int]:
        """``sync`` in steps, for a driver that syncs several files together (``rollout.journal.together``).

        Yields each descriptor whose data must be safe before it goes on; a refusal is an OSError thrown in.
        """
        self._check_open()
        try:
            with self._handles:
                if self._fd < 0 or (self.synced == self.flushed and not self._refused and not self._unsynced_folders):
                    return self.synced
                lines, end, fd = self.flushed, self.end, self._fd
                self._syncing += 1
            try:
                yield from self._sync_bytes(fd)
                self._sync_folders()
            finally:
                went_on = self._end_sync(fd)
        except OSError as error:
            raise SyncError(self.path, error) from error
        if went_on:
            return (yield from self.sync_steps())  # the file was made anew meanwhile: what is safe is in the old one
        self._note_synced(lines, end)
        return lines

    def close(self) -> None:
        """Give the handle back; idempotent. What was not flushed is gone: flush first."""
        self._closed = True
        self._drop_handle()

    def after_fork(self) -> None:
        """In a forked child: close the copy; the parent writes on."""
        fds, self._fd, self._closed = [self._fd, *self._retired], -1, True
        for fd in fds:
            if fd >= 0:
                os.close(fd)  # no lock here: the thread that held one does not exist in the child

    # -- writing ---------------------------------------------------------------------------------------------

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError(f"{self.path}: this writer is closed")

    def _write_pending(self) -> None:
        self._open_first()
        self._check_place()
        lead, completed = self._beginning()
        # Written in place. Views are released by hand: an error that somebody keeps would keep them alive, and
        # a buffer with a living view cannot grow.
        data = self._pending if self._fenced else bytearray(lead + self._pending[completed:])
        rest, written = memoryview(data), 0
        try:
            while written < len(data):
                written += self._fs.write(self._fd, rest)
                rest.release()
                rest = memoryview(data)[written:]
        finally:
            rest.release()
            self._account(written, len(lead), completed)

    def _beginning(self) -> tuple[bytes, int]:
        """What the next write begins with, and how much of the pending lines the file already holds.

        Behind a fragment comes a newline. If the fragment is the whole first line but its newline, that
        newline completes it and the line is not written again.
        """
        if self._fenced:
            return b"", 0
        first = self._pending.find(b"\n") + 1
        return b"\n", first if self._torn and self._torn == first - 1 else 0

    def _account(self, written: int, lead: int, completed: int) -> None:
        """Take what is in the file out of what is pending: whole lines only."""
        if not written:
            return
        pending, done = self._pending, completed + written - lead
        with self._handles:
            self.end += written
            self._keep_unsynced(lead, completed, done)
            if done == len(pending):
                self._pending, self.flushed, self._torn = bytearray(), self.accepted, 0
            else:
                whole = pending.rfind(b"\n", 0, done) + 1
                self.flushed += pending.count(b"\n", 0, whole)
                self._pending, self._torn = pending[whole:], done - whole
            self._fenced = not self._torn

    def _keep_unsynced(self, lead: int, completed: int, done: int) -> None:
        if self._unsynced is None:
            return
        if len(self._unsynced) + done > UNSYNCED_LIMIT:
            self._unsynced = None  # nobody syncs here, or not often: stop paying for it
            return
        self._unsynced += b"\n" * lead
        self._unsynced += memoryview(self._pending)[completed:done]

    # -- the handle ------------------------------------------------------------------------------------------

    def _open_first(self) -> None:
        if self._fd >= 0:
            return
        if self._prepare is not None:
            self._prepare()
            self._prepare = None
        self._adopt(self._fs.open(self.path, APPEND))

    def _adopt(self, fd: int) -> None:
        """Take a handle, of our own file or of the one that stands for it from now on."""
        try:
            found = self._fs.fstat(fd)
            fenced = self._fenced if self._identity else self._ends_with_newline(fd, found.st_size)
        except OSError:
            self._fs.close(fd)
            raise
        with self._handles:
            old, self._fd = self._fd, fd
            if self._identity is None:
                self.end = self._synced_end = found.st_size
            self._identity, self._fenced = (found.st_dev, found.st_ino), fenced
        if old >= 0:
            self._give_back(old)

    def _ends_with_newline(self, fd: int, size: int) -> bool:
        return size == 0 or self._fs.pread(fd, 1, size - 1) == b"\n"

    def _settle(self, size: int) -> None:
        """The file does not end where we left it: what a failed write left there counts, the rest is foreign."""
        lead, completed = self._beginning()
        expected = lead + self._pending[completed:]
        arrived = self._fs.pread(self._fd, size - self.end, self.end) if self.end < size else b""
        if arrived and expected.startswith(arrived):
            self._account(len(arrived), len(lead), completed)
            return
        fenced = self._ends_with_newline(self._fd, size)
        with self._handles:
            self.end, self._torn, self._unsynced, self._fenced = size, 0, None, fenced

    def _reopen(self) -> None:
        """A fresh handle on the same file; the old one is kept until the new one is known to be the same."""
        if self._fd < 0:
            return
        try:
            fd = self._fs.open(self.path, APPEND)
        except FileNotFoundError:
            return  # unlinked or moved: the look at the place decides, with the old handle
        found = self._fs.fstat(fd)
        if (found.st_dev, found.st_ino) == self._identity:
            self._adopt(fd)
        else:
            self._fs.close(fd)

    def _check_place(self) -> None:
        try:
            there: os.stat_result | None = self._fs.stat(self.path)
        except FileNotFoundError:
            there = None
        if there is not None and (there.st_dev, there.st_ino) == self._identity and there.st_size == self.end:
            return  # one look tells: each call of the system lets other threads in before this one
        here = self._fs.fstat(self._fd)
        if here.st_size != self.end:
            self._settle(here.st_size)
        if there is None:
            self._find_again(here)
        elif (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino):
            self._go_on_in(place.adopt_replacement(self._fs, self.path, self._fd, self.end))

    def _find_again(self, here: os.stat_result) -> None:
        if here.st_nlink:
            self.path = place.moved_to(self._fs, self._fd, self.path)
            return
        self._go_on_in(place.recreate(self._fs, self.path, self._fd, self.end))

    def _go_on_in(self, fd: int) -> None:
        """Write on in another file that holds every byte of ours; nothing is known of its durability."""
        self._adopt(fd)
        size = self._fs.fstat(fd).st_size
        if size != self.end:
            self._settle(size)
        with self._handles:
            self._unsynced, self._synced_end, self.synced = None, 0, -1
            self._unsynced_folders.append(os.path.dirname(self.path))

    def _drop_handle(self) -> None:
        with self._handles:
            fd, self._fd = self._fd, -1
        if fd >= 0:
            with suppress(OSError):  # nothing is pending in a handle: every byte went through write()
                self._give_back(fd)

    def _give_back(self, fd: int) -> None:
        """Close a handle, or leave that to the sync that uses it."""
        with self._handles:
            if self._syncing:
                self._retired.append(fd)
                return
        self._fs.close(fd)

    # -- sync ------------------------------------------------------------------------------------------------

    def _end_sync(self, fd: int) -> bool:
        """Close the handles that were kept for it; whether the writer has gone on with another one."""
        with self._handles:
            went_on = self._fd not in {fd, -1}
            self._syncing -= 1
            retired, self._retired = ([], self._retired) if self._syncing else (self._retired, [])
        for old in retired:
            with suppress(OSError):
                self._fs.close(old)
        return went_on

    def _sync_bytes(self, fd: int) -> Generator[int, None, None]:
        try:
            if self._refused is not None:
                self._write_anew()
            yield fd
        except OSError as error:
            self._refused = error
            raise

    def _write_anew(self) -> None:
        with self._handles:
            data, offset = self._unsynced, self._synced_end
            if data is None:
                raise self._refused or OSError("unknown")
            data = bytearray(data)
        fd = self._fs.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        try:
            view = memoryview(data)
            while view:
                count = self._fs.pwrite(fd, view, offset)
                view, offset = view[count:], offset + count
            self._fs.fdatasync(fd)
        finally:
            self._fs.close(fd)

    def _sync_folders(self) -> None:
        """The first sync of a new file also makes its name durable, in every folder that was made for it."""
        while self._unsynced_folders:
            sync_folder(self._fs, self._unsynced_folders[0])
            self._unsynced_folders.pop(0)

    def _note_synced(self, lines: int, end: int) -> None:
        with self._handles:
            self.synced, self._refused = max(self.synced, lines), None
            if self._unsynced is not None:
                del self._unsynced[: max(0, end - self._synced_end)]
            elif end == self.end:
                self._unsynced = bytearray()
            self._synced_end = max(self._synced_end, end)
