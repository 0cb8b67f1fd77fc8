"""``thread/search``: which threads have a text somewhere in them (spec: state-and-protocol 6.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.appserver.messages import invalid
from rollout.appserver.methods.later_listing import View, Way
from rollout.appserver.methods.listing import KINDS, limit_of
from rollout.appserver.methods.method import Method
from rollout.appserver.params import Schema, flag, list_of, may, need, one_of, text, u32
from rollout.query import Order, ThreadQuery
from rollout.sources import INTERACTIVE

if TYPE_CHECKING:
    from rollout.appserver.connection import Connection
    from rollout.appserver.levels import Level

_SEARCH = Schema(
    searchTerm=need(text),
    limit=may(u32),
    archived=may(flag, default=False),
    sourceKinds=may(list_of(one_of(*KINDS)), default=()),
    sortKey=may(one_of("created_at", "updated_at"), default="created_at"),
)
_PLACES = 2000
"""How many places are looked at: a thread may have many."""


def methods(level: Level) -> dict[str, Method]:
    """The methods of this module."""
    return {"thread/search": Method(_SEARCH, search)} if level.later else {}


def search(connection: Connection, params: dict[str, Any]) -> dict[str, Any]:
    """Threads with the first place of each; there is one page."""
    server, term = connection.server, params["searchTerm"]
    if not term.strip():
        raise invalid("thread/search requires a non-empty searchTerm")
    query = ThreadQuery(
        archived=params["archived"],
        sources=tuple(KINDS[kind] for kind in params["sourceKinds"]) or INTERACTIVE,
        order=Order("created" if params["sortKey"] == "created_at" else "updated"),
        limit=_PLACES,
    )
    first: dict[str, str] = {}
    for hit in server.store.search(term, query).hits:
        first.setdefault(hit.thread_id, hit.snippet)
    wanted = list(first)[: limit_of(params["limit"])]
    known = server.codex.of(wanted)
    view = View(server, params["sortKey"], ascending=False, known=known, way=Way.FILES, own=False)
    rows = {one: row for one in wanted if (row := server.library.row(one)) is not None}
    data = [{"snippet": first[one], "thread": view.thread(row)} for one, row in rows.items()]
    return {"data": data, "nextCursor": None, "backwardsCursor": None}
