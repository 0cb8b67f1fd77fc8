"""``thread/list`` (spec: state-and-protocol 6.4, 6.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.appserver.messages import invalid
from rollout.appserver.methods.method import Method
from rollout.appserver.params import Schema, flag, list_of, may, one_of, text, u32
from rollout.appserver.wire.threads import asked_in_event, seed_thread
from rollout.errors import InvalidQueryError
from rollout.query import Cursor, Order, ThreadQuery

if TYPE_CHECKING:
    from rollout.appserver.connection import Connection
    from rollout.appserver.levels import Level
    from rollout.appserver.state import Server

USUAL, MOST = 25, 100
KINDS = {
    "cli": "cli",
    "vscode": "vscode",
    "exec": "exec",
    "appServer": "mcp",
    "subAgent": "subagent",
    "subAgentReview": "subagent:review",
    "subAgentCompact": "subagent:compact",
    "subAgentThreadSpawn": "subagent:thread_spawn",
    "subAgentOther": "subagent:other",
    "unknown": "unknown",
}
"""Kinds of sources on the wire, and the source keys that they mean."""
_ORDERS = {"created_at": "created", "updated_at": "updated"}
_SEED = Schema(
    cursor=may(text),
    limit=may(u32),
    sortKey=may(one_of("created_at", "updated_at"), default="created_at"),
    modelProviders=may(list_of(text)),
    sourceKinds=may(list_of(one_of(*KINDS)), default=()),
    archived=may(flag, default=False),
)


def methods(level: Level) -> dict[str, Method]:
    """The methods of this module."""
    return {} if level.later else {"thread/list": Method(_SEED, seed_list)}


def seed_list(connection: Connection, params: dict[str, Any]) -> dict[str, Any]:
    """One page as 0.100.0 tells it."""
    server = connection.server
    page = server.library.page(seed_query(server, params))
    provider = server.settings.model_provider
    return {
        "data": [seed_thread(row, provider, asked_in_event(row)) for row in page.threads],
        "nextCursor": seed_cursor(page.next),
    }


def seed_query(server: Server, params: dict[str, Any]) -> ThreadQuery:
    """What 0.100.0 means by its parameters: the configured provider, and what people started, unless told otherwise."""
    configured = server.settings.model_provider
    providers = params["modelProviders"]
    return ThreadQuery(
        archived=params["archived"],
        sources=tuple(KINDS[kind] for kind in params["sourceKinds"]) or ("cli", "vscode"),
        providers=(configured,) if providers is None else tuple(providers),
        default_provider=configured,
        order=Order(_ORDERS[params["sortKey"]], tick_ms=1000),
        cursor=cursor_of(params["cursor"]),
        limit=limit_of(params["limit"]),
    )


def limit_of(limit: int | None) -> int:
    """How many rows a page has."""
    return USUAL if limit is None else min(max(limit, 1), MOST)


def cursor_of(cursor: str | None) -> Cursor | None:
    """Where a page begins: behind a time; raises RpcError."""
    try:
        found = None if cursor is None else Cursor.parse(cursor)
    except InvalidQueryError:
        found = Cursor("", "")
    if found is not None and isinstance(found.key, str):
        raise invalid(f"invalid cursor: {cursor}")
    return found


def seed_cursor(cursor: Cursor | None) -> str | None:
    """A cursor with whole seconds."""
    if cursor is None or isinstance(cursor.key, str):
        return None
    return str(cursor._replace(key=cursor.key - cursor.key % 1000))
