"""One rollout file in memory."""

from __future__ import annotations

from rollout.errors import FormatError
from rollout.ids import try_parse
from rollout.store.base import Segment
from rollout.times import parse_ms


class StoredFile:
    """One file: its bytes, and what a folder would know of it."""

    __slots__ = ("archived", "compressed", "data", "mode", "modified_ns", "name", "named_ms", "rollout_id", "thread_id")

    def __init__(self, name: str, modified_ns: int) -> None:
        """Raises FormatError when the name is not the name of a rollout (spec: rollout-format 1.1, 10.20)."""
        thread, _, rollout = name[28:-6].partition("_")
        thread_id, named_ms = try_parse(thread), parse_ms(name[8:27])
        rollout_id = try_parse(rollout) if rollout else thread_id
        shaped = name.startswith("rollout-") and name[27:28] == "-" and name.endswith(".jsonl")
        if not shaped or thread_id is None or rollout_id is None or named_ms is None:
            raise FormatError(f"{name!r} is not the name of a rollout: rollout-<time>-<id>.jsonl")
        self.name, self.modified_ns, self.named_ms = name, modified_ns, named_ms
        self.thread_id, self.rollout_id = thread_id, rollout_id
        self.data = bytearray()
        self.mode, self.archived, self.compressed = 0o600, False, False

    def segment(self) -> Segment:
        """As the contract tells it."""
        size = len(self.data)
        return Segment(self.name, self.rollout_id, size, self.modified_ns, self.mode, self.archived, self.compressed, size)
