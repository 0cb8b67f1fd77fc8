"""A home for a process that asks again and again: what has not changed is not read again.

Folders are known by their time, files by identity, size and time, both looked at anew for every answer. A time counts
only once it is older than a clock can be coarse: what changed twice within one tick would show one time for two states.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from time import time_ns
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from rollout.store.local.finding import Finder
from rollout.store.local.listing import Listing, can_stop_early
from rollout.store.local.rows import Rows
from rollout.store.local.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rollout.journal.filesystem import Filesystem
    from rollout.query import Page, ThreadQuery
    from rollout.store.local.given import Given
    from rollout.store.local.headtail import Facts
    from rollout.store.local.listing import Listed
    from rollout.store.local.paths import Bounds
    from rollout.store.local.walk import File, Folder

T = TypeVar("T")
_Where = tuple[str, "Filesystem", "Given", Finder]
_COARSE_NS = 2_000_000_000
_FOLDERS, _FILES = 5000, 2000
_MOST_HIDDEN = 300
"""How many rows are looked at that a filter hides; beyond that an index is quicker."""


class _Stamp(NamedTuple):
    """What a file or folder was when it was read."""

    device: int
    inode: int
    size: int
    time_ns: int


class _TooFarError(Exception):
    """A page that lies too far behind."""


class _Kept(Generic[T]):
    """What was read at paths, as long as nothing there has changed; the oldest is forgotten first."""

    def __init__(self, fs: Filesystem, most: int) -> None:
        """Nothing is kept yet."""
        self._fs, self._most = fs, most
        self._values: OrderedDict[str, tuple[_Stamp, T]] = OrderedDict()
        self._lock = Lock()

    def get(self, path: str, read: Callable[[], T], *, lasts: Callable[[T], bool]) -> T:
        """What is kept for a path, else what is read now; it is kept if it ``lasts``. Raises OSError, and what ``read`` does."""
        stamp = _stamp(self._fs, path)
        known = self._values.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        settled = stamp.time_ns < time_ns() - _COARSE_NS
        value = read()
        with self._lock:
            self._values.pop(path, None)
            if settled and lasts(value):
                self._values[path] = stamp, value
                if len(self._values) > self._most:
                    self._values.popitem(last=False)
        return value

    def stamp(self, path: str) -> _Stamp | None:
        """That of what is kept for a path; None when nothing is."""
        known = self._values.get(path)
        return None if known is None else known[0]


def _stamp(fs: Filesystem, path: str) -> _Stamp:
    status = fs.stat(path)
    return _Stamp(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


class _Census(NamedTuple):
    """All files of a home by the ids in their names, as long as none of its folders has changed; None: it was not there."""

    folders: dict[str, _Stamp | None]
    files: dict[str, list[File]]

    def holds(self, fs: Filesystem) -> bool:
        """Whether it still tells what is there."""
        return all(_is_as(fs, path, stamp) for path, stamp in self.folders.items())


def _is_as(fs: Filesystem, path: str, stamp: _Stamp | None) -> bool:
    try:
        return _stamp(fs, path) == stamp
    except FileNotFoundError:
        return stamp is None
    except OSError:
        return False


class KeptFinder(Finder):
    """Finds threads by the names in folders that it has kept. Safe from any thread."""

    def __init__(self, home: str, fs: Filesystem, given: Given) -> None:
        """Nothing is read yet."""
        super().__init__(home, fs, given.names)
        self.folders: _Kept[Folder] = _Kept(fs, _FOLDERS)
        self._census: _Census | None = None
        self._checking, self._checks = Lock(), 0

    def _walk(self, only: str = "") -> Walk:
        return _KeptWalk(self._home, self._fs, self.folders, only)

    def _files(self, wanted: str) -> Iterable[File]:
        census = self._checked()
        return super()._files(wanted) if census is None else census.files.get(wanted, ())

    def _checked(self) -> _Census | None:
        """What is there now. Those who ask at once share a look that began after they came."""
        came = self._checks
        with self._checking:
            if self._checks > came:
                return self._census
            self._checks += 1
            if self._census is None or not self._census.holds(self._fs):
                self._census = _KeptWalk(self._home, self._fs, self.folders).census()
            return self._census


class KeptListings:
    """Pages in the created order, newest first, straight from the files of one home. Safe from any thread."""

    def __init__(self, home: str, fs: Filesystem, given: Given, finder: KeptFinder) -> None:
        """Nothing is read yet."""
        self._where = home, fs, given, finder
        self._folders = finder.folders
        self._files: _Kept[Facts] = _Kept(fs, _FILES)

    def page(self, query: ThreadQuery) -> Page | None:
        """The page that a query asks for; None where an index, or a whole walk, is the better way to it.

        ``hidden`` does not cover the archive. Raises InvalidQueryError.
        """
        if not can_stop_early(query):
            return None
        try:
            return _KeptListing(self._where, self._folders, self._files).page(query)
        except _TooFarError:
            return None


class _KeptListing(Listing):
    """One answer from what is kept; without a count of what is archived."""

    def __init__(self, where: _Where, folders: _Kept[Folder], files: _Kept[Facts]) -> None:
        home, fs, given, finder = where
        self._folders = folders
        super().__init__(home, fs, given, finder)
        self._rows = _KeptRows(where, files)

    def rows(self, query: ThreadQuery) -> Iterator[Listed]:
        """Every candidate behind the cursor, as far as it is worth it."""
        for number, listed in enumerate(super().rows(query)):
            if number > query.limit + _MOST_HIDDEN:
                raise _TooFarError
            yield listed

    def _new_walk(self, only: str = "") -> Walk:
        del only  # a folder is kept with all its names
        return _KeptWalk(self._home, self._fs, self._folders)

    def _archived_ids(self) -> set[str]:
        return set()


class _KeptWalk(Walk):
    """A folder is kept with all its names; ``only`` chooses among them afterwards."""

    def __init__(self, home: str, fs: Filesystem, folders: _Kept[Folder], only: str = "") -> None:
        super().__init__(home, fs)
        self._folders, self._only = folders, only
        self._entered: set[str] = set()

    def census(self) -> _Census | None:
        """All files; None when not every folder can be kept now."""
        files: dict[str, list[File]] = {}
        for file in self.everything():
            for identity in {file.thread_id, file.rollout_id}:
                files.setdefault(identity, []).append(file)
        folders = {path: self._folders.stamp(path) for path in self._entered}
        gone = (path for path, stamp in folders.items() if stamp is None)
        return _Census(folders, files) if all(_is_as(self._fs, path, None) for path in gone) else None

    def _read(self, folder: str, bounds: Bounds, numbers: tuple[int, ...] | None, *, archived: bool = False) -> Folder:
        skipped = dict(self.skipped)
        self._entered.add(folder)

        def read() -> Folder:
            return super(_KeptWalk, self)._read(folder, bounds, numbers, archived=archived)

        def lasts(found: Folder) -> bool:  # of files without a proper name the content tells who they are
            return self.skipped == skipped and all(file.named for file in found.files)

        try:
            found = self._folders.get(folder, read, lasts=lasts)
        except OSError:
            found = read()
        if not self._only:
            return found
        return found._replace(files=[file for file in found.files if self._only in (file.thread_id, file.rollout_id)])


class _KeptRows(Rows):
    def __init__(self, where: _Where, files: _Kept[Facts]) -> None:
        home, fs, given, finder = where
        super().__init__(home, fs, given, finder.rollout)
        self._files = files

    def read(self, path: str) -> Facts:
        """The facts of a file; those of a fork by reference change with its base, and are not kept."""
        return self._files.get(path, lambda: super(_KeptRows, self).read(path), lasts=_stands_alone)


def _stands_alone(facts: Facts) -> bool:
    return facts.problem is None and not facts.summary.history_base
