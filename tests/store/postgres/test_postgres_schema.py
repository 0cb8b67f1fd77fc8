"""Migrations forth and back, and what a library says of a database that is behind or ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rollout.errors import RolloutError
from rollout.query import EVERYTHING
from rollout.store.postgres.schema import migrate, migrations, version_of
from rollout.store.postgres.store import PostgresStore
from rollout.store.postgres.target import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from postgres_server import Server


@pytest.fixture
def empty(server: Server) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A database of its own, without a layout."""
    with server.admin("postgres") as boss:
        boss.execute("CREATE DATABASE empty")
        with server.admin("empty") as connection:
            yield connection
        boss.execute("DROP DATABASE empty WITH (FORCE)")


def opened(server: Server) -> PostgresStore:
    """The store of the database ``empty``."""
    return PostgresStore(parse(server.url("t", user="boss").replace("/threads?", "/empty?")))


def test_forth_and_back(empty: psycopg.Connection[tuple[object, ...]]) -> None:
    """Every step can be taken, is taken once, and can be taken back without leaving anything."""
    names = [step.name for step in migrations()]

    assert (names, []) == (migrate(empty), migrate(empty))
    assert [f"{name}, reversed" for name in reversed(names)] == migrate(empty, 0)
    left = empty.execute("SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'rollout'")
    assert (2,) == left.fetchone(), "the table of versions and its key"
    assert (names, len(names)) == (migrate(empty), version_of(empty))


def test_a_database_that_is_behind(server: Server, empty: psycopg.Connection[tuple[object, ...]]) -> None:
    """Without the layout every question says which command brings it."""
    assert 0 == version_of(empty)
    with pytest.raises(RolloutError, match="rollout store migrate"):
        opened(server).list(EVERYTHING)


def test_a_database_that_is_ahead(server: Server, empty: psycopg.Connection[tuple[object, ...]]) -> None:
    """A newer layout is not touched, and the message says what to upgrade."""
    migrate(empty)
    empty.execute("INSERT INTO rollout.versions (version, name) VALUES (99, 'of tomorrow')")

    with pytest.raises(RolloutError, match="upgrade rollout"):
        opened(server).list(EVERYTHING)
