"""``thread/start``, ``thread/resume``, ``thread/fork`` (spec: state-and-protocol 6.4, 6.5).

A loaded thread is held under its lock until it is archived, deleted, nobody follows it any more, or the server ends.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from rollout import git_info
from rollout.appserver.live import LiveThread, changed
from rollout.appserver.messages import INTERNAL, RpcError, invalid
from rollout.appserver.methods.cuts import turns_to_keep
from rollout.appserver.methods.later_facts import settled_model
from rollout.appserver.methods.method import Method, thread_id_of
from rollout.appserver.methods.paging import FIRST_PAGE, last_cursors, turns_answer
from rollout.appserver.methods.tell import refuse_empty, tell, tell_live
from rollout.appserver.params import Schema, anything, flag, list_of, mapping, may, need, one_of, text
from rollout.appserver.settings import settings_of
from rollout.appserver.wire.answers import collaboration, opened
from rollout.codec import to_object
from rollout.errors import BusyError, NotFoundError, RolloutError
from rollout.items import GitInfo
from rollout.lifecycle import ForkParams, fork
from rollout.policy import EXTENDED
from rollout.recorder import RolloutRecorder
from rollout.recording import CreateParams, Options
from rollout.store.local.paths import parse_name
from rollout.store.memory import MemoryStore
from rollout.summary import Summary
from rollout.turns.grammar import array
from rollout.turns.grammar import mapping as as_mapping

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollout.appserver.connection import Connection
    from rollout.appserver.levels import Level
    from rollout.appserver.state import Server
    from rollout.codec import Era
    from rollout.ids import ThreadId
    from rollout.query import Thread

Fields = dict[str, Any]
_SETTINGS = {
    "model": may(text),
    "modelProvider": may(text),
    "cwd": may(text),
    "approvalPolicy": may(text),
    "sandbox": may(one_of("read-only", "workspace-write", "danger-full-access")),
    "config": may(mapping),
    "baseInstructions": may(text),
    "developerInstructions": may(text),
}
_START = Schema(**_SETTINGS, ephemeral=may(flag, default=False), dynamicTools=may(list_of(mapping), default=()))
_RESUME = Schema(
    **_SETTINGS,
    threadId=need(text),
    path=may(text),
    history=may(list_of(mapping)),
    excludeTurns=may(flag, default=False),
    initialTurnsPage=may(anything),
)
_FORK = Schema(
    **_SETTINGS,
    threadId=need(text),
    path=may(text),
    lastTurnId=may(text),
    beforeTurnId=may(text),
    excludeTurns=may(flag, default=False),
)


def methods(_: Level) -> dict[str, Method]:
    """The methods of this module."""
    return {
        "thread/start": Method(_START, start),
        "thread/resume": Method(_RESUME, resume),
        "thread/fork": Method(_FORK, fork_thread),
    }


async def start(connection: Connection, params: Fields) -> Fields:
    """A new thread; nothing is stored until its first turn."""
    server = connection.server
    live = await _new_thread(connection, params, MemoryStore() if params["ephemeral"] else None)
    server.threads[live.id] = live
    connection.follow(live.id)
    thread = await asyncio.to_thread(tell_live, server, live)
    connection.after("thread/started", {"thread": thread})
    return opened(thread, live.settings, live.cwd, later=server.level.later)


async def resume(connection: Connection, params: Fields) -> Fields:
    """A stored thread, to go on with; one that is loaded already is answered as it stands."""
    server = connection.server
    _gate(connection, "thread/resume", params, "path", "history")
    if params["history"] is not None:
        return await _resume_history(connection, params)
    thread_id = _wanted(server, params)
    async with server.alone(thread_id):
        live = server.threads.get(thread_id)
        if live is None:
            live = await _load(server, await _row(server, thread_id), params)
        elif live.fresh:
            raise invalid(f"no rollout found for thread id {thread_id}")
        connection.follow(live.id)
    connection.when_answered(lambda: _ask_too(connection, live))
    return await asyncio.to_thread(_resumed, server, live, params["initialTurnsPage"], turns=not params["excludeTurns"])


async def fork_thread(connection: Connection, params: Fields) -> Fields:
    """A new thread that begins as another one does; the other one is not touched."""
    server = connection.server
    _gate(connection, "thread/fork", params, "path")
    if params["lastTurnId"] and params["beforeTurnId"]:
        raise invalid("`beforeTurnId` cannot be combined with `lastTurnId`")
    source = await _row(server, _wanted(server, params))
    if source.id in server.threads:
        await server.threads[source.id].recorder.flush()
    with server.acts.acting():
        forked = await asyncio.to_thread(_fork, connection, source, params)
        server.acts.done(forked, there=True)
    row = await _row(server, forked)
    live = await _load(server, row, params, restored=False)
    connection.follow(live.id)
    thread = await asyncio.to_thread(tell, server, row, turns=not params["excludeTurns"])
    connection.after("thread/started", {"thread": {**thread, "turns": []}})
    return opened(thread, live.settings, live.cwd, later=server.level.later)


def _ask_too(connection: Connection, live: LiveThread) -> None:
    """Who follows from now on may decide what is being asked."""
    if live.question is not None:
        live.question.ask(connection)


def _gate(connection: Connection, method: str, params: Fields, *names: str) -> None:
    """Refuse what only clients may use that asked for what is experimental."""
    if connection.client is not None and connection.client.experimental:
        return
    for name in names:
        if params[name]:
            raise invalid(f"{method}.{name} requires experimentalApi capability")


async def _new_thread(connection: Connection, params: Fields, memory: MemoryStore | None = None) -> LiveThread:
    """A thread in the store, or in a memory of its own."""
    server, client = connection.server, connection.client
    settings = changed(settings_of(params["config"] or {}, server.settings), params)
    cwd = os.path.abspath(params["cwd"] or os.getcwd())  # noqa: ASYNC240 - one look at a local file
    about = CreateParams(
        cwd=cwd,
        originator=client.name if client else "rollout",
        cli_version=server.level.codex_version,
        source="vscode",
        model_provider=settings.model_provider,
        base_instructions=params["baseInstructions"] or settings.instructions,
        dynamic_tools=tuple(params.get("dynamicTools") or ()),
    )
    recorder = await RolloutRecorder.create(memory or server.store, about, Options(policy=EXTENDED))
    live = LiveThread(recorder, settings, cwd, "legacy")
    live.memory = memory
    live.tools, live.born, live.developer = about.dynamic_tools, Summary(), params["developerInstructions"]
    live.born.source, live.born.cli_version, live.born.originator = about.source, about.cli_version, about.originator
    live.born.model_provider = settings.model_provider
    server.acts.known(live.id, there=True)
    return live


async def _resume_history(connection: Connection, params: Fields) -> Fields:
    """A new thread that begins with items that the client brings along."""
    server = connection.server
    if not params["history"]:
        raise invalid("history must not be empty")
    live = await _new_thread(connection, params)
    await live.recorder.record([{"type": "response_item", "payload": item} for item in params["history"]])
    await live.recorder.persist()
    server.threads[live.id] = live
    connection.follow(live.id)
    return await asyncio.to_thread(_resumed, server, live, turns=True)


def _wanted(server: Server, params: Fields) -> ThreadId:
    """The thread that is meant: a path goes before an id; an empty one counts as absent."""
    if path := params["path"]:
        parsed = parse_name(os.path.basename(path))
        if parsed is None or not os.path.exists(path):
            raise invalid(f"failed to load rollout `{path}`: No such file or directory (os error 2)")
        return parsed.thread_id
    return thread_id_of(params["threadId"], "session id" if server.level.later else "thread id")


async def _row(server: Server, thread_id: str) -> Thread:
    """The row of a thread that can be gone on with; raises RpcError."""
    row = await asyncio.to_thread(server.library.row, thread_id)
    if row is not None and row.archived and server.level.later:
        hint = f"Run `codex unarchive {thread_id}` to unarchive it first."
        raise invalid(f"session {thread_id} is archived. {hint}")
    if row is None or row.archived:
        raise invalid(f"no rollout found for thread id {thread_id}")
    await asyncio.to_thread(refuse_empty, server, row, resumed=True)
    return row


async def _load(server: Server, row: Thread, params: Fields, *, restored: bool = True) -> LiveThread:
    """Take the thread's lock and its settings; ``restored``: the model is that of its last turn (0.169)."""
    policy = None if _era_of(row) == "paginated" else EXTENDED
    try:
        recorder = await RolloutRecorder.resume(server.store, row.id, Options(policy=policy))
    except BusyError as error:
        raise invalid(f"thread {row.id} already has an active writer ({error})") from None
    settings = settings_of(params["config"] or {}, server.settings)
    if restored and server.level.later:
        model = row.summary.model or await asyncio.to_thread(settled_model, server, row)
        provider = row.summary.model_provider or settings.model_provider
        settings = settings._replace(model=model or settings.model, effort=row.summary.effort, model_provider=provider)
    live = LiveThread(recorder, changed(settings, params), params["cwd"] or _cwd(row), _era_of(row))
    live.tools = await asyncio.to_thread(_tools_of, server, row.id)
    server.threads[live.id] = live
    return live


