"""Migrations forth and back, and what a library says of a database that is behind or ahead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from rollout.errors import RolloutError
from rollout.query import EVERYTHING
from rollout.store.postgres.schema import Roles, migrate, migrations, version_of
from rollout.store.postgres.store import PostgresStore
from rollout.store.postgres.target import parse
from rollout.testing import builders as b
from rollout.testing.facts import segment
from rollout.testing.facts_reading import ODD_FILES
from support import ROOT

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
    assert (names, migrations()[-1].version) == (migrate(empty), version_of(empty))


def test_every_join_is_within_a_thread() -> None:
    """Where tables meet they meet by thread and tenant, so that a cluster distributed by threads joins on one machine."""
    folder = ROOT / "src" / "rollout" / "store" / "postgres"
    texts = " ".join(path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.suffix in (".py", ".sql"))
    joined = re.findall(r" JOIN rollout\.\w+ \w+\s+\"?\s*\"?(?:ON|USING) .{0,120}", " ".join(texts.replace('"', " ").split()))

    assert len(joined) >= 2
    assert [] == [one for one in joined if "thread_id" not in one or "tenant" not in one]


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


def told(store: PostgresStore) -> dict[str, object]:
    """All threads of a store: bytes, names, places."""
    rows = store.list(EVERYTHING._replace(limit=100)).threads
    return {row.id: (b"".join(store.raw(row.id)), row.name, row.archived, row.bytes, row.active_ms) for row in rows}


@pytest.mark.slow
def test_threads_survive_every_step(server: Server, empty: psycopg.Connection[tuple[object, ...]]) -> None:
    """Back to the first layout and forth again, with threads in the tables: each is what it was, and can be written."""
    roles = Roles("keeper")
    migrate(empty, roles=roles)
    store = opened(server)
    for number, data in enumerate(ODD_FILES.values(), 1):
        store.put(segment(number, data, archived=number % 2 == 0), [data])
    store.set_name(b.thread_id(3), "the third")
    before = told(store)
    store.close()
    migrate(empty, 1)
    with pytest.raises(RolloutError, match="rollout store migrate"):
        opened(server).list(EVERYTHING)
    migrate(empty, roles=roles)
    again = opened(server)
    after = told(again)
    writer = again.open_writer(b.thread_id(3))
    writer.append(b.line(b.user("more")), 1)
    flushed = writer.flush()
    writer.close()
    again.close()

    assert (before, 1) == (after, flushed)


def test_a_layout_that_nobody_knows(empty: psycopg.Connection[tuple[object, ...]]) -> None:
    """To ask for a layout beyond the newest is an error, and changes nothing."""
    with pytest.raises(RolloutError, match="there is no layout 99"):
        migrate(empty, 99)

    assert 0 == version_of(empty)


def test_the_steps_are_numbered_one_by_one() -> None:
    """Of two steps with one number the second would never be taken."""
    assert [*range(1, len(migrations()) + 1)] == [step.version for step in migrations()]


KEYS = """
SELECT c.relname, array_agg(a.attname::text) FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace s ON s.oid = c.relnamespace AND s.nspname = 'rollout'
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
WHERE i.indisunique AND c.relname NOT IN ('versions', 'tenant_roles') GROUP BY i.indexrelid, c.relname
"""


def test_every_key_bears_tenant_and_thread(server: Server) -> None:
    """No row of a tenant can be in the way of another's, and every table can be distributed by its threads."""
    with server.admin() as connection:
        keys: list[tuple[Any, ...]] = connection.execute(KEYS).fetchall()
        exposed = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'rollout'::regnamespace AND relkind IN ('r', 'p')"
            " AND relname NOT IN ('versions', 'tenant_roles') AND NOT (relrowsecurity AND relforcerowsecurity)"
        ).fetchall()

    assert len(keys) > 20
    assert [] == [key for key in keys if not {"tenant", "thread_id"} <= {*key[1]}]
    assert [("words",)] == exposed, "its owner is not bound, so that a function of the owner's can use the index"
