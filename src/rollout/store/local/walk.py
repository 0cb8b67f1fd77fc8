"""Every rollout of a home, found by walking its folders; names are read, files are not.

Nothing is hidden: beside the dated folders and the flat archive that Codex walks, rollouts that lie directly
in ``sessions``, in wrong or further folders at any depth, or in folders inside the archive are found as well.

The place of a rollout in the created order is the time in its name. One that lies in a dated folder of
another date is moved to the nearest edge of its folder's time: so the order of the folders is the order of the
rollouts, a walk can stop at any point, and a cursor never jumps over a misplaced file.

Symbolic links: one to a regular file outside the home's two folders is a rollout like any other; one to
a file inside them is passed over, since that file is found itself. Linked folders are not entered and are
counted in ``skipped``, as are folders that cannot be read.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rollout.ids import try_parse
from rollout.journal.filesystem import OS
from rollout.store.local.paths import (
    ANY_TIME,
    ARCHIVED,
    PREFIX,
    SESSIONS,
    ZST,
    bounds_of,
    date_parts,
    folder_for,
    id_in,
    is_canonical,
    is_rollout,
    logical_name,
    number_of,
    parse_name,
    time_in,
    time_text,
)
from rollout.times import parse_ms
from rollout.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.journal.filesystem import Filesystem
    from rollout.store.local.headtail import Facts
    from rollout.store.local.paths import Bounds

UNREADABLE = "unreadable folder"
_DEPTH = 3
_LOOKS = 100
ROUNDS = 8
"""How often a home is walked through at most when others archive and unarchive without a pause."""
_DAY_MS = 86_400_000


class File(NamedTuple):
    """One rollout file; as a tuple it sorts in created order.

    Of two with the same ids in the same second, the one with a proper name, and the plain one, comes last (first,
    in the order of a listing).

    ``key`` is its place in the created order, in file-name form. ``rollout_id`` and ``thread_id`` are those of
    the name, or, where it tells none, those of the metadata.
    """

    key: str
    thread_id: str
    rollout_id: str
    named: bool
    plain: bool
    path: str
    archived: bool

    @property
    def name(self) -> str:
        """The file's name as it stands."""
        return os.path.basename(self.path)


class Folder(NamedTuple):
    """What stands in one folder: rollouts, dated folders by their numbers, other folders."""

    files: list[File]
    dated: dict[int, list[str]]
    other: list[str]


