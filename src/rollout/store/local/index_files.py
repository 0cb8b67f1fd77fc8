"""The tables of folders and files: made to agree with what was seen, inside the caller's transaction."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple

from rollout.store.local.index_rows import path_of, to_path
from rollout.store.local.paths import ARCHIVED, ZST, logical_name
from rollout.store.local.walk import File, file_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rollout.store.local.index import Index
    from rollout.store.local.index_scan import Folder, FolderWalk

_COLUMNS = "stamp, created, thread, rollout, named, plain, archived"
_SELECT = f"SELECT name, id, {_COLUMNS} FROM file WHERE folder = ?"  # noqa: S608 - our own words, values are bound
_INSERT = f"INSERT INTO file (folder, name, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own words, values are bound
_HOLDS = "SELECT EXISTS (SELECT 1 FROM file WHERE rollout = ? AND name IN (?, ?))"
_UPDATE = f"UPDATE file SET ({_COLUMNS}) = (?, ?, ?, ?, ?, ?, ?) WHERE id = ?"  # noqa: S608 - our own words, values are bound


class Row(NamedTuple):
    """What the index has of a file."""

    id: int
    stamp: str
    created: str
    thread: str
    rollout: str
    named: int
    plain: int
    archived: int

    def file(self, path: str) -> File:
        """The file as a walk tells it."""
        return File(
            self.created, self.thread, self.rollout, bool(self.named), bool(self.plain), path, bool(self.archived)
        )


class FileTable:
    """What one catch-up does to the tables, and what that touches: threads and rollouts by their ids."""

    def __init__(self, index: Index, home: str) -> None:
        """Nothing is changed yet."""
        self._index, self._home = index, home
        self._appeared: list[tuple[str, str]] = []
        self._vanished: list[tuple[str, str]] = []
        self._differ: list[tuple[str, str]] = []
        self.threads: dict[str, str] = {}
        """The threads by their ids, with the path of a file that is gone or ""."""
        self.rollouts: set[str] = set()

    def known(self, path: str) -> dict[str, Row]:
        """The files that the index has of a folder, by name."""
        folder_id = self._index.one("SELECT id FROM folder WHERE path = ?", (to_path(path),))
        return {path_of(name): Row(*row) for name, *row in self._index.rows(_SELECT, (folder_id,))}

    def replace(self, folder: Folder, known: dict[str, Row], walk: FolderWalk) -> list[File]:
        """Make the rows of a folder agree with what stands in it.

        The files are returned that are gone from it, and those that came or went while it was looked at.
        """
        folder_id = self._folder_id(folder)
        files = walk.files(folder.path) if folder.entries else []
        stamps, new = folder.stamps(), []
        named = [(file.name, file) for file in files]
        fleeting = self._went(folder, stamps.keys() - known.keys() - {name for name, _ in named})
        for name, file in named:
            stamp = stamps.get(name)
            if stamp is None:  # it came after the folder was looked at
                fleeting.append(file)
                continue
            before = known.pop(name, None)
            facts = (stamp, file.key, file.thread_id, file.rollout_id, file.named, file.plain, file.archived)
            if before is None:
                new.append((folder_id, to_path(name), *facts))
                self._appeared.append((stamp, file.path))
            elif before[1:] != facts:
                self._index.db.execute(_UPDATE, (*facts, before.id))
                self._touch(before.thread, before.rollout)
                self._differ.append((_difference(before.stamp, stamp), file.path))
            else:
                continue
            self._touch(file.thread_id, file.rollout_id)
        self._index.db.executemany(_INSERT, new)
        lost = [self._remove(f"{self._home}/{folder.path}/{name}", row) for name, row in known.items()]
        self._keep(folder_id, folder, walk.skipped)
        return lost + fleeting

    def _went(self, folder: Folder, names: Iterable[str]) -> list[File]:
        archived = folder.path.partition("/")[0] == ARCHIVED
        paths = (f"{self._home}/{folder.path}/{name}" for name in names)
        return [file for path in paths if (file := file_named(path, archived=archived))]

    def holds(self, file: File) -> bool:
        """Whether the tables have a file of this name, compressed or not, in any folder."""
        name = logical_name(file.name)
        return bool(self._index.one(_HOLDS, (file.rollout_id, to_path(name), to_path(name + ZST))))

    def _folder_id(self, folder: Folder) -> int:
        path = to_path(folder.path)
        self._index.db.execute("INSERT OR IGNORE INTO folder (path, files, skipped, state) VALUES (?, 0, '{}', x'')", (path,))
        return int(self._index.one("SELECT id FROM folder WHERE path = ?", (path,)))

    def _keep(self, folder_id: int, folder: Folder, skipped: dict[str, int]) -> None:
        if folder.entries:
            files = self._index.one("SELECT count(*) FROM file WHERE folder = ?", (folder_id,))
            values = (files, json.dumps(skipped), folder.state, folder_id)
            self._index.db.execute("UPDATE folder SET (files, skipped, state) = (?, ?, ?) WHERE id = ?", values)
        else:
            self._index.db.execute("DELETE FROM folder WHERE id = ?", (folder_id,))

    def _remove(self, path: str, row: Row) -> File:
        self._touch(row.thread, row.rollout, path)
        self._vanished.append((row.stamp, path))
        self._index.db.execute("DELETE FROM file WHERE id = ?", (row.id,))
        return row.file(path)

    def _touch(self, thread: str, rollout: str, gone: str = "") -> None:
        self.threads[thread] = gone or self.threads.get(thread, "")
        self.rollouts.add(rollout)

    def events(self) -> Iterator[tuple[str, str]]:
        """What has become of the files: kind and path."""
        yield from self._differ
        if not self._vanished:
            yield from (("new", path) for _, path in self._appeared)
            return
        by_inode = {_inode(stamp): path for stamp, path in self._vanished}
        by_name = {logical_name(os.path.basename(path)): path for _, path in self._vanished}
        moved: set[str] = set()
        for stamp, path in self._appeared:
            before = by_inode.get(_inode(stamp)) or by_name.get(logical_name(os.path.basename(path)))
            moved.add(before or "")
            yield _move(before, path), path
        yield from (("gone", path) for _, path in self._vanished if path not in moved)


def _inode(stamp: str) -> str:
    return ":".join(stamp.split(":", 2)[:2])


def _difference(before: str, now: str) -> str:
    """What has become of a file in its place."""
    if _inode(before) != _inode(now):
        return "replaced"
    return "grown" if int(now.split(":")[2]) > int(before.split(":")[2]) else "changed"


def _move(before: str | None, now: str) -> str:
    """What has become of a file that was found at a new place."""
    if before is None:
        return "new"
    if before.endswith(ZST) != now.endswith(ZST):
        return "compressed" if now.endswith(ZST) else "unpacked"
    archived = [f"/{ARCHIVED}/" in path for path in (before, now)]
    if archived[0] != archived[1]:
        return "archived" if archived[1] else "unarchived"
    return "moved"
