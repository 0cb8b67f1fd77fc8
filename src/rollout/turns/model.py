"""The values: a turn, how it stands, and an item in it."""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec

from rollout.lines import Position

Json = Any


class Status(Enum):
    """How a turn stands. ``UNFINISHED``: nothing says that it ended; what that means, whoever shows it decides."""

    UNFINISHED = "unfinished"
    COMPLETED = "completed"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class TurnItem(msgspec.Struct):
    """An item in the words of the paginated era; ``item["type"]`` tells the kind, ``item["id"]`` is unique in its turn.

    Times in milliseconds, None where the file has none. ``n`` and ``ordinal`` are those of the line on which it
    first appears.
    """

    item: dict[str, Json]
    n: int
    ordinal: int | None = None
    started_ms: int | None = None
    completed_ms: int | None = None

    @property
    def id(self) -> str:
        """The item's id."""
        return str(self.item.get("id", ""))

    @property
    def kind(self) -> str:
        """The item's kind, "" when it has none."""
        return str(self.item.get("type", ""))


class Turn(msgspec.Struct):
    """A turn: what was asked, and what followed.

    ``id`` is the recorded one, else ``rollout-<index>`` with the index of the record that opened it. ``explicit``: its
    beginning is recorded. ``dropped``: a rollback took it back. Times in seconds, ``duration_ms`` in milliseconds.
    ``items`` is empty where only the outline was asked for.

    ``seq`` counts all turns of the thread as they are first told of; ``ordinal`` is that of the line that gives the
    turn its place; ``n`` and ``last_n`` are the first and the last line that tell of it, ``position`` is where the first stands,
    ``first_ordinal`` and ``last_ordinal`` are their ordinals, 0 where there are none; ``index`` counts the records before. ``items_before`` and ``next_item`` are what the numbering of items needs
    to begin here: how many items stood, and the next number.
    """

    id: str
    seq: int
    n: int
    explicit: bool = False
    ordinal: int | None = None
    status: Status = Status.COMPLETED
    error: dict[str, Json] | None = None
    root_id: str | None = None
    started_at: int | None = None
    completed_at: int | None = None
    duration_ms: int | None = None
    dropped: bool = False
    holds_compaction: bool = False
    item_count: int = 0
    last_n: int = 0
    first_ordinal: int = 0
    last_ordinal: int = 0
    index: int = 0
    items_before: int = 0
    next_item: int = 1
    position: Position = Position(0, 0)
    items: list[TurnItem] = msgspec.field(default_factory=list)
