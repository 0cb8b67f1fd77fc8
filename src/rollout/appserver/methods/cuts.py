"""From the id of a turn to how many of a person's turns stand before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.appserver.messages import invalid

if TYPE_CHECKING:
    from rollout.appserver.state import Server
    from rollout.query import Thread


def turns_to_keep(server: Server, row: Thread, last: str | None, before: str | None) -> int | None:
    """How many turns a fork keeps: up to and with ``last``, or those before ``before``; None for all.

    Raises RpcError when there is no such turn.
    """
    wanted = last or before
    if not wanted:
        return None
    asked = 0
    outlined = server.library.outline(row.id)
    for turn in server.library.turns(row.id, outlined):
        if turn.id == wanted and before:
            return asked
        asked += any(item.kind == "UserMessage" for item in turn.items)
        if turn.id == wanted:
            return asked
    raise invalid(f"turn not found: {wanted}")
