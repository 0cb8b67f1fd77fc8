"""Tenants do not see each other, whatever is asked; roles have what they need and no more; secrets stay secret."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest

from rollout.errors import NotFoundError, RolloutError
from rollout.query import EVERYTHING
from rollout.store import open_store
from rollout.store.postgres.operating import Migration, migrate_at
from rollout.store.postgres.store import PostgresStore
from rollout.store.postgres.target import parse, without_secrets
from rollout.testing import builders as b
from rollout.testing.facts import Aside, segment

if TYPE_CHECKING:
    from postgres_server import Server

pytestmark = pytest.mark.slow

TABLES = ("segments", "lines", "threads", "leases", "trash", "followers", "words", "kinds", "events")


def talk(store: PostgresStore, number: int = 1, said: str = "needle") -> str:
    """Store a thread in which somebody said something."""
    data = b.rollout_bytes(b.thread_id(number), *b.turn(said, "answer"))
    store.put(segment(number, data), [data])
    return b.thread_id(number)


def filled(server: Server) -> PostgresStore:
    """A tenant with a row in every table."""
    store = server.store()
    talk(store, 1)
    store.remove(talk(store, 2))
    store.search("needle", EVERYTHING)
    store.wait(b.thread_id(1), store.end(b.thread_id(1)), 0.5)
    return store


def test_every_table_has_rows_of_its_own(server: Server) -> None:
    """The premise of the next tests: a tenant that has done everything has rows everywhere."""
    store = filled(server)
    with server.admin() as connection:
        counts = {
            table: connection.execute(f"SELECT count(*) FROM rollout.{table} WHERE tenant = %s".encode(), (store.tenant,)).fetchone()
            for table in TABLES
        }
    store.close()

    assert [] == [table for table, found in counts.items() if not found or not found[0]]


def test_no_query_crosses(server: Server) -> None:
    """A second tenant finds, reads and changes nothing of the first one's, and may use the same ids."""
    one, two = filled(server), server.store()
    identity = b.thread_id(1)
    asked = (one.list(EVERYTHING).threads, two.list(EVERYTHING).threads)
    found = (len(one.search("needle", EVERYTHING).hits), two.search("needle", EVERYTHING).hits)
    for work in (two.summary, two.segments, two.raw, two.lines, two.end, two.remove, two.open_writer):
        with pytest.raises(NotFoundError):
            work(identity)
    talk(two, 1, "another needle")

    assert (1, 0) == (len(asked[0]), len(asked[1]))
    assert (1, ()) == found
    assert b"another" not in b"".join(one.raw(identity))
    one.close()
    two.close()


@pytest.mark.parametrize("table", [*TABLES, "lines_0", "lines_7"])
def test_sql_without_a_condition_does_not_cross(server: Server, table: str) -> None:
    """Even a statement that forgets its tenant sees, changes and deletes no row of another one."""
    store = filled(server)
    with psycopg.connect(f"host={server.folder} dbname=threads user=keeper", autocommit=True) as connection:
        connection.execute("SELECT set_config('rollout.tenant', %s, false)", (uuid4().hex,))
        if not table.startswith("lines_"):
            seen = connection.execute(f"SELECT count(*) FROM rollout.{table}".encode()).fetchone()
            gone = connection.execute(f"DELETE FROM rollout.{table}".encode()).rowcount
            assert ((0,), 0) == (seen, gone)
        else:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT count(*) FROM rollout.{table}".encode())
    store.close()


def test_the_function_of_words_does_not_cross(server: Server) -> None:
    """The one function that row-level security does not bind gives the threads of its tenant alone."""
    one, two = filled(server), server.store()
    with psycopg.connect(f"host={server.folder} dbname=threads user=keeper", autocommit=True) as connection:
        found = dict[str, int]()
        for store in (one, two):
            connection.execute("SELECT set_config('rollout.tenant', %s, false)", (store.tenant,))
            found[store.tenant] = len(connection.execute("SELECT rollout.threads_with('needle', 10)").fetchall())
    one.close()
    two.close()

    assert [1, 0] == list(found.values())


def test_a_row_cannot_be_given_to_another_tenant(server: Server) -> None:
    """Writing under a foreign tenant's name is refused by the server."""
    with psycopg.connect(f"host={server.folder} dbname=threads user=keeper", autocommit=True) as connection:
        connection.execute("SELECT set_config('rollout.tenant', 'mine', false)")

        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            connection.execute("INSERT INTO rollout.trash (tenant, token, thread_id) VALUES ('theirs', 'x', gen_random_uuid())")


def test_a_role_bound_to_a_tenant(server: Server) -> None:
    """A bound role is of its tenant without a word in the URL, and of no other whatever the URL says."""
    role = f"bound_{uuid4().hex[:8]}"
    with server.admin() as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN".encode())
    migrate_at(server.url("x", user="boss"), Migration(role=role, tenant="acme"))
    bound = PostgresStore(parse(f"postgresql:///threads?host={server.folder}&user={role}"))
    other = PostgresStore(parse(server.url("evil", user=role)))

    assert "acme" == bound.tenant
    with pytest.raises(RolloutError, match="belongs to another tenant"):
        other.list(EVERYTHING)
    with psycopg.connect(f"host={server.folder} dbname=threads user={role}", autocommit=True) as connection:
        connection.execute("SELECT set_config('rollout.tenant', 'evil', false)")
        assert ("acme",) == connection.execute("SELECT rollout.tenant()").fetchone()
    bound.close()


