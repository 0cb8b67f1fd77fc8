"""When a path no longer leads to the file that is being written: unlinked, moved, or replaced.

Recorders have lost whole nights of work because a cleaner, a synchroniser or an archiver took the file away
under an open handle. The handle still has every byte, so nothing needs to be lost.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from rollout.errors import ReplacedError
from rollout.journal.filesystem import APPEND, make_folders, write_all
from rollout.journal.temporary import open_temporary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.journal.filesystem import Filesystem

_BLOCK = 1 << 18


def moved_to(fs: Filesystem, fd: int, path: str) -> str:
    """Where the file behind a descriptor stands now; the old path when the system does not tell."""
    with suppress(OSError):
        found = fs.readlink(f"/proc/self/fd/{fd}")
        here, there = fs.fstat(fd), fs.stat(found)
        if (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino):
            return found
    return path


def recreate(fs: Filesystem, path: str, fd: int, end: int) -> int:
    """Make the unlinked file again, whole, from its descriptor; returns a new descriptor in append mode.

    Durable before it gets its name, since bytes that were promised as synced must not become unsafe again.
    Raises OSError, FileExistsError when another file took the place meanwhile.
    """
    make_folders(fs, os.path.dirname(path))
    temporary, new = open_temporary(fs, path)
    try:
        for block in _blocks(fs, fd, end):
            write_all(fs, new, memoryview(block))
        fs.fsync(new)
        fs.link(temporary, path)
        return fs.open(path, APPEND)
    finally:
        fs.close(new)
        with suppress(OSError):
            fs.unlink(temporary)


def adopt_replacement(fs: Filesystem, path: str, fd: int, end: int) -> int:
    """A descriptor of the file that now stands at the path, if it begins with every byte of ours.

    A synchroniser that rewrote the same content is harmless; anything else raises ReplacedError naming both.
    """
    new = fs.open(path, APPEND)
    if _begins_with(fs, new, fd, end):
        return new
    theirs = fs.fstat(new)
    fs.close(new)
    ours = fs.fstat(fd)
    where = moved_to(fs, fd, path) if ours.st_nlink else "a file that was removed"
    raise ReplacedError(path, f"{where} (inode {ours.st_ino})", f"inode {theirs.st_ino}")


def _begins_with(fs: Filesystem, new: int, old: int, end: int) -> bool:
    if fs.fstat(new).st_size < end:
        return False
    pairs = zip(_blocks(fs, old, end), _blocks(fs, new, end), strict=True)
    return all(ours == theirs for ours, theirs in pairs)


def _blocks(fs: Filesystem, fd: int, end: int) -> Iterator[bytes]:
    for offset in range(0, end, _BLOCK):
        yield fs.pread(fd, min(_BLOCK, end - offset), offset)
