"""The session store for coding agents that never loses, hides or bloats a thread.

The names below are loaded when they are first used: ``import rollout`` itself costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rollout.ephemeral import EphemeralRecorder
    from rollout.errors import BusyError, NotFoundError, RolloutError, WriteError
    from rollout.ids import ThreadId
    from rollout.items import RawItem
    from rollout.lines import Damage, Line, Position
    from rollout.loading import get_rollout_history, load_rollout_items
    from rollout.query import Cursor, Order, Page, Thread, ThreadQuery
    from rollout.recorder import RolloutRecorder
    from rollout.recorder_sync import SyncRolloutRecorder
    from rollout.recording import CreateParams, Options
    from rollout.seed import append_rollout_item_to_path
    from rollout.store import open_store
    from rollout.store.base import ThreadStore

__version__ = "0.1.0"

_HOMES = {
    "BusyError": "errors",
    "CreateParams": "recording",
    "Cursor": "query",
    "Damage": "lines",
    "EphemeralRecorder": "ephemeral",
    "Line": "lines",
    "NotFoundError": "errors",
    "Options": "recording",
    "Order": "query",
    "Page": "query",
    "Position": "lines",
    "RawItem": "items",
    "RolloutError": "errors",
    "RolloutRecorder": "recorder",
    "SyncRolloutRecorder": "recorder_sync",
    "Thread": "query",
    "ThreadId": "ids",
    "ThreadQuery": "query",
    "ThreadStore": "store.base",
    "WriteError": "errors",
    "append_rollout_item_to_path": "seed",
    "get_rollout_history": "loading",
    "load_rollout_items": "loading",
    "open_store": "store",
}

__all__ = [
    "BusyError",
    "CreateParams",
    "Cursor",
    "Damage",
    "EphemeralRecorder",
    "Line",
    "NotFoundError",
    "Options",
    "Order",
    "Page",
    "Position",
    "RawItem",
    "RolloutError",
    "RolloutRecorder",
    "SyncRolloutRecorder",
    "Thread",
    "ThreadId",
    "ThreadQuery",
    "ThreadStore",
    "WriteError",
    "append_rollout_item_to_path",
    "get_rollout_history",
    "load_rollout_items",
    "open_store",
]


def __getattr__(name: str) -> object:
    """Load a public name from the module that defines it."""
    if name not in _HOMES:
        raise AttributeError(f"module 'rollout' has no attribute {name!r}")
    value: object = getattr(import_module(f"rollout.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, whether loaded or not."""
    return sorted([*__all__, "__version__"])
