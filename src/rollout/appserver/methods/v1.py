"""What is left of the first protocol: two calls that clients of 0.100.0 still make (spec: state-and-protocol 6.4)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from rollout.appserver.messages import invalid
from rollout.appserver.methods.listing import cursor_of, limit_of, seed_cursor
from rollout.appserver.methods.method import Method
from rollout.appserver.params import Schema, list_of, malformed, may, text, u32
from rollout.appserver.wire.threads import HEAD, asked_in_event, asked_in_head, git_on_wire, source_on_wire
from rollout.ids import try_parse
from rollout.query import Order, ThreadQuery
from rollout.store.local.paths import parse_name
from rollout.times import to_text

if TYPE_CHECKING:
    from rollout.appserver.connection import Connection
    from rollout.appserver.levels import Level
    from rollout.ids import ThreadId
    from rollout.query import Thread

_SUMMARY = Schema(conversationId=may(text), rolloutPath=may(text))
_LIST = Schema(pageSize=may(u32), cursor=may(text), modelProviders=may(list_of(text)))


def methods(level: Level) -> dict[str, Method]:
    """The methods of this module."""
    if level.later:
        return {}
    return {
        "getConversationSummary": Method(_SUMMARY, get_summary),
        "listConversations": Method(_LIST, list_conversations),
    }


def get_summary(connection: Connection, params: dict[str, Any]) -> dict[str, Any]:
    """One thread, by its id or its path."""
    library = connection.server.library
    thread_id = _meant(params)
    row = library.row(thread_id)
    if row is None or row.archived:
        raise invalid(f"no rollout found for conversation id {thread_id}")
    preview = asked_in_head(library.records(row.id, HEAD))
    return {"summary": conversation(row, connection.server.settings.model_provider, preview)}


def _meant(params: dict[str, Any]) -> ThreadId:
    """The thread that an id or, failing that, the path of a rollout means."""
    found = try_parse(params["conversationId"] or "")
    if found is None and params["rolloutPath"]:
        parsed = parse_name(os.path.basename(params["rolloutPath"]))
        found = try_parse(parsed.thread_id) if parsed else None
    if found is None:
        raise malformed("data did not match any variant of untagged enum GetConversationSummaryParams")
    return found


def list_conversations(connection: Connection, params: dict[str, Any]) -> dict[str, Any]:
    """One page, the last changed first."""
    server = connection.server
    configured, providers = server.settings.model_provider, params["modelProviders"]
    query = ThreadQuery(
        sources=("cli", "vscode"),
        providers=(configured,) if providers is None else tuple(providers),
        default_provider=configured,
        order=Order("updated", tick_ms=1000),
        cursor=cursor_of(params["cursor"]),
        limit=limit_of(params["pageSize"]),
    )
    page = server.library.page(query)
    return {
        "items": [conversation(row, configured, asked_in_event(row)) for row in page.threads],
        "nextCursor": seed_cursor(page.next),
    }


def conversation(row: Thread, provider: str, preview: str) -> dict[str, Any]:
    """A thread in the words of the first protocol."""
    summary = row.summary
    return {
        "conversationId": row.id,
        "path": row.path,
        "preview": preview,
        "timestamp": summary.created_at,
        "updatedAt": to_text(row.modified_ms, millis=False),
        "modelProvider": summary.model_provider or provider,
        "cwd": summary.cwd or "",
        "cliVersion": summary.cli_version or "",
        "source": source_on_wire(summary.source, later=False),
        "gitInfo": git_on_wire(summary.git, v1=True),
    }
