"""The only code that makes the index agree with the files.

Three steps. Without a lock: every folder's names, identities, sizes and times are compared with those of the last
time; when nothing differs, that was all. In one transaction: each folder that differs is looked at again (what
another process took in meanwhile is newer than what was seen before), its files are taken in, and the threads that
this touches are put on a list. In transactions of many threads each: the rows on that list are made, by the same
code that makes them without an index, until it is empty or the time is over; who comes next goes on there.

A row only ever goes when its file is gone from every place to which it could have moved.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

from rollout.store.local.collector import without_collector
from rollout.store.local.index_rows import path_of, to_path
from rollout.store.local.index_scan import Folder, FolderWalk, look, scan, stamp_at
from rollout.store.local.paths import ARCHIVED, NAME_INDEX, TAGS_FILE
from rollout.store.local.walk import ROUNDS, archive_state, file_named, wherever
from rollout.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rollout.journal.filesystem import Filesystem
    from rollout.store.local.clock import Clock
    from rollout.store.local.given import Given
    from rollout.store.local.index import Index
    from rollout.store.local.index_threads import ThreadRows
    from rollout.store.local.walk import File

_BATCH = 1000
_LOOKS = 20
_MANY = 500


class Changes(NamedTuple):
    """What differs from the index: folders, folders that are gone, and the files of names and of tags as they are now.

    ``fleeting``: paths of files that left their folder while the home was looked through.
    """

    folders: list[Folder]
    gone: list[str]
    names: str | None = None
    tags: str | None = None
    fleeting: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        """Whether anything differs."""
        return bool(self.folders or self.gone or self.names is not None or self.tags is not None)


class CatchUp:
    """Brings one index to the files. Made for one answer, used by one thread."""

    def __init__(self, index: Index, home: str, fs: Filesystem, given: Given, clock: Clock) -> None:
        """Nothing is read yet."""
        self._index, self._home, self._fs, self._given, self._clock = index, home, fs, given, clock

    def run(self, budget_s: float | None = None, progress: Callable[[int], object] = lambda _: None) -> bool:
        """Catch up; False when the time was over first, and what was done so far is kept.

        ``progress`` is told now and then how many threads are left. Raises what SQLite raises.
        """
        until = None if budget_s is None else self._clock.now() + budget_s
        with without_collector():
            changes = self.changes()
            if not changes.any and not self.left():
                return True
            from rollout.store.local.index_threads import ThreadRows  # noqa: PLC0415 - usually nothing has changed

            threads = ThreadRows(self._index, self._home, self._fs, self._given, self._now_ms)
            if changes.any:
                with self._index.writing():
                    self._take_in(changes, threads)
            return self._make_rows(threads, until, progress)

    def take(self, written: Iterable[str]) -> bool:
        """Take in the folders of some files alone; False when somebody else is catching up. Raises what SQLite raises."""
        told = frozenset(path for path in written if path.startswith(f"{self._home}/"))
        if self.left():
            return False
        paths = {os.path.dirname(path)[len(self._home) + 1 :] for path in told}
        folders = [folder for path in paths if self._differs(folder := look(self._home, path, self._fs))]
        if not folders:
            return True
        from rollout.store.local.index_threads import ThreadRows  # noqa: PLC0415 - listing with nothing changed needs none

        threads = ThreadRows(self._index, self._home, self._fs, self._given, self._now_ms)
        with self._index.writing():
            self._take_in(Changes(folders, []), threads, told)
        return self._make_rows(threads, None, lambda _: None)

    def left(self) -> int:
        """How many threads wait for their rows."""
        return int(self._index.one("SELECT count(*) FROM todo"))

    def changes(self) -> Changes:
        """What differs now; nothing is changed."""
        folders: dict[str, Folder] = {}
        fleeting: set[str] = set()
        found = Changes([], [])
        for _ in range(ROUNDS):
            before = archive_state(self._home, self._fs)
            found = self._changes()
            for folder in found.folders:
                last = folders.get(folder.path)
                if last is not None:
                    fleeting.update(f"{folder.path}/{name}" for name in last.stamps().keys() - folder.stamps().keys())
                folders[folder.path] = folder
            if archive_state(self._home, self._fs) == before:
                break  # else what came out of the archive meanwhile may have been in neither folder
        return found._replace(folders=[*folders.values()], fleeting=tuple(fleeting))

    def _changes(self) -> Changes:
        known = {path_of(path) for (path,) in self._index.rows("SELECT path FROM folder")}
        folders: list[Folder] = []
        for folder in scan(self._home, self._fs):
            if folder.path in known:
                known.discard(folder.path)
                if self._differs(folder):
                    folders.append(folder)
            elif folder.entries:
                folders.append(folder)
        names, tags = self._differing("names", NAME_INDEX), self._differing("tags", TAGS_FILE)
        return Changes(folders, sorted(known), names, tags)

    def _differs(self, folder: Folder) -> bool:
        return bool(folder.state != self._index.one("SELECT state FROM folder WHERE path = ?", (to_path(folder.path),)))

    def _now_ms(self) -> int:
        return self._clock.time_ns() // 1_000_000

    def _differing(self, column: str, name: str) -> str | None:
        """The stamp of a file beside the rollouts when it is not the one that the index knows."""
        try:
            stamp = stamp_at(os.path.join(self._home, name), self._fs)
        except OSError:
            stamp = ""
        return stamp if stamp != self._index.one(f"SELECT {column} FROM home") else None  # noqa: S608 - our own words

    def _take_in(self, changes: Changes, threads: ThreadRows, told: frozenset[str] = frozenset()) -> None:
        """Make the tables of folders and files agree, and put on the list whose rows have to be made anew.

        ``told``: paths of files of which their writer has told; they were not found to differ.
        """
        from rollout.store.local.index_files import FileTable  # noqa: PLC0415 - usually nothing has changed

        files, walk = FileTable(self._index, self._home), FolderWalk(self._home, self._fs)
        waiting = [*changes.folders, *(Folder(path, []) for path in changes.gone)]
        looks: Counter[str] = Counter()
        missing = [file for path in changes.fleeting if (file := self._named(path))]
        while waiting:
            folder = waiting.pop()
            known = files.known(folder.path)
            if known or looks[folder.path] or not folder.entries:
                folder = look(self._home, folder.path, self._fs)
            looks[folder.path] += 1
            missing += files.replace(folder, known, walk)
            if not waiting:  # what is where it was said to be may have left again before its folder was looked at
                missing = [file for file in missing if not files.holds(file)]
                waiting = [Folder(path, []) for path in {*self._elsewhere(missing)} if looks[path] < _LOOKS]
        self._note(("told" if path in told else kind, path) for kind, path in files.events())
        threads.touch(files.threads, files.rollouts)
        if changes.names is not None:
            self._index.db.execute("UPDATE home SET names = ?", (changes.names,))
            threads.rename_all()
        if changes.tags is not None:
            self._index.db.execute("UPDATE home SET tags = ?", (changes.tags,))
            threads.tag_all()

    def _named(self, path: str) -> File | None:
        return file_named(f"{self._home}/{path}", archived=path.startswith(f"{ARCHIVED}/"))

    def _elsewhere(self, lost: list[File]) -> Iterator[str]:
        """Folders in which a file that is gone stands now: it may move to and fro behind the walk's back."""
        for file in lost:
            for path, _ in wherever(self._home, self._fs, file):
                if self._stands(path):
                    yield os.path.dirname(path)[len(self._home) + 1 :]
                    break

    def _stands(self, path: str) -> bool:
        try:
            self._fs.lstat(path)
        except OSError:
            return False
        return True

    def _make_rows(self, threads: ThreadRows, until: float | None, progress: Callable[[int], object]) -> bool:
        """Make the rows that wait; False when the time was over first."""
        while left := self.left():
            progress(left)
            if until is not None and self._clock.now() >= until:
                return False
            with self._index.writing():
                if left > _MANY and self._index.one("SELECT NOT EXISTS (SELECT 1 FROM thread)"):
                    self._index.begin_loading()
                waiting = self._index.rows("SELECT thread, path FROM todo LIMIT ?", (_BATCH,))
                threads.make(waiting)
                self._index.db.executemany("DELETE FROM todo WHERE thread = ?", [(thread,) for thread, _ in waiting])
                self._note(("missing", path) for path in threads.missed)
                threads.missed.clear()
                if not self.left():
                    threads.settle_claims()
                    self._index.end_loading()
        return True

    def _note(self, events: Iterable[tuple[str, str]]) -> None:
        """Count what was found to differ, by kind."""
        paths: dict[str, str] = {}
        counts: Counter[str] = Counter()
        for kind, path in events:
            counts[kind] += 1
            paths[kind] = path
        self._index.db.executemany(
            "INSERT INTO event VALUES (?1, ?2, ?3, ?4) ON CONFLICT (kind)"
            " DO UPDATE SET times = times + ?2, last_ms = ?3, last_path = ?4",
            [(kind, number, self._now_ms(), to_path(paths[kind])) for kind, number in counts.items()],
        )
