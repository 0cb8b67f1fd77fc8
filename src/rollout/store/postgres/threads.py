"""Rows of ``threads``: made from what a file's state tells, made anew from the lines, and read back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from rollout.codec import to_object
from rollout.errors import NotFoundError
from rollout.ids import ThreadId
from rollout.lines import Line
from rollout.query import Thread, text_of, title_key
from rollout.store.postgres.chain import chain_of, files_of
from rollout.store.postgres.connections import fetching
from rollout.store.postgres.folding import exact, folded, inherit, thread_columns
from rollout.store.postgres.reading import lines
from rollout.store.stored_summary import StoredSummary, fill
from rollout.summary import Summary, fold
from rollout.times import parse_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollout.store.postgres.chain import Chain, File
    from rollout.store.postgres.connections import Connection, Fetch, Row
    from rollout.store.postgres.folding import FileState

_NO_META = "no session metadata"
COLUMNS = (
    "threads.thread_id::text, path, archived, size, created_ms, modified_ms, active_ms, name, summary, segments, state,"
    " tags, note"
)
_WRITE = """
INSERT INTO rollout.threads (tenant, thread_id, path, named_ms, archived, size, segments, created_ms, modified_ms,
    active_ms, tokens, state, source, provider, cwd, branch, parent, forked_from, title, texts, summary, name, tags, note)
VALUES (%(tenant)s, %(id)s, %(path)s, %(named_ms)s, %(archived)s, %(size)s, %(segments)s, %(created_ms)s,
    %(modified_ms)s, %(active_ms)s, %(tokens)s, %(state)s, %(source)s, %(provider)s, %(cwd)s, %(branch)s, %(parent)s,
    %(forked_from)s, %(title)s, %(texts)s, %(summary)s, %(name)s, %(tags)s, %(note)s)
ON CONFLICT (tenant, thread_id) DO UPDATE SET path = excluded.path, named_ms = excluded.named_ms,
    archived = excluded.archived, size = excluded.size, segments = excluded.segments, created_ms = excluded.created_ms,
    modified_ms = excluded.modified_ms, active_ms = excluded.active_ms, tokens = excluded.tokens, state = excluded.state,
    source = excluded.source, provider = excluded.provider, cwd = excluded.cwd, branch = excluded.branch,
    parent = excluded.parent, forked_from = excluded.forked_from, title = excluded.title, texts = excluded.texts,
    summary = excluded.summary, name = excluded.name, tags = excluded.tags, note = excluded.note
