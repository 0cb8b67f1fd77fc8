"""A new thread with a name and tags: there with all of them, or not at all, also after a crash.

What is given to it is written before its file appears, and ``trash/.underway`` tells of both from before the first to
after the last step. So nobody ever sees the thread without its name, and where the file has not come, ``settle`` takes
exactly those lines away again.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from rollout.errors import FormatError, NotFoundError, RolloutError
from rollout.labels import checked_name, checked_tags
from rollout.store.local.moving import free_place, identity_in, stands
from rollout.store.local.names import line_naming
from rollout.store.local.tags import line_tagging
from rollout.store.local.trash_manifest import Manifest, read_manifest, write_manifest
from rollout.store.local.underway import Underway
from rollout.store.local.walk import file_named, places_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from rollout.ids import ThreadId
    from rollout.journal.filesystem import Filesystem
    from rollout.store.base import Segment
    from rollout.store.local.given import Given

    Lines: TypeAlias = tuple[bytes, bytes]

_STEP = ".putting"


class Putting:
    """Puts threads into one home; for every change the caller holds the thread's lock."""

    def __init__(self, home: str, fs: Filesystem, given: Given) -> None:
        """Nothing is made until something is put."""
        self._home, self._fs, self._given = home, fs, given
        self._underway = Underway(home, fs)

    def lines(self, thread_id: ThreadId, name: str | None, tags: Iterable[str], now_ns: int) -> Lines:
        """What gives a thread a name and tags. Raises InvalidQueryError."""
        checked, added = checked_name(name), checked_tags(tags)
        naming = b"" if checked is None else line_naming(thread_id, checked, now_ns)
        return naming, line_tagging(thread_id, added, (), now_ns) if added else b""

    def put(self, segment: Segment, lines: Lines, write: Callable[[], None]) -> None:
        """Give what the lines say, then ``write`` the segment's file.

        Raises what ``write`` does, WriteError, LockError: nothing has changed.
        """
        place = os.path.relpath(free_place(self._fs, self._home, segment), self._home)
        thread_id = identity_in(segment)
        folder = self._underway.begin(thread_id, _STEP)
        try:
            write_manifest(self._fs, folder, Manifest(thread_id, [(place, "")], *lines, None, segment.modified_ns))
            self._given.names.add(lines[0])
            self._given.tags.add(lines[1])
            write()
        except BaseException:
            with suppress(RolloutError, OSError):  # else the next change does it
                self._settle(folder)
            raise
        with suppress(RolloutError):  # it is there, whole; the next change takes away what tells of it
            self._underway.end(folder)

    def settle(self, thread_id: ThreadId) -> None:
        """Make whole or undo what was cut off of a thread, whose lock proves that nobody is at it any more."""
        for folder in self._underway.of(thread_id):
            if folder.endswith(_STEP):
                self._settle(folder)

    def _settle(self, folder: str) -> None:
        with suppress(NotFoundError, FormatError):  # it is there, whole, before anything is given
            manifest = read_manifest(self._fs, folder)
            if not any(self._stands(place) for place, _ in manifest.files):
                self._given.names.take(manifest.names)
                self._given.tags.take(manifest.tags)
        self._underway.end(folder)

    def _stands(self, place: str) -> bool:
        """Whether the file came, and be it that a program which takes no lock has archived it since."""
        file = file_named(os.path.join(self._home, place), archived=False)
        return file is not None and any(stands(self._fs, path) for path, _ in places_of(self._home, file))
