"""Who writes a thread: a lease with an epoch. Whoever takes over raises the epoch, and the old writer is fenced.

A lease is kept alive by one thread a store while writers are open; a process that is stopped or cut off loses it once
its time is over and somebody else wants it. Every write checks it in its own transaction.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from threading import Condition, Thread
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

import psycopg

from rollout.errors import BusyError, RolloutError
from rollout.store.base import Owner
from rollout.store.postgres.connections import UnreachableError
from rollout.times import to_text

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from rollout.store.postgres.connections import Connection, Connections, Fetch

_POLL_S = 0.05
_PATIENCE_MS = 50
_TRIES = 2
_ACQUIRE = """
SELECT epoch, pid, program, host, started FROM rollout.take(%(tenant)s, %(id)s, %(holder)s, %(seconds)s::float8,
    %(patience)s, %(pid)s, %(program)s, %(host)s, %(started)s)
"""
_OWNER = """
SELECT pid, program, host, started FROM rollout.leases
WHERE tenant = %(tenant)s AND thread_id = %(id)s AND holder IS NOT NULL AND expires_at >= clock_timestamp()
"""
# One by one: a cluster that is distributed by thread locks no rows of several threads in one statement.
_KEEP = """
SELECT holder FROM unnest(%(ids)s::uuid[], %(holders)s::text[], %(epochs)s::bigint[]) AS ours (thread_id, holder, epoch)
WHERE rollout.keep(%(tenant)s, thread_id, holder, epoch, %(seconds)s, %(waits)s)
"""
_RELEASE = """
UPDATE rollout.leases SET holder = NULL
WHERE tenant = %(tenant)s AND thread_id = %(id)s AND holder = %(holder)s AND epoch = %(epoch)s
"""
LOST = "RO001"


class Lease(NamedTuple):
    """The right to write one thread, as long as nobody has a higher epoch."""

    thread_id: str
    holder: str
    epoch: int


class Leases:
    """Takes leases, keeps them alive, gives them back. Safe from any thread."""

    def __init__(self, connections: Connections, program: str = "rollout") -> None:
        """No lease is held."""
        self._connections = connections
        self._program = program
        self._held: dict[str, Lease] = {}
        self._changed = Condition()
        self._keeper: Thread | None = None

    def new_holder(self) -> str:
        """A name for a writer that nobody else has: with it a repeated call is known as the same one."""
        return uuid4().hex

    def acquire(self, connection: Connection, thread_id: str, holder: str, patience_ms: int = _PATIENCE_MS) -> Lease:
        """Take a lease in the caller's transaction; raises BusyError naming the owner.

        ``patience_ms``: for how long to wait while the owner is in the middle of a write.
        """
        values = self._values(Lease(thread_id, holder, 0)) | {
            "pid": os.getpid(), "program": self._program, "host": os.uname().nodename, "patience": patience_ms,
            "started": to_text(time.time_ns() // 1_000_000, millis=False),
        }  # fmt: skip
        row = connection.execute(_ACQUIRE, values).fetchone()
        if row is None or row[0] is None:
            raise BusyError(thread_id, Owner(*row[1:]).facts() if row else {})
        return Lease(thread_id, holder, int(row[0]))

    def wait_for(self, thread_id: str, holder: str, wait: float) -> Lease:
        """Take a lease, waiting up to so many seconds; raises BusyError."""
        end = time.monotonic() + wait
        while True:
            try:
                return self._take(thread_id, holder)
            except BusyError:
                left = end - time.monotonic()
                if left <= 0:
                    raise
                time.sleep(min(_POLL_S, left))

    def _take(self, thread_id: str, holder: str) -> Lease:
        """Once more when the server was away: if only its answer was lost, the lease is this holder's already."""
        for left in reversed(range(_TRIES)):
            try:
                with self._connections.changing(watched=True) as connection:
                    return self.acquire(connection, thread_id, holder)
            except UnreachableError:
                if not left:
                    raise
        raise AssertionError("unreachable")

    def keep(self, lease: Lease) -> None:
        """Keep a lease alive until ``release``."""
        with self._changed:
            self._held[lease.holder] = lease
            if self._keeper is None:
                self._keeper = Thread(target=self._renew_all, name="rollout-leases", daemon=True)
                self._keeper.start()

    def release(self, lease: Lease) -> None:
        """Give a lease back; when the server is away it ends by itself."""
        with self._changed:
            self._held.pop(lease.holder, None)
            self._changed.notify_all()
        for _ in range(_TRIES):
            with suppress(psycopg.Error, RolloutError), self._connections.writing() as connection:
                connection.execute(_RELEASE, self._values(lease))
                return

    def confirm(self, connection: Connection, leases: Sequence[Lease]) -> set[str]:
        """Hold leases to the end of the caller's transaction; the holders of those that nobody else has taken."""
        rows = connection.execute(_KEEP, self._many(leases) | {"waits": True}).fetchall()
        return {row[0] for row in rows}

    def owner(self, fetch: Fetch, thread_id: str) -> Owner | None:
        """Who holds the lease of a thread."""
        rows = fetch(_OWNER, {"tenant": self._connections.tenant, "id": thread_id})
        return Owner(*rows[0]) if rows else None

    @contextmanager
    def held(self, thread_id: str) -> Generator[Connection]:
        """A transaction under the lease of a thread, which is free again at its end."""
        with self._connections.changing() as connection:
            lease = self.acquire(connection, thread_id, self.new_holder())
            yield connection
            connection.execute(_RELEASE, self._values(lease))

    def _values(self, lease: Lease) -> dict[str, object]:
        return {
            "tenant": self._connections.tenant, "id": lease.thread_id, "holder": lease.holder, "epoch": lease.epoch,
            "seconds": self._connections.target.lease_s,
        }  # fmt: skip

    def _many(self, leases: Sequence[Lease]) -> dict[str, object]:
        in_order = sorted(leases)  # so that two who confirm the same leases never wait for each other
        return {
            "tenant": self._connections.tenant, "seconds": self._connections.target.lease_s,
            "ids": [one.thread_id for one in in_order], "holders": [one.holder for one in in_order],
            "epochs": [one.epoch for one in in_order],
        }  # fmt: skip

    def _renew_all(self) -> None:
        while True:
            with self._changed:
                self._changed.wait(self._connections.target.lease_s / 3)
                held = list(self._held.values())
                if not held:
                    self._keeper = None
                    return
            # Whatever is wrong, it is tried again: a keeper that ended would end every lease of the process. A row that is
            # locked is just being written under its lease, which extends it; one slow batch must not end the others.
            with suppress(psycopg.Error, RolloutError), self._connections.writing() as connection:
                connection.execute(_KEEP, self._many(held) | {"waits": False})
