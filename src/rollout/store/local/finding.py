"""From what a person says to files: an id in any form, a prefix, a name, the newest thread of a folder.

Every search is an exact walk over the names of the home, at any depth (spec: rollout-format 6.9); contents are
read only where a name does not tell.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from rollout.errors import FormatError, NotFoundError
from rollout.ids import ThreadId, try_parse
from rollout.journal.filesystem import OS, READ
from rollout.store.local.paths import ARCHIVED, ZST, id_in, parse_name
from rollout.store.local.walk import UNREADABLE, File, Walk, by_thread

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollout.journal.filesystem import Filesystem
    from rollout.store.local.names import Names
    from rollout.store.local.walk import Group

_SHORTEST_PREFIX = 4
_DIGITS = 32
_HEAD = 64 * 1024
_HEX = frozenset("0123456789abcdef")


class Finder:
    """Finds threads and rollouts in one home. Safe from any thread; keeps nothing between calls (see ``kept``)."""

    def __init__(self, home: str, fs: Filesystem, names: Names) -> None:
        """Nothing is read yet."""
        self._home = home
        self._fs = fs
        self._names = names

    def _walk(self, only: str = "") -> Walk:
        """A walk through the home; ``only`` as there."""
        return Walk(self._home, self._fs, only=only)

    def _files(self, wanted: str) -> Iterable[File]:
        """At least all files whose names bear an id."""
        return self._walk(wanted).everything()

    def group(self, thread_id: str) -> Group:
        """The files of a thread, by the id in their names, else by the id in their metadata.

        Raises NotFoundError; OSError when a folder in which it may lie cannot be read.
        """
        wanted = try_parse(thread_id)
        found = self._named(self._files(wanted), wanted) if wanted else None
        if found is not None:
            return found
        walk = self._walk(wanted or "")
        if wanted:  # once more: it may have moved to the other side behind the walk's back
            found = self._named(walk.everything(), wanted) or self._claimed(wanted)
        if found is None and walk.skipped.get(UNREADABLE):
            raise OSError(errno.EIO, f"a folder could not be read, thread {thread_id} may lie in it", self._home)
        if found is None:
            raise NotFoundError(
                f"no thread {thread_id} in {self._home}; `rollout list --all` names those that are there"
            )
        return found

    def path(self, thread_id: str, *, archived: bool) -> str | None:
        """The newest file of a thread among the active or the archived ones, None when there is none."""
        wanted = try_parse(thread_id)
        if wanted is None:
            return None
        walk = self._walk(wanted)
        found = self._named(walk.archived() if archived else walk.active(), wanted) or self._claimed(wanted)
        if found is None or found.newest.archived != archived:
            return None
        return found.newest.path

    def rollout(self, rollout_id: str) -> File | None:
        """The file with a rollout id, active or archived; tried first where an id of its time belongs."""
        wanted = try_parse(rollout_id)
        if wanted is None:
            return None
        walk = self._walk(wanted)
        born = wanted.unix_ms
        near = [] if born is None else walk.days_around(born)
        return _with_rollout(near, wanted) or _with_rollout(self._files(wanted), wanted)

    def resolve(self, text: str) -> tuple[ThreadId, ...]:
        """The threads that a text means, sorted: an id, a prefix of 4 or more of its digits, a newest name."""
        wanted = try_parse(text)
        if wanted is not None:
            named = self._named(self._walk(wanted).everything(), wanted)
            return (wanted,) if named or self._claimed(wanted) else ()
        files = self._walk().everything()
        ids = {ThreadId(file.thread_id) for file in files}
        found = {bearer for bearer in self._names.bearers(text.strip()) if bearer in ids}
        digits = prefix_of(text)
        if digits:
            found |= {thread_id for thread_id in ids if thread_id.replace("-", "").startswith(digits)}
        return tuple(sorted(found))

    def _named(self, files: Iterable[File], wanted: ThreadId) -> Group | None:
        own = [file for file in files if file.thread_id == wanted]
        return by_thread(own)[0][0] if own else None

    def _claimed(self, wanted: ThreadId) -> Group | None:
        """A thread whose metadata bear the id, though its names bear another one; looks into every file."""
        for group in by_thread(self._walk().everything())[0]:
            if self._claims(group.newest, wanted):
                return group
        return None

    def _claims(self, file: File, wanted: ThreadId) -> bool:
        try:
            if not file.path.endswith(ZST) and not self._mentions(file.path, wanted):
                return False
            return _id_inside(file.path, self._fs) == wanted
        except OSError:
            return False

    def _mentions(self, path: str, wanted: ThreadId) -> bool:
        fd = self._fs.open(path, READ)
        try:
            head = self._fs.pread(fd, _HEAD, 0).lower()
            return wanted.encode() in head or wanted.replace("-", "").encode() in head
        finally:
            self._fs.close(fd)


def prefix_of(text: str) -> str:
    """The hexadecimal digits of a text that may be the beginning of an id, "" of any other."""
    digits = text.strip().lower().replace("-", "")
    return digits if _SHORTEST_PREFIX <= len(digits) <= _DIGITS and _HEX.issuperset(digits) else ""


def _id_inside(path: str, fs: Filesystem) -> ThreadId | None:
    """The id that a file's own metadata give."""
    from rollout.store.local.headtail import read_facts  # noqa: PLC0415 - most names tell, and a listing starts often

    return try_parse(read_facts(path, fs).summary.id or "")


def _with_rollout(files: Iterable[File], wanted: ThreadId) -> File | None:
    return next((file for file in files if file.rollout_id == wanted), None)


def file_at(path: str, fs: Filesystem = OS) -> File:
    """The rollout at a path. Raises NotFoundError; FormatError when neither name nor metadata tell whose it is."""
    name = os.path.basename(path)
    archived = ARCHIVED in path.split(os.sep)
    parsed = parse_name(name)
    if not _exists(fs, path):
        raise NotFoundError(f"there is no rollout at {path}")
    if parsed is not None:
        return File(parsed.time, parsed.thread_id, parsed.rollout_id, True, not parsed.compressed, path, archived)
    thread_id = _id_inside(path, fs) or id_in(name)
    if thread_id is None:
        raise FormatError(f"{path}: neither its name nor its metadata tell which thread it is")
    return File("", thread_id, thread_id, False, not name.endswith(ZST), path, archived)


def physical_files(group: Group, home: str, fs: Filesystem = OS) -> list[File]:
    """Every file that bears the thread's id, copies and compressed twins included; the newest first."""
    wanted = group.newest.thread_id
    found: list[File] = []
    for file in Walk(home, fs, only=wanted).everything():
        if file.thread_id != wanted:
            continue
        found.append(file)
        twin = file._replace(path=file.path + ZST, plain=False)
        if file.plain and _exists(fs, twin.path):
            found.append(twin)
    return sorted(found, reverse=True)


def _exists(fs: Filesystem, path: str) -> bool:
    try:
        fs.lstat(path)
    except FileNotFoundError:
        return False
    return True
