"""Removing threads so that they can be restored: their files are marked, their lines stay where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from rollout.errors import ExistsError, InUseError, NotFoundError
from rollout.ids import try_parse
from rollout.journal.reader import classify
from rollout.lines import Position
from rollout.store.base import Receipt, Removed
from rollout.store.postgres.chain import files_of
from rollout.store.postgres.connections import fetching
from rollout.store.postgres.folding import folded
from rollout.store.postgres.threads import Given, building_on, refresh

if TYPE_CHECKING:
    from rollout.store.postgres.connections import Connections, Fetch
    from rollout.store.postgres.leases import Leases

_MARK = """
UPDATE rollout.segments SET trash = %(token)s WHERE tenant = %(tenant)s AND thread_id = %(id)s AND trash IS NULL
"""
_KEEP = """
WITH gone AS (DELETE FROM rollout.threads WHERE tenant = %(tenant)s AND thread_id = %(id)s RETURNING name, tags, note)
INSERT INTO rollout.trash (tenant, token, thread_id, name, tags, note)
SELECT %(tenant)s, %(token)s, %(id)s, name, coalesce(tags, '{}'), note FROM (SELECT) AS one LEFT JOIN gone ON true
"""
_TAKEN = """
SELECT old.name FROM rollout.segments old JOIN rollout.segments new USING (tenant, thread_id, name)
WHERE tenant = %(tenant)s AND thread_id = %(id)s AND old.trash = %(token)s AND new.trash IS NULL LIMIT 1
"""
_REMOVED = "tenant = %(tenant)s AND thread_id = %(id)s AND trash = %(token)s"
_IN_TRASH = f"segment IN (SELECT segment FROM rollout.segments WHERE {_REMOVED})"
_UNMARK = f"UPDATE rollout.segments SET trash = NULL WHERE {_REMOVED}"
_FORGET = "DELETE FROM rollout.trash WHERE tenant = %(tenant)s AND thread_id = %(id)s AND token = %(token)s"
_REMOVALS = """
SELECT t.thread_id::text, t.token, array_agg(s.name ORDER BY s.named_ms, s.segment), sum(s.bytes)::bigint,
    (extract(epoch FROM t.removed_at) * 1000000)::bigint,
    (SELECT l.bytes FROM rollout.lines l WHERE l.tenant = t.tenant AND l.thread_id = t.thread_id AND l.n = 0
        AND l.segment = (array_agg(s.segment ORDER BY s.named_ms DESC, s.segment DESC))[1])
FROM rollout.trash t JOIN rollout.segments s ON s.tenant = t.tenant AND s.thread_id = t.thread_id AND s.trash = t.token
WHERE t.tenant = %(tenant)s GROUP BY t.tenant, t.thread_id, t.token, t.removed_at
ORDER BY t.removed_at DESC, t.token DESC
"""


def remove(connections: Connections, leases: Leases, thread_id: str) -> Receipt:
    """Take a thread away; raises BusyError, NotFoundError, and InUseError while forks build on it."""
    tenant = connections.tenant
    identity = files_of(connections.fetch, tenant, thread_id)[0].thread_id
    with leases.held(identity) as connection:
        files = files_of(fetching(connection), tenant, identity)
        if forks := building_on(fetching(connection), tenant, files):
            raise InUseError(identity, forks)
        values = {"tenant": tenant, "id": identity, "token": f"removed-{uuid4().hex}"}
        connection.execute(_KEEP, values)
        connection.execute(_MARK, values)
    return Receipt(identity, values["token"], tuple(one.name for one in files), sum(one.bytes for one in files))


def restore(connections: Connections, leases: Leases, receipt: Receipt) -> None:
    """Bring a removed thread back; raises ExistsError, NotFoundError, BusyError."""
    values = _values(connections, receipt)
    with leases.held(receipt.thread_id) as connection:
        removed = connection.execute(f"{_FORGET} RETURNING thread_id::text, name, tags, note".encode(), values).fetchone()
        if removed is None:
            raise NotFoundError(f"nothing to restore for thread {receipt.thread_id}: restored already, or purged")
        taken = connection.execute(_TAKEN, values).fetchone()
        if taken is not None:
            raise ExistsError(f"{taken[0]} exists already; nothing was restored")
        connection.execute(_UNMARK.encode(), values)
        refresh(connection, connections.tenant, removed[0], Given(*removed[1:]))


def removed(fetch: Fetch, tenant: str) -> list[Removed]:
    """Every removal that can be restored, the newest first; whose sub-agent it is stands in its first line."""
    rows = fetch(_REMOVALS, {"tenant": tenant})
    return [
        Removed(Receipt(one, token, tuple(names), size), micros * 1000, _parent_in(first))
        for one, token, names, size, micros, first in rows
    ]


def _parent_in(first_line: bytes | None) -> str | None:
    return folded(classify(first_line or b"", 0, Position(0, 0))).parent_id


def purge(connections: Connections, leases: Leases, receipt: Receipt) -> None:
    """Take the lines of a removed thread away for good; raises BusyError."""
    values = _values(connections, receipt)
    with leases.held(receipt.thread_id) as connection:
        for table in ("lines", "words"):
            connection.execute(
                f"DELETE FROM rollout.{table} WHERE tenant = %(tenant)s AND thread_id = %(id)s AND {_IN_TRASH}".encode(),
                values,
            )
        connection.execute(f"DELETE FROM rollout.segments WHERE {_REMOVED}".encode(), values)
        connection.execute(_FORGET, values)


def _values(connections: Connections, receipt: Receipt) -> dict[str, str | None]:
    return {"tenant": connections.tenant, "id": try_parse(receipt.thread_id), "token": receipt.token}
