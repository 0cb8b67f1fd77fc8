"""A Codex home as a store: the files are the truth; an index, where there is one, finds them sooner.

Reading takes no lock and writes nothing. What moves files takes the thread's lock, as Codex does. Light to
import: listing needs none of the heavier modules, which are imported where they are used.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from rollout.errors import InUseError, InvalidQueryError, NotFoundError, RolloutError
from rollout.ids import ThreadId, try_parse
from rollout.journal.filesystem import OS
from rollout.store.local.clock import RealClock
from rollout.store.local.finding import Finder, file_at, physical_files
from rollout.store.local.given import Given
from rollout.store.local.home import find_home, home_of_path
from rollout.store.local.reading import HomeReading

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

    from rollout.journal.filesystem import Filesystem
    from rollout.labels import Labels
    from rollout.lines import Position
    from rollout.query import Page, Thread, ThreadQuery
    from rollout.search_query import SearchQuery
    from rollout.store.base import Healed, Owner, Place, Receipt, Removed, SearchPage, Segment, Writer
    from rollout.store.changes import Watch
    from rollout.store.local.clock import Clock
    from rollout.store.local.feeding import Feeder
    from rollout.store.local.fulltext import Use
    from rollout.store.local.index_path import IndexPlace
    from rollout.store.local.index_rebuild import Rebuild
    from rollout.store.local.index_status import IndexStatus
    from rollout.store.local.indexed_listing import IndexedListing
    from rollout.store.local.kept import KeptListings
    from rollout.store.local.leftovers import Leftovers
    from rollout.store.local.listing import Listing
    from rollout.store.local.locks import ThreadLock, ThreadLocks
    from rollout.store.local.trash import Trash
    from rollout.store.local.walk import File

class LocalStore(HomeReading):
    """The threads of one home. See ``ThreadStore`` for the contract, and ``HomeReading`` for how it reads."""

    def __init__(
        self,
        home: str | os.PathLike[str] | None = None,
        fs: Filesystem = OS,
        *,
        clock: Clock | None = None,
        index: IndexPlace | Callable[[], IndexPlace | None] | None = None,
    ) -> None:
        """Without a home: the one that ``ROLLOUT_HOME``, ``CODEX_HOME`` or ``~/.codex`` means. It need not exist.

        ``index``: where an index makes finding quick, or who tells it (``rollout.store.local.index_path`` says where one
        belongs; a home that does not exist yet has no such place).
        """
        place = find_home(home)
        self._index = index
        self._clock: Clock = clock or RealClock()
        self._given = Given(place, fs)
        super().__init__(place, fs, Finder(place, fs, self._given.names))
        self._left: Leftovers | None = None
        self._fed: Feeder | None = None

    def create(self, thread_id: ThreadId, place: Place) -> Writer:
        """A writer of a new thread; nothing is stored and no lock is taken until its ``begin``."""
        from rollout.store.local.writer import LocalWriter  # noqa: PLC0415 - only who writes pays for it

        return LocalWriter.create(self.home, thread_id, place, self._locks(), self._fs).fed_to(self._feeder())

    def open_writer(self, thread_id: str, wait: float = 0.0) -> Writer:
        """The writer of an existing thread, of its newest file. Raises NotFoundError, BusyError, LockError."""
        if os.sep in thread_id:
            return self.open_writer_at(thread_id, wait)
        identity = self._identity(thread_id)
        self._finder.group(identity)
        lock = self._locks().acquire(identity, wait)
        try:  # found anew: before the lock was ours, others may have moved it
            self._settle(identity)
            return self._resume(self._finder.group(identity).newest, identity, lock)
        except BaseException:
            lock.release()
            raise

    def open_writer_at(self, path: str, wait: float = 0.0) -> Writer:
        """The writer of the rollout at a path, wherever it lies. Raises as ``open_writer`` does.

        The thread is the one in its name, else the one in its metadata; FormatError when neither tells.
        """
        file = file_at(path, self._fs)
        identity = ThreadId(file.thread_id)
        lock = self._locks().acquire(identity, wait)
        try:
            return self._resume(file, identity, lock)
        except BaseException:
            lock.release()
            raise

    def owner(self, thread_id: str) -> Owner | None:
        """Who writes the thread now, told by the lock."""
        return self._locks().owner(try_parse(thread_id) or thread_id)

    def wait(self, thread_id: str, after: Position, timeout: float) -> Position:
        """The end once it is beyond ``after``; looks at the file every 50 ms, and for a newer one every second."""
        from rollout.store.local.following import Following  # noqa: PLC0415 - only who follows pays for it

        return Following(self._chains(), self._finder, self._fs, self._clock).wait(thread_id, after, timeout)

    def watch(self) -> Watch:
        """Looks at the folders every half second, or less often where that costs more than a fiftieth of the time."""
        from rollout.store.local.watching import LocalWatch  # noqa: PLC0415 - only who watches pays for it

        return LocalWatch(self.home, self._fs, self._given)

    def put(self, segment: Segment, blocks: Iterable[bytes], *, name: str | None = None, tags: Iterable[str] = ()) -> None:
        """Store a segment's bytes in its form, durably. Raises FormatError, ExistsError, WriteError.

        With a name or tags also InvalidQueryError, and as these are given under the lock, BusyError and LockError.
        """
        from rollout.store.local.moving import identity_in, put_file  # noqa: PLC0415 - only who moves files pays for it

        identity, given = identity_in(segment), tuple(tags)
        if name is None and not given:
            put_file(self._fs, self.home, segment, blocks)
            return
        from rollout.store.local.putting import Putting  # noqa: PLC0415 - the same

        with self._held(identity):
            putting = Putting(self.home, self._fs, self._given)
            lines = putting.lines(identity, name, given, self._clock.time_ns())
            putting.put(segment, lines, lambda: put_file(self._fs, self.home, segment, blocks))

    def row(self, thread_id: str) -> Thread:
        """The row of a listing for one thread, from its newest file alone. Raises NotFoundError."""
        from rollout.store.local.rows import Rows  # noqa: PLC0415 - an index answers without it

        row = Rows(self.home, self._fs, self._given, self._finder.rollout).row(self._finder.group(thread_id))
        if row is None:
            raise NotFoundError(f"thread {thread_id} went away while it was looked at")
        return row

    def resolve(self, text: str) -> tuple[ThreadId, ...]:
        """The threads that a text means, sorted: an id, a prefix of 4 or more of its digits, a name."""
        wanted, place = try_parse(text), self._place()
        if place is not None:
            from rollout.store.local.index import IndexUnusableError  # noqa: PLC0415 - only who needs it pays for it

            with suppress(IndexUnusableError):
                index = self._indexed(place._replace(ours=False))  # who looks a thread up has no ear for what became of it
                found = (wanted,) if wanted and index.stands(wanted) else index.resolve(text)
                if found is not None:
                    return found
        return self._finder.resolve(text)

    def list(self, query: ThreadQuery) -> Page:
        """One page, through the index where there is one. See ``rollout.store.local.listing`` for orders and counts.

        An index that cannot be used costs no answer: the files give the same one, and ``note`` says why.
        """
        note, place = self._no_home(), self._place()
        if place is not None and not note:
            from rollout.store.local.index import IndexUnusableError  # noqa: PLC0415 - only who needs it pays for it

            try:
                return self._indexed(place).page(query)
            except IndexUnusableError as error:
                note = f"listed from the files: {error}"
        page = self._listing().page(query)
        return page._replace(note=note) if note else page

    def every_row(self) -> Iterator[Thread] | None:
        """Every thread from the files, read while iterated; None with an index, which tells of single threads sooner."""
        if self._place() is not None:
            return None
        from rollout.query import EVERYTHING, Order  # noqa: PLC0415 - only who reads them all needs it

        listed = self._listing().rows(EVERYTHING._replace(order=Order("created")))
        return (one.row for one in listed if one.row is not None)

    def kept(self) -> tuple[LocalStore, KeptListings]:
        """This home for a process that asks again and again, and its listings: what has not changed is not read again."""
        from rollout.store.local.kept import KeptFinder, KeptListings  # noqa: PLC0415 - a command asks once

        made = LocalStore(self.home, self._fs, clock=self._clock, index=self._index)
        made._finder = finder = KeptFinder(self.home, self._fs, made._given)
        return made, KeptListings(self.home, self._fs, made._given, finder)

    def index_status(self, place: IndexPlace) -> IndexStatus:
        """What an index of this home holds, and how far it agrees with the files."""
        from rollout.store.local.index_status import IndexStatus  # noqa: PLC0415 - only who needs it pays for it

        return IndexStatus(place, self.home, self._fs, self._given, self._clock)

    def index_rebuild(self, place: IndexPlace) -> Rebuild:
        """Makes an index of this home anew."""
        from rollout.store.local.index_rebuild import Rebuild  # noqa: PLC0415 - only who needs it pays for it

        return Rebuild(place, self.home, self._fs, self._given, self._clock)

    def find_path(self, thread_id: str, *, archived: bool = False) -> str | None:
        """The newest file of an active (or archived) thread, None when there is none."""
        return self._finder.path(thread_id, archived=archived)

    def latest_for_cwd(self, cwd: str | None, query: ThreadQuery) -> Thread | None:
        """The first thread of a query that belongs to a folder: it began there, or its last turn was there.

        Without a folder: the first of all (spec: rollout-format 6.9). Through the index where there is one, else from
        the files.
        """
        from rollout.store.local.belonging import Belonging  # noqa: PLC0415 - only who resumes by folder pays for it

        belongs, place = Belonging(cwd, self._chains(), self._finder, self._fs), self._place()
        if place is not None and os.path.isdir(self.home):
            from rollout.store.local.index import IndexUnusableError  # noqa: PLC0415 - only who needs it pays for it

            with suppress(IndexUnusableError):
                return self._indexed(place._replace(ours=False)).latest(query, cwd, belongs)
        rows = (listed.row for listed in self._listing().rows(query) if listed.reason is None)
        return next((row for row in rows if row is not None and belongs(row)), None)

    def search(self, text: str | SearchQuery, query: ThreadQuery, *, use: Use | None = None) -> SearchPage:
        """Where a text occurs, in the query's order of threads; at most ``query.limit`` lines.

        ``use``: how the search index may be used; by default one is, when the store has an index.
        """
        from rollout.store.local.fulltext import Use, words_place  # noqa: PLC0415 - only who needs it pays for it
        from rollout.store.local.searching import Home, Search  # noqa: PLC0415 - only who needs it pays for it

        place = self._place()
        walk = self._indexed(place._replace(ours=False)).walk if place else None
        home = Home(self.home, self._fs, self._given, self._finder, self._chains(), walk)
        usual = Use(words_place(place), new=True) if place else Use()
        with Search(home, text, query, use or usual) as search:
            search.prepare()
            page = search.page()
        note = self._no_home()
        return page._replace(note=note) if note else page

    def references(self, thread_id: str) -> tuple[ThreadId, ...]:
        """The threads that build on this one by reference; looks into every file's head."""
        return self._chains().forks_of(self._finder.group(thread_id))

    def set_archived(self, thread_id: str, archived: bool) -> None:  # noqa: FBT001 - the state itself
        """Move every file to the other side; same bytes, names and file times. Idempotent.

        Raises NotFoundError, BusyError, LockError, ExistsError, WriteError; may be repeated.
        """
        from rollout.store.local.moving import archive_moves, move_all  # noqa: PLC0415 - the same

        identity = self._identity(thread_id)
        with self._held(identity):
            files = physical_files(self._finder.group(identity), self.home, self._fs)
            move_all(self._fs, archive_moves(files, self.home, archived=archived))

    def set_name(self, thread_id: str, name: str) -> None:
        """Give the thread a name, durably. Raises InvalidQueryError, NotFoundError, WriteError, LockError."""
        if not name.strip():
            raise InvalidQueryError("a thread's name cannot be empty")
        identity = self._identity(thread_id)
        self._finder.group(identity)
        self._given.names.append(identity, name.strip(), now_ns=self._clock.time_ns())

    def names(self) -> Mapping[str, str]:
        """The newest name of every thread that has one, those without a rollout included."""
        return {str(thread_id): name for thread_id, name in self._given.names.all().items()}

    def set_tags(self, thread_id: str, add: Iterable[str] = (), remove: Iterable[str] = ()) -> tuple[str, ...]:
        """Give and take tags, durably. Raises InvalidQueryError, NotFoundError, WriteError, LockError."""
        from rollout.labels import checked_tags  # noqa: PLC0415 - only who tags pays for it

        added, removed = checked_tags(add), checked_tags(remove)
        identity = self._identity(thread_id)
        self._finder.group(identity)
        tags = self._given.tags
        if tags.of(identity) != tags.of(identity).tagged(added, removed):
            tags.tag(identity, added, removed, now_ns=self._clock.time_ns())
        return tags.of(identity).tags

    def set_note(self, thread_id: str, note: str) -> None:
        """Write the note of a thread, durably. Raises InvalidQueryError, NotFoundError, WriteError, LockError."""
        from rollout.labels import checked_note  # noqa: PLC0415 - the same

        text, identity = checked_note(note), self._identity(thread_id)
        self._finder.group(identity)
        if self._given.tags.of(identity).note != text:
            self._given.tags.note(identity, text, now_ns=self._clock.time_ns())

    def labels(self) -> Mapping[str, Labels]:
        """The tags and notes of every thread that has any, those without a rollout included."""
        return {str(thread_id): labels for thread_id, labels in self._given.tags.all().items()}

    def remove(self, thread_id: str) -> Receipt:
        """Move the thread into the home's trash. Raises InUseError while forks build on it."""
        from rollout.store.local.headtail import read_facts  # noqa: PLC0415 - only who needs it pays for it

        identity = self._identity(thread_id)
        with self._held(identity):
            group = self._finder.group(identity)
            if forks := self._chains().forks_of(group):
                raise InUseError(identity, forks)
            parent_id = read_facts(group.newest.path, self._fs).summary.parent_id
            files, now_ns = physical_files(group, self.home, self._fs), self._clock.time_ns()
            return self._trash().throw(identity, files, parent_id, now_ns)

    def removed(self) -> Sequence[Removed]:
        """Every removal that can be restored, the newest first; those that cannot be read are passed over."""
        return self._trash().removed()

    def restore(self, receipt: Receipt) -> None:
        """Bring a removed thread back: bytes, names, tags, times, title. Raises NotFoundError, ExistsError."""
        trash = self._trash()
        identity = trash.thread_of(receipt.token)
        with self._locks().acquire(identity):
            done = [one.token for one in self._settle(identity) if one.outcome == "restored"]
            if receipt.token not in done:
                trash.take_back(receipt.token)

    def purge(self, receipt: Receipt) -> None:
        """Take a removed thread's files away for good; what is gone already is no error."""
        trash, place = self._trash(), self._place()
        with suppress(NotFoundError), self._held(trash.thread_of(receipt.token)):
            if place is not None:  # while it is in the trash: afterwards it would be missed
                self._indexed(place).forget(trash.thread_of(receipt.token), receipt.names)
            trash.purge(receipt.token)

    def heal(self) -> Sequence[Healed]:
        """Make whole, or undo, what was cut off; what a living process is at is left to it."""
        from rollout.store.local.underway import Underway  # noqa: PLC0415 - reading needs none

        healed: list[Healed] = []
        for identity in Underway(self.home, self._fs).threads():
            with suppress(RolloutError), self._locks().acquire(identity):  # who wants that thread is told
                healed += self._settle(identity)
        self._leftovers().sweep()
        return healed

    def close(self) -> None:
        """Nothing is held; open writers stay open. The index is fed no more."""
        if self._fed is not None:
            self._fed.stop()

    def _place(self) -> IndexPlace | None:
        """Where the index is now, None when there is none to use."""
        return self._index() if callable(self._index) else self._index

    def _indexed(self, place: IndexPlace) -> IndexedListing:
        from rollout.store.local.indexed_listing import IndexedListing  # noqa: PLC0415 - only who needs it pays for it

        return IndexedListing(place, self.home, self._fs, self._given, self._clock)

    def _no_home(self) -> str:
        """What a person should know when nothing can be found because there is no home, else ""."""
        if os.path.isdir(self.home):
            return ""
        return f"{self.home} is no folder" if os.path.lexists(self.home) else f"there is no folder {self.home} yet: it has no threads"

    def _identity(self, thread_id: str) -> ThreadId:
        """The id under which a thread is locked and named: the one asked for. Raises NotFoundError."""
        return try_parse(thread_id) or ThreadId(self._finder.group(thread_id).newest.thread_id)

    def _resume(self, file: File, identity: ThreadId, lock: ThreadLock) -> Writer:
        from rollout.store.local.writer import LocalWriter  # noqa: PLC0415 - only who writes pays for it

        chains = self._chains()
        links = chains.links(file)
        writer = LocalWriter.resume(file.path, identity, self._locks(), lock, self._fs)
        return writer.in_chain(len(links) - 1, lambda: chains.lines_before_newest(links)).fed_to(self._feeder())

    def _feeder(self) -> Feeder | None:
        """Who brings to the index what is written; None without an index. A forked child has its own."""
        if self._index is None:
            return None
        from rollout.store.local.feeding import Feeder  # noqa: PLC0415 - only who writes pays for it

        if self._fed is None or self._fed.process != os.getpid():
            self._fed = Feeder(self.home, self._fs, self._given, self._clock, self._place)
        return self._fed

    def _locks(self) -> ThreadLocks:
        from rollout.store.local.locks import ThreadLocks  # noqa: PLC0415 - reading takes no lock

        return ThreadLocks(self.home, self._fs, clock=self._clock)

    @contextmanager
    def _held(self, identity: ThreadId) -> Generator[None]:
        """The thread's lock, and nothing that a crash left half done of it."""
        with self._locks().acquire(identity):
            self._settle(identity)
            yield

    def _settle(self, identity: ThreadId) -> Sequence[Healed]:
        """Make whole or undo what a crash left half done of a thread whose lock is held."""
        from rollout.store.local.putting import Putting  # noqa: PLC0415 - reading needs none

        Putting(self.home, self._fs, self._given).settle(identity)
        return self._trash().settle(identity)

    def _leftovers(self) -> Leftovers:
        if self._left is None:
            from rollout.store.local.leftovers import Leftovers  # noqa: PLC0415 - reading needs none

            self._left = Leftovers(self.home, self._fs)
        return self._left

    def _trash(self) -> Trash:
        from rollout.store.local.trash import Trash  # noqa: PLC0415 - reading needs none

        return Trash(self.home, self._fs, self._given)

    def _listing(self) -> Listing:
        from rollout.store.local.listing import Listing  # noqa: PLC0415 - an index answers without it

        return Listing(self.home, self._fs, self._given, self._finder)



def open_rollout(path: str | os.PathLike[str], fs: Filesystem = OS) -> Writer:
    """The writer of the rollout at a path, under the lock of its home. Raises as ``open_writer_at`` does."""
    absolute = os.path.abspath(path)
    return LocalStore(home_of_path(absolute), fs).open_writer_at(absolute)