def test_least_privilege(server: Server) -> None:
    """The role of recorders can neither change the layout nor bind roles to tenants."""
    refused: list[str] = []
    for statement in (
        "CREATE TABLE rollout.more (x int)", "DROP TABLE rollout.lines", "TRUNCATE rollout.lines",
        "INSERT INTO rollout.tenant_roles VALUES ('keeper', 'theirs')", "UPDATE rollout.versions SET version = 9",
        "ALTER TABLE rollout.lines DISABLE ROW LEVEL SECURITY",
    ):  # fmt: skip
        with psycopg.connect(f"host={server.folder} dbname=threads user=keeper", autocommit=True) as connection:
            try:
                connection.execute(statement.encode())
            except psycopg.errors.InsufficientPrivilege:
                refused.append(statement)

    assert 6 == len(refused)


def test_secrets_are_never_told(tmp_path: object) -> None:
    """Neither an error nor a URL that is shown has the password, however it was given."""
    assert tmp_path
    urls = (
        "postgresql://me:s3cr3t%21@127.0.0.1:1/db",
        "postgresql://127.0.0.1:1/db?user=me&password=s3cr3t%21",
        "postgresql://me:s3cr3t%21@[::1/db",
        "postgresql://me:s3cr3t%21@127.0.0.1:1/db?nonsense=s3cr3t!",
    )
    told: list[str] = []
    for url in urls:
        with pytest.raises(RolloutError) as caught:
            open_store(url).list(EVERYTHING)
        told += [str(caught.value), without_secrets(url)]

    assert [] == [text for text in told if "s3cr3t" in text and "nonsense" not in text]


def test_a_role_that_may_only_read(server: Server) -> None:
    """It lists, reads, searches and follows, and can change nothing, not even with SQL of its own."""
    store = filled(server)
    reader = PostgresStore(parse(server.url(store.tenant, user="looker")))
    identity = b.thread_id(1)
    end = reader.end(identity)
    waiting = Aside(lambda: reader.wait(identity, end, 20.0))
    writer = store.open_writer(identity)
    writer.append(b.line(b.user("news")), 1)
    writer.flush()
    grown = waiting.result()
    writer.close()
    answers = (len(reader.list(EVERYTHING).threads), len(reader.search("needle", EVERYTHING).hits), list(reader.lines(identity)) == list(store.lines(identity)))
    for change in (
        lambda: reader.open_writer(identity), lambda: reader.set_name(identity, "x"), lambda: reader.remove(identity),
        lambda: reader.set_archived(identity, archived=True), lambda: talk(reader, 9), lambda: reader.set_tags(identity, ["x"]),
    ):  # fmt: skip
        with pytest.raises(RolloutError, match="permission denied"):
            change()
    refused: list[str] = []
    for table in (*TABLES, "versions", "tenant_roles", "kinds"):
        with psycopg.connect(f"host={server.folder} dbname=threads user=looker", autocommit=True) as connection:
            try:
                connection.execute(f"DELETE FROM rollout.{table}".encode())
            except psycopg.errors.InsufficientPrivilege:
                refused.append(table)

    assert ((1, 1, True), grown) == (answers, writer.position)
    assert [*TABLES, "versions", "tenant_roles", "kinds"] == refused
    reader.close()
    store.close()


def test_notifications_do_not_cross(server: Server) -> None:
    """The channel of a thread is known to the followers of its tenant alone; its name cannot be made from the thread's."""
    store, identity = filled(server), b.thread_id(1)
    waiting = Aside(lambda: store.wait(identity, store.end(identity), 20.0))
    with server.admin() as boss:
        channel = None
        while channel is None:
            row = boss.execute("SELECT channel FROM rollout.followers WHERE tenant = %s", (store.tenant,)).fetchone()
            channel = row[0] if row else None
    with psycopg.connect(f"host={server.folder} dbname=threads user=keeper", autocommit=True) as other:
        other.execute("SELECT set_config('rollout.tenant', %s, false)", (uuid4().hex,))
        seen = other.execute("SELECT channel FROM rollout.followers").fetchall()
        other.execute(f"LISTEN rollout_{identity.replace('-', '')}".encode())
        writer = store.open_writer(identity)
        writer.append(b.line(b.user("news")), 1)
        writer.flush()
        assert writer.position == waiting.result()
        heard = list(other.notifies(timeout=0.1))
    writer.close()

    assert ([], []) == (seen, heard)
    assert identity.replace("-", "") not in str(channel)
    store.close()


def test_a_row_of_another_tenant_is_in_nobodys_way(server: Server) -> None:
    """A tenant that writes rows under the numbers of another one's file neither stops nor changes it."""
    store, identity = filled(server), b.thread_id(1)
    with server.admin() as boss:
        segment_of = boss.execute(
            "SELECT segment, lines FROM rollout.segments WHERE tenant = %s AND thread_id = %s", (store.tenant, identity)
        ).fetchone()
    assert segment_of is not None
    with psycopg.connect(f"host={server.folder} dbname=threads user=keeper", autocommit=True) as other:
        other.execute("SELECT set_config('rollout.tenant', 'evil', false)")
        for n in range(10):
            other.execute(
                "INSERT INTO rollout.lines (tenant, thread_id, segment, n, at, bytes) VALUES ('evil', %s, %s, %s, 0, 'x')",
                (identity, segment_of[0], n),
            )
    before = b"".join(store.raw(identity))
    writer = store.open_writer(identity)
    writer.append(b.line(b.user("mine")), 1)
    writer.flush()
    writer.close()

    assert before + b.line(b.user("mine")) == b"".join(store.raw(identity))
    store.close()
