"""What the trash of a home knows of one removal: ``manifest.json`` beside the files, which have plain numbers there."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from rollout.errors import FormatError, NotFoundError, WriteError
from rollout.journal.filesystem import CREATE_NEW, READ, sync_folder, write_all
from rollout.store.local.moving import stands
from rollout.store.local.paths import ARCHIVED, SESSIONS
from rollout.tuples import NamedTuple

if TYPE_CHECKING:
    from rollout.journal.filesystem import Filesystem

MANIFEST = "manifest.json"
_MOST = 64 * 1024 * 1024


class Manifest(NamedTuple):
    """Whose thread, the files as (place in the home, name in the trash; newest first), what was given, the parent.

    ``names`` and ``tags`` are lines of the files beside the threads. ``removed_ns``: when the removal was begun; file
    times are too coarse to tell which of two came first.
    """

    thread_id: str
    files: list[tuple[str, str]]
    names: bytes
    tags: bytes
    parent_id: str | None
    removed_ns: int

    def moves(self, fs: Filesystem, folder: str, home: str) -> list[tuple[str, str]]:
        """For each file that lies in the folder: it, and where it belongs."""
        paths = [(os.path.join(folder, name), os.path.join(home, place)) for place, name in self.files]
        return [(kept, target) for kept, target in paths if stands(fs, kept)]


def write_manifest(fs: Filesystem, folder: str, manifest: Manifest) -> None:
    """Write it durably into a folder that has none. Raises WriteError."""
    told = manifest._asdict() | {"names": _text(manifest.names), "tags": _text(manifest.tags)}
    path = os.path.join(folder, MANIFEST)
    data = json.dumps(told, ensure_ascii=False).encode("utf-8", "surrogateescape")
    try:
        fd = fs.open(path, CREATE_NEW)
        try:
            write_all(fs, fd, memoryview(data))
            fs.fsync(fd)
        finally:
            fs.close(fd)
        sync_folder(fs, folder)
    except OSError as error:
        raise WriteError(path, error) from error


def read_manifest(fs: Filesystem, folder: str) -> Manifest:
    """What was written. Raises NotFoundError, FormatError."""
    path = os.path.join(folder, MANIFEST)
    try:
        fd = fs.open(path, READ)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError(f"nothing to restore at {path}: restored already, or the trash was emptied") from None
    try:
        data = fs.pread(fd, _MOST, 0)
    finally:
        fs.close(fd)
    return _parse(data, path)


def _text(lines: bytes) -> str:
    return lines.decode("utf-8", "surrogateescape")


def _bytes(text: object) -> bytes:
    return str(text).encode("utf-8", "surrogateescape")


def _parse(data: bytes, path: str) -> Manifest:
    """A manifest may only tell of places where rollouts belong."""
    try:
        told: dict[str, Any] = json.loads(data.decode("utf-8", "surrogateescape"))
        files = [(str(place), str(name)) for place, name in told["files"]]
        parent = told.get("parent_id")
        given = _bytes(told["names"]), _bytes(told.get("tags", ""))
        found = Manifest(str(told["thread_id"]), files, *given, parent and str(parent), int(told["removed_ns"]))
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path} cannot be read: {error}; move its files back by hand") from None
    for place, name in found.files:
        inside = os.path.normpath(place).split(os.sep)[0] in (SESSIONS, ARCHIVED)
        if not inside or os.path.basename(name) != name:
            raise FormatError(f"{path} names {place!r}, which is no place of a rollout; nothing was moved")
    return found
