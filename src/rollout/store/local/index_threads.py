"""The rows of threads, made by the code that makes them without an index; inside the caller's transaction."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from rollout.ids import ThreadId
from rollout.labels import NO_LABELS, Labels
from rollout.query import plain_id
from rollout.store.local.given import Given
from rollout.store.local.headtail import read_facts, read_grown
from rollout.store.local.index_files import Row
from rollout.store.local.index_rows import (
    begun_json,
    begun_of,
    fid_of,
    id_of,
    kept_text,
    path_of,
    tags_of,
    to_path,
)
from rollout.store.local.index_table import Place, ThreadTable
from rollout.store.local.paths import TRASH, UNDERWAY, time_ms
from rollout.store.local.rows import Rows
from rollout.store.local.walk import by_thread
from rollout.store.stored_summary import fill
from rollout.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from rollout.journal.filesystem import Filesystem
    from rollout.query import Thread
    from rollout.store.local.headtail import Begun, Facts
    from rollout.store.local.index import Index
    from rollout.store.local.index_table import Before
    from rollout.store.local.walk import File, Group

_FILES = (
    "SELECT o.path, f.name, f.id, f.stamp, f.created, f.thread, f.rollout, f.named, f.plain, f.archived"
    " FROM json_each(?) j JOIN file f ON j.value = {} JOIN folder o ON o.id = f.folder"
)


class _AtOnce(Given):
    """What was given as it was when it was first asked for: a thousand rows need no thousand looks."""

    def __init__(self, home: str, fs: Filesystem, source: Given) -> None:
        super().__init__(home, fs)
        self._source = source
        self._known: tuple[dict[ThreadId, str], dict[ThreadId, Labels]] | None = None

    def name_of(self, thread_id: str) -> str | None:
        """The name of a thread, None when it has none."""
        return self._all()[0].get(ThreadId(thread_id))

    def labels_of(self, thread_id: str) -> Labels:
        """The tags and the note of a thread."""
        return self._all()[1].get(ThreadId(thread_id), NO_LABELS)

    def _all(self) -> tuple[dict[ThreadId, str], dict[ThreadId, Labels]]:
        if self._known is None:
            self._known = self._source.names.all(), self._source.tags.all()
        return self._known


class _ReadRows(Rows):
    """Rows whose newest file is read from its tail alone when it has only grown."""

    begun: Begun | None = None
    """What is known of the file that is read next; then, of the file that was read."""
    knows_last_cwd = True
    """Whether the file that was read told where its last turn was."""

    def read(self, path: str) -> Facts:
        """The facts of a file. Raises FileNotFoundError."""
        facts = self._grown(path, self.begun) if self.begun else None
        facts = facts or read_facts(path, self._fs)
        self.begun, self.knows_last_cwd = facts.begun, facts.knows_last_cwd
        return facts

    def _grown(self, path: str, begun: Begun) -> Facts | None:
        try:
            return read_grown(path, self._fs, begun)
        except OSError:
            return None


class ThreadRows:
    """Makes and takes away the rows of one index; ``missed`` collects the paths of threads that are gone."""

    def __init__(self, index: Index, home: str, fs: Filesystem, given: Given, now_ms: Callable[[], int]) -> None:
        """Nothing is read yet."""
        self._index, self._home, self._fs, self._now_ms = index, home, fs, now_ms
        self._given = given
        self._rows = _ReadRows(home, fs, _AtOnce(home, fs, given), self._rollout)
        self._table = ThreadTable(index)
        self._bases: set[str] = set()
        self._new_bases: list[tuple[str, str]] = []
        self._has_missing = False
        self.missed: list[str] = []

    def touch(self, threads: Mapping[str, str], rollouts: Iterable[str]) -> None:
        """Have rows made anew.

        Those of these threads (with a path that is gone, or ""), and those that took something from these rollouts.
        """
        todo = dict(threads)
        if self._index.one("SELECT 1 FROM base LIMIT 1"):
            for rollout in rollouts:
                for (thread,) in self._index.rows("SELECT thread FROM base WHERE rollout = ?", (rollout,)):
                    todo.setdefault(thread, "")
        self._index.db.executemany(
            "INSERT INTO todo VALUES (?1, ?2) ON CONFLICT DO UPDATE SET path = ?2 WHERE ?2 <> ''",
            [(thread, to_path(path)) for thread, path in todo.items()],
        )

    def make(self, waiting: Iterable[tuple[str, str | bytes]]) -> None:
        """Make the rows of threads anew; those of threads without files go."""
        self._has_missing = bool(self._index.one("SELECT 1 FROM missing LIMIT 1"))
        todo = {thread: path_of(gone) for thread, gone in waiting}
        files = dict(self.files("f.thread", [*todo]))
        fids = {thread: fid_of(thread) for thread in todo}
        before = self._table.before(fids.values())
        for group in by_thread(sorted(files, key=_in_listing, reverse=True))[0]:
            thread = group.newest.thread_id
            del todo[thread]
            self._make(group, files[group.newest], fids[thread], before.get(fids[thread]))
        for thread, gone in todo.items():
            self._remove(thread, gone, before.get(fids[thread]))
        self._settle([*before])

    def _settle(self, before: list[bytes]) -> None:
        """Write what was collected; ``before``: the threads that had rows."""
        self._table.settle()
        self._index.db.executemany("DELETE FROM base WHERE thread = ?", [(id_of(fid),) for fid in before])
        self._index.db.executemany("INSERT INTO base VALUES (?, ?)", self._new_bases)
        self._new_bases.clear()

    def settle_claims(self) -> None:
        """To be called when no row waits any more."""
        self._table.settle_claims()
        self._table.settle()

    def rename_all(self) -> None:
        """Have the rows made anew whose names are no longer those that people gave."""
        given = self._given.names.all()
        for fid_text, name in self._index.rows(
            "SELECT f.id, t.name FROM thread t JOIN facts f ON f.thread = t.id WHERE t.name IS NOT NULL"
        ):
            if given.pop(fid_text, None) != kept_text(name):
                given[fid_text] = ""
        self._remake(given)

    def tag_all(self) -> None:
        """Have the rows made anew whose tags or notes are no longer those that people gave."""
        given = dict(self._given.tags.all())
        for thread, tags, note in self._index.rows("SELECT id, tags, note FROM facts WHERE tags IS NOT NULL"):
            known = Labels(tags_of(tags), kept_text(note) or "")
            if given.pop(thread, NO_LABELS) != known:
                given[thread] = NO_LABELS
        self._remake(given)

    def _remake(self, threads: Iterable[str]) -> None:
        self._index.db.executemany(
            "INSERT OR IGNORE INTO todo SELECT i.thread, '' FROM facts f JOIN file i ON i.id = f.file WHERE f.id = ?",
            [(thread,) for thread in threads],
        )

    def row(self, number: int) -> Thread | None:
        """The row of a thread as its files give it now, wherever they have moved; None when they are gone."""
        thread = self._index.one(
            "SELECT i.thread FROM facts f JOIN file i ON i.id = f.file WHERE f.thread = ?", (number,)
        )
        files = (file for file, _ in self.files("f.thread", [thread]))
        groups, _ = by_thread(sorted(files, key=_in_listing, reverse=True))
        self._rows.begun = None
        return self._rows.row(groups[0]) if groups else None

    def files(self, column: str, values: list[str]) -> Iterator[tuple[File, Row]]:
        """The files of threads (``f.thread``) or rollouts (``f.rollout``)."""
        for folder, name, *columns in self._index.rows(_FILES.format(column), (json.dumps(values),)):
            row = Row(*columns)
            yield row.file(f"{self._home}/{path_of(folder)}/{path_of(name)}"), row

    def _rollout(self, rollout_id: str) -> File | None:
        """The file with a rollout id, as far as the index knows; what asks for it is made anew when it changes."""
        wanted = plain_id(rollout_id) or rollout_id
        self._bases.add(wanted)
        found = (file for file, _ in self.files("f.rollout", [wanted]))
        return max(found, key=_in_listing, default=None)

    def _make(self, group: Group, newest: Row, fid: bytes, before: Before | None) -> None:
        thread, created = group.newest.thread_id, time_ms(group.newest.key)
        inode = newest.stamp.rpartition(":")[0].rpartition(":")[0]
        self._bases.clear()
        self._rows.begun = begun_of(before and before.begun, inode)
        row = self._rows.row(group)
        if row is None:  # it vanished while it was looked at: its folder has to be looked at again
            self._index.db.execute(
                "UPDATE folder SET state = x'' WHERE id = (SELECT folder FROM file WHERE id = ?)", (newest.id,)
            )
            if before:
                self._table.remove(before)
            return
        self._new_bases += [(rollout, thread) for rollout in self._bases]
        place = Place(thread, fid, created, newest.id, self._rows.knows_last_cwd)
        self._table.keep(row, place, begun_json(self._rows.begun, inode), before)
        if before is None and self._has_missing:
            self._index.db.execute("DELETE FROM missing WHERE thread = ?", (thread,))

    def _remove(self, thread: str, gone: str, before: Before | None) -> None:
        """Take away a thread without files; one that nobody put into the trash is noted as missing."""
        if before is None:
            return
        if not self._in_trash(thread):
            name, summary = self._index.rows(
                "SELECT t.name, f.summary FROM thread t JOIN facts f ON f.thread = t.id WHERE t.id = ?", (before.number,)
            )[0]
            title = (kept_text(name) or fill(Summary(), summary).preview)[:200].encode("utf-8", "replace").decode()
            values = (thread, to_path(gone), title, self._now_ms())
            self._index.db.execute("INSERT OR REPLACE INTO missing VALUES (?, ?, ?, ?)", values)
            self.missed.append(gone)
            self._has_missing = True
        self._table.remove(before)

    def _in_trash(self, thread: str) -> bool:
        for folder in (os.path.join(self._home, TRASH), os.path.join(self._home, TRASH, UNDERWAY)):
            with suppress(OSError):
                if any(entry.name.startswith(f"{thread}-") for entry in self._fs.scandir(folder)):
                    return True
        return False


def _in_listing(file: File) -> tuple[bool, File]:
    """The last of several by this key is the first that a walk finds: active ones, then the newest."""
    return not file.archived, file
