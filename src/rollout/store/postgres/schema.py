"""The layout of the database: numbered migrations, each with its reversal, and the check that they fit this library."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg import sql

from rollout.errors import RolloutError

if TYPE_CHECKING:
    from typing import LiteralString

    import psycopg

_LOCK = 7_012_026
_VERSIONS = """
CREATE SCHEMA IF NOT EXISTS rollout;
CREATE TABLE IF NOT EXISTS rollout.versions (
    version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())
"""
_GRANTS = (
    "GRANT USAGE ON SCHEMA rollout TO {}",
    "GRANT SELECT ON rollout.versions TO {}",
    (
        "GRANT SELECT, INSERT, UPDATE, DELETE ON rollout.segments, rollout.lines, rollout.threads, rollout.leases,"
        " rollout.trash, rollout.followers, rollout.words, rollout.kinds, rollout.events TO {}"
    ),
    "GRANT USAGE ON SEQUENCE rollout.segment_numbers TO {}",
)
_READER_GRANTS = (
    "GRANT USAGE ON SCHEMA rollout TO {}",
    (
        "GRANT SELECT ON rollout.versions, rollout.segments, rollout.lines, rollout.threads, rollout.leases,"
        " rollout.trash, rollout.followers, rollout.words, rollout.kinds, rollout.events TO {}"
    ),
    "GRANT INSERT, UPDATE ON rollout.followers TO {}",  # who follows a thread says so
)


class Roles(NamedTuple):
    """The roles to serve, "" for none: one for recorders, one that may only read."""

    writer: str = ""
    reader: str = ""


NOBODY = Roles()


class Migration(NamedTuple):
    """One step: its number, its name, and the SQL forth and back."""

    version: int
    name: str
    up: str
    down: str


def migrations() -> tuple[Migration, ...]:
    """Every step that this library knows, in order."""
    folder = files("rollout.store.postgres") / "migrations"
    names = sorted(one.name.removesuffix(".down.sql") for one in folder.iterdir() if one.name.endswith(".down.sql"))
    texts = [((folder / f"{name}.sql").read_text("utf-8"), (folder / f"{name}.down.sql").read_text("utf-8")) for name in names]
    return tuple(Migration(int(name[:4]), name, *both) for name, both in zip(names, texts, strict=True))


def version_of(connection: psycopg.Connection[Any]) -> int:
    """The version of the database, 0 where nothing was laid out."""
    row = connection.execute("SELECT to_regclass('rollout.versions') IS NOT NULL").fetchone()
    if not row or not row[0]:
        return 0
    found = connection.execute("SELECT coalesce(max(version), 0) FROM rollout.versions").fetchone()
    return int(found[0]) if found else 0


def check_version(connection: psycopg.Connection[Any]) -> None:
    """Raise RolloutError, saying what to do, unless the database has exactly the version of this library."""
    ours, theirs = migrations()[-1].version, version_of(connection)
    if theirs < ours:
        raise RolloutError(f"the database has layout {theirs}, this library needs {ours}: rollout store migrate")
    if theirs > ours:
        raise RolloutError(f"the database has layout {theirs}, this library knows {ours}: upgrade rollout")


def migrate(connection: psycopg.Connection[Any], to: int | None = None, roles: Roles = NOBODY) -> list[str]:
    """Bring the database to a version, by default the newest; returns the steps that were taken.

    Each step is one transaction; several operators wait for each other. The roles get what they need and no more.
    """
    newest = migrations()[-1].version
    goal = newest if to is None else to
    if goal > newest:
        raise RolloutError(f"there is no layout {goal}: this library knows those up to {newest}")
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.execute(_VERSIONS)
    forth = (step for step in migrations() if step.version <= goal)
    back = (step for step in reversed(migrations()) if step.version > goal)
    done = [step.name for step in forth if _take(connection, step)]
    done += [f"{step.name}, reversed" for step in back if _take_back(connection, step)]
    for role, texts in ((roles.writer, _GRANTS), (roles.reader, _READER_GRANTS)):
        if role:
            _grant(connection, role, texts)
    return done


def _take(connection: psycopg.Connection[Any], step: Migration) -> bool:
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        if version_of(connection) >= step.version:
            return False
        connection.execute(step.up.encode())
        connection.execute("INSERT INTO rollout.versions (version, name) VALUES (%s, %s)", (step.version, step.name))
    return True


def _take_back(connection: psycopg.Connection[Any], step: Migration) -> bool:
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        if version_of(connection) < step.version:
            return False
        connection.execute(step.down.encode())
        connection.execute("DELETE FROM rollout.versions WHERE version = %s", (step.version,))
    return True


def _grant(connection: psycopg.Connection[Any], role: str, texts: tuple[LiteralString, ...]) -> None:
    name = sql.Identifier(role)
    for text in texts:
        connection.execute(sql.SQL(text).format(name))
