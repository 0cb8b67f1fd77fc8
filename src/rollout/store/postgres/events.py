"""Watching a tenant: LISTEN wakes, and a question tells what was committed since the last one.

Each act leaves a row in ``events`` with the number of its transaction. A look asks for the rows of transactions that the
last look could not see and this one can: so none is missed and none told twice, in whatever order they are committed, and
a listener that was away has only to look. Notifications only make it look at once; they say nothing, and only the first
act after a quiet while makes one, since NOTIFY takes a lock that all who notify share until the disk has their commit.
"""

from __future__ import annotations

import time
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple, cast

import psycopg
from psycopg import sql

from rollout.store.changes import MOST_CHANGES, NOTHING, Change, Changes, Watch
from rollout.store.postgres.connections import AWAY, UnreachableError
from rollout.store.postgres.watching import shut

if TYPE_CHECKING:
    from rollout.store.changes import What
    from rollout.store.postgres.connections import Connection, Connections

_LOOK_S = 1.0
_BREATH_S = 0.05
_BUSY_S = 0.5
"""For so long after something happened it is looked at every breath, and nobody notifies."""
_FOLLOW_S = 60.0
_KEPT_S = 3600.0
"""Rows are kept for twice as long: a listener that was away for less has missed nothing."""
ALL_THREADS = "00000000-0000-0000-0000-000000000000"
_JOIN = """
INSERT INTO rollout.followers (tenant, thread_id, until) VALUES (%(tenant)s, %(id)s, clock_timestamp()) ON CONFLICT DO NOTHING
"""
_CHANNEL = "SELECT channel FROM rollout.followers WHERE tenant = %(tenant)s AND thread_id = %(id)s"
_ARM = """
WITH free AS (
    SELECT tenant, thread_id FROM rollout.followers WHERE tenant = %(tenant)s AND thread_id = %(id)s FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE rollout.followers f SET armed = true,
    until = greatest(f.until, clock_timestamp() + make_interval(secs => %(seconds)s))
FROM free WHERE f.tenant = free.tenant AND f.thread_id = free.thread_id
"""
# A standby's snapshot does not name the transactions that are under way: there, whatever is not older than all of them counts
# as unseen, and what was told of it is remembered.
_STANDBY = "pg_is_in_recovery()"
_SEEN = f"""
CASE WHEN {_STANDBY} THEN format('%%1$s:%%1$s:', pg_snapshot_xmin(pg_current_snapshot())) ELSE pg_current_snapshot()::text END,
extract(epoch FROM clock_timestamp())::float8
"""
_NOW = f"SELECT {_SEEN}"
_SINCE = f"""
SELECT {_SEEN},
    pg_snapshot_xmax(pg_current_snapshot()) < pg_snapshot_xmax(%(since)s::pg_snapshot),
    ARRAY(SELECT event || ' ' || thread_id || ' ' || what FROM rollout.events
        WHERE tenant = %(tenant)s AND made_by >= pg_snapshot_xmin(%(since)s::pg_snapshot)
            AND made_by < pg_snapshot_xmax(pg_current_snapshot()) AND NOT pg_visible_in_snapshot(made_by, %(since)s::pg_snapshot)
        ORDER BY event LIMIT %(most)s)
"""


class _Look(NamedTuple):
    """When the tenant was looked at: which transactions were committed then, and the server's time."""

    snapshot: str
    at: float


class PostgresWatch(Watch):
    """See ``Watch`` for the contract."""

    def __init__(self, connections: Connections) -> None:
        """Look once; raises UnreachableError."""
        self._connections, self._closed = connections, False
        self._seen = _Look(*connections.fetch(_NOW, {})[0])
        self._told: frozenset[str] = frozenset()
        self._ear: Connection | None = None
        self._armed_until = self._busy_until = self._looked = 0.0
        self._waiting = Lock()
        connections.retain()

    def wait(self, timeout: float) -> Changes:
        """What was committed since the last look; it is looked whenever a notification comes, and every second."""
        try:
            with self._waiting:
                return self._wait(time.monotonic() + timeout)
        finally:
            if self._closed:  # behind the lock: whoever closes meanwhile leaves the rest to one of us
                self._go_deaf()

    def _wait(self, end: float) -> Changes:
        while not self._closed:
            time.sleep(max(0.0, min(self._looked + _BREATH_S, end) - time.monotonic()))
            self._listen()
            try:
                found = self._look()
            except UnreachableError:
                self._go_deaf()
                if time.monotonic() >= end:
                    raise
                found = NOTHING
            left = end - time.monotonic()
            if found != NOTHING or left <= 0:
                return found
            self._hear(min(left, _BREATH_S if self._is_busy else _LOOK_S))
        return NOTHING

    def close(self) -> None:
        """End the connection on which a wait may be; idempotent."""
        if self._closed:
            return
        self._closed = True
        if (ear := self._ear) is not None:
            shut(ear)
        if self._waiting.acquire(blocking=False):
            self._go_deaf()
            self._waiting.release()
        self._connections.release()

    @property
    def _is_busy(self) -> bool:
        """Whether something happened just now; then more is likely to come."""
        return time.monotonic() < self._busy_until

    def _look(self) -> Changes:
        self._looked = time.monotonic()
        values = {"tenant": self._connections.tenant, "since": self._seen.snapshot, "most": MOST_CHANGES + 1}
        snapshot, at, went_back, rows = self._connections.fetch(_SINCE, values)[0]
        # A server that was put back to an earlier state gives the numbers of its transactions once more.
        complete = not went_back and at - self._seen.at < _KEPT_S and len(rows) <= MOST_CHANGES
        fresh = [row for row in rows[:MOST_CHANGES] if row not in self._told]
        self._seen, self._told = _Look(snapshot, at), frozenset(rows)
        if fresh:
            self._busy_until, self._armed_until = self._looked + _BUSY_S, 0.0
        return Changes(tuple(_change(row) for row in fresh), complete)

    def _listen(self) -> None:
        """Have the next act notify, unless more is likely to come; where that is possible: not on a standby."""
        now = time.monotonic()
        if now < self._armed_until or self._is_busy:
            return
        values = {"tenant": self._connections.tenant, "id": ALL_THREADS, "seconds": 2 * _FOLLOW_S}
        self._armed_until = now + _FOLLOW_S
        try:
            new = self._ear is None
            ear = self._ear = self._ear or self._connections.connect()
            with self._connections.answering(ear):
                if new:
                    ear.execute(_JOIN, values)
                    for (channel,) in ear.execute(_CHANNEL, values).fetchall():
                        ear.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                if not ear.execute(_ARM, values).rowcount:
                    self._armed_until = now + _LOOK_S  # somebody just disarms it
        except AWAY:
            self._go_deaf()
        except psycopg.Error:
            pass  # then it is looked every second

    def _hear(self, seconds: float) -> None:
        """Wait for a notification, or for so long."""
        if self._ear is None:
            time.sleep(seconds)
            return
        try:
            for _ in self._ear.notifies(timeout=seconds, stop_after=1):
                self._busy_until, self._armed_until = time.monotonic() + _BUSY_S, 0.0
        except psycopg.Error:
            self._go_deaf()

    def _go_deaf(self) -> None:
        ear, self._ear, self._armed_until = self._ear, None, 0.0
        if ear is not None:
            with suppress(*AWAY):
                ear.close()


def _change(row: str) -> Change:
    _, thread_id, what = row.split(" ")
    return Change(thread_id, cast("What", what))
