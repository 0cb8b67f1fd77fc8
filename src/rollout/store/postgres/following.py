"""Waiting for a thread to grow: LISTEN, and a look at the end before and after every wait.

Who waits leaves a row in ``followers``; an append only notifies threads that have one, since a NOTIFY takes a lock that
all commits of a database share. An append that was on its way when the row came is caught by the next look.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from rollout.store.postgres.connections import AWAY, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollout.lines import Position
    from rollout.store.postgres.connections import Connections

_LOOK_S = 1.0
_FOLLOW = """
INSERT INTO rollout.followers (tenant, thread_id, until)
VALUES (%(tenant)s, %(id)s, clock_timestamp() + make_interval(secs => %(seconds)s))
ON CONFLICT (tenant, thread_id) DO UPDATE SET until = greatest(rollout.followers.until, excluded.until)
RETURNING channel
"""


def wait(connections: Connections, thread_id: str, grown: Callable[[], Position | None], timeout: float) -> Position | None:
    """What ``grown`` gives once it gives something, None when the time is over, also while the server is away."""
    end = time.monotonic() + timeout
    while (found := _look(grown)) is None and time.monotonic() < end:
        try:
            found = _listen(connections, thread_id, grown, end)
        except (psycopg.Error, UnreachableError):  # away, or a standby, or a role that may only read: then it is looked
            time.sleep(max(0.0, min(_LOOK_S, end - time.monotonic())))
        if found is not None:
            return found
    return found


def _look(grown: Callable[[], Position | None]) -> Position | None:
    try:
        return grown()
    except UnreachableError:
        return None


def _listen(
    connections: Connections, thread_id: str, grown: Callable[[], Position | None], end: float
) -> Position | None:
    """Look whenever a notification comes, and every second; on a connection of its own."""
    made = connections.connect()
    try:
        values = {"tenant": connections.tenant, "id": thread_id, "seconds": end - time.monotonic() + _LOOK_S}
        with connections.answering(made):
            row = made.execute(_FOLLOW, values).fetchone()
            made.execute(sql.SQL("LISTEN {}").format(sql.Identifier(str(row[0]) if row else "rollout")))
        while (found := grown()) is None and (left := end - time.monotonic()) > 0:
            for _ in made.notifies(timeout=min(_LOOK_S, left), stop_after=1):
                pass
        return found
    finally:
        with suppress(*AWAY):
            made.close()
