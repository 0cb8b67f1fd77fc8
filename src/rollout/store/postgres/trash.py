"""Removing threads so that they can be restored: their files are marked, their lines stay where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from rollout.errors import ExistsError, NotFoundError, RolloutError
from rollout.store.base import Receipt
from rollout.store.postgres.chain import files_of
from rollout.store.postgres.connections import fetching
from rollout.store.postgres.threads import building_on, refresh

if TYPE_CHECKING:
    from rollout.store.postgres.connections import Connections
    from rollout.store.postgres.leases import Leases

_MARK = """
UPDATE rollout.segments SET trash = %(token)s WHERE tenant = %(tenant)s AND thread_id = %(id)s AND trash IS NULL
"""
_KEEP = """
WITH gone AS (DELETE FROM rollout.threads WHERE tenant = %(tenant)s AND thread_id = %(id)s RETURNING name)
INSERT INTO rollout.trash (tenant, token, thread_id, name)
VALUES (%(tenant)s, %(token)s, %(id)s, (SELECT name FROM gone))
"""
_TAKEN = """
SELECT old.name FROM rollout.segments old JOIN rollout.segments new USING (tenant, thread_id, name)
WHERE tenant = %(tenant)s AND old.trash = %(token)s AND new.trash IS NULL LIMIT 1
"""
_UNMARK = "UPDATE rollout.segments SET trash = NULL WHERE tenant = %(tenant)s AND trash = %(token)s"


def remove(connections: Connections, leases: Leases, thread_id: str) -> Receipt:
    """Take a thread away; raises BusyError, NotFoundError, and RolloutError while forks build on it."""
    tenant = connections.tenant
    identity = files_of(connections.fetch, tenant, thread_id)[0].thread_id
    with leases.held(identity) as connection:
        files = files_of(fetching(connection), tenant, identity)
        if forks := building_on(fetching(connection), tenant, files):
            raise RolloutError(f"thread {identity} is the base of {', '.join(forks)}; remove those first")
        values = {"tenant": tenant, "id": identity, "token": f"removed-{uuid4().hex}"}
        connection.execute(_KEEP, values)
        connection.execute(_MARK, values)
    return Receipt(identity, values["token"], tuple(one.name for one in files), sum(one.bytes for one in files))


def restore(connections: Connections, receipt: Receipt) -> None:
    """Bring a removed thread back; raises ExistsError, NotFoundError."""
    values = {"tenant": connections.tenant, "token": receipt.token}
    with connections.changing() as connection:
        removed = connection.execute(
            "DELETE FROM rollout.trash WHERE tenant = %(tenant)s AND token = %(token)s RETURNING thread_id::text, name",
            values,
        ).fetchone()
        if removed is None:
            raise NotFoundError(f"nothing to restore for thread {receipt.thread_id}: restored already, or purged")
        taken = connection.execute(_TAKEN, values).fetchone()
        if taken is not None:
            raise ExistsError(f"{taken[0]} exists already; nothing was restored")
        connection.execute(_UNMARK, values)
        refresh(connection, connections.tenant, removed[0], removed[1])
