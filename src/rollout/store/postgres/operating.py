"""What operators call: lay out a database, tell its version."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg

from rollout.store.postgres.connections import UnreachableError
from rollout.store.postgres.schema import Roles, migrate, migrations, version_of
from rollout.store.postgres.target import parse

if TYPE_CHECKING:
    from collections.abc import Generator


class Migration(NamedTuple):
    """What is wanted: a version (None: the newest), roles to serve, and the tenant to which they are bound."""

    to: int | None = None
    role: str = ""
    tenant: str = ""
    reader: str = ""


def migrate_at(url: str, wanted: Migration) -> list[str]:
    """Bring the database of a URL to a version; returns the steps. Raises UnreachableError."""
    with _connected(url) as connection:
        done = migrate(connection, wanted.to, Roles(wanted.role, wanted.reader))
        for role in filter(None, (wanted.role, wanted.reader) if wanted.tenant else ()):
            connection.execute(
                "INSERT INTO rollout.tenant_roles (role, tenant) VALUES (%s, %s)"
                " ON CONFLICT (role) DO UPDATE SET tenant = excluded.tenant",
                (role, wanted.tenant),
            )
        return done


def versions_at(url: str) -> tuple[int, int]:
    """The version of a database, and the one that this library needs. Raises UnreachableError."""
    with _connected(url) as connection:
        return version_of(connection), migrations()[-1].version


@contextmanager
def _connected(url: str) -> Generator[psycopg.Connection[Any]]:
    target = parse(f"postgresql:{url.partition(':')[2]}")
    try:
        with psycopg.connect(target.conninfo, autocommit=True) as connection:
            yield connection
    except psycopg.Error as error:
        raise UnreachableError(f"{target.shown}: {target.safe(error)}") from None
