"""The seam: every call to the operating system that touches a rollout goes through here.

Tests hand in a filesystem that fails at the call they choose (``rollout.testing.faults``); nothing else in
the journal or the local store may use ``os`` or ``open`` on rollouts.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat as stats
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Buffer = bytes | bytearray | memoryview

APPEND = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
READ = os.O_RDONLY | os.O_CLOEXEC
CREATE_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
FILE_MODE = 0o600
FOLDER_MODE = 0o700


class Filesystem:
    """The operating system's calls, by their own names; each raises OSError as the system does."""

    def open(self, path: str, flags: int, mode: int = FILE_MODE) -> int:
        """A file descriptor; never inherited by children that exec."""
        return os.open(path, flags, mode)

    def close(self, fd: int) -> None:
        """Give a descriptor back."""
        os.close(fd)

    def write(self, fd: int, data: Buffer) -> int:
        """One write; may be short."""
        return os.write(fd, data)

    def pread(self, fd: int, length: int, offset: int) -> bytes:
        """Up to ``length`` bytes from an offset; fewer only at the end of the file."""
        return os.pread(fd, length, offset)

    def pwrite(self, fd: int, data: Buffer, offset: int) -> int:
        """One write at an offset; may be short. The descriptor must not be in append mode."""
        return os.pwrite(fd, data, offset)

    def stat(self, path: str) -> os.stat_result:
        """The file a path leads to."""
        return os.stat(path)

    def lstat(self, path: str) -> os.stat_result:
        """The file a path names, links not followed."""
        return os.lstat(path)

    def fstat(self, fd: int) -> os.stat_result:
        """The file behind a descriptor."""
        return os.fstat(fd)

    def fdatasync(self, fd: int) -> None:
        """Put a file's data on stable storage."""
        os.fdatasync(fd)

    def fdatasync_all(self, fds: Sequence[int]) -> list[OSError | None]:
        """Put the data of several files on stable storage, together; the refusal of each or None, in order."""
        from rollout.journal.together import in_threads  # noqa: PLC0415 - only who syncs pays for threads

        return in_threads(fds, self.fdatasync)

    def fsync(self, fd: int) -> None:
        """Put a file or a folder on stable storage."""
        os.fsync(fd)

    def mkdir(self, path: str, mode: int = FOLDER_MODE) -> None:
        """Make one folder."""
        os.mkdir(path, mode)

    def rename(self, source: str, target: str) -> None:
        """Move within a file system; replaces the target."""
        os.rename(source, target)

    def link(self, source: str, target: str) -> None:
        """A second name; fails if the target exists (a move that never replaces)."""
        os.link(source, target)

    def unlink(self, path: str) -> None:
        """Take a name away."""
        os.unlink(path)

    def rmdir(self, path: str) -> None:
        """Take an empty folder away."""
        os.rmdir(path)

    def utime(self, path: str, times_ns: tuple[int, int]) -> None:
        """Set access and modification time."""
        os.utime(path, ns=times_ns)

    def chmod(self, path: str, mode: int) -> None:
        """Set the permissions."""
        os.chmod(path, mode)

    def ftruncate(self, fd: int, length: int) -> None:
        """Cut or extend a file; used for lock files only, never for a rollout."""
        os.ftruncate(fd, length)

    def dup(self, fd: int) -> int:
        """A second descriptor of the same open file."""
        return os.dup(fd)

    def flock(self, fd: int, operation: int) -> None:
        """The lock that Codex takes: ``flock``, not ``lockf`` (they do not see each other)."""
        fcntl.flock(fd, operation)

    def readlink(self, path: str) -> str:
        """Where a symbolic link points."""
        return os.readlink(path)

    def scandir(self, path: str) -> Iterator[os.DirEntry[str]]:
        """The entries of a folder, in no order."""
        with os.scandir(path) as entries:
            return iter(list(entries))  # a generator would cost a third of a walk


class OperatingSystem(Filesystem):
    """The real one, which can do for many files at once what the others do one by one."""

    def fdatasync_all(self, fds: Sequence[int]) -> list[OSError | None]:
        """One call for all of them where the kernel has it; what it would not take goes the common way."""
        if len(fds) < 2:
            return super().fdatasync_all(fds)
        from rollout.journal.kernel_aio import fdatasync_all  # noqa: PLC0415 - only a crowd pays for ctypes

        codes = fdatasync_all(fds)
        if codes is None:
            return super().fdatasync_all(fds)
        refusals = [OSError(code, os.strerror(code)) if (code := codes.get(at, 0)) else None for at in range(len(fds))]
        left = [at for at in range(len(fds)) if at not in codes]
        for at, refusal in zip(left, super().fdatasync_all([fds[at] for at in left]) if left else (), strict=True):
            refusals[at] = refusal
        return refusals


OS = OperatingSystem()


def write_all(fs: Filesystem, fd: int, data: memoryview) -> None:
    """Write everything, going on after short writes."""
    while data:
        data = data[fs.write(fd, data) :]


def make_folders(fs: Filesystem, path: str, made: list[str] | None = None) -> None:
    """Make a folder and its parents, private to the user; those that were made are added to ``made``.

    Raises OSError; FileExistsError names a file that stands in the way. May be repeated.
    """
    missing: list[str] = []
    while path and not _is_there(fs, path):
        missing.append(path)
        path = os.path.dirname(path)
    for folder in reversed(missing):
        try:
            fs.mkdir(folder)
        except FileExistsError:  # another process made it meanwhile
            if not _is_there(fs, folder):
                raise
        else:
            if made is not None:
                made.append(folder)


def sync_folder(fs: Filesystem, folder: str) -> None:
    """Put a folder's names on stable storage. Raises OSError."""
    fd = fs.open(folder, READ | os.O_DIRECTORY)
    try:
        fs.fsync(fd)
    finally:
        fs.close(fd)


def _is_there(fs: Filesystem, path: str) -> bool:
    """Whether a folder is there; a file in its place is an error that names it."""
    try:
        found = fs.stat(path)
    except FileNotFoundError:
        return False
    if not stats.S_ISDIR(found.st_mode):
        raise FileExistsError(errno.EEXIST, "a file stands where a folder must be", path)
    return True
