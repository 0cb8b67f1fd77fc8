"""What changes a thread as a whole: archive, name, rollback, metadata, delete (spec: state-and-protocol 6.4, 6.5)."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from rollout.appserver.messages import INTERNAL, RpcError, invalid
from rollout.appserver.methods.later_listing import descendants
from rollout.appserver.methods.method import Method, thread_id_of
from rollout.appserver.methods.paging import last_cursors
from rollout.appserver.methods.tell import tell, tell_live
from rollout.appserver.params import Schema, anything, flag, list_of, mapping, may, need, text, u32
from rollout.appserver.state import unload
from rollout.codec import to_object
from rollout.errors import BusyError, InUseError, RolloutError
from rollout.items import ThreadRolledBack
from rollout.lifecycle import archive, delete, rollback, unarchive
from rollout.recorder import RolloutRecorder

if TYPE_CHECKING:
    from rollout.appserver.connection import Connection
    from rollout.appserver.levels import Level
    from rollout.appserver.live import LiveThread
    from rollout.appserver.state import Server
    from rollout.ids import ThreadId
    from rollout.lifecycle.delete import Deleted
    from rollout.query import Thread

Fields = dict[str, Any]
_ID = Schema(threadId=need(text))
_NAME = Schema(threadId=need(text), name=need(text))
_ROLLBACK = Schema(threadId=need(text), numTurns=need(u32))
_REVERT = Schema(threadId=need(text), beforeTurnId=need(text))
_METADATA = Schema(threadId=need(text), gitInfo=may(mapping), projectId=may(anything), daybreakEnabled=may(flag))
_INJECT = Schema(threadId=need(text), items=need(list_of(mapping)))
_GIT = {"sha": "commit_hash", "branch": "branch", "originUrl": "repository_url"}


def methods(level: Level) -> dict[str, Method]:
    """The methods of this module."""
    both = {
        "thread/archive": Method(_ID, archive_thread),
        "thread/unarchive": Method(_ID, unarchive_thread),
        "thread/name/set": Method(_NAME, set_name),
        "thread/rollback": Method(_ROLLBACK, roll_back),
    }
    if not level.later:
        return both
    return {
        **both,
        "thread/revert": Method(_REVERT, revert),
        "thread/metadata/update": Method(_METADATA, update_metadata),
        "thread/delete": Method(_ID, delete_thread),
        "thread/inject_items": Method(_INJECT, inject_items),
    }


async def archive_thread(connection: Connection, params: Fields) -> Fields:
    """Put a thread away, and at 0.169 whoever it has spawned; what is loaded is let go of first."""
    server = connection.server
    thread_id = _session_id(server, params)
    live = server.threads.get(thread_id)
    if live is not None and live.fresh:
        raise invalid(f"no rollout found for thread id {thread_id}")
    row = await asyncio.to_thread(server.library.row, thread_id)
    if row is None or row.archived:
        raise invalid(f"no rollout found for thread id {thread_id}")
    below = sorted(await asyncio.to_thread(descendants, server, thread_id)) if server.level.later else []
    for one in [thread_id, *below]:
        async with server.alone(one):
            await _let_go(server, one)
            with server.acts.acting(one, archived=True):
                moved = await _changing("archive", archive, server.store, one)
        if moved.changed and server.level.later:
            connection.after("thread/archived", {"threadId": one})
    return {}


async def unarchive_thread(connection: Connection, params: Fields) -> Fields:
    """Bring an archived thread back."""
    server = connection.server
    thread_id = _session_id(server, params)
    row = await asyncio.to_thread(server.library.row, thread_id)
    if row is None or not row.archived:
        raise invalid(f"no archived rollout found for thread id {thread_id}")
    async with server.alone(thread_id):
        with server.acts.acting(thread_id, archived=False):
            await _changing("unarchive", unarchive, server.store, thread_id)
    row = await asyncio.to_thread(server.library.row, thread_id)
    if row is None:
        raise RpcError(INTERNAL, f"failed to unarchive thread: {thread_id} went away")
    if server.level.later:
        connection.after("thread/unarchived", {"threadId": thread_id})
    return {"thread": await asyncio.to_thread(tell, server, row, turns=False)}


async def set_name(connection: Connection, params: Fields) -> Fields:
    """Give a thread a name; one that is not stored yet gets it with its first turn. 0.100 wants it loaded."""
    server, name = connection.server, params["name"].strip()
    if not name:
        raise invalid("thread name must not be empty")
    thread_id = thread_id_of(params["threadId"])
    live = server.threads.get(thread_id)
    if live is not None and live.ephemeral:
        raise invalid(f"ephemeral thread does not support metadata updates: {thread_id}")
    if live is None:
        stored = server.level.later and await asyncio.to_thread(server.library.row, thread_id) is not None
        if not stored:
            missing = "no rollout found for thread id" if server.level.later else "thread not found:"
            raise invalid(f"{missing} {thread_id}")
    with server.acts.acting(thread_id, name=name):
        if live is not None and live.fresh:
            live.name = name
        else:
            await asyncio.to_thread(server.store.set_name, thread_id, name)
    connection.after("thread/name/updated", {"threadId": thread_id, "threadName": name})
    return {}


async def roll_back(connection: Connection, params: Fields) -> Fields:
    """Drop the last turns of a loaded thread; more than there are means all of them."""
    if params["numTurns"] < 1:
        loaded(connection.server, params["threadId"])
        raise invalid("numTurns must be >= 1")
    async with connection.server.alone(thread_id_of(params["threadId"])):
        return await _roll_back_alone(connection.server, params)


async def _roll_back_alone(server: Server, params: Fields) -> Fields:
    live = loaded(server, params["threadId"])
    if live.running is not None:
        raise invalid("Cannot rollback while a turn is in progress.")
    if live.ephemeral:
        raise invalid("thread has no persisted rollout")
    if live.fresh:
        raise RpcError(
            INTERNAL, f"failed to load rollout `{live.path}`: No such file or directory (os error 2)"
        )
    await _roll_back(server, live, params["numTurns"])
    return {"thread": await asyncio.to_thread(tell_live, server, live, turns=True)}


async def revert(connection: Connection, params: Fields) -> Fields:
    """Drop a turn of a loaded thread, and all behind it."""
    async with connection.server.alone(thread_id_of(params["threadId"])):
        return await _revert_alone(connection, params)


async def _revert_alone(connection: Connection, params: Fields) -> Fields:
    server = connection.server
    live = loaded(server, params["threadId"])
    if live.running is not None:
        raise invalid("Cannot revert while a turn is in progress.")
    if live.ephemeral or live.fresh:
        raise invalid(f"turn not found: {params['beforeTurnId']}")
    await live.recorder.flush()
    ids = [turn.id for turn in (await asyncio.to_thread(server.library.outline, live.id)).standing]
    if params["beforeTurnId"] not in ids:
        raise invalid(f"turn not found: {params['beforeTurnId']}")
    await _roll_back(server, live, len(ids) - ids.index(params["beforeTurnId"]))
    connection.after("thread/reverted", {"threadId": live.id})
    cursors = await asyncio.to_thread(last_cursors, server.library, live.id)
    return {"thread": await asyncio.to_thread(tell_live, server, live), **cursors}


async def _roll_back(server: Server, live: LiveThread, turns: int) -> None:
    """A marker in a legacy file; a paginated thread goes on in a new one."""
    if live.era != "paginated":
        await live.recorder.record([ThreadRolledBack(num_turns=turns)])
        await live.recorder.flush()
        return
    there = len((await asyncio.to_thread(server.library.outline, live.id)).standing)
    await live.recorder.shutdown()
    try:
        if min(turns, there):
            await asyncio.to_thread(rollback, server.store, live.id, min(turns, there))
    finally:
        live.recorder = await RolloutRecorder.resume(server.store, live.id)


async def update_metadata(connection: Connection, params: Fields) -> Fields:
    """Change commit, branch or origin of a thread: its metadata are recorded once more, changed."""
    server = connection.server
    git = params["gitInfo"]
    if params["projectId"] is not None or params["daybreakEnabled"] is not None:
        raise invalid("projects and daybreak are not supported by this server")
    if git is None:
        raise invalid("thread metadata update must include at least one field")
    if not any(name in git for name in _GIT):
        raise invalid("gitInfo must include at least one field")
    for name in _GIT:
        if isinstance(git.get(name), str) and not git[name].strip():
            raise invalid(f"gitInfo.{name} must not be empty")
    async with server.alone(thread_id_of(params["threadId"])):
        row = await _update_git(server, thread_id_of(params["threadId"]), git)
    return {"thread": await asyncio.to_thread(tell, server, row, turns=False)}


async def _update_git(server: Server, thread_id: ThreadId, git: Fields) -> Thread:
    live = server.threads.get(thread_id)
    row = await asyncio.to_thread(server.library.row, thread_id)
    if row is None:
        raise invalid(f"no rollout found for thread id {thread_id}")
    meta = await asyncio.to_thread(_meta_of, server, thread_id)
    changed = {**(row.summary.git or {}), **{_GIT[name]: git[name] for name in _GIT if name in git}}
    meta["git"] = {name: value for name, value in changed.items() if value is not None}
    item = {"type": "session_meta", "payload": meta}
    if live is not None:
        await live.recorder.record([item])
        await live.recorder.flush()
    else:
        await _record_once(server, thread_id, item)
    return await asyncio.to_thread(server.library.row, thread_id) or row


def _meta_of(server: Server, thread_id: str) -> Fields:
    for record in server.library.records(thread_id, 1):
        meta = to_object(record.payload)
        if record.type == "session_meta" and isinstance(meta, dict):
            return meta
    raise RpcError(INTERNAL, f"thread {thread_id} has no metadata that could be changed")


async def _record_once(server: Server, thread_id: str, item: Fields) -> None:
    try:
        async with await RolloutRecorder.resume(server.store, thread_id) as recorder:
            await recorder.record([item])
    except BusyError:
        raise invalid(f"thread {thread_id} already has an active writer") from None


async def delete_thread(connection: Connection, params: Fields) -> Fields:
    """Take a thread away with whoever it has spawned, into the trash."""
    server = connection.server
    thread_id = thread_id_of(params["threadId"])
    async with AsyncExitStack() as alone:
        alone.enter_context(server.acts.acting(thread_id, there=False))
        await alone.enter_async_context(server.alone(thread_id))
        if await asyncio.to_thread(server.library.row, thread_id) is None:
            raise invalid(f"no rollout found for thread id {thread_id}")
        await _let_go(server, thread_id)
        for one in sorted(await asyncio.to_thread(descendants, server, thread_id)):
            alone.enter_context(server.acts.acting(one, there=False))
            await alone.enter_async_context(server.alone(one))
            await _let_go(server, one)
        done = await _delete(server, thread_id)
    for one in done.plan.threads:
        connection.after("thread/deleted", {"threadId": one})
    return {}


async def _delete(server: Server, thread_id: ThreadId) -> Deleted:
    try:
        return await asyncio.to_thread(delete, server.store, thread_id, children="with")
    except InUseError:
        raise invalid(f"cannot delete thread {thread_id}: forked history still references it") from None
    except BusyError:
        raise invalid(f"thread {thread_id} already has an active writer") from None


async def inject_items(connection: Connection, params: Fields) -> Fields:
    """Put items into the model's history of a loaded thread."""
    server = connection.server
    async with server.alone(thread_id_of(params["threadId"])):
        live = loaded(server, params["threadId"])
        if not params["items"]:
            raise invalid("items must not be empty")
        await live.recorder.record([{"type": "response_item", "payload": item} for item in params["items"]])
        await live.recorder.flush()
    return {}


def loaded(server: Server, thread_id: str) -> LiveThread:
    """The loaded thread that is meant; raises RpcError."""
    wanted = thread_id_of(thread_id)
    live = server.threads.get(wanted)
    if live is None:
        raise invalid(f"thread not found: {wanted}")
    return live


async def _let_go(server: Server, thread_id: str) -> None:
    live = server.threads.get(thread_id)
    if live is not None:
        await unload(server, live)


async def _changing(what: str, work: Any, *args: Any) -> Any:  # noqa: ANN401 - JSON as it comes
    try:
        return await asyncio.to_thread(work, *args)
    except BusyError as error:
        raise invalid(f"thread {args[-1]} already has an active writer ({error})") from None
    except (RolloutError, OSError) as error:
        raise RpcError(INTERNAL, f"failed to {what} thread: {error}") from error


def _session_id(server: Server, params: Fields) -> str:
    return thread_id_of(params["threadId"], "session id" if server.level.later else "thread id")
