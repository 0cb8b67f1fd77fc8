"""What clients ask of the surroundings before a first turn: account, models, settings, subscriptions.

There is no account here: a model provider is set up in ``config.toml``, and its key is in the environment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.appserver.methods.method import Method, thread_id_of
from rollout.appserver.params import Schema, flag, may, need, text

if TYPE_CHECKING:
    from rollout.appserver.connection import Connection
    from rollout.appserver.levels import Level

Fields = dict[str, Any]
_ACCOUNT = Schema(refreshToken=may(flag))
_MODELS = Schema(cursor=may(text))
_CONFIG = Schema(cwd=may(text), includeLayers=may(flag))
_ID = Schema(threadId=need(text))
_NOTHING = Schema()
_EMPTY = ("skills/list", "mcpServerStatus/list", "collaborationMode/list", "experimentalFeature/list")
_LATER_EMPTY = (
    "permissionProfile/list", "hooks/list", "threadSection/list", "project/list", "thread/queue/list",
    "thread/backgroundTerminals/list", "thread/attachment/list",
)  # fmt: skip
_EFFORTS = ("low", "medium", "high")


def methods(level: Level) -> dict[str, Method]:
    """The methods of this module."""
    both = {
        "account/read": Method(_ACCOUNT, account),
        "model/list": Method(_MODELS, models),
        "config/read": Method(_CONFIG, config),
    }
    both["configRequirements/read"] = Method(_NOTHING, no_requirements)
    nothing = Method(_NOTHING, no_rows)
    both |= dict.fromkeys(_EMPTY, nothing)
    if not level.later:
        return both
    goal = {"thread/goal/get": Method(_ID, no_goal), "plugin/installed": Method(_NOTHING, no_plugins)}
    return {**both, "thread/unsubscribe": Method(_ID, unsubscribe), **goal, **dict.fromkeys(_LATER_EMPTY, nothing)}


async def account(_: Connection, __: Fields) -> Fields:
    """Nobody is logged in, and nobody needs to be."""
    return {"account": None, "requiresOpenaiAuth": False}


async def models(connection: Connection, _: Fields) -> Fields:
    """The one model that is configured."""
    settings = connection.server.settings
    efforts = [{"reasoningEffort": one, "description": f"{one} effort"} for one in _EFFORTS]
    model: Fields = {"id": settings.model, "model": settings.model, "displayName": settings.model, "description": ""}
    model |= {"hidden": False, "isDefault": True, "upgrade": None, "inputModalities": ["text", "image"]}
    model |= {"supportedReasoningEfforts": efforts, "defaultReasoningEffort": settings.effort or "medium"}
    return {"data": [model], "nextCursor": None}


async def config(connection: Connection, _: Fields) -> Fields:
    """The settings that count here."""
    settings = connection.server.settings
    told = {
        "model": settings.model,
        "model_provider": settings.model_provider,
        "approval_policy": settings.approval_policy,
        "sandbox_mode": settings.sandbox,
        "model_reasoning_effort": settings.effort,
        "model_context_window": settings.context_window,
    }
    return {"config": told, "origins": {}, "layers": None}


async def unsubscribe(connection: Connection, params: Fields) -> Fields:
    """Follow a thread no more; one that nobody follows is let go of after a while."""
    thread_id = thread_id_of(params["threadId"])
    if thread_id not in connection.server.threads:
        return {"status": "notLoaded"}
    if thread_id not in connection.followed:
        return {"status": "notSubscribed"}
    connection.followed.discard(thread_id)
    return {"status": "unsubscribed"}


async def no_rows(_: Connection, __: Fields) -> Fields:
    """There are none here."""
    return {"data": [], "nextCursor": None}


async def no_goal(_: Connection, __: Fields) -> Fields:
    """No thread has a goal here."""
    return {"goal": None}


async def no_requirements(_: Connection, __: Fields) -> Fields:
    """Nobody prescribes settings here."""
    return {"requirements": None}


async def no_plugins(_: Connection, __: Fields) -> Fields:
    """There are none here, and no places to get them from."""
    return {"marketplaces": []}
