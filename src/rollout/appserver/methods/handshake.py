"""``initialize``: who is who."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING, Any

from rollout.appserver.connection import Client
from rollout.appserver.elsewhere import watch_for
from rollout.appserver.messages import invalid
from rollout.appserver.methods.method import Method
from rollout.appserver.params import Schema, flag, list_of, mapping, may, need, text

if TYPE_CHECKING:
    from rollout.appserver.connection import Connection
    from rollout.appserver.levels import Level

_HELLO = Schema(clientInfo=need(mapping), capabilities=may(mapping))
_CLIENT = Schema(name=need(text), version=need(text), title=may(text))
_CAPABILITIES = Schema(
    experimentalApi=may(flag, default=False), optOutNotificationMethods=may(list_of(text), default=())
)


def methods(_: Level) -> dict[str, Method]:
    """The methods of this module."""
    return {"initialize": Method(_HELLO, initialize)}


async def initialize(connection: Connection, params: dict[str, Any]) -> dict[str, Any]:
    """Take note of the client and tell who answers it."""
    if connection.client is not None:
        raise invalid("Already initialized")
    client, wishes = _CLIENT.read(params["clientInfo"]), _CAPABILITIES.read(params["capabilities"])
    muted = frozenset(wishes["optOutNotificationMethods"])
    connection.client = Client(client["name"], client["version"], wishes["experimentalApi"], muted)
    connection.when_answered(lambda: watch_for(connection.server))
    level = connection.server.level
    told: dict[str, Any] = {"userAgent": user_agent(connection.client, level)}
    if level.later:
        told["codexHome"] = connection.server.library.home or ""
        told |= {"platformFamily": "windows" if os.name == "nt" else "unix", "platformOs": platform.system().lower()}
    return told


def user_agent(client: Client, level: Level) -> str:
    """Name and version first, which is what clients look at."""
    system = f"{platform.system()} {platform.release()}; {platform.machine()}"
    return f"{client.name}/{level.codex_version} ({system}) rollout ({client.name}; {client.version})"
