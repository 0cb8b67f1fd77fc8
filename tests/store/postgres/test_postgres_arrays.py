"""Arrays in our own form arrive as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from rollout.store.postgres.arrays import Blobs, numbers, register, texts

if TYPE_CHECKING:
    from postgres_server import Server


def test_arrays_arrive_as_they_were(server: Server) -> None:
    """Numbers, texts with quotes, backslashes, braces, commas, NULL and nothing, and any bytes."""
    told = ['a"b', "\\", "{x,y}", "NULL", None, "", " ", "\n", "é鑽"]
    data = [b"", b"\x00\xff", b"x" * 100_000]
    with psycopg.connect(f"host={server.folder} dbname=threads user=keeper", autocommit=True) as connection:
        register(connection)
        found = connection.execute(
            "SELECT %(numbers)s::bigint[], %(texts)s::text[], %(none)s::text[], %(bytes)b, %(empty)b",
            {
                "numbers": numbers([0, -1, 1 << 62]), "texts": texts(told), "none": texts([]), "bytes": Blobs(data),
                "empty": Blobs(),
            },
        ).fetchone()

    assert ([0, -1, 1 << 62], told, [], data, []) == found
