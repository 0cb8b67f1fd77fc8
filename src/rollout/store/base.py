"""The contract of a store: where threads live.

Synchronous, safe from any thread, every method bounded in memory. No method is optional. The public
conformance suite (``rollout.testing.conformance``) is the contract in executable form; the memory store is
its reference.

Coordinates. ``n`` is the 0-based number of a physical line (a stretch up to and including a newline) in the
logical thread, the bases of forks included: the one coordinate that all stores share. A position is opaque,
ordered and comparable within one thread.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from rollout.errors import ClosedError, FencedError
from rollout.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from rollout.codec import Era
    from rollout.ids import ThreadId
    from rollout.labels import Labels
    from rollout.lines import Found, Line, Position
    from rollout.query import Page, Thread, ThreadQuery
    from rollout.search_query import SearchCursor, SearchQuery
    from rollout.store.changes import Watch
    from rollout.summary import Summary

_TOLD = 500


class Place(NamedTuple):
    """Where a new thread is put: the instant of its creation and its local offset, for the file's name."""

    unix_ms: int
    utc_offset_s: int = 0


class Segment(NamedTuple):
    """One stored file of a thread.

    ``name`` is its file name (a logical ``.jsonl`` name), ``rollout_id`` the id of the physical file,
    ``data_length`` its uncompressed length (-1 when only decompressing would tell).
    """

    name: str
    rollout_id: str
    bytes: int
    modified_ns: int
    mode: int
    archived: bool
    compressed: bool
    data_length: int = -1


class Owner(NamedTuple):
    """Who writes a thread now; "" and 0 are unknown."""

    pid: int
    program: str
    host: str
    started: str

    def facts(self) -> dict[str, object]:
        """As a mapping, for errors and ``--json``."""
        return {"pid": self.pid or None, "program": self.program, "host": self.host, "started": self.started}


class Hit(NamedTuple):
    """One line in which a search found what it looked for.

    ``role`` is whose text it stands in (``rollout.search_query.ROLES``), ``turn`` the number of the user's turn, 0
    before the first. ``snippet`` is the text around it on one line; there it begins at ``at`` and has ``length``
    characters. ``score`` is 0 unless hits are ranked.
    """

    thread_id: str
    n: int
    position: Position
    role: str
    timestamp: str
    snippet: str
    turn: int = 0
    at: int = 0
    length: int = 0
    score: float = 0.0


class SearchPage(NamedTuple):
    """The answer to a search; ``complete`` is False when a bound ended it, or a file could not be read.

    ``note`` says in words what is missing and what to do. ``next`` is where the next page begins, ``threads`` the
    rows of the threads that have hits, in the order of the hits.
    """

    hits: tuple[Hit, ...]
    complete: bool
    note: str = ""
    next: SearchCursor | None = None
    threads: tuple[Thread, ...] = ()


class Receipt(NamedTuple):
    """What a removal took away, and how it can be brought back."""

    thread_id: str
    token: str
    names: tuple[str, ...]
    bytes: int


class Removed(NamedTuple):
    """A removal that can be restored: when it was made, and whose sub-agent the thread is."""

    receipt: Receipt
    removed_ns: int
    parent_id: str | None = None


class Healed(NamedTuple):
    """A change that a crash had cut off and that is whole now: the thread is ``removed``, ``restored`` or ``purged``."""

    thread_id: str
    token: str
    outcome: str


class Writer(ABC):
    """The one writer of one thread, held under its lock from ``begin`` or ``open_writer`` to ``close``.

    Used by one thread at a time, except that ``sync`` may run beside ``append`` and ``flush``. Every method
    raises; after an error nothing accepted is lost and the call may be repeated. A writer that lost its
    lease raises FencedError for ever.
    """

    _closed = False
    _fenced = ""  # why this writer must never write again

    def _check_open(self) -> None:
        """Raise ClosedError after ``close``, FencedError once the lease is lost."""
        if self._closed:
            raise ClosedError(f"{self.path}: this writer is closed")
        if self._fenced:
            raise FencedError(self._fenced)

    def _check_begun(self) -> None:
        """The same, and ClosedError for a thread that does not exist yet."""
        self._check_open()
        if not self.begun:
            raise ClosedError(f"thread {self.thread_id} does not exist yet: begin comes first")

    @property
    @abstractmethod
    def inline(self) -> bool:
        """Whether append and flush are quick enough to be called on an event loop."""

    @property
    @abstractmethod
    def thread_id(self) -> ThreadId:
        """The thread that is written."""

    @property
    @abstractmethod
    def path(self) -> str:
        """Where the thread is stored, in words a person can use."""

    @property
    @abstractmethod
    def era(self) -> Era:
        """The era of what is written; a new thread is ``legacy``."""

    @property
    @abstractmethod
    def next_ordinal(self) -> int | None:
        """The ordinal that the next line must bear; None where the era has none."""

    @property
    @abstractmethod
    def next_n(self) -> int:
        """The number of the next line in the logical thread; may have to count once."""

    @property
    @abstractmethod
    def position(self) -> Position:
        """Where the next byte goes."""

    @property
    @abstractmethod
    def begun(self) -> bool:
        """Whether the thread exists in the store."""

    @property
    @abstractmethod
    def pending_bytes(self) -> int:
        """Bytes accepted and not yet handed over."""

    @abstractmethod
    def begin(self, meta_line: bytes) -> None:
        """Make the thread exist with its first line. Idempotent: a second call writes nothing.

        Takes the lock. Raises BusyError, LockError, WriteError; may be repeated. A first line with an ordinal makes
        a paginated thread.
        """

    @abstractmethod
    def append(self, lines: bytes | bytearray | memoryview, count: int) -> int:
        """Accept ``count`` whole lines, in order; nothing is promised yet about where they are.

        Returns how many lines this writer has accepted since it was opened, the one of ``begin`` not counted.
        Copies the bytes. A new thread must have begun: ClosedError.
        """

    @abstractmethod
    def flush(self) -> int:
        """Hand all accepted lines to the store's keeper: they survive the death of this process.

        Returns how many lines are flushed since the writer was opened. A failed write is tried once more on
        a fresh handle; then WriteError, and the lines stay pending.
        """

    @abstractmethod
    def sync(self) -> int:
        """Put all flushed lines on stable storage: they survive the death of the machine.

        Does not flush. Returns how many lines are synced. Raises SyncError; bytes once refused stay unsafe
        until they have been written anew.
        """

    @staticmethod
    def sync_together(writers: Sequence[Writer]) -> list[Exception | None]:
        """``sync`` for several writers of this kind; the error of each or None, in order.

        A kind of store that can sync many in less time than one after another says so here.
        """
        return [_refusal(writer) for writer in writers]

    @abstractmethod
    def close(self) -> None:
        """Release the lock and the handles; idempotent. What was accepted must have been flushed before."""


