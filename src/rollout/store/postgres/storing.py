"""Whole files into the store, byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.errors import ExistsError
from rollout.store.postgres.arrays import Blobs, numbers, texts
from rollout.store.postgres.folding import FileState, parse_name
from rollout.store.postgres.threads import NOTHING, refresh

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rollout.store.base import Segment
    from rollout.store.postgres.connections import Connection, Connections
    from rollout.store.postgres.folding import Stored
    from rollout.store.postgres.threads import Given

_LINES, _BYTES = 5000, 4 << 20
_FILE = """
INSERT INTO rollout.segments (tenant, thread_id, rollout_id, name, named_ms, modified_ns, mode, archived,
    compressed)
VALUES (%(tenant)s, %(id)s, %(rollout)s, %(name)s, %(named)s, %(modified)s, %(mode)s, %(archived)s,
    %(compressed)s)
ON CONFLICT (tenant, thread_id, name) WHERE trash IS NULL DO NOTHING RETURNING segment
"""
_STATE = """
UPDATE rollout.segments SET lines = %(lines)s, bytes = %(bytes)s, complete = %(complete)s, era = %(era)s,
    ordinal = %(ordinal)s, unnumbered = %(unnumbered)s, base = %(base)s, base_id = %(base_id)s
WHERE tenant = %(tenant)s AND thread_id = %(id)s AND segment = %(segment)s
"""
_LINES_IN = """
INSERT INTO rollout.lines (tenant, thread_id, segment, n, at, timestamp, type, bytes)
SELECT %(tenant)s, %(id)s, %(segment)s, %(first)s + one.n - 1, one.at, one.told, one.kind, one.bytes
FROM unnest(%(ats)s::bigint[], %(times)s::text[], %(types)s::text[], %(bytes)b)
    WITH ORDINALITY AS one (at, told, kind, bytes, n)
"""


def store_file(connections: Connections, segment: Segment, blocks: Iterable[bytes], given: Given = NOTHING) -> None:
    """Store a file, and what is given to its thread, in one transaction; raises ExistsError, FormatError, UnreachableError.

    Memory: 4 MiB and the longest line. INSERT and not COPY, which row-level security refuses.
    """
    told, state = parse_name(segment.name), FileState()
    values: dict[str, Any] = {
        "tenant": connections.tenant, "id": told.thread_id, "rollout": told.rollout_id, "name": segment.name,
        "named": told.unix_ms, "modified": segment.modified_ns, "mode": segment.mode, "archived": segment.archived,
        "compressed": segment.compressed,
    }  # fmt: skip
    with connections.changing() as connection:
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = '10min'")  # the source may be slow
        row = connection.execute(_FILE, values).fetchone()
        if row is None:
            raise ExistsError(f"{segment.name} exists already; nothing was written")
        values["segment"] = row[0]
        for batch in _batches(state.take(line) for line in physical(blocks)):
            _insert(connection, values | {"first": state.lines - len(batch)}, batch)
        connection.execute(_STATE, values | state.facts())
        refresh(connection, connections.tenant, told.thread_id, given, state.summary)


def physical(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The physical lines of a file that comes in blocks; the last one may lack its newline."""
    rest = bytearray()
    for block in blocks:
        rest += block
        if b"\n" in block:
            whole, _, tail = bytes(rest).rpartition(b"\n")
            yield from (line + b"\n" for line in whole.split(b"\n"))
            rest = bytearray(tail)
    if rest:
        yield bytes(rest)


def _batches(lines: Iterable[Stored]) -> Iterator[list[Stored]]:
    batch: list[Stored] = []
    size = 0
    for line in lines:
        batch.append(line)
        size += len(line.bytes)
        if len(batch) >= _LINES or size >= _BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _insert(connection: Connection, values: dict[str, Any], batch: list[Stored]) -> None:
    columns = {
        "ats": numbers(one.at for one in batch), "times": texts(one.timestamp for one in batch),
        "types": texts(one.type for one in batch), "bytes": Blobs(one.bytes for one in batch),
    }  # fmt: skip
    connection.execute(_LINES_IN, values | columns)
