"""``thread/read`` and ``thread/loaded/list`` (spec: state-and-protocol 6.4, 6.5)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from rollout.appserver.codex_state import NOTHING
from rollout.appserver.messages import invalid
from rollout.appserver.methods.later_listing import read_state
from rollout.appserver.methods.method import Method, thread_id_of
from rollout.appserver.methods.tell import refuse_empty, refuse_turns, tell, tell_fresh
from rollout.appserver.params import Schema, may, need, switch, text, u32
from rollout.ids import try_parse

if TYPE_CHECKING:
    from rollout.appserver.connection import Connection
    from rollout.appserver.levels import Level
    from rollout.appserver.state import Server
    from rollout.ids import ThreadId

_READ = Schema(threadId=need(text), includeTurns=switch())
_LOADED = Schema(cursor=may(text), limit=may(u32))


def methods(_: Level) -> dict[str, Method]:
    """The methods of this module."""
    return {"thread/read": Method(_READ, read), "thread/loaded/list": Method(_LOADED, loaded_list)}


async def read(connection: Connection, params: dict[str, Any]) -> dict[str, Any]:
    """One thread. 0.100 finds no archived ones here, as Codex does not."""
    server = connection.server
    thread_id = thread_id_of(params["threadId"])
    live = server.threads.get(thread_id)
    if live is not None and live.fresh:
        if params["includeTurns"]:
            refuse_turns(live)
        told = {"thread": tell_fresh(server, live)}
        return told | {"readState": None} if server.level.later else told
    return await asyncio.to_thread(_read_stored, server, thread_id, turns=params["includeTurns"])


def _read_stored(server: Server, thread_id: ThreadId, *, turns: bool) -> dict[str, Any]:
    row = server.library.row(thread_id)
    if row is None or (row.archived and not server.level.later):
        raise invalid(f"thread not loaded: {thread_id}")
    refuse_empty(server, row)
    told = {"thread": tell(server, row, turns=turns)}
    if not server.level.later:
        return told
    return told | {"readState": read_state(row, server.codex.of([row.id]).get(row.id, NOTHING))}


async def loaded_list(connection: Connection, params: dict[str, Any]) -> dict[str, Any]:
    """The ids of loaded threads in order; a cursor is the last id of the page before."""
    ids, cursor = sorted(connection.server.threads), params["cursor"]
    if ids and cursor is not None:
        behind = try_parse(cursor)
        if behind is None:
            raise invalid(f"invalid cursor: {cursor}")
        ids = [one for one in ids if one > behind]
    limit = len(ids) if params["limit"] is None else max(1, params["limit"])
    page = ids[:limit]
    return {"data": page, "nextCursor": page[-1] if page and len(ids) > limit else None}
