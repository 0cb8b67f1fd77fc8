"""The methods of each level, by name. The module of a method is imported when the method is first called."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rollout.appserver.levels import Level
    from rollout.appserver.methods.method import Method

HOMES: dict[str, tuple[str, ...]] = {
    "initialize": ("handshake",),
    "thread/list": ("listing", "later_listing"),
    "thread/read": ("reading",),
    "thread/loaded/list": ("reading",),
    "thread/turns/list": ("paging",),
    "thread/items/list": ("paging",),
    "thread/items/read": ("paging",),
    "thread/search": ("searching",),
    "thread/start": ("opening",),
    "thread/resume": ("opening",),
    "thread/fork": ("opening",),
    "thread/archive": ("changing",),
    "thread/unarchive": ("changing",),
    "thread/name/set": ("changing",),
    "thread/rollback": ("changing",),
    "thread/revert": ("changing",),
    "thread/metadata/update": ("changing",),
    "thread/delete": ("changing",),
    "thread/inject_items": ("changing",),
    "thread/compact/start": ("running",),
    "thread/settings/update": ("running",),
    "turn/start": ("running",),
    "turn/steer": ("running",),
    "turn/interrupt": ("running",),
    "account/read": ("surroundings",),
    "model/list": ("surroundings",),
    "config/read": ("surroundings",),
    "thread/unsubscribe": ("surroundings",),
    "skills/list": ("surroundings",),
    "mcpServerStatus/list": ("surroundings",),
    "permissionProfile/list": ("surroundings",),
    "collaborationMode/list": ("surroundings",),
    "experimentalFeature/list": ("surroundings",),
    "hooks/list": ("surroundings",),
    "threadSection/list": ("surroundings",),
    "project/list": ("surroundings",),
    "thread/queue/list": ("surroundings",),
    "thread/backgroundTerminals/list": ("surroundings",),
    "thread/attachment/list": ("surroundings",),
    "thread/goal/get": ("surroundings",),
    "configRequirements/read": ("surroundings",),
    "plugin/installed": ("surroundings",),
    "getConversationSummary": ("v1",),
    "listConversations": ("v1",),
}
"""Name of a method: the modules of this package that may have it."""


@cache
def find(level: Level, name: str) -> Method | None:
    """The method of a name; None when a server of that level has none."""
    for home in HOMES.get(name, ()):
        methods: dict[str, Method] = import_module(f"{__name__}.{home}").methods(level)
        if name in methods:
            return methods[name]
    return None
