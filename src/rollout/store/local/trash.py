"""Removed threads: kept inside the home until somebody empties ``trash/``, restored to the byte.

``trash/<token>/`` holds the files under plain numbers, so that no reader of rollouts takes them for one, and
``manifest.json``: where each came from, and the lines of the name index that named the thread. Renames keep bytes,
modes and file times.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any

from rollout.errors import FormatError, NotFoundError, WriteError
from rollout.journal.filesystem import CREATE_NEW, READ, make_folders, write_all
from rollout.store.base import Receipt
from rollout.store.local.moving import move_all, stands
from rollout.store.local.paths import ARCHIVED, SESSIONS
from rollout.store.local.sidecar import sync_folder
from rollout.tuples import NamedTuple

if TYPE_CHECKING:
    from rollout.journal.filesystem import Filesystem
    from rollout.store.local.walk import File

TRASH = "trash"
_MANIFEST = "manifest.json"
_MOST_MANIFEST = 64 * 1024 * 1024


class Removed(NamedTuple):
    """What a manifest tells: whose thread, the files as (path inside the home, name in the trash), lines of names and tags."""

    thread_id: str
    files: list[tuple[str, str]]
    names: bytes
    tags: bytes = b""


class Trash:
    """The trash of one home; the caller holds the thread's lock."""

    def __init__(self, home: str, fs: Filesystem) -> None:
        """Nothing is made until something is thrown away."""
        self._home = home
        self._fs = fs

    def throw(self, thread_id: str, files: list[File], names: bytes, tags: bytes = b"") -> Receipt:
        """Move files (newest first) here; the lines that name and tag the thread are kept with them.

        Raises WriteError; then each file is at one of its two places, and repeating the removal takes away what
        is left.
        """
        folder = self._make_folder(thread_id)
        kept = [(os.path.relpath(file.path, self._home), f"{number}.kept") for number, file in enumerate(files)]
        size = sum(self._fs.lstat(file.path).st_size for file in files)
        self._write_manifest(folder, Removed(thread_id, kept, names, tags))
        moves = [(os.path.join(self._home, path), os.path.join(folder, name)) for path, name in kept]
        move_all(self._fs, moves[::-1])
        return Receipt(thread_id, os.path.basename(folder), tuple(file.name for file in files[::-1]), size)

    def look(self, token: str) -> Removed:
        """What a token stands for. Raises NotFoundError, FormatError."""
        if os.path.basename(token) != token or token in ("", ".", ".."):
            raise FormatError(f"{token!r} is no receipt's token")
        path = os.path.join(self._home, TRASH, token, _MANIFEST)
        try:
            fd = self._fs.open(path, READ)
        except FileNotFoundError:
            raise NotFoundError(f"nothing to restore at {path}: restored already, or the trash was emptied") from None
        try:
            data = self._fs.pread(fd, _MOST_MANIFEST, 0)
        finally:
            self._fs.close(fd)
        return self._parse(data, path)

    def take_back(self, token: str) -> Removed:
        """Move everything back to where it was. Raises ExistsError rather than replace anything."""
        removed = self.look(token)
        folder = os.path.join(self._home, TRASH, token)
        moves = [(os.path.join(folder, name), os.path.join(self._home, path)) for path, name in removed.files]
        move_all(self._fs, [(kept, target) for kept, target in moves if stands(self._fs, kept)])
        return removed

    def forget(self, token: str) -> None:
        """Take the emptied folder of a token away; what else somebody put there stays."""
        folder = os.path.join(self._home, TRASH, token)
        with suppress(OSError):  # the thread is back already; an empty folder means nothing
            self._fs.unlink(os.path.join(folder, _MANIFEST))
            self._fs.rmdir(folder)

    def _make_folder(self, thread_id: str) -> str:
        try:
            make_folders(self._fs, os.path.join(self._home, TRASH))
            for number in count(1):
                folder = os.path.join(self._home, TRASH, f"{thread_id}-{number}")
                with suppress(FileExistsError):
                    self._fs.mkdir(folder)
                    return folder
        except OSError as error:
            raise WriteError(os.path.join(self._home, TRASH), error) from error
        raise AssertionError("count() has no end")

    def _write_manifest(self, folder: str, removed: Removed) -> None:
        told = {"thread_id": removed.thread_id, "files": removed.files, "names": removed.names.decode(), "tags": removed.tags.decode("utf-8", "surrogateescape")}
        path = os.path.join(folder, _MANIFEST)
        try:
            fd = self._fs.open(path, CREATE_NEW)
            try:
                write_all(
                    self._fs, fd, memoryview(json.dumps(told, ensure_ascii=False).encode("utf-8", "surrogateescape"))
                )
                self._fs.fsync(fd)
            finally:
                self._fs.close(fd)
            for synced in (folder, os.path.dirname(folder), self._home):
                sync_folder(self._fs, synced)
        except OSError as error:
            raise WriteError(path, error) from error

    def _parse(self, data: bytes, path: str) -> Removed:
        """A manifest; it may only tell of places where rollouts belong."""
        try:
            told: dict[str, Any] = json.loads(data.decode("utf-8", "surrogateescape"))
            files = [(str(place), str(name)) for place, name in told["files"]]
            tags = str(told.get("tags", "")).encode("utf-8", "surrogateescape")
            removed = Removed(str(told["thread_id"]), files, str(told["names"]).encode(), tags)
        except (ValueError, KeyError, TypeError) as error:
            raise FormatError(f"{path} cannot be read: {error}; move its files back by hand") from None
        for place, name in removed.files:
            inside = os.path.normpath(place).split(os.sep)[0] in (SESSIONS, ARCHIVED)
            if not inside or os.path.basename(name) != name:
                raise FormatError(f"{path} names {place!r}, which is no place of a rollout; nothing was moved")
        return removed
