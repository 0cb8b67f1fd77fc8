"""The layout against the rules of a cluster that distributes tables by a column (Citus), as the catalog tells them.

What does not fit is named here, and in docs/design/scale.md with what an operator does about it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psycopg

    from postgres_server import Server

EVERYWHERE = ("tenant_roles", "versions")
"""Tables that have no threads: each machine has a copy."""

_TABLES = """
SELECT c.relname::text FROM pg_class c WHERE relnamespace = 'rollout'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
AND relname <> ALL (%s)
"""
_COLUMN = """
SELECT format_type(atttypid, atttypmod), attnotnull FROM pg_attribute WHERE attrelid = format('rollout.%%I', %s::text)::regclass
AND attname = 'thread_id'
"""
_KEYS = """
SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relnamespace = 'rollout'::regnamespace AND c.relname <> ALL (%s) AND (indisunique OR indisexclusion) AND NOT EXISTS
    (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'thread_id' AND a.attnum = ANY (i.indkey))
"""
_BETWEEN = "SELECT conname::text FROM pg_constraint WHERE connamespace = 'rollout'::regnamespace AND contype IN ('f', 'x')"
_PARTS = """
SELECT p.partrelid::regclass::text, p.partstrat::text, (SELECT array_agg(attname::text) FROM pg_attribute a
WHERE a.attrelid = p.partrelid AND a.attnum = ANY (p.partattrs)), EXISTS (SELECT FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid
WHERE h.inhparent = p.partrelid AND c.relkind = 'p') FROM pg_partitioned_table p
"""
_NUMBERED = """
SELECT DISTINCT format_type(a.atttypid, a.atttypmod) FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
WHERE pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval%%'
"""
_TRIGGERS = "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal"
_RULES = "SELECT rulename::text FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE relnamespace = 'rollout'::regnamespace"
_POLICIES = "SELECT DISTINCT qual::text FROM pg_policies WHERE schemaname = 'rollout'"
_FUNCTIONS = "SELECT proname::text, prosrc FROM pg_proc WHERE pronamespace = 'rollout'::regnamespace"

_STATEMENT = re.compile(r"(?:INSERT INTO|UPDATE|DELETE FROM) rollout\.[^;]*", re.DOTALL)
_CHANGEABLE = re.compile(r"\b(?:clock_timestamp|now|random|current_setting|rollout\.tenant)\(")


@pytest.fixture(scope="module")
def boss(server: Server) -> Iterator[psycopg.Connection[Any]]:
    """Who may read the whole catalog."""
    with server.admin() as connection:
        yield connection


def first(boss: psycopg.Connection[Any], sql: str, values: Sequence[object] = ()) -> set[str]:
    """The first column of an answer."""
    return {row[0] for row in boss.execute(sql.encode(), values or None)}


def test_every_table_is_distributed_by_the_same_column(boss: psycopg.Connection[Any]) -> None:
    """Every table with threads has their ids, of one type and never absent: so all of them are colocated."""
    tables = first(boss, _TABLES, [list(EVERYWHERE)])
    columns = {row for table in tables for row in boss.execute(_COLUMN.encode(), [table])}

    assert {"lines", "segments", "threads", "leases", "kinds", "trash", "followers", "words"} <= tables
    assert {("uuid", True)} == columns


def test_what_has_to_be_unique_is_so_within_a_thread(boss: psycopg.Connection[Any]) -> None:
    """Every unique index bears the thread; nothing refers from table to table, nothing excludes."""
    assert set() == first(boss, _KEYS, [list(EVERYWHERE)])
    assert set() == first(boss, _BETWEEN)
    assert set() == first(boss, _RULES) - {"_RETURN"}


def test_partitions_are_of_one_level_and_by_thread(boss: psycopg.Connection[Any]) -> None:
    """A partitioned table may be distributed when its partitions have none of their own."""
    assert [("rollout.lines", "h", ["thread_id"], False)] == boss.execute(_PARTS).fetchall()


def test_numbers_are_long(boss: psycopg.Connection[Any]) -> None:
    """Each machine gives numbers from a range of its own, which only a bigint can hold."""
    assert {"bigint"} == first(boss, _NUMBERED)


def changing(name: str, source: str) -> list[tuple[str, str]]:
    """The statements of a function that change rows and call what changes while they do."""
    found = (statement for statement in _STATEMENT.findall(source) if not statement.startswith("INSERT") or "ON CONFLICT" in statement)
    return [(name, statement.split("WHERE")[0].strip()[:40]) for statement in found if _CHANGEABLE.search(statement)]


def test_no_append_changes_rows_by_the_clock(boss: psycopg.Connection[Any]) -> None:
    """Functions that take, hold and keep leases and that append read the clock before they change a row."""
    known = {name: source for name, source in boss.execute(_FUNCTIONS) if name in ("take", "hold", "keep", "append")}

    assert {"take", "hold", "keep", "append"} == set(known)
    assert [] == [one for name, source in known.items() for one in changing(name, source)]


def test_what_an_operator_has_to_switch_on(boss: psycopg.Connection[Any]) -> None:
    """These parts do not fit as they are: triggers, on one table, and a policy that asks for the tenant once a statement."""
    assert {"rollout.threads"} == first(boss, _TRIGGERS)
    assert {"(tenant = ( SELECT rollout.tenant() AS tenant))"} == first(boss, _POLICIES)
