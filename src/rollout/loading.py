"""Whole rollouts in memory, as the seed loads them (spec: rollout-format 5.1, 5.2).

Where Codex gives up a whole file for one bad byte, one line is lost here and counted. The cyclic garbage
collector is paused meanwhile: a load makes many objects and no garbage, and the pause halves its time.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from rollout.errors import FormatError
from rollout.ids import ThreadId, try_parse
from rollout.initial_history import New, Resumed
from rollout.items import RawItem
from rollout.journal.filesystem import OS, Filesystem
from rollout.journal.reader import forward, open_source
from rollout.lines import Line

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from rollout.initial_history import InitialHistory
    from rollout.lines import Found


class Loaded(NamedTuple):
    """All items of a rollout, the id of its first session_meta, and how many lines held no item."""

    items: list[RawItem]
    thread_id: ThreadId | None
    errors: int


def load_rollout_items(path: str, fs: Filesystem = OS) -> Loaded:
    """Load one file, plain or compressed; unknown kinds are items like any other.

    Holds the whole file in memory. Raises FormatError for a blank file, OSError when it cannot be read.
    """
    with open_source(path, fs) as source, collector_paused():
        loaded = load_items(forward(source))
        if not loaded.items and not loaded.errors:
            raise FormatError(f"{path}: empty session file")
    return loaded


def load_items(lines: Iterable[Found]) -> Loaded:
    """Load what a reader yields."""
    items: list[RawItem] = []
    thread_id: ThreadId | None = None
    errors = 0
    for found in lines:
        if not isinstance(found, Line) or not found.record.type:
            errors += 1
            continue
        item = RawItem.of(found.record)
        items.append(item)
        if thread_id is None and item.line_type == "session_meta":
            thread_id = _id_of(item)
    return Loaded(items, thread_id, errors)


def get_rollout_history(path: str, fs: Filesystem = OS) -> InitialHistory:
    """The history to resume from a file. Raises FormatError when no line tells the thread's id."""
    loaded = load_rollout_items(path, fs)
    if loaded.thread_id is None:
        raise FormatError(f"{path}: failed to parse thread ID from rollout file")
    if not loaded.items:
        return New()
    return Resumed(loaded.thread_id, loaded.items, path.removesuffix(".zst"))


def _id_of(item: RawItem) -> ThreadId | None:
    meta = item.object
    return try_parse(str(meta.get("id", ""))) if isinstance(meta, dict) else None


@contextmanager
def collector_paused() -> Generator[None]:
    """Pause the cyclic garbage collector, if it runs."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()