def _tools_of(server: Server, thread_id: ThreadId) -> tuple[Fields, ...]:
    """The tools that a client brought along when the thread began."""
    for record in server.library.records(thread_id, 1):
        return tuple(filter(None, map(as_mapping, array(as_mapping(to_object(record.payload)).get("dynamic_tools")))))
    return ()


def _era_of(row: Thread) -> Era:
    """How the file of a thread is written on."""
    return "paginated" if row.summary.history_mode == "paginated" else "legacy"


def _cwd(row: Thread) -> str:
    """Where the next turn runs: a paginated thread follows its settings, another stays where it began."""
    summary = row.summary
    return (summary.last_cwd if _era_of(row) == "paginated" else None) or summary.cwd or ""


def _resumed(server: Server, live: LiveThread, page: Any = None, *, turns: bool) -> Fields:  # noqa: ANN401 - JSON as it comes
    told = opened(tell_live(server, live, turns=turns), live.settings, live.cwd, later=server.level.later)
    if not server.level.later:
        return told
    cursors = last_cursors(server.library, live.id)
    first = None if page is None else turns_answer(server.library, live.id, FIRST_PAGE.read(page))
    return told | {"collaborationMode": collaboration(live.settings), "initialTurnsPage": first, **cursors}


def _fork(connection: Connection, source: Thread, params: Fields) -> ThreadId:
    server = connection.server
    about = ForkParams(
        keep_turns=turns_to_keep(server, source, params["lastTurnId"], params["beforeTurnId"]),
        keep_unfinished=True,
        name=None if server.level.later else "",
        cwd=params["cwd"] or _cwd(source),
        originator=connection.client.name if connection.client else "rollout",
        cli_version=server.level.codex_version,
        source="vscode",
    )
    try:
        return fork(server.store, source.id, about, Options(collect_git=_git_of(source))).thread_id
    except NotFoundError:
        raise invalid(f"no rollout found for thread id {source.id}") from None
    except (RolloutError, OSError) as error:
        raise RpcError(INTERNAL, f"error forking thread: {error}") from error


def _git_of(source: Thread) -> Callable[[str], GitInfo | None]:
    """What git says of a folder now; where it says nothing, what it said when the source began."""
    then = source.summary.git or {}
    names = ("commit_hash", "branch", "repository_url")
    known = GitInfo(**{name: then[name] for name in names if isinstance(then.get(name), str)}) if then else None
    return lambda folder: git_info.collect(folder) or known
