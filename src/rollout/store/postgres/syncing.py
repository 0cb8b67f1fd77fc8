"""Syncing many writers with one commit."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Protocol

import psycopg

from rollout.errors import RolloutError, SyncError
from rollout.store.postgres.connections import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollout.store.postgres.connections import Connections
    from rollout.store.postgres.leases import Lease, Leases

_TRIES = 2


class Syncable(Protocol):
    """A writer, as far as a sync needs it."""

    connections: Connections
    leases: Leases

    @property
    def path(self) -> str:
        """Where it writes, for people."""
        ...

    def sync_asked(self) -> tuple[Lease, int] | None:
        """The lease that a sync must confirm, and how many lines it makes safe; None: there is nothing to sync."""
        ...

    def sync_done(self, upto: int, *, held: bool) -> None:
        """So many lines are safe; raises FencedError when the lease was not held any more."""
        ...


def sync_together(writers: Sequence[Syncable]) -> list[Exception | None]:
    """The failure of each writer or None, in order; one commit for each store."""
    failures: dict[int, Exception | None] = {}
    numbered = sorted(enumerate(writers), key=lambda one: id(one[1].leases))
    for _, group in groupby(numbered, key=lambda one: id(one[1].leases)):
        numbers, ours = zip(*group, strict=True)
        failures |= zip(numbers, _synced(ours), strict=True)
    return [failures[number] for number in range(len(writers))]


def _synced(writers: Sequence[Syncable]) -> list[Exception | None]:
    asked = [_asked(writer) for writer in writers]
    leases = [one[0] for one in asked if isinstance(one, tuple)]
    held = _committed(writers[0], leases) if leases else set[str]()
    return [_answer(*pair, held) for pair in zip(writers, asked, strict=True)]


def _asked(writer: Syncable) -> tuple[Lease, int] | RolloutError | None:
    try:
        return writer.sync_asked()
    except RolloutError as error:
        return error


def _committed(writer: Syncable, leases: Sequence[Lease]) -> set[str] | str:
    """The holders that still have their lease, or why nothing was committed.

    The commit waits until the log is safe as far as itself, and every flush before it stands earlier in the log.
    """
    failure = ""
    for _ in range(_TRIES):
        try:
            with writer.connections.changing(watched=True) as connection:
                connection.execute("SET LOCAL synchronous_commit = on")
                return writer.leases.confirm(connection, leases)
        except (UnreachableError, psycopg.Error) as error:
            failure = writer.connections.target.safe(error)
    return failure


def _answer(
    writer: Syncable, asked: tuple[Lease, int] | RolloutError | None, held: set[str] | str
) -> Exception | None:
    if not isinstance(asked, tuple):
        return asked
    if isinstance(held, str):
        return SyncError(writer.path, held)
    lease, upto = asked
    try:
        writer.sync_done(upto, held=lease.holder in held)
    except RolloutError as error:
        return error
    return None
