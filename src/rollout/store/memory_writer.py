"""The writer of one thread in memory."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Protocol

from rollout.journal.reader import classify
from rollout.lines import Line, Position
from rollout.store.base import Writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Condition

    from rollout.codec import Era
    from rollout.ids import ThreadId
    from rollout.store.memory_file import StoredFile


class Keeper(Protocol):
    """What a writer needs of the store that keeps its file; ``changed`` is also the lock around everything."""

    changed: Condition
    clock: Callable[[], int]

    def acquire(self, thread_id: str, wait: float = 0.0) -> None:
        """Take a thread's lock."""

    def release(self, thread_id: str) -> None:
        """Give a thread's lock back."""

    def add(self, name: str) -> StoredFile:
        """A new empty file."""
        ...

    def lines_before(self, stored: StoredFile) -> tuple[int, int]:
        """How many stretches, and how many lines, stand before a file in its thread."""
        ...


class MemoryWriter(Writer):
    """A thread in memory, open for appending. See ``Writer`` for the contract."""

    def __init__(self, store: Keeper, thread_id: ThreadId, name: str, stored: StoredFile | None = None) -> None:
        """A writer of the file ``name``; ``stored`` is the file when it exists and its lock is held."""
        self._store = store
        self._thread_id = thread_id
        self._name = name
        self._stored = stored
        self._pending = bytearray()
        self._accepted = self._flushed = self._synced = 0
        self._era: Era
        self._era, self._next_ordinal = _continuation(bytes(stored.data) if stored else b"")

    @property
    def inline(self) -> bool:
        """Memory is quick enough for an event loop."""
        return True

    @property
    def thread_id(self) -> ThreadId:
        """The thread that is written."""
        return self._thread_id

    @property
    def path(self) -> str:
        """The name of the file, for people."""
        return f"memory:{self._name}"

    @property
    def era(self) -> Era:
        """The era of the file; a new thread is ``legacy`` unless its first line bears an ordinal."""
        return self._era

    @property
    def next_ordinal(self) -> int | None:
        """The ordinal of the next line; None outside the paginated era."""
        return self._next_ordinal

    @property
    def next_n(self) -> int:
        """The number that the next flushed line gets."""
        if self._stored is None:
            return 0
        with self._store.changed:
            return self._store.lines_before(self._stored)[1] + len(list(BytesIO(self._stored.data)))

    @property
    def position(self) -> Position:
        """Where the next flushed byte goes."""
        if self._stored is None:
            return Position(0, 0)
        with self._store.changed:
            return Position(self._store.lines_before(self._stored)[0], len(self._stored.data))

    @property
    def begun(self) -> bool:
        """Whether the thread exists in the store."""
        return self._stored is not None

    @property
    def pending_bytes(self) -> int:
        """Bytes accepted and not yet flushed."""
        return len(self._pending)

    def begin(self, meta_line: bytes) -> None:
        """Make the thread exist with its first line. Idempotent. Raises BusyError, ExistsError."""
        self._check_open()
        if self._stored is not None:
            return
        self._store.acquire(self._thread_id)
        try:
            self._stored = self._store.add(self._name)
        except BaseException:
            self._store.release(self._thread_id)
            raise
        self._era, self._next_ordinal = _continuation(meta_line)
        self._write(meta_line)

    def append(self, lines: bytes | bytearray | memoryview, count: int) -> int:
        """Accept ``count`` whole lines; returns how many were accepted since the writer was opened."""
        self._check_begun()
        self._pending += lines
        self._accepted += count
        if self._next_ordinal is not None:
            self._next_ordinal += count
        return self._accepted

    def flush(self) -> int:
        """Store what was accepted; before ``begin`` there is nothing to store it in, and it stays pending."""
        self._check_open()
        if self._stored is not None and self._pending:
            self._write(bytes(self._pending))
            self._pending.clear()
            self._flushed = self._accepted
        return self._flushed

    def sync(self) -> int:
        """Count what was flushed as synced: nothing in memory is safer than it is."""
        self._check_open()
        self._synced = self._flushed
        return self._synced

    def close(self) -> None:
        """Release the lock; idempotent."""
        if not self._closed and self._stored is not None:
            self._store.release(self._thread_id)
        self._closed = True

    def _write(self, lines: bytes) -> None:
        """Add lines; a tail that lacks its newline is fenced with one, never cut."""
        stored = self._stored
        assert stored is not None  # noqa: S101 - callers have looked
        with self._store.changed:
            torn = bool(stored.data) and not stored.data.endswith(b"\n")
            stored.data += b"\n" + lines if torn else lines
            stored.compressed = False
            stored.modified_ns = self._store.clock()
            self._store.changed.notify_all()


def _continuation(data: bytes) -> tuple[Era, int | None]:
    """The era of a file, told by its first record, and the ordinal with which it goes on.

    The next ordinal is one more than the largest; lines without one at the end count one each (spec:
    rollout-format 10.19).
    """
    records = [
        found.record
        for n, physical in enumerate(BytesIO(data))
        for found in classify(physical, n, Position(0, 0))
        if isinstance(found, Line)
    ]
    if not records or records[0].ordinal is None:
        return ("bare" if records and records[0].bare else "legacy"), None
    ordinals = [record.ordinal for record in records]
    unnumbered = next(at for at, ordinal in enumerate(reversed(ordinals)) if ordinal is not None)
    return "paginated", max(ordinal for ordinal in ordinals if ordinal is not None) + unnumbered + 1