"""


def row_of_state(thread_id: ThreadId, name: str, state: FileState, named_ms: int) -> Thread:
    """The row of a thread of one file, as far as its writer knows it: neither name nor place."""
    if state.base is not None:
        state.summary.partial = not state.summary.preview
    modified_ms = state.modified_ns // 1_000_000
    return _row(thread_id, f"postgresql:{name}", state.summary, (named_ms, modified_ms))._replace(bytes=state.bytes)


def thread_of(row: Row) -> Thread:
    """A row of ``COLUMNS`` as a listing gives it."""
    identity, path, archived, size, created, modified, active, name, summary, segments, state, tags, note = row
    problem = _NO_META if state == "unreadable" else None
    return Thread(  # by place: with names it takes a third longer, and a page is mostly this
        ThreadId(identity), f"postgresql:{path}", archived, size, created, modified, active,
        None if name is None else json.loads(name), StoredSummary(summary), segments, problem, tuple(tags), _text(note) or "",
    )  # fmt: skip


def one_thread(fetch: Fetch, tenant: str, thread_id: str) -> Thread | None:
    """The row of one thread, None when there is none."""
    rows = fetch(
        f"SELECT {COLUMNS} FROM rollout.threads WHERE tenant = %(tenant)s AND thread_id = %(id)s",
        {"tenant": tenant, "id": thread_id},
    )
    return thread_of(rows[0]) if rows else None


def summary_of(fetch: Fetch, chain: Chain, *, newest: bool) -> Summary:
    """The facts of a thread from all of its own lines, or from those of its newest file; the question from its bases."""
    mine = chain.newest.thread_id
    owned = {number for number, one in enumerate(chain.stretches) if one.thread_id == mine}
    found = lines(fetch, chain, own=newest)
    summary = folded(one for one in found if newest or one.position.segment in owned)
    if summary.history_base is not None:
        inherit(summary, folded(lines(fetch, chain)))
    return summary


def stored_summary(fetch: Fetch, tenant: str, chain: Chain) -> Summary:
    """The facts of a thread of one file: those that its row keeps, and the instructions that it leaves out."""
    rows = fetch(
        "SELECT summary FROM rollout.threads WHERE tenant = %(tenant)s AND thread_id = %(id)s",
        {"tenant": tenant, "id": chain.newest.thread_id},
    )
    if not rows:
        raise NotFoundError(f"no thread {chain.newest.thread_id}; list() names those that are here")
    summary = fill(Summary(), rows[0][0])
    if summary.has_meta:
        summary.base_instructions = _instructions_of(fetch, chain)
    return summary


def _instructions_of(fetch: Fetch, chain: Chain) -> Any:  # noqa: ANN401 - JSON as it stands in the file
    """What the first metadata of the newest file tell."""
    summary = Summary()
    for one in lines(fetch, chain, own=True):
        value = to_object(one.data) if isinstance(one, Line) else None
        if isinstance(value, dict) and fold(summary, value).has_meta:
            return summary.base_instructions
    return None


class Given(NamedTuple):
    """What people gave to a thread: name and note as JSON, None without one; tags."""

    name: str | None = None
    tags: Sequence[str] = ()
    note: str | None = None


NOTHING = Given()


def refresh(
    connection: Connection, tenant: str, thread_id: str, given: Given = NOTHING, summary: Summary | None = None
) -> None:
    """Write a thread's row anew from its files, and those of the threads that build on it.

    Of what was ``given``, that counts which the thread has not. ``summary``: what its newest file was found to tell,
    which counts where it is the only one and builds on none.
    """
    waiting, done = [thread_id], {""}
    while waiting:
        one = waiting.pop()
        if one in done:
            continue
        done.add(one)
        files = files_of(fetching(connection), tenant, one)
        known = summary if one == thread_id and len(files) == 1 else None
        _refresh_one(connection, tenant, files, (given if one == thread_id else NOTHING, known))
        waiting += building_on(fetching(connection), tenant, files)


def building_on(fetch: Fetch, tenant: str, files: Sequence[File]) -> list[str]:
    """The other threads whose files build on one of these files."""
    rows = fetch(
        "SELECT DISTINCT thread_id::text FROM rollout.segments WHERE tenant = %(tenant)s AND trash IS NULL"
        " AND base_id = ANY(%(ids)s) AND thread_id <> %(own)s ORDER BY 1",
        {"tenant": tenant, "ids": [one.rollout_id for one in files], "own": files[0].thread_id},
    )
    return [row[0] for row in rows]


def _refresh_one(
    connection: Connection, tenant: str, files: Sequence[File], told: tuple[Given, Summary | None]
) -> None:
    newest, fetch = files[-1], fetching(connection)
    given, summary = told
    if summary is None or newest.base is not None:
        summary = summary_of(fetch, chain_of(fetch, tenant, newest), newest=True)
    summary.base_instructions = None  # as its writers leave them out
    values = {"tenant": tenant, "id": newest.thread_id}
    old = connection.execute(
        "SELECT name, tags, note FROM rollout.threads WHERE tenant = %(tenant)s AND thread_id = %(id)s FOR UPDATE",
        values,
    ).fetchone()
    had = Given(*old) if old else NOTHING
    kept = Given(given.name if had.name is None else had.name, had.tags or given.tags, had.note or given.note)
    times = newest.named_ms, newest.modified_ns // 1_000_000
    row = _row(ThreadId(newest.thread_id), newest.name, summary, times)
    whole = row._replace(
        archived=newest.archived, bytes=sum(one.bytes for one in files), segments=len(files), name=_text(kept.name)
    )
    facts = thread_columns(whole) | {"path": newest.name, "named_ms": newest.named_ms, "name": kept.name}
    facts |= {"tags": [*kept.tags], "note": kept.note}
    connection.execute(_WRITE, values | facts)


def rename(connection: Connection, tenant: str, row: Thread) -> None:
    """Write the name of a row, and what a listing calls the thread."""
    connection.execute(
        "UPDATE rollout.threads SET name = %(name)s, title = %(title)s, texts = %(texts)s"
        " WHERE tenant = %(tenant)s AND thread_id = %(id)s",
        {
            "tenant": tenant, "id": row.id, "name": exact(row.name or ""), "title": title_key(row),
            "texts": text_of(row),
        },
    )


def tag(connection: Connection, tenant: str, thread_id: str, add: Sequence[str], remove: Sequence[str]) -> tuple[str, ...] | None:
    """Give and take tags in one statement, so that two writers both count; the tags then, None without the thread."""
    found = connection.execute(
        "UPDATE rollout.threads SET tags = ARRAY(SELECT DISTINCT one FROM unnest(tags || %(add)s::text[]) AS of (one)"
        " WHERE one <> ALL (%(remove)s::text[]) ORDER BY one) WHERE tenant = %(tenant)s AND thread_id = %(id)s RETURNING tags",
        {"tenant": tenant, "id": thread_id, "add": [*add], "remove": [*remove]},
    ).fetchone()
    return None if found is None else tuple(found[0])


def annotate(connection: Connection, tenant: str, thread_id: str, note: str) -> bool:
    """Write the note of a thread, "" for none; whether the thread is there."""
    values = {"tenant": tenant, "id": thread_id, "note": exact(note) if note else None}
    sql = "UPDATE rollout.threads SET note = %(note)s WHERE tenant = %(tenant)s AND thread_id = %(id)s"
    return connection.execute(sql, values).rowcount > 0


def _row(thread_id: ThreadId, path: str, summary: Summary, times: tuple[int, int]) -> Thread:
    named_ms, modified_ms = times
    created_ms = parse_ms(summary.created_at)
    return Thread(
        id=thread_id,
        path=path,
        archived=False,
        bytes=0,
        created_ms=named_ms if created_ms is None else created_ms,
        modified_ms=modified_ms,
        active_ms=parse_ms(summary.active_at) or modified_ms,
        name=None,
        summary=summary,
        problem=None if summary.has_meta else _NO_META,
    )


def _text(name: str | None) -> str | None:
    return None if name is None else str(json.loads(name))
