"""One thread as an answer tells it, loaded or stored, with its turns or without; blocking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from rollout.appserver.codex_state import NOTHING
from rollout.appserver.fresh import new_id, now_ms
from rollout.appserver.messages import INTERNAL, RpcError, Stream, invalid
from rollout.appserver.methods.later_facts import single_facts, whole_preview
from rollout.appserver.wire.threads import HEAD, Facts, asked_in_head, later_thread, seed_thread
from rollout.appserver.wire.turns import items_on_wire, turn_with

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.appserver.live import LiveThread
    from rollout.appserver.state import Server
    from rollout.query import Thread
    from rollout.turns import Turn, TurnItem

Fields = dict[str, Any]
_encode = msgspec.json.Encoder().encode


def tell(server: Server, row: Thread, *, turns: bool) -> Fields:
    """A stored thread."""
    told: Any = Stream(turns_of(server, row)) if turns else []
    if not server.level.later:
        preview = asked_in_head(server.library.records(row.id, HEAD))
        return seed_thread(row, server.settings.model_provider, preview, told)
    known = server.codex.of([row.id]).get(row.id, NOTHING)
    facts = single_facts(server, row, known)
    facts = facts._replace(preview=whole_preview(server, row, facts.preview))
    return later_thread(row, facts, told, server.live(row.id))


def tell_live(server: Server, live: LiveThread, *, turns: bool = False) -> Fields:
    """A loaded thread, stored or not."""
    row = None if live.fresh else server.library.row(live.id)
    return tell_fresh(server, live) if row is None else tell(server, row, turns=turns)


def tell_fresh(server: Server, live: LiveThread) -> Fields:
    """A thread of which nothing is stored: its times are now, at each telling."""
    now = now_ms()
    row, provider = live.row(now), live.settings.model_provider
    if not server.level.later:
        return seed_thread(row, provider, "", []) | {"path": live.path}
    facts = Facts("", provider, live.settings.model, live.cwd, None, now, now, now)
    told = later_thread(row, facts, [], live.view)
    return told | {"path": live.path, "ephemeral": live.ephemeral}


def turns_of(server: Server, row: Thread) -> Iterator[Fields]:
    """The turns of a thread; at 0.100 one without a recorded id gets a new one at each reading, as Codex does it.

    The thread is read once before this returns: what cannot be read is an error, and no answer that breaks off.
    """
    later, loaded = server.level.later, server.threads.get(row.id)
    running = loaded.running.turn_id if loaded is not None and loaded.running is not None else None
    spelled = server.library.spelled(row.id, spell_later if later else spell_seed)
    return (_told(turn, items, later=later, running=turn.id == running) for turn, items in spelled)


def _told(turn: Turn, items: bytes, *, later: bool, running: bool) -> Fields:
    told = turn_with(turn, msgspec.Raw(items), later=later, running=running)
    return told | {"id": new_id()} if not later and turn.id.startswith("rollout-") else told


def spell_later(items: list[TurnItem]) -> bytes:
    """Items as JSON, in the words of 0.169."""
    return _encode(items_on_wire(items, later=True))


def spell_seed(items: list[TurnItem]) -> bytes:
    """Items as JSON, in the words of 0.100."""
    return _encode(items_on_wire(items, later=False))


def refuse_empty(server: Server, row: Thread, *, resumed: bool = False) -> None:
    """Raise what is said of a thread whose file holds no record: there is nothing to read or to go on with."""
    if row.summary.has_meta or server.library.records(row.id, 1):
        return
    if server.level.later:
        what = f"failed to read session metadata {row.path}: rollout at {row.path} is empty"
        raise RpcError(INTERNAL, f"failed to read thread: thread-store internal error: {what}")
    if resumed:
        raise invalid(f"failed to load rollout `{row.path}`: empty session file")
    raise RpcError(INTERNAL, f"failed to load rollout `{row.path}` for thread {row.id}: rollout at {row.path} is empty")


def refuse_turns(live: LiveThread) -> None:
    """Raise what is said when turns are wanted of a thread that has none stored."""
    if live.ephemeral:
        raise invalid("ephemeral threads do not support includeTurns")
    if live.fresh:
        raise invalid(
            f"thread {live.id} is not materialized yet; includeTurns is unavailable before first user message"
        )