class Walk:
    """A walk through one home. Not shared between threads; a folder that vanishes meanwhile is empty."""

    def __init__(self, home: str, fs: Filesystem = OS, *, only: str = "") -> None:
        """Nothing is read yet. ``only``: names that tell another id than this one are passed over unread."""
        self.home = home
        self.skipped: dict[str, int] = {}
        self._fs = fs
        self._digits = only.replace("-", "")

    def newest_first(self) -> Iterator[File]:
        """The active rollouts in descending created order; folders are read only as far as the caller goes."""
        return self._descend([os.path.join(self.home, SESSIONS)], (), [])

    def active(self) -> list[File]:
        """All active rollouts, in descending created order."""
        return list(self.newest_first())

    def archived(self) -> list[File]:
        """All archived rollouts, in descending created order."""
        folder = os.path.join(self.home, ARCHIVED)
        return sorted(self._gather([folder], ANY_TIME, archived=True), reverse=True)

    def days_around(self, unix_ms: int) -> list[File]:
        """The active rollouts in the dated folders of a moment: its day in any time zone."""
        days = (date_parts(f"{PREFIX}{time_text(unix_ms + shift * _DAY_MS)}") for shift in (-1, 0, 1))
        found: list[File] = []
        for year, month, day in filter(None, days):
            folder = os.path.join(self.home, SESSIONS, str(int(year)), month, day)
            found += self._gather([folder], bounds_of((int(year), int(month), int(day))) or ANY_TIME)
        return found

    def everything(self) -> list[File]:
        """Active rollouts first, then archived ones; one that moves to the other side meanwhile may be in both."""
        skipped, found = dict(self.skipped), set[File]()
        for _ in range(ROUNDS):
            before = archive_state(self.home, self._fs)
            self.skipped = dict(skipped)
            found.update(self.active(), self.archived())
            if archive_state(self.home, self._fs) == before:
                break  # else what came out of the archive meanwhile may have been in neither
        files = sorted(found, reverse=True)
        return [*(file for file in files if not file.archived), *(file for file in files if file.archived)]

    def _descend(self, folders: list[str], numbers: tuple[int, ...], extra: list[File]) -> Iterator[File]:
        """Files of dated folders, newest first; ``extra`` are those from further out that belong between them."""
        bounds = bounds_of(numbers) or ANY_TIME
        if len(numbers) == _DEPTH:
            yield from sorted(extra + self._gather(folders, bounds), reverse=True)
            return
        found = [self._read(folder, bounds, numbers) for folder in folders]
        loose = extra + [file for each in found for file in each.files]
        loose += self._gather([other for each in found for other in each.other], bounds)
        loose.sort()
        for number in sorted({number for each in found for number in each.dated}, reverse=True):
            inside = bounds_of((*numbers, number)) or bounds
            yield from _take_behind(loose, inside.high)
            among = [*_take_behind(loose, inside.low, too=True)]
            below = [path for each in found for path in each.dated.get(number, ())]
            yield from self._descend(below, (*numbers, number), among)
        yield from reversed(loose)

    def _gather(self, folders: list[str], bounds: Bounds, *, archived: bool = False) -> list[File]:
        """All files in folders and in the folders inside them, in no order."""
        files: list[File] = []
        while folders:
            found = self._read(folders.pop(), bounds, None, archived=archived)
            files += found.files
            folders += found.other
        return files

    def _read(self, folder: str, bounds: Bounds, numbers: tuple[int, ...] | None, *, archived: bool = False) -> Folder:
        """What one folder holds; without ``numbers`` no folder inside it counts as dated."""
        found = Folder([], {}, [])
        names: dict[str, bool] = {}
        for entry in self._entries(folder):
            if entry.name.startswith(PREFIX) and is_rollout(entry.name):
                if self._may_be_meant(entry.name) and (entry.is_file(follow_symlinks=False) or self._counts(entry)):
                    names[entry.name] = True
            elif entry.is_dir(follow_symlinks=False):
                number = None if numbers is None else number_of(entry.name)
                if number is None or bounds_of((*(numbers or ()), number)) is None:
                    found.other.append(entry.path)
                else:
                    found.dated.setdefault(number, []).append(entry.path)
            elif entry.is_symlink() and entry.is_dir():
                self._skip("linked folder")
        for name in names:
            plain = not name.endswith(ZST)
            if (plain or logical_name(name) not in names) and (file := self._file(folder, name, bounds, archived)):
                found.files.append(file)
        return found

    def _may_be_meant(self, name: str) -> bool:
        """Whether a name has the one id that is looked for, or is so unusual that only its file can tell."""
        return not self._digits or self._digits in name.replace("-", "").lower() or not is_canonical(name)

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            return list(self._fs.scandir(folder))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError:
            self._skip(UNREADABLE)
            return []

    def _counts(self, entry: os.DirEntry[str]) -> bool:
        """Whether something that is no regular file is a link that stands for one outside the home."""
        if not entry.is_symlink():
            return False
        try:
            leads = entry.is_file()
        except OSError:
            leads = False
        if not leads:
            self._skip("broken link")
            return False
        target = os.path.realpath(entry.path)
        own = (os.path.realpath(os.path.join(self.home, name)) + os.sep for name in (SESSIONS, ARCHIVED))
        return not any(target.startswith(folder) for folder in own)

    def _file(self, folder: str, name: str, bounds: Bounds, archived: bool) -> File | None:  # noqa: FBT001 - the state itself
        path = f"{folder}/{name}"
        parsed = parse_name(name)
        if parsed is None:
            return self._unnamed(path, name, bounds, archived=archived)
        time, thread_id, rollout_id, compressed = parsed
        fields = (bounds.clamp(time), thread_id, rollout_id, True, not compressed, path, archived)
        return tuple.__new__(File, fields)  # three times as fast as calling the named tuple

    def _unnamed(self, path: str, name: str, bounds: Bounds, *, archived: bool) -> File | None:
        """A rollout whose name does not parse: its metadata tell who it is; without an id it can only be counted."""
        from rollout.store.local.headtail import read_facts  # noqa: PLC0415 - most names tell, and a listing starts often

        try:
            facts = read_facts(path, self._fs)
        except FileNotFoundError:
            return None
        thread_id = try_parse(facts.summary.id or "") or id_in(name)
        if thread_id is None:
            self._skip("no thread id")
            return None
        time = time_in(name) or _time_of(facts)
        return File(bounds.clamp(time), thread_id, thread_id, False, not name.endswith(ZST), path, archived)

    def _skip(self, reason: str) -> None:
        self.skipped[reason] = self.skipped.get(reason, 0) + 1


