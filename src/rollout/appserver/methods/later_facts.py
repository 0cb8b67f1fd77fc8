"""What 0.169.0 tells of a thread in a list, and of a single one (spec: state-and-protocol 6.5, 7.12).

A list looks at files. A single thread, and the lists that files do not answer, are told from Codex's database; where
there is none, or it has not seen the last record, from what it would hold.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, TypeGuard

from rollout.appserver.codex_state import NOTHING
from rollout.appserver.wire.threads import Facts
from rollout.codec import payload_tag, to_object
from rollout.lines import Line
from rollout.summary import Summary, fold
from rollout.times import parse_ms
from rollout.turns.grammar import mapping, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollout.appserver.codex_state import Known
    from rollout.appserver.state import Server
    from rollout.lines import Found
    from rollout.query import Thread

_LATEST = 10_000
"""On how many lines the first question is looked for."""
_CUT = 8 * 1024
"""From how many characters on a question may have been cut: a listing looks at 64 KiB, and a character may take six."""


def listed_facts(server: Server, row: Thread, known: Known = NOTHING) -> Facts:
    """A thread as a list of files tells it: with the times of its file, and nothing of what it was forked from."""
    summary = row.summary
    return Facts(
        preview=summary.preview,
        provider=server.settings.model_provider,
        model=summary.model or settled_model(server, row),
        cwd=summary.cwd or "",
        git=_git(row, known),
        created_ms=row.created_ms,
        updated_ms=row.modified_ms,
        recency_ms=recency_ms(server, row, known),
        section=known.section,
        section_entered_ms=known.section_entered_ms,
    )


def single_facts(server: Server, row: Thread, known: Known = NOTHING) -> Facts:
    """A thread as the database tells it. A thread that a search has looked at has the times of its file there."""
    summary, searched = row.summary, row.id in server.searched
    paginated = summary.history_mode == "paginated"
    return listed_facts(server, row, known)._replace(
        preview=own_preview(server, row) if searched else summary.preview,
        cwd=(summary.last_cwd if paginated else None) or summary.cwd or "",
        created_ms=row.created_ms if searched else known.created_ms or row.created_ms,
        updated_ms=row.modified_ms if searched else updated_ms(row, known),
        forked_from=summary.forked_from_id,
        thread_source=summary.thread_source,
    )


def updated_ms(row: Thread, known: Known) -> int:
    """When the database would say that a thread was appended to; legacy ones have their file's time there."""
    if row.summary.history_mode != "paginated":
        return row.modified_ms
    if known.updated_ms and known.is_fresh(row.active_ms):
        return known.updated_ms
    return row.modified_ms if row.archived else row.active_ms


def recency_ms(server: Server, row: Thread, known: Known) -> int:
    """When somebody last asked something: without the database, when the last turn began.

    In a legacy file Codex takes the file's time for it.
    """
    if row.summary.history_mode != "paginated":
        return row.modified_ms
    if known.recency_ms and known.is_fresh(row.active_ms):
        return known.recency_ms

    def last_turn(row: Thread) -> int:
        for found in server.store.lines_back(row.id):
            if _is_event(found) and payload_tag(found.record.payload) == "task_started":
                return parse_ms(found.record.timestamp) or row.modified_ms
        return row.created_ms

    return server.library.once(row, last_turn)


def _git(row: Thread, known: Known) -> dict[str, Any] | None:
    """Commit, branch and origin: the database has them as they were changed later."""
    if not any(known.git):
        return row.summary.git
    return dict(zip(("commit_hash", "branch", "repository_url"), known.git, strict=True))


def own_preview(server: Server, row: Thread) -> str:
    """What was asked first; in a fork by reference, what was asked first in itself."""
    summary = row.summary
    if not summary.history_base or not summary.forked_from_id or row.segments > 1:
        return summary.preview

    def own(row: Thread) -> str:
        return _first_asked(server.store.lines(row.id, own=True))

    return server.library.once(row, own) or summary.preview


def whole_preview(server: Server, row: Thread, preview: str) -> str:
    """What was asked first, also where that stands behind what a listing looks at, or is longer than that."""
    if not row.summary.partial or 0 < len(preview) < _CUT:
        return preview

    def whole(row: Thread) -> str:
        return _first_asked(islice(server.store.lines(row.id), _LATEST))

    return server.library.once(row, whole) or preview


def _first_asked(lines: Iterable[Found]) -> str:
    seen = Summary()
    for found in lines:
        if _is_event(found):
            fold(seen, {"type": "event_msg", "payload": to_object(found.record.payload)})
            if seen.preview:
                return seen.preview
    return ""


def settled_model(server: Server, row: Thread) -> str | None:
    """The model of a thread without a turn: that of its settings."""

    def settled(row: Thread) -> str | None:
        for found in server.store.lines_back(row.id):
            if _is_event(found):
                event = mapping(to_object(found.record.payload))
                if event.get("type") == "thread_settings_applied":
                    return text_of(mapping(event.get("thread_settings")).get("model")) or None
        return None

    return server.library.once(row, settled)


def _is_event(found: Found) -> TypeGuard[Line]:
    return isinstance(found, Line) and found.record.type == "event_msg"
