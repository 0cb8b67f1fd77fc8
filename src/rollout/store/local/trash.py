"""Removed threads: kept inside the home until somebody empties ``trash/``, restored to the byte.

``trash/<token>/`` holds the files under plain numbers, so that no reader of rollouts takes them for one, and what
``trash_manifest`` tells. Renames keep bytes, modes and file times.

A change of several steps is made where ``underway`` tells, and ``settle`` makes whole or undoes what a crash cuts off. The files move first and the
names and tags go last, the newest file last of all: until it goes, the thread is listed, and it can be found again.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from rollout.errors import ExistsError, FormatError, NotFoundError, RolloutError, WriteError
from rollout.journal.filesystem import sync_folder
from rollout.store.base import Healed, Receipt, Removed
from rollout.store.local.moving import move_all, refuse_taken, stands
from rollout.store.local.trash_manifest import Manifest, read_manifest, write_manifest
from rollout.store.local.underway import Underway, entries, thread_of

if TYPE_CHECKING:
    from rollout.ids import ThreadId
    from rollout.journal.filesystem import Filesystem
    from rollout.store.local.given import Given
    from rollout.store.local.walk import File

_STEPS = _REMOVING, _RESTORING, _PURGING = ".removing", ".restoring", ".purging"


class Trash:
    """The trash of one home; for every change the caller holds the thread's lock."""

    def __init__(self, home: str, fs: Filesystem, given: Given) -> None:
        """Nothing is made until something is thrown away."""
        self._home, self._fs, self._given = home, fs, given
        self._underway = Underway(home, fs)
        self.folder = self._underway.trash

    def throw(self, thread_id: ThreadId, files: list[File], parent_id: str | None, now_ns: int) -> Receipt:
        """Move files (newest first) here, and take names and tags away. Raises WriteError, LockError: nothing has changed.

        Should even the way back fail, the next change of the thread goes it to its end.
        """
        kept = [(os.path.relpath(file.path, self._home), f"{number}.kept") for number, file in enumerate(files)]
        given = self._given.names.lines_of(thread_id), self._given.tags.lines_of(thread_id)
        manifest = Manifest(thread_id, kept, *given, parent_id, now_ns)
        size = sum(self._fs.lstat(file.path).st_size for file in files)
        folder = self._underway.begin(thread_id, _REMOVING)
        try:
            write_manifest(self._fs, folder, manifest)
            moves = [(os.path.join(self._home, place), os.path.join(folder, name)) for place, name in kept]
            move_all(self._fs, moves[::-1])
            self._finish_removing(folder, manifest)
        except BaseException:
            with suppress(RolloutError, OSError):
                self._put_back(folder)
            raise
        token = os.path.basename(folder).removesuffix(_REMOVING)
        return Receipt(thread_id, token, tuple(file.name for file in files[::-1]), size)

    def thread_of(self, token: str) -> ThreadId:
        """Whose removal a token stands for. Raises FormatError, and NotFoundError for a token that was never given."""
        if os.path.basename(token) != token or token in ("", ".", ".."):
            raise FormatError(f"{token!r} is no receipt's token")
        found = thread_of(token)
        if found is None:
            raise NotFoundError(f"nothing to restore for {token!r}: restored already, or the trash was emptied")
        return found

    def take_back(self, token: str) -> None:
        """Bring everything back to where it was. Raises NotFoundError; ExistsError rather than replace anything."""
        folder, moving = os.path.join(self.folder, token), os.path.join(self._underway.folder, token + _RESTORING)
        if not stands(self._fs, moving):
            manifest = read_manifest(self._fs, folder)
            refuse_taken(self._fs, manifest.moves(self._fs, folder, self._home))
            self._underway.move(folder, moving)
        self._finish_restoring(moving)

    def purge(self, token: str) -> None:
        """Take a removal's files away for good; what is gone already is no error. Raises WriteError."""
        folder, moving = os.path.join(self.folder, token), os.path.join(self._underway.folder, token + _PURGING)
        if stands(self._fs, folder):
            self._underway.move(folder, moving)
        if stands(self._fs, moving):
            self._finish_purging(moving)

    def removed(self) -> list[Removed]:
        """Every removal that can be restored, the newest first; one that cannot be read, or is empty, is passed over.

        What is under way is among them, as far as it went.
        """
        places = [(self.folder, token, token) for token in entries(self._fs, self.folder)]
        for name in self._underway.entries():
            token, step = os.path.splitext(name)
            places += [(self._underway.folder, name, token)] if step in (_REMOVING, _RESTORING) else []
        found: list[Removed] = []
        for parent, name, token in places:
            with suppress(RolloutError, OSError):
                one = self._look(os.path.join(parent, name), token)
                found += [one] if one.receipt.names or name.endswith(_RESTORING) else []
        return sorted(found, key=lambda one: (one.removed_ns, one.receipt.token), reverse=True)

    # -- what was cut off ------------------------------------------------------------------------------------------

    def settle(self, thread_id: ThreadId) -> list[Healed]:
        """Make whole what was cut off of a thread, whose lock proves that nobody is at it any more."""
        healed: list[Healed] = []
        for folder in self._underway.of(thread_id):
            token, step = os.path.splitext(os.path.basename(folder))
            outcome = self._settle(folder, step) if step in _STEPS else ""
            healed += [Healed(thread_id, token, outcome)] if outcome else []
        return healed

    def _settle(self, folder: str, step: str) -> str:
        """What the thread is now, "" when nothing had happened to it yet."""
        if step == _PURGING:
            self._finish_purging(folder)
            return "purged"
        try:
            manifest = read_manifest(self._fs, folder)
        except (NotFoundError, FormatError):  # it is there before anything is moved, and goes when all is back
            self._underway.end(folder)
            return "restored" if step == _RESTORING else ""
        try:
            if step == _RESTORING:
                self._finish_restoring(folder)
            elif len(manifest.moves(self._fs, folder, self._home)) == len(manifest.files):
                self._finish_removing(folder, manifest)
                return "removed"
            else:
                self._put_back(folder)
        except ExistsError:  # somebody has put another file there: what is here stays restorable
            self._underway.move(folder, self._underway.place_of(folder))
            return "removed"
        return "restored"

    def _finish_removing(self, folder: str, manifest: Manifest) -> None:
        self._given.names.remove(manifest.thread_id)
        self._given.tags.remove(manifest.thread_id)
        self._underway.move(folder, self._underway.place_of(folder))

    def _put_back(self, folder: str) -> None:
        """Undo a removal; the files first, since the names may be locked."""
        manifest = read_manifest(self._fs, folder)
        move_all(self._fs, manifest.moves(self._fs, folder, self._home))
        self._give_back(manifest)
        self._underway.end(folder)

    def _give_back(self, manifest: Manifest) -> None:
        self._given.names.bring_back(manifest.thread_id, manifest.names)
        self._given.tags.bring_back(manifest.thread_id, manifest.tags)

    def _finish_restoring(self, folder: str) -> None:
        """Names first: a thread that is there again has its name. The newest file comes first, so that it is found."""
        manifest = read_manifest(self._fs, folder)
        moves = manifest.moves(self._fs, folder, self._home)
        refuse_taken(self._fs, moves)
        self._give_back(manifest)
        move_all(self._fs, moves)
        self._underway.end(folder)

    def _finish_purging(self, folder: str) -> None:
        try:
            for entry in list(self._fs.scandir(folder)):
                self._fs.unlink(entry.path)
            self._fs.rmdir(folder)
            sync_folder(self._fs, self._underway.folder)
        except OSError as error:
            raise WriteError(folder, error) from error

    def _look(self, folder: str, token: str) -> Removed:
        """A removal as far as it went: its manifest names all files, of which only some may have been moved."""
        try:
            manifest = read_manifest(self._fs, folder)
        except NotFoundError:  # all is back, and only its folder is left
            return Removed(Receipt(self.thread_of(token), token, (), 0), 0)
        moves = manifest.moves(self._fs, folder, self._home)
        size = sum(self._fs.lstat(kept).st_size for kept, _ in moves)
        names = tuple(os.path.basename(target) for _, target in reversed(moves))
        return Removed(Receipt(manifest.thread_id, token, names, size), manifest.removed_ns, manifest.parent_id)
