"""What only Codex's own database knows of threads: what was read, how they are filed, when somebody last asked.

It is looked at, never written and never waited for: without it, or when it cannot be read, the answers are those of
the files alone (spec: state-and-protocol 1.5, 2.2). It is opened so that nothing is made beside it.
"""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Collection

_PATIENCE_MS = 1000
_AT_ONCE = 500
_SLACK_MS = 1000
_ROWS = """
    select threads.id, created_at_ms, updated_at_ms, recency_at_ms, git_sha, git_branch, git_origin_url,
           section_entered_at_ms, thread_sections.id, thread_sections.name, thread_sections.appearance
    from threads left join thread_sections on thread_sections.id = thread_section_id
    where threads.id in ({marks})
"""
_RECEIPTS = "select thread_id, revision, first_unread_turn from thread_read_receipts where thread_id in ({marks})"


class Known(NamedTuple):
    """What the database says of a thread; times in milliseconds; ``git``: commit, branch, origin."""

    created_ms: int = 0
    updated_ms: int = 0
    recency_ms: int = 0
    git: tuple[str | None, str | None, str | None] = (None, None, None)
    section: dict[str, str | None] | None = None
    section_entered_ms: int | None = None
    revision: str | None = None
    first_unread: str | None = None

    def is_fresh(self, active_ms: int) -> bool:
        """Whether it has seen the last record, so that its times count."""
        return self.updated_ms + _SLACK_MS >= active_ms


NOTHING = Known()


class CodexState:
    """The database of one home. Safe from any thread; every question opens it anew."""

    def __init__(self, home: str | None) -> None:
        """``home``: None for a store that has none."""
        self._path = _database(home) if home else ""

    def of(self, ids: Collection[str]) -> dict[str, Known]:
        """What is known of some threads; those that are not known are left out."""
        if not self._path or not os.path.exists(self._path):
            return {}
        import apsw  # noqa: PLC0415 - only who needs it pays for it

        wanted = [str(one) for one in ids]
        found: dict[str, Known] = {}
        try:
            with closing(apsw.Connection(self._uri(), flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)) as db:
                db.set_busy_timeout(_PATIENCE_MS)
                for at in range(0, len(wanted), _AT_ONCE):
                    found |= _look(db, wanted[at : at + _AT_ONCE])
        except apsw.Error:
            return {}
        return found

    def _uri(self) -> str:
        """Read as a file that does not change, unless its log and the log's index show that somebody uses it."""
        used = all(os.path.exists(self._path + end) for end in ("-wal", "-shm"))
        return f"file:{quote(self._path)}?{'mode=ro' if used else 'immutable=1'}"


def _database(home: str) -> str:
    from rollout.lifecycle.codex_index import INDEX, databases_of  # noqa: PLC0415 - only who needs it pays for it

    return os.path.join(databases_of(home), INDEX)


def _look(db: Any, ids: list[str]) -> dict[str, Known]:  # noqa: ANN401 - JSON as it comes
    marks = ",".join("?" * len(ids))
    found = {row[0]: _known(row) for row in db.execute(_ROWS.format(marks=marks), ids)}
    for thread_id, revision, turn in db.execute(_RECEIPTS.format(marks=marks), ids):
        found[thread_id] = found.get(thread_id, NOTHING)._replace(revision=revision, first_unread=turn)
    return found


def _known(row: tuple[Any, ...]) -> Known:
    _, created, updated, recency, sha, branch, origin, entered, section_id, name, appearance = row
    section = None if section_id is None else {"id": section_id, "name": name, "appearance": appearance}
    return Known(created or 0, updated or 0, recency or 0, (sha, branch, origin), section, entered)
