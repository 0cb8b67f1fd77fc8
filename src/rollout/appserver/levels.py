"""The levels of the protocol: which Codex a client takes us for."""

from __future__ import annotations

from enum import Enum


class Level(Enum):
    """A level by the version of Codex whose app-server speaks so."""

    V0_100 = "0.100"
    V0_169 = "0.169"

    @property
    def later(self) -> bool:
        """Whether it knows statuses, names and pages of turns, and what tools did."""
        return self is Level.V0_169

    @property
    def codex_version(self) -> str:
        """The version that answers name."""
        return f"{self.value}.0"
