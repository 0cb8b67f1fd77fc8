"""Temporary files beside rollouts: made whole and linked into their place, or swept away once their maker is dead.

A name alone proves nothing: process numbers are given again, and mean another process on another host. Whoever makes
such a file therefore holds the operating system's lock on it, which ends with the process and not before.
"""

from __future__ import annotations

import fcntl
import os
import re
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING

from rollout.journal.filesystem import CREATE_NEW, FILE_MODE

if TYPE_CHECKING:
    from rollout.journal.filesystem import Filesystem

_numbers = count()
_NAME = re.compile(r"\.rollout-.+\.\d+-\d+\.tmp", re.DOTALL)
_OURS = fcntl.LOCK_EX | fcntl.LOCK_NB


def is_temporary(name: str) -> bool:
    """Whether a file of this name is such a file."""
    return name.startswith(".rollout-") and _NAME.fullmatch(name) is not None


def open_temporary(fs: Filesystem, path: str, mode: int = FILE_MODE) -> tuple[str, int]:
    """A new file beside a path, under a name that no reader of rollouts takes for one: its path and descriptor.

    It is locked until the descriptor is closed, where the file system can lock. Raises OSError.
    """
    folder, name = os.path.split(path)
    while True:
        temporary = os.path.join(folder, f".{name}.{os.getpid()}-{next(_numbers)}.tmp")
        fd = fs.open(temporary, CREATE_NEW, mode)
        if _is_kept(fs, fd):
            return temporary, fd
        fs.close(fd)


def sweep(fs: Filesystem, path: str) -> bool:
    """Take a temporary file away if its maker is provably dead; whether it is gone."""
    with suppress(OSError):
        fd = fs.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fs.flock(fd, _OURS)
            fs.unlink(path)
            return True
        finally:
            fs.close(fd)
    return False


def _is_kept(fs: Filesystem, fd: int) -> bool:
    """Lock a new file; False when, between its making and the lock, somebody has swept it, or is about to."""
    try:
        fs.flock(fd, _OURS)
        return fs.fstat(fd).st_nlink > 0
    except BlockingIOError:
        return False
    except OSError:
        return True  # nothing can be locked here, so nobody sweeps either