def places_of(home: str, file: File) -> Iterator[tuple[str, bool]]:
    """Where a file is, and where it may be when it was archived, unarchived, compressed or unpacked meanwhile."""
    yield file.path, file.archived
    name = logical_name(file.name)
    for archived in (not file.archived, file.archived):
        path = f"{home}/{folder_for(name, archived=archived)}/{name}"
        yield path, archived
        yield path + ZST, archived


def file_named(path: str, *, archived: bool) -> File | None:
    """The rollout that a path names, None when its name does not tell whose it is; nothing is read."""
    parsed = parse_name(os.path.basename(path))
    if parsed is None:
        return None
    return File(parsed.time, parsed.thread_id, parsed.rollout_id, True, not parsed.compressed, path, archived)


def wherever(home: str, fs: Filesystem, file: File) -> Iterator[tuple[str, bool]]:
    """``places_of`` a file, until a look at all of them in which nothing entered or left the archive.

    Others may archive and unarchive it so quickly that it is never where the next look goes: to have seen it nowhere
    proves that it is gone only when nothing moved meanwhile.
    """
    yield file.path, file.archived  # nearly always it is there, and nothing else need be looked at
    for _ in range(_LOOKS):
        before = archive_state(home, fs)
        yield from places_of(home, file)
        yield from places_of(home, file)  # compressed or unpacked within its folder: that shows in no state
        if archive_state(home, fs) == before:
            return


def archive_state(home: str, fs: Filesystem) -> int:
    """What changes when something is moved into the archive or out of it."""
    try:
        return fs.stat(os.path.join(home, ARCHIVED)).st_mtime_ns
    except OSError:
        return 0


def _take_behind(files: list[File], time: str, *, too: bool = False) -> Iterator[File]:
    """Take those behind a time (or at it ``too``) off the end of an ascending list."""
    while files and (files[-1].key > time or (too and files[-1].key == time)):
        yield files.pop()


def _time_of(facts: Facts) -> str:
    """When a file without a time in its name was created, as far as it tells."""
    created = parse_ms(facts.summary.created_at)
    return time_text(facts.modified_ns // 1_000_000 if created is None else created)


class Group(NamedTuple):
    """One thread: its files, the newest first. The newest decides where it stands and whether it is archived."""

    files: list[File]

    @property
    def newest(self) -> File:
        """The file that is appended to."""
        return self.files[0]


def by_thread(files: list[File]) -> tuple[list[Group], int]:
    """One group a thread, and how many files were copies of others.

    Of an id that is both active and archived, only the active files count; of one rollout id that stands
    in several places, only the newest name.
    """
    groups: dict[str, list[File]] = {}
    copies = 0
    for file in files:
        known = groups.get(file.thread_id)
        if known is None:
            groups[file.thread_id] = [file]
        elif any(other.rollout_id == file.rollout_id or (not other.archived and file.archived) for other in known):
            copies += 1
        else:
            known.append(file)
    return [Group(each if len(each) == 1 else sorted(each, reverse=True)) for each in groups.values()], copies
