"""Watching a home: which threads come, go, and change sides, and what people give to them.

Nobody tells when a file comes or goes, so the folders are looked at. One whose time is as it was is not read again; a
time counts only once it is older than a clock can be coarse. Of each folder its ids are held, 16 bytes a file.
"""

from __future__ import annotations

import os
from threading import Event
from time import monotonic, time_ns
from typing import TYPE_CHECKING, NamedTuple

from rollout.store.changes import NOTHING, Change, Standing, Watch, bounded, differences
from rollout.store.local.paths import ANY_TIME, ARCHIVED, PREFIX, SESSIONS, is_canonical
from rollout.store.local.walk import ROUNDS, UNREADABLE, Walk, archive_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rollout.ids import ThreadId
    from rollout.journal.filesystem import Filesystem
    from rollout.store.changes import Changes
    from rollout.store.local.given import Given

_LOOK_S = 0.5
_SHARE = 50
_COARSE_NS = 2_000_000_000
_ID = 16
_AT, _DIGITS = 28, 36
"""Where the id stands in a usual name."""


class _Seen(NamedTuple):
    """One folder: what changes with it (None: too new to count), the ids of its files, the folders in it."""

    stamp: tuple[int, int, int] | None
    archived: bool
    ids: bytes
    inside: tuple[str, ...]


_Folders = dict[str, _Seen]


class LocalWatch(Watch):
    """See ``Watch`` for the contract. A thread whose file has an unusual name is seen like any other."""

    def __init__(self, home: str, fs: Filesystem, given: Given) -> None:
        """Look at everything once."""
        self._home, self._fs, self._given = home, fs, given
        self._closed = Event()
        self._folders = self._read_all({})
        self._named, self._names = given.names.stamp(), given.names.all()
        self._labels = given.tags.all()

    def wait(self, timeout: float) -> Changes:
        """What differs from the last look, as soon as a look finds something."""
        end = monotonic() + timeout
        while not self._closed.is_set():
            began = monotonic()
            found = self._look()
            now = monotonic()
            if found or now >= end:
                return bounded(found)
            self._closed.wait(min(end - now, max(_LOOK_S, _SHARE * (now - began))))
        return NOTHING

    def close(self) -> None:
        """Wake whoever waits."""
        self._closed.set()

    def _look(self) -> list[Change]:
        """Everything that differs; the files first, since what is removed loses its name last."""
        before, now = self._folders, self._read_all(self._folders)
        if any(one.what == "removed" for one in _moves(before, now)):
            now = self._read_all(now)  # once more: it may have moved to where this look had been already
        self._folders = now
        moves = list(_moves(before, now))
        gone = {one.thread_id for one in moves if one.what == "removed"}
        return moves + [one for one in self._given_since() if one.thread_id not in gone]

    def _given_since(self) -> Iterator[Change]:
        """Names, then tags and notes, that are not as they were."""
        if (stamp := self._given.names.stamp()) != self._named:
            names, self._names, self._named = self._names, self._given.names.all(), stamp
            yield from (Change(one, "named") for one in _changed(names, self._names))
        if (labels := self._given.tags.all()) is not self._labels:
            before, self._labels = self._labels, labels
            yield from (Change(one, "labelled") for one in _changed(before, labels))

    def _read_all(self, known: _Folders) -> _Folders:
        """All folders; once more while something enters or leaves the archive, which may have been seen on no side."""
        found = known
        for _ in range(ROUNDS):
            state = archive_state(self._home, self._fs)
            found = self._read_once(found)
            if archive_state(self._home, self._fs) == state:
                break
        return found

    def _read_once(self, known: _Folders) -> _Folders:
        found: _Folders = {}
        waiting = [(os.path.join(self._home, ARCHIVED), True), (os.path.join(self._home, SESSIONS), False)]
        while waiting:
            path, archived = waiting.pop()
            seen = found[path] = self._folder(path, known.get(path), archived=archived)
            waiting += [(one, archived) for one in seen.inside]
        return found

    def _folder(self, path: str, known: _Seen | None, *, archived: bool) -> _Seen:
        """One folder, read only when it has changed; what cannot be read now is taken to be as it was."""
        stamp = self._stamp(path)
        if known is not None and stamp is not None and stamp == known.stamp:
            return known
        ids = _Ids(self._home, self._fs)
        files, inside = ids.of(path, archived=archived)
        if known is not None and ids.skipped.get(UNREADABLE):
            return known
        settled = stamp is not None and stamp[-1] < time_ns() - _COARSE_NS
        return _Seen(stamp if settled else None, archived, files, inside)

    def _stamp(self, path: str) -> tuple[int, int, int] | None:
        try:
            status = self._fs.stat(path)
        except OSError:
            return None
        return status.st_dev, status.st_ino, status.st_mtime_ns


class _Ids(Walk):
    """A walk that stops at one folder."""

    def of(self, folder: str, *, archived: bool) -> tuple[bytes, tuple[str, ...]]:
        """The ids of the threads whose files stand in a folder, and the folders in it."""
        found = self._quickly(folder)
        if found is None:  # something needs a closer look than its name
            read = self._read(folder, ANY_TIME, None, archived=archived)
            found = {_packed(file.thread_id) for file in read.files}, read.other
        return b"".join(sorted(found[0])), tuple(found[1])

    def _quickly(self, folder: str) -> tuple[set[bytes], list[str]] | None:
        """From the names alone, as nearly all are: the rest of the server waits while this is done."""
        ids: set[bytes] = set()
        inside: list[str] = []
        for entry in self._entries(folder):
            name = entry.name
            if entry.is_dir(follow_symlinks=False):
                inside.append(entry.path)
            elif not entry.is_file(follow_symlinks=False) or (name.startswith(PREFIX) and not is_canonical(name)):
                return None
            elif name.startswith(PREFIX):
                ids.add(_packed(name[_AT : _AT + _DIGITS]))
        return ids, inside


def _moves(before: _Folders, now: _Folders) -> Iterator[Change]:
    """Which threads came, went, or changed sides, in the order of their ids."""
    touched: set[bytes] = set()
    for path in before.keys() | now.keys():
        old, new = before.get(path), now.get(path)
        if old is not new:
            touched |= _split(old) ^ _split(new)
    if touched:
        yield from differences(_standings(before, touched), _standings(now, touched))


def _standings(folders: _Folders, wanted: set[bytes]) -> dict[str, Standing]:
    """How some threads stand: archived when all their files are."""
    archived: dict[bytes, bool] = {}
    for seen in folders.values():
        for one in wanted & _split(seen):
            archived[one] = archived.get(one, True) and seen.archived
    return {_spelled(one): Standing(archived[one]) for one in sorted(archived)}


def _changed(before: Mapping[ThreadId, object], now: Mapping[ThreadId, object]) -> Iterable[ThreadId]:
    return sorted(one for one in before.keys() | now.keys() if before.get(one) != now.get(one))


def _split(seen: _Seen | None) -> set[bytes]:
    ids = seen.ids if seen else b""
    return {ids[at : at + _ID] for at in range(0, len(ids), _ID)}


def _packed(thread_id: str) -> bytes:
    return bytes.fromhex(thread_id.replace("-", ""))


def _spelled(packed: bytes) -> str:
    digits = packed.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
