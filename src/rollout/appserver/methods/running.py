"""``turn/start``, ``turn/steer``, ``turn/interrupt``, what the next turn runs with, ``thread/compact/start`` (spec: state-and-protocol 6.4)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from rollout.appserver.live import Running
from rollout.appserver.messages import invalid
from rollout.appserver.methods.changing import loaded
from rollout.appserver.methods.method import Method, thread_id_of
from rollout.appserver.params import Schema, list_of, mapping, may, need, text
from rollout.appserver.turn import Compaction, TurnRun

if TYPE_CHECKING:
    from rollout.appserver.connection import Connection
    from rollout.appserver.levels import Level
    from rollout.appserver.live import LiveThread
    from rollout.appserver.state import Server

Fields = dict[str, Any]
_SETTINGS = {
    "threadId": need(text),
    "cwd": may(text),
    "model": may(text),
    "effort": may(text),
    "approvalPolicy": may(text),
    "sandboxPolicy": may(mapping),
}
_UPDATE = Schema(**_SETTINGS)
_START = Schema(**_SETTINGS, input=need(list_of(mapping)))
_STEER = Schema(threadId=need(text), input=need(list_of(mapping)), expectedTurnId=may(text))
_COMPACT = Schema(threadId=need(text))
_INTERRUPT = Schema(threadId=need(text), turnId=may(text))


def methods(level: Level) -> dict[str, Method]:
    """The methods of this module."""
    later = {"thread/settings/update": Method(_UPDATE, update_settings)} if level.later else {}
    return later | {
        "turn/start": Method(_START, start),
        "turn/steer": Method(_STEER, steer),
        "turn/interrupt": Method(_INTERRUPT, interrupt),
        "thread/compact/start": Method(_COMPACT, compact),
    }


async def start(connection: Connection, params: Fields) -> Fields:
    """Begin a turn; what comes of it is told by notifications, the first of them behind this answer."""
    server = connection.server
    async with server.alone(thread_id_of(params["threadId"])):
        live = _free(server, params)
        live.change(params)
        run = TurnRun(server, live, params["input"], connection)
        launch(connection, live, run)
        return {"turn": run.told}


async def update_settings(connection: Connection, params: Fields) -> Fields:
    """Have the following turns of a loaded thread run with other settings."""
    server = connection.server
    async with server.alone(thread_id_of(params["threadId"])):
        loaded(server, params["threadId"]).change(params)
    return {}


def launch(connection: Connection, live: LiveThread, run: TurnRun) -> None:
    """Have a turn run once the answer to the request at hand is written."""
    answered = asyncio.Event()
    connection.when_answered(answered.set)
    live.running = Running(run, asyncio.create_task(run.run(answered)), asyncio.Event())


async def compact(connection: Connection, params: Fields) -> Fields:
    """Have the agent replace its context by a summary, in a turn of its own."""
    server = connection.server
    async with server.alone(thread_id_of(params["threadId"])):
        live = _free(server, params)
        launch(connection, live, Compaction(server, live, [], connection))
        return {}


def _free(server: Server, params: Fields) -> LiveThread:
    """The loaded thread that is meant, which must run no turn."""
    live = loaded(server, params["threadId"])
    if live.running is not None:
        raise invalid(f"thread {live.id} runs a turn already; steer it or interrupt it")
    return live


async def steer(connection: Connection, params: Fields) -> Fields:
    """Send something to the turn that runs."""
    live = loaded(connection.server, params["threadId"])
    expected = params["expectedTurnId"]
    if live.running is None or (expected and expected != live.running.turn_id):
        raise invalid("no active turn to steer")
    await live.running.run.steer(params["input"])
    return {"turnId": live.running.turn_id}


async def interrupt(connection: Connection, params: Fields) -> Fields:
    """Cancel the turn that runs; answered once it has ended."""
    live = loaded(connection.server, params["threadId"])
    running = live.running
    if running is None or (params["turnId"] and params["turnId"] != running.turn_id):
        raise invalid("no active turn to interrupt")
    await running.stop()
    return {}
