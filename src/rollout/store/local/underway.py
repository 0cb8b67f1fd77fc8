"""Changes of several steps that are being made: ``trash/.underway/<token>.<step>``, one folder each.

Only what is whole lies outside, so whatever a crash cuts off can be told from here. The token begins with the thread's
id: whoever holds the thread's lock may settle what stands here of it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from rollout.errors import WriteError
from rollout.ids import try_parse
from rollout.journal.filesystem import make_folders, sync_folder
from rollout.store.local.paths import TRASH, UNDERWAY
from rollout.store.local.trash_manifest import MANIFEST

if TYPE_CHECKING:
    from rollout.ids import ThreadId
    from rollout.journal.filesystem import Filesystem

_ID_LENGTH = 36


class Underway:
    """What is under way in one home."""

    def __init__(self, home: str, fs: Filesystem) -> None:
        """Nothing is made until something is begun."""
        self._home, self._fs = home, fs
        self.trash = os.path.join(home, TRASH)
        self.folder = os.path.join(self.trash, UNDERWAY)

    def threads(self) -> list[ThreadId]:
        """The threads with something under way, by others that live or by those that died of it."""
        found = {thread_of(name) for name in self.entries()}
        return sorted(one for one in found if one is not None)

    def of(self, thread_id: str) -> list[str]:
        """The folders of one thread."""
        return [os.path.join(self.folder, name) for name in self.entries() if thread_of(name) == thread_id]

    def entries(self) -> list[str]:
        """The names of all folders."""
        return entries(self._fs, self.folder)

    def place_of(self, folder: str) -> str:
        """Where a folder goes that is no longer under way."""
        return os.path.join(self.trash, os.path.splitext(os.path.basename(folder))[0])

    def begin(self, thread_id: str, step: str) -> str:
        """A new folder, durable. Its token is never given again: an old receipt must not mean a later removal.

        Raises WriteError.
        """
        folder = os.path.join(self.folder, f"{thread_id}-{os.urandom(6).hex()}{step}")
        try:
            make_folders(self._fs, self.folder)
            self._fs.mkdir(folder)
            for synced in (self.folder, self.trash, self._home):
                sync_folder(self._fs, synced)
        except OSError as error:
            raise WriteError(folder, error) from error
        return folder

    def move(self, source: str, target: str) -> None:
        """Move a folder, durably. Raises WriteError."""
        try:
            make_folders(self._fs, os.path.dirname(target))
            self._fs.rename(source, target)
            for folder in (os.path.dirname(target), os.path.dirname(source)):
                sync_folder(self._fs, folder)
        except OSError as error:
            raise WriteError(target, error) from error

    def end(self, folder: str) -> None:
        """Take an emptied folder away; what else somebody put there stays, outside of what is under way."""
        try:
            with suppress(FileNotFoundError):
                self._fs.unlink(os.path.join(folder, MANIFEST))
            if list(self._fs.scandir(folder)):
                self.move(folder, self.place_of(folder))
            else:
                self._fs.rmdir(folder)
        except OSError as error:
            raise WriteError(folder, error) from error


def thread_of(token: str) -> ThreadId | None:
    """The thread that a token, or the name of a folder, tells."""
    return try_parse(token[:_ID_LENGTH])


def entries(fs: Filesystem, folder: str) -> list[str]:
    """What stands in a folder, sorted; hidden names are passed over."""
    try:
        return sorted(entry.name for entry in fs.scandir(folder) if not entry.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []
