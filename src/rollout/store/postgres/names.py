"""Names, tags and notes of threads, and what a text means."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from rollout.ids import ThreadId, try_parse
from rollout.labels import Labels
from rollout.store.postgres.folding import exact

if TYPE_CHECKING:
    from rollout.store.postgres.connections import Fetch

_SHAPE = "00000000-0000-0000-0000-000000000000"
_BEGINNING = re.compile(r"[0-9a-f-]{4,36}")


def all_names(fetch: Fetch, tenant: str) -> dict[str, str]:
    """The name of every thread that has one."""
    rows = fetch(
        "SELECT thread_id::text, name FROM rollout.threads WHERE tenant = %(tenant)s AND name IS NOT NULL",
        {"tenant": tenant},
    )
    return {identity: json.loads(name) for identity, name in rows}


def all_labels(fetch: Fetch, tenant: str) -> dict[str, Labels]:
    """The tags and notes of every thread that has any."""
    rows = fetch(
        "SELECT thread_id::text, tags, note FROM rollout.threads WHERE tenant = %(tenant)s"
        " AND (tags <> '{}' OR note IS NOT NULL)",
        {"tenant": tenant},
    )
    return {identity: Labels(tuple(tags), json.loads(note) if note else "") for identity, tags, note in rows}


def _completed(prefix: str, digit: str) -> str:
    """The first or the last id that begins so, "" when none can."""
    whole = prefix + re.sub("[0-9a-f]", digit, _SHAPE[len(prefix) :])
    return whole if _BEGINNING.fullmatch(prefix) else ""


def resolve(fetch: Fetch, tenant: str, text: str) -> tuple[ThreadId, ...]:
    """The threads that a text means: an id in any form, a prefix of 4 or more, or a name."""
    wanted, prefix = try_parse(text), text.lower()
    if wanted is not None:
        sql = "SELECT thread_id::text FROM rollout.threads WHERE tenant = %(tenant)s AND thread_id = %(id)s"
        rows = fetch(sql, {"tenant": tenant, "id": wanted})
    else:
        first, last = (try_parse(_completed(prefix, digit)) for digit in "0f")
        rows = fetch(
            "SELECT thread_id::text FROM rollout.threads WHERE tenant = %(tenant)s AND name = %(name)s UNION"
            " SELECT thread_id::text FROM rollout.threads WHERE tenant = %(tenant)s"
            " AND thread_id BETWEEN %(first)s::uuid AND %(last)s::uuid ORDER BY 1",
            {"tenant": tenant, "name": exact(text), "first": first, "last": last},
        )
    return tuple(ThreadId(row[0]) for row in rows)
