"""The writer of one thread: batches in one statement each, under its lease, exactly once."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg

from rollout.errors import ExistsError, FencedError, WriteError
from rollout.ids import try_parse
from rollout.lines import Position
from rollout.store.base import Writer
from rollout.store.postgres.batches import APPEND, Batch, Row
from rollout.store.postgres.chain import whole_chain
from rollout.store.postgres.connections import AWAY, UnreachableError
from rollout.store.postgres.folding import FileState, parse_name
from rollout.store.postgres.leases import LOST
from rollout.store.postgres.syncing import sync_together

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollout.codec import Era
    from rollout.ids import ThreadId
    from rollout.store.postgres.connections import Connection, Connections
    from rollout.store.postgres.leases import Lease, Leases

_BATCH = 1 << 20
_TRIES = 2
_PATIENCE_MS = 10_000
_NEW_FILE = """
INSERT INTO rollout.segments (tenant, thread_id, rollout_id, name, named_ms, modified_ns, mode, archived, made_by)
VALUES (%(tenant)s, %(id)s, %(rollout)s, %(name)s, %(named)s, %(now)s, 384, false, %(holder)s)
ON CONFLICT (tenant, thread_id, name) WHERE trash IS NULL DO NOTHING RETURNING segment
"""
_MADE_BEFORE = """
SELECT segment FROM rollout.segments WHERE tenant = %(tenant)s AND thread_id = %(id)s AND name = %(name)s
AND trash IS NULL AND made_by = %(holder)s
"""
_NEW_THREAD = """
INSERT INTO rollout.threads AS t (tenant, thread_id, path, segments, named_ms)
VALUES (%(tenant)s, %(id)s, %(name)s, 1, %(named)s)
ON CONFLICT (tenant, thread_id) DO UPDATE SET segments = t.segments + 1, path = excluded.path, named_ms = excluded.named_ms
"""


class Opened(NamedTuple):
    """An existing file that is written: the lease on its thread, its number, and what is known of it."""

    lease: Lease
    segment: int
    state: FileState


class PostgresWriter(Writer):
    """A thread on a server, open for appending. See ``Writer`` for the contract.

    ``flush`` commits with the store's ``flush`` word of ``synchronous_commit`` (usually ``local``: the server's disk
    has it), ``sync`` with ``on``: also the standbys that the server waits for.
    """

    def __init__(self, connections: Connections, leases: Leases, name: str, opened: Opened | None = None) -> None:
        """A writer of the file ``name``; ``opened`` when it exists and its lease is held."""
        self.connections, self.leases = connections, leases
        self._name, self._told = name, parse_name(name)
        self._opened = opened
        self._state = opened.state if opened else FileState()
        self._next_ordinal = self._state.next_ordinal
        self._row = Row(self._told, name)
        self._era: Era = self._state.writer_era
        self._holder = opened.lease.holder if opened else leases.new_holder()
        self._pending = bytearray()
        self._sending: Batch | None = None
        self._accepted = self._flushed = self._synced = self._acked = 0
        self._before: tuple[int, int] | None = None
        self._lock = Lock()
        connections.retain()

    @property
    def inline(self) -> bool:
        """A round trip is too long for an event loop."""
        return False

    @property
    def thread_id(self) -> ThreadId:
        """The thread that is written."""
        return self._told.thread_id

    @property
    def path(self) -> str:
        """The name of the file, for people."""
        return f"postgresql:{self._name}"

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
        return self._place_before()[1] + self._state.lines if self._opened else 0

    @property
    def position(self) -> Position:
        """Where the next flushed byte goes."""
        return Position(self._place_before()[0], self._state.bytes if self._opened else 0)

    @property
    def begun(self) -> bool:
        """Whether the thread exists in the store."""
        return self._opened is not None

    @property
    def pending_bytes(self) -> int:
        """Bytes accepted and not yet acknowledged by the server."""
        return len(self._pending)

    def begin(self, meta_line: bytes) -> None:
        """Make the thread exist with its first line. Idempotent; may be repeated after a lost acknowledgement.

        Raises BusyError, ExistsError, WriteError.
        """
        self._check_open()
        if self._opened is not None:
            return
        state = FileState()
        row = Row(self._told, self._name)
        values = row.values(state, meta_line)
        try:
            with self.connections.changing(watched=True) as connection:
                self._opened = self._begin(connection, state, values)
        except (UnreachableError, psycopg.Error) as error:
            self._opened = None
            raise WriteError(self.path, self.connections.target.safe(error)) from None
        self._state, self._era, self._next_ordinal, self._row = state, state.writer_era, state.next_ordinal, row
        self.leases.keep(self._opened.lease)

    def append(self, lines: bytes | bytearray | memoryview, count: int) -> int:
        """Accept ``count`` whole lines; returns how many were accepted since the writer was opened."""
        self._check_begun()
        with self._lock:
            self._pending += lines
            self._accepted += count
            if self._next_ordinal is not None:
                self._next_ordinal += count
            return self._accepted

    def flush(self) -> int:
        """Have the server commit what was accepted, in batches of 1 MiB."""
        self._check_open()
        while self._pending and self._opened is not None:
            accepted = self._accepted
            batch = self._sending = self._sending or self._next_batch(self._opened)
            self._send(batch)
            self._sending = None
            with self._lock:
                del self._pending[: batch.length]
                self._acked += batch.lines
                self._flushed = accepted if not self._pending else min(self._acked, accepted)
        return self._flushed

    def sync(self) -> int:
        """Wait until everything flushed is as safe as the server makes it; raises SyncError."""
        failure = self.sync_together([self])[0]
        if failure is not None:
            raise failure
        return self._synced

    @staticmethod
    def sync_together(writers: Sequence[Writer]) -> list[Exception | None]:
        """Sync many writers of a store with one commit."""
        return sync_together([writer for writer in writers if isinstance(writer, PostgresWriter)])

    def sync_asked(self) -> tuple[Lease, int] | None:
        """The lease that a sync must confirm, and how many lines it makes safe; None before ``begin``."""
        self._check_open()
        return (self._opened.lease, self._flushed) if self._opened else None

    def sync_done(self, upto: int, *, held: bool) -> None:
        """So many lines are safe; raises FencedError when the lease was not held any more."""
        if not held:
            raise self._fence()
        self._synced = max(self._synced, upto)

    def close(self) -> None:
        """Release the lease; idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._opened is not None:
            self.leases.release(self._opened.lease)
        self.connections.release()

    def _fence(self) -> FencedError:
        self._fenced = (
            f"thread {self.thread_id}: the lease of this writer ended and another one took over; open the thread again"
        )
        return FencedError(self._fenced)

    def _begin(self, connection: Connection, state: FileState, values: dict[str, Any]) -> Opened:
        # Patient: what may be in the way is this writer's own first try, whose answer was lost.
        lease = self.leases.acquire(connection, self.thread_id, self._holder, _PATIENCE_MS)
        known = {
            "tenant": self.connections.tenant, "id": self.thread_id, "rollout": self._told.rollout_id,
            "name": self._name, "named": self._told.unix_ms, "now": state.modified_ns, "holder": self._holder,
        }  # fmt: skip
        row = connection.execute(_NEW_FILE, known).fetchone()
        if row is not None:
            connection.execute(_NEW_THREAD, known)
        else:
            row = connection.execute(_MADE_BEFORE, known).fetchone()
        if row is None:
            raise ExistsError(f"{self._name} exists already; nothing was written")
        opened = Opened(lease, int(row[0]), state)
        connection.execute(APPEND, values | self._lease_values(opened))
        return opened

    def _next_batch(self, opened: Opened) -> Batch:
        end = len(self._pending)
        if end > _BATCH:
            end = self._pending.rfind(b"\n", 0, _BATCH) + 1 or self._pending.find(b"\n", _BATCH) + 1 or end
        before = self._state.lines
        values = self._row.values(self._state, bytes(memoryview(self._pending)[:end]))
        return Batch(values | self._lease_values(opened), end, self._state.lines - before)

    def _lease_values(self, opened: Opened) -> dict[str, Any]:
        return {
            "tenant": self.connections.tenant, "id": self.thread_id, "segment": opened.segment,
            "holder": opened.lease.holder, "epoch": opened.lease.epoch,
            "seconds": self.connections.target.lease_s,
        }  # fmt: skip

    def _send(self, batch: Batch) -> None:
        """One statement, one transaction; once more on a new connection when the first one broke."""
        for left in reversed(range(_TRIES)):
            try:
                with self.connections.writing() as connection:
                    connection.execute(APPEND, batch.values)
            except AWAY as error:
                self.connections.forget_idle()
                if not left:
                    raise WriteError(self.path, self.connections.target.safe(error)) from None
            except psycopg.Error as error:
                raise self._refusal(error) from None
            else:
                return

    def _refusal(self, error: psycopg.Error) -> Exception:
        if error.sqlstate != LOST:
            return WriteError(self.path, self.connections.target.safe(error))
        return self._fence()

    def _place_before(self) -> tuple[int, int]:
        """How many stretches, and how many lines, stand before the file; nothing that is appended changes it."""
        if self._before is None or self._state.base is None:
            if self._state.base is None or try_parse(str(self._state.base.get("thread_id"))) is None:
                known = self._state.base is not None
                return int(known), 0
            chain = whole_chain(self.connections.fetch, self.connections.tenant, self.thread_id)
            last = len(chain.stretches) - 1
            self._before = last, chain.lines_before(last)
        return self._before
