"""``thread/turns/list`` and ``thread/items/list`` (spec: state-and-protocol 6.5).

A cursor is JSON in a text: of a paginated thread with the ordinal of the row that it is anchored at, of another with
the id of the turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from rollout.appserver.messages import METHOD_NOT_FOUND, RpcError, invalid
from rollout.appserver.methods.listing import limit_of
from rollout.appserver.methods.method import Method, thread_id_of
from rollout.appserver.pages import Anchor, ItemRow, Wish, items_page, turns_page
from rollout.appserver.params import Schema, anything, flag, list_of, may, need, one_of, text, u32
from rollout.appserver.wire.items import item_on_wire
from rollout.appserver.wire.turns import turn_on_wire

if TYPE_CHECKING:
    from rollout.appserver.connection import Connection
    from rollout.appserver.levels import Level
    from rollout.appserver.library import Library
    from rollout.turns import Outline, Turn

_TURNS = Schema(
    threadId=need(text),
    cursor=may(text),
    limit=may(u32),
    sortDirection=may(one_of("asc", "desc"), default="desc"),
    itemsView=may(one_of("notLoaded", "summary", "full"), default="summary"),
)
_ITEMS = Schema(
    threadId=need(text),
    turnId=may(text),
    cursor=may(anything),
    limit=may(u32),
    sortDirection=may(one_of("asc", "desc"), default="asc"),
    deferOutput=may(flag, default=False),
)
_READ = Schema(threadId=need(text), turnId=need(text), itemIds=need(list_of(text)))
_MOST_READ = 100
FIRST_PAGE = Schema(
    limit=may(u32),
    sortDirection=may(one_of("asc", "desc"), default="desc"),
    itemsView=may(one_of("notLoaded", "summary", "full"), default="summary"),
    cursor=may(text),
)
TURNS, ITEMS = "turns", "itemsByCreatedAtOrdinal"


def methods(level: Level) -> dict[str, Method]:
    """The methods of this module."""
    if not level.later:
        return {}
    return {
        "thread/turns/list": Method(_TURNS, list_turns),
        "thread/items/list": Method(_ITEMS, list_items),
        "thread/items/read": Method(_READ, read_items),
    }


def list_turns(connection: Connection, params: dict[str, Any]) -> dict[str, Any]:
    """One page of turns."""
    server = connection.server
    thread_id = thread_id_of(params["threadId"])
    live = server.threads.get(thread_id)
    if live is not None and live.fresh:
        what = "thread/turns/list is unavailable before first user message"
        raise invalid(f"thread {thread_id} is not materialized yet; {what}")
    if server.library.row(thread_id) is None:
        raise invalid(f"thread not loaded: {thread_id}")
    running = None if live is None or live.running is None else live.running.turn_id
    return turns_answer(server.library, thread_id, params, running)


def turns_answer(
    library: Library, thread_id: str, params: dict[str, Any], running: str | None = None
) -> dict[str, Any]:
    """A page of turns; ``running``: the turn that runs now."""
    outlined = library.outline(thread_id)
    anchor = _turn_anchor(outlined, params["cursor"])
    wish = Wish(anchor, limit_of(params["limit"]), params["sortDirection"] == "asc")
    rows = turns_page(library, thread_id, outlined, wish)
    turns = rows.turns
    return {
        "data": [
            turn_on_wire(turn, later=True, view=params["itemsView"], running=turn.id == running) for turn in turns
        ],
        "nextCursor": turn_cursor(thread_id, outlined, turns[-1], include=False) if turns and rows.more else None,
        "backwardsCursor": turn_cursor(thread_id, outlined, turns[0], include=True) if turns else None,
    }


def list_items(connection: Connection, params: dict[str, Any]) -> dict[str, Any]:
    """One page of items of a paginated thread."""
    library = connection.server.library
    thread_id = thread_id_of(params["threadId"])
    outlined = library.outline(thread_id) if library.row(thread_id) is not None else None
    if outlined is None or outlined.reading.era != "paginated":
        raise RpcError(METHOD_NOT_FOUND, "thread/items/list is not supported yet")
    turns = [turn for turn in outlined.standing if params["turnId"] in (None, turn.id)]
    wish = Wish(_ordinal_anchor(params["cursor"]), limit_of(params["limit"]), params["sortDirection"] == "asc")
    rows = items_page(library, thread_id, outlined, turns, wish)
    items = rows.items
    return {
        "data": [_item_row(row) for row in items],
        "nextCursor": item_cursor(thread_id, items[-1], include=False) if items and rows.more else None,
        "backwardsCursor": item_cursor(thread_id, items[0], include=True) if items else None,
    }


def read_items(connection: Connection, params: dict[str, Any]) -> dict[str, Any]:
    """Some items of one turn, in their order; those that are not there are left out."""
    library, wanted = connection.server.library, frozenset(params["itemIds"])
    thread_id = thread_id_of(params["threadId"])
    if not 1 <= len(params["itemIds"]) <= _MOST_READ:
        raise invalid(f"itemIds takes 1 to {_MOST_READ} ids")
    if library.row(thread_id) is None:
        raise invalid(f"thread not loaded: {thread_id}")
    outlined = library.outline(thread_id)
    seqs = {turn.seq for turn in outlined.standing if turn.id == params["turnId"]}
    if not seqs:
        raise invalid(f"turn not found: {params['turnId']}")
    read = library.turns(thread_id, outlined, seqs)
    return {"data": [_item_row(ItemRow(turn.id, item)) for turn in read for item in turn.items if item.id in wanted]}


def last_cursors(library: Library, thread_id: str) -> dict[str, str | None]:
    """Cursors at the last turn and the last item of a paginated thread."""
    outlined = library.outline(thread_id)
    turns = outlined.standing
    if outlined.reading.era != "paginated" or not turns:
        return {"turnsBackwardsCursor": None, "itemsBackwardsCursor": None}
    last = items_page(library, thread_id, outlined, turns, Wish(None, 1, ascending=False)).items
    return {
        "turnsBackwardsCursor": turn_cursor(thread_id, outlined, turns[-1], include=True),
        "itemsBackwardsCursor": item_cursor(thread_id, last[0], include=True) if last else None,
    }


def _item_row(row: ItemRow) -> dict[str, Any]:
    item = item_on_wire(row.item, later=True)
    return {
        "turnId": row.turn_id,
        "item": item,
        "startedAtMs": row.item.started_ms,
        "completedAtMs": row.item.completed_ms,
    }


def turn_cursor(thread_id: str, outlined: Outline, turn: Turn, *, include: bool) -> str:
    """A cursor at a turn."""
    if outlined.reading.era == "paginated":
        return _ordinal_cursor(thread_id, turn.ordinal or 0, TURNS, include=include)
    return _text({"turnId": turn.id, "includeAnchor": include})


def item_cursor(thread_id: str, row: ItemRow, *, include: bool) -> str:
    """A cursor at an item."""
    return _ordinal_cursor(thread_id, row.item.ordinal or 0, ITEMS, include=include)


def _ordinal_cursor(thread_id: str, ordinal: int, kind: str, *, include: bool) -> str:
    told = {"requestedThreadId": str(thread_id), "rolloutOrdinal": ordinal, "includeAnchor": include}
    return _text({**told, "scope": {"kind": kind}})


def _text(cursor: dict[str, Any]) -> str:
    return msgspec.json.encode(cursor).decode()


def _turn_anchor(outlined: Outline, cursor: str | None) -> Anchor | None:
    """The turn that a cursor means; raises RpcError when there is none."""
    if cursor is None:
        return None
    told, paginated = _told(cursor), outlined.reading.era == "paginated"
    name, wanted = ("rolloutOrdinal", told.get("rolloutOrdinal")) if paginated else ("turnId", told.get("turnId"))
    for turn in outlined.standing:
        if wanted is not None and wanted == (turn.ordinal if name == "rolloutOrdinal" else turn.id):
            return Anchor(turn.seq, told.get("includeAnchor") is True)
    raise invalid(f"invalid cursor: {cursor}")


def _ordinal_anchor(cursor: Any) -> Anchor | None:  # noqa: ANN401 - JSON as it comes
    if cursor is None:
        return None
    told = _told(cursor) if isinstance(cursor, str) else {}
    ordinal = told.get("rolloutOrdinal")
    if not isinstance(ordinal, int):
        raise invalid(f"invalid cursor: {cursor}")
    return Anchor(ordinal, told.get("includeAnchor") is True)


def _told(cursor: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(cursor)
    except msgspec.DecodeError:
        found = None
    if not isinstance(found, dict):
        raise invalid(f"invalid cursor: {cursor}")
    return found
