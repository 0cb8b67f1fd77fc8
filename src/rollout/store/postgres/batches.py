"""Batches of lines on their way to the server: what ``rollout.append`` is told of them."""

from __future__ import annotations

import json
import time
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

from rollout.store.postgres.arrays import Blobs, numbers, texts
from rollout.store.postgres.folding import thread_columns
from rollout.store.postgres.threads import row_of_state

if TYPE_CHECKING:
    from rollout.store.postgres.folding import FileState, Name

# Every number goes as a text of no type: the driver would type each by its size, and prepare every mixture of sizes anew.
APPEND = """
SELECT rollout.hold(%(tenant)s, %(id)s, %(holder)s, %(epoch)s, %(seconds)s),
       rollout.append(%(tenant)s, %(id)s, %(segment)s, %(from)s,
                      %(bytes)s, %(complete)s, %(era)s, %(ordinal)s, %(unnumbered)s, %(base)s, %(base_id)s, %(modified_ns)s,
                      %(active_ms)s, %(tokens)s, %(summary)s, %(row)s::jsonb,
                      %(ats)s::bigint[], %(times)s::text[], %(types)s::text[], %(data)b)
"""
_EACH = frozenset({"size", "modified_ms", "active_ms", "tokens", "summary"})
"""What of a listing's row changes with every batch."""


class Batch(NamedTuple):
    """Lines on their way: what is sent, again and again until it is acknowledged, and what of the pending it is."""

    values: dict[str, Any]
    length: int
    lines: int


class Row:
    """The row of a thread in a listing, as its writer keeps it up."""

    def __init__(self, told: Name, name: str) -> None:
        """The server's row is not known: the first batch writes all of it."""
        self._told, self._name = told, name
        self._sent = ""

    def values(self, state: FileState, data: bytes) -> dict[str, Any]:
        """Fold lines into what is known of their file; what the statement needs to store them.

        To be used in turn: each batch counts on those before it.
        """
        start = state.bytes
        if state.is_torn:
            state.fence()
        lines = [state.take(physical) for physical in BytesIO(data)]
        state.modified_ns = time.time_ns()
        facts = state.facts() | self._of(state) | {"from": start}
        return {
            **{name: None if value is None else str(value) for name, value in facts.items()},
            "ats": numbers(one.at for one in lines), "times": texts(one.timestamp for one in lines),
            "types": texts(one.type for one in lines), "data": Blobs(one.bytes for one in lines),
        }  # fmt: skip

    def _of(self, state: FileState) -> dict[str, Any]:
        """What changes with every batch; the rest where it is not as it was sent last.

        Where a file builds on others, those who write them change its row as well: then all of it.
        """
        columns = thread_columns(row_of_state(self._told.thread_id, self._name, state, self._told.unix_ms))
        rest = json.dumps({name: value for name, value in columns.items() if name not in _EACH})
        known, self._sent = self._sent, rest
        same = rest == known and state.base is None
        return {name: columns[name] for name in ("active_ms", "tokens", "summary")} | {"row": None if same else rest}
