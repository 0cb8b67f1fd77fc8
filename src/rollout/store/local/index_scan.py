"""What stands in the folders of a home now: names, identities, sizes and times, and nothing read.

This is the price of every answer from the index, so it is little more than a bare walk with the status of each
file. The folders are those of ``rollout.store.local.walk``, which is asked about every folder that has changed.
"""

from __future__ import annotations

import marshal
from typing import TYPE_CHECKING, TypeAlias

from rollout.store.local.paths import (
    ANY_TIME,
    ARCHIVED,
    PREFIX,
    SESSIONS,
    SUFFIX,
    ZST,
    bounds_of,
    number_of,
)
from rollout.store.local.walk import File, Walk
from rollout.tuples import NamedTuple

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from rollout.journal.filesystem import Filesystem
    from rollout.store.local.paths import Bounds

Entry: TypeAlias = tuple[str, int, int, int, int] | tuple[str] | tuple[str, int, int, int, int, str]

ROOTS = (SESSIONS, ARCHIVED)
_ENDS = (SUFFIX, SUFFIX + ZST)
_DEPTH = 3
_UNREADABLE: list[Entry] = [("",)]


class Folder(NamedTuple):
    """One folder inside the home, and what stands in it, in the order in which the system tells it."""

    path: str
    entries: list[Entry]

    @property
    def state(self) -> bytes:
        """The entries as bytes that are the same as long as nothing changes; b"" where there are none."""
        return marshal.dumps(self.entries, 2) if self.entries else b""

    def stamps(self) -> dict[str, str]:
        """Of each rollout the identity, size and time of the file that it is or leads to."""
        return {entry[0]: stamp_of(entry) for entry in self.entries if len(entry) > 1}


def stamp_of(entry: Entry) -> str:
    """An entry's device, inode, size and time as one text."""
    return entry[5] if len(entry) == 6 else ":".join(map(str, entry[1:]))


def stamp_at(path: str, fs: Filesystem) -> str:
    """The same of the file at a path. Raises OSError."""
    found = fs.stat(path)
    return f"{found.st_dev}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"


def scan(home: str, fs: Filesystem) -> Iterator[Folder]:
    """Every folder of a home that may hold rollouts."""
    waiting = [f"{home}/{root}" for root in ROOTS]
    while waiting:
        path = waiting.pop()
        entries, below = _look(path, fs)
        waiting += below
        yield Folder(path[len(home) + 1 :], entries)


def look(home: str, path: str, fs: Filesystem) -> Folder:
    """One folder, looked at again."""
    return Folder(path, _look(f"{home}/{path}", fs)[0])


def _look(folder: str, fs: Filesystem) -> tuple[list[Entry], list[str]]:
    entries: list[Entry] = []
    below: list[str] = []
    add = entries.append
    try:
        found = fs.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return entries, below
    except OSError:
        return _UNREADABLE, below
    for entry in found:
        name = entry.name
        if name.startswith(PREFIX) and name.endswith(_ENDS):
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if entry.is_symlink():
                add(_link(entry, status, fs))
            else:  # device, inode and size by their places in the tuple: their names cost twice as much
                add((name, status[2], status[1], status[6], status.st_mtime_ns))
        elif entry.is_dir(follow_symlinks=False):
            below.append(f"{folder}/{name}")
        elif entry.is_symlink() and entry.is_dir():
            add((name,))
    return entries, below


def _link(entry: os.DirEntry[str], status: os.stat_result, fs: Filesystem) -> Entry:
    """A link, and what it leads to now."""
    try:
        target = stamp_at(entry.path, fs)
    except OSError:
        target = ""
    return entry.name, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, target


class FolderWalk(Walk):
    """The rollouts of single folders, exactly as a walk through the whole home finds them."""

    def files(self, path: str) -> list[File]:
        """The rollouts in one folder (a path inside the home); what cannot be told apart is in ``skipped``."""
        self.skipped = {}
        bounds, numbers = place_of(path)
        archived = path.partition("/")[0] == ARCHIVED
        return self._read(f"{self.home}/{path}", bounds, numbers, archived=archived).files


def place_of(path: str) -> tuple[Bounds, tuple[int, ...] | None]:
    """The times that belong to a folder, and its numbers while folders inside it may be dated ones."""
    root, *inner = path.split("/")
    bounds = ANY_TIME
    numbers: tuple[int, ...] | None = () if root == SESSIONS else None
    for name in inner:
        number = None if numbers is None or len(numbers) == _DEPTH else number_of(name)
        found = None if number is None else bounds_of((*(numbers or ()), number))
        numbers = None if number is None or found is None else (*(numbers or ()), number)
        bounds = found or bounds
    return bounds, numbers if numbers is None or len(numbers) < _DEPTH else None
