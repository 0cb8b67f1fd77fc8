"""Making an index anew: beside the old one, to the end, compared with the files, then swapped in.

What is being made survives an interruption: the next rebuild goes on with it. Where there is no old one it is made in
its place, as by a first listing: other processes see how far it is, and may go on with it. Else the new content goes into the old file
in one transaction (SQLite's backup), so other processes see the old state or the new one and never a file that
changes under them; a bad file is moved aside first and never deleted.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import apsw

from rollout.store.local.catchup import CatchUp
from rollout.store.local.collector import without_collector
from rollout.store.local.index import (
    IndexUnusableError,
    is_index,
    open_existing,
    open_index,
    remove_index,
    set_aside,
    usable,
)
from rollout.store.local.index_path import IndexPlace, identity_of
from rollout.store.local.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollout.journal.filesystem import Filesystem
    from rollout.store.local.clock import Clock
    from rollout.store.local.given import Given
    from rollout.store.local.index import Index

_TRIES = 5
_PATIENCE_MS = 5000


class Rebuilt(NamedTuple):
    """What became of a rebuild: threads in the old index (None without one), in the new one and in the files.

    ``note`` says what else a person should know.
    """

    path: str
    before: int | None
    after: int
    on_disk: int
    resumed: bool
    note: str


class _Old(NamedTuple):
    """What stands where the index belongs: its threads (None without an index), and what a person should know of it.

    ``unfinished``: there is none, or its first rows are still being made.
    """

    threads: int | None
    note: str
    unfinished: bool


class Rebuild:
    """Makes the index of one home anew."""

    def __init__(self, place: IndexPlace, home: str, fs: Filesystem, given: Given, clock: Clock) -> None:
        """Nothing is made yet."""
        self._place, self._home, self._fs, self._given, self._clock = place, home, fs, given, clock
        self._new = IndexPlace(f"{place.path}.new", ours=False)

    def run(self, progress: Callable[[int], object] = lambda _: None) -> Rebuilt:
        """Make, compare, swap. ``progress`` is told now and then how many threads are left.

        Raises IndexUnusableError when the old file is none of ours, when the new index cannot be written, or when
        it does not agree with the files in the end; then the old one stays.
        """
        self._refuse_strangers()
        old, resumed = self._old(), os.path.exists(self._new.path)
        if old.unfinished and not resumed:
            after, on_disk = self._made(self._place, progress)
            return Rebuilt(self._place.path, old.threads, after, on_disk, old.threads is not None, old.note)
        after, on_disk = self._make(progress)
        self._swap()
        remove_index(self._new.path)
        return Rebuilt(self._place.path, old.threads, after, on_disk, resumed, old.note)

    def _refuse_strangers(self) -> None:
        path = self._place.path
        with usable(self._place):
            if not self._place.ours and os.path.exists(path) and os.path.getsize(path) and not is_index(path):
                raise IndexUnusableError(f"{path} is no index of this program: delete it, or name another file")

    def _make(self, progress: Callable[[int], object]) -> tuple[int, int]:
        """How many threads the new index has, and how many the files; they are the same."""
        try:
            return self._made(self._new, progress)
        except IndexUnusableError:
            remove_index(self._new.path)  # what an earlier try has left cannot be gone on with
            return self._made(self._new, progress)

    def _made(self, place: IndexPlace, progress: Callable[[int], object]) -> tuple[int, int]:
        counts: list[tuple[int, int]] = []
        with usable(place), open_index(place, identity_of(self._home)) as index:
            for _ in range(_TRIES):
                CatchUp(index, self._home, self._fs, self._given, self._clock).run(None, progress)
                counts.append((threads_in(index), self._on_disk()))
                if counts[-1][0] == counts[-1][1]:
                    return counts[-1]
        raise IndexUnusableError(
            f"the new index has {counts[-1][0]} threads and the files {counts[-1][1]}, after {_TRIES} tries: the old"
            " one stays; is the home being changed?"
        )

    def _on_disk(self) -> int:
        """How many threads the files have, told by a walk of its own."""
        with without_collector():
            return len({file.thread_id for file in Walk(self._home, self._fs).everything()})

    def _old(self) -> _Old:
        """What is there now; a bad one of ours is moved aside."""
        try:
            with usable(self._place):
                old = open_existing(self._place, identity_of(self._home))
                if old is None:
                    return _Old(None, "", unfinished=True)
                with old:
                    return _Old(threads_in(old), "", unfinished=bool(old.one("SELECT loading FROM home")))
        except IndexUnusableError as error:
            return _Old(None, str(error), unfinished=False)

    def _swap(self) -> None:
        with usable(self._new), open_index(self._new, identity_of(self._home)) as new:
            try:
                self._copy(new)
            except (apsw.NotADBError, apsw.CorruptError, apsw.FormatError):
                set_aside(self._place._replace(ours=True))
                self._copy(new)
            except apsw.BusyError:
                raise IndexUnusableError(
                    f"the index at {self._place.path} is in use by another program: the new one is ready, repeat the rebuild"
                ) from None

    def _copy(self, new: Index) -> None:
        """Put the new content into the file of the old index, in one transaction."""
        old = apsw.Connection(self._place.path)
        try:
            old.set_busy_timeout(_PATIENCE_MS)
            with old.backup("main", new.db, "main") as backup:
                backup.step(-1)
            if old.execute("PRAGMA quick_check").get != "ok":
                raise IndexUnusableError(f"the disk gives back other bytes than were written to {self._place.path}")
        finally:
            old.close()


def threads_in(index: Index) -> int:
    """How many threads an index has."""
    return int(index.one("SELECT coalesce(sum(threads), 0) FROM kind"))