def _refusal(writer: Writer) -> Exception | None:
    try:
        writer.sync()
    except Exception as error:  # noqa: BLE001 - told to whoever asked, not swallowed
        return error
    return None


class ThreadStore(ABC):
    """Where threads live. See the module for coordinates and concurrency."""

    @abstractmethod
    def create(self, thread_id: ThreadId, place: Place) -> Writer:
        """A writer of a new thread; nothing is stored and no lock is taken until its ``begin``."""

    @abstractmethod
    def open_writer(self, thread_id: str, wait: float = 0.0) -> Writer:
        """The writer of an existing thread; opening changes no byte and no time.

        Waits up to ``wait`` seconds for another writer to finish, then raises BusyError (within 100 ms when
        ``wait`` is 0). Raises NotFoundError, LockError.
        """

    @abstractmethod
    def owner(self, thread_id: str) -> Owner | None:
        """Who writes the thread now, told by the lock itself and not by a file's existence."""

    @abstractmethod
    def lines(self, thread_id: str, start: int = 0, *, own: bool = False) -> Iterator[Found]:
        """The thread from line ``start`` on, bases of forks resolved. Raises NotFoundError.

        ``own``: only what the thread's newest file holds itself, numbered as in the logical thread.
        """

    @abstractmethod
    def lines_back(self, thread_id: str, before: Position | None = None) -> Iterator[Found]:
        """The thread from its end (or from a position) backwards, reading only what is asked for.

        ``n`` is -1 where counting would mean reading the whole thread.
        """

    @abstractmethod
    def lines_from(self, thread_id: str, start: Position, n: int = -1) -> Iterator[Found]:
        """The thread from the line on that stands at a position or over it, reading only what is asked for.

        The ``n`` of a line is -1 where counting would mean reading what stands before, unless the number ``n`` of the first
        one is given. Raises NotFoundError.
        """

    @abstractmethod
    def number(self, thread_id: str, position: Position) -> int:
        """The number of the line at a position or over it; at the end the number that the next line will have.

        May have to count what stands before, which takes about a second for 2 GB in a file. Raises NotFoundError.
        """

    def sift(
        self, thread_id: str, test: Callable[[bytes], bool], start: Position | None = None, *, back: bool = False
    ) -> Iterator[Line | Position]:
        """The good lines that pass a test, nearest first: from the line at a position on, or ``back`` from before it.

        Without ``start`` from the first line on, or back from the last. ``test`` is asked about the bytes of a line or of many
        whole lines, and must be true of many when it is true of one: what it refuses is not taken apart. Between the lines
        positions come that tell how far it has got, so who waits can tell, and stop. ``n`` is as in ``lines_from``.
        """
        from rollout.lines import Line, Position  # noqa: PLC0415 - a listing needs neither

        found = self.lines_back(thread_id, start) if back else self.lines_from(thread_id, start or Position(0, 0))
        for number, thing in enumerate(found, 1):
            if isinstance(thing, Line) and test(thing.data):
                yield thing
            if not number % _TOLD:
                yield thing.position

    @abstractmethod
    def wait(self, thread_id: str, after: Position, timeout: float) -> Position:
        """The position of the end once it is beyond ``after``, or ``after`` when the time is over."""

    @abstractmethod
    def watch(self) -> Watch:
        """Tells what happens to the threads of the store from now on: see ``rollout.store.changes``."""

    @abstractmethod
    def end(self, thread_id: str) -> Position:
        """The position behind the last complete line."""

    @abstractmethod
    def segments(self, thread_id: str) -> tuple[Segment, ...]:
        """The stored files of the thread, oldest first; bases that belong to other threads are not among them."""

    @abstractmethod
    def raw(self, thread_id: str, rollout_id: str | None = None) -> Iterator[bytes]:
        """The exact bytes of one segment (by default the newest), decompressed, in blocks."""

    @abstractmethod
    def put(self, segment: Segment, blocks: Iterable[bytes], *, name: str | None = None, tags: Iterable[str] = ()) -> None:
        """Store the exact bytes of a segment under its name; raises ExistsError rather than replace anything.

        The blocks are uncompressed; a ``compressed`` segment stands compressed again where files are kept, until it grows.
        ``name`` and ``tags``: the new thread is there with them or not at all, whatever fails; where a crash cuts that
        off, after ``heal``. Raises InvalidQueryError for what cannot be given.
        """

    @abstractmethod
    def summary(self, thread_id: str) -> Summary:
        """The facts of the thread, folded from all of its own lines."""

    @abstractmethod
    def resolve(self, text: str) -> tuple[ThreadId, ...]:
        """The threads that a text means: an id in any form, a unique prefix of 4 or more, or a name."""

    @abstractmethod
    def list(self, query: ThreadQuery) -> Page:
        """One page of threads."""

    @abstractmethod
    def search(self, text: str | SearchQuery, query: ThreadQuery) -> SearchPage:
        """Where a text occurs in what people and agents said and did, ignoring case: at most ``query.limit`` lines.

        A plain text is a phrase, from word edge to word edge; ``SearchQuery`` says it otherwise. Threads come in the
        query's order, the lines of each newest first; what forks share is found in the thread that holds it, and the
        two forms of one thing (item and event) are one hit. Raises InvalidQueryError.
        """

    @abstractmethod
    def references(self, thread_id: str) -> tuple[ThreadId, ...]:
        """The threads that build on this one by reference (``history_base``)."""

    @abstractmethod
    def set_archived(self, thread_id: str, archived: bool) -> None:  # noqa: FBT001 - the state itself
        """Archive or unarchive every segment; same bytes, same names. Idempotent. Takes the lock."""

    @abstractmethod
    def set_name(self, thread_id: str, name: str) -> None:
        """Give the thread a name; surrounding white space is cut, an empty name raises InvalidQueryError."""

    @abstractmethod
    def names(self) -> Mapping[str, str]:
        """The newest name of every thread that has one."""

    @abstractmethod
    def set_tags(self, thread_id: str, add: Iterable[str] = (), remove: Iterable[str] = ()) -> tuple[str, ...]:
        """Give a thread tags and take tags from it (what is in both goes); the tags that it has then, sorted.

        The rollout is not touched, so no lock of it is taken. Raises InvalidQueryError for what is no tag
        (``rollout.labels``), with nothing changed; NotFoundError.
        """

    @abstractmethod
    def set_note(self, thread_id: str, note: str) -> None:
        """Write the note of a thread; surrounding white space is cut, "" takes the note away.

        Raises InvalidQueryError for a text that cannot be kept, NotFoundError.
        """

    @abstractmethod
    def labels(self) -> Mapping[str, Labels]:
        """The tags and notes of every thread that has any; they stay with the thread as its name does."""

    @abstractmethod
    def remove(self, thread_id: str) -> Receipt:
        """Take the thread away so that it can be restored: all its files and its names. Takes the lock.

        Durable when this returns; raises with the thread as it was: NotFoundError, BusyError, InUseError while forks
        build on it, LockError, WriteError.
        """

    @abstractmethod
    def removed(self) -> Sequence[Removed]:
        """Every removal that can be restored, the newest first; changes nothing."""

    @abstractmethod
    def restore(self, receipt: Receipt) -> None:
        """Bring a removed thread back, byte for byte, with its places, times and names. Takes the lock.

        Raises BusyError before it looks, then NotFoundError (restored already, or purged), and ExistsError rather than
        replace anything. A receipt is good once, also where the thread is removed again. A restore that was cut off
        is finished by the next one.
        """

    @abstractmethod
    def purge(self, receipt: Receipt) -> None:
        """Take a removed thread away for good. Takes the lock; what is gone already is no error.

        Raises BusyError, LockError, WriteError; may be repeated. Never touches what is not removed.
        """

    def heal(self) -> Sequence[Healed]:
        """Make whole what a crash has cut off: a removal that had taken all goes on, any other is undone.

        What was not stored whole goes away without a trace, temporary files too, once whoever made them is provably
        dead. What somebody is at work on is left to them. Whatever changes threads does it first, for its own thread at
        least; a store whose changes are whole or not at all has nothing to do.
        """
        return ()

    def sync(self, writers: Sequence[Writer]) -> None:
        """Sync several writers in one go (group commit); raises the first failure after trying all."""
        failures = type(writers[0]).sync_together(writers) if writers else []
        for failure in failures:
            if failure is not None:
                raise failure

    @abstractmethod
    def close(self) -> None:
        """Release what the store holds; open writers stay open."""


