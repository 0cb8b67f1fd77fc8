"""How a session begins: new, resumed, forked or cleared, and what it inherits (spec: rollout-format 5.3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rollout.ids import ThreadId
    from rollout.items import RawItem

Json = Any


class _History:
    """The accessors that every beginning has; a beginning without items answers None or []."""

    def rollout_items(self) -> Sequence[RawItem]:
        """All items, in file order."""
        return ()

    def event_msgs(self) -> list[Json] | None:
        """The payloads of the events; None where there is no history at all."""
        if not self.inherits:
            return None
        return [item.object for item in self.rollout_items() if item.line_type == "event_msg"]

    @property
    def inherits(self) -> bool:
        """Whether there is a history at all."""
        return False

    def forked_from_id(self) -> str | None:
        """The thread that this one was forked from."""
        return None

    def session_cwd(self) -> str | None:
        """The folder of the first session_meta."""
        return next((meta.get("cwd") for meta in self._metas()), None)

    def base_instructions(self) -> Json:
        """The first base instructions that are not null."""
        return self._first("base_instructions")

    def dynamic_tools(self) -> Json:
        """The first dynamic tools that are not null."""
        return self._first("dynamic_tools")

    def history_mode(self) -> str | None:
        """The history mode of the source; None for a new session."""
        return next((meta.get("history_mode") or "legacy" for meta in self._metas()), None)

    def _metas(self) -> Iterator[dict[str, Json]]:
        metas = (item.object for item in self.rollout_items() if item.line_type == "session_meta")
        return (meta for meta in metas if isinstance(meta, dict))

    def _first(self, name: str) -> Json:
        return next((meta[name] for meta in self._metas() if meta.get(name) is not None), None)


@dataclass(frozen=True, slots=True)
class New(_History):
    """A session without a past."""


@dataclass(frozen=True, slots=True)
class Cleared(_History):
    """A session begun by clearing another; it inherits nothing."""


@dataclass(frozen=True, slots=True)
class Resumed(_History):
    """A session that goes on in its own file."""

    conversation_id: ThreadId
    history: Sequence[RawItem] = field(repr=False)
    rollout_path: str | None

    @property
    def inherits(self) -> bool:
        """It goes on with its own items."""
        return True

    def rollout_items(self) -> Sequence[RawItem]:
        """All items, in file order."""
        return self.history

    def forked_from_id(self) -> str | None:
        """The first ``forked_from_id`` that is not null, over all metadata in the file."""
        found = self._first("forked_from_id")
        return found if isinstance(found, str) else None


@dataclass(frozen=True, slots=True)
class Forked(_History):
    """A session that begins with a prefix of another."""

    items: Sequence[RawItem] = field(repr=False)

    @property
    def inherits(self) -> bool:
        """It begins with another's items."""
        return True

    def rollout_items(self) -> Sequence[RawItem]:
        """The copied items, in file order."""
        return self.items

    def forked_from_id(self) -> str | None:
        """The source: the id of the first session_meta among the copied items."""
        return next((meta.get("id") for meta in self._metas()), None)


InitialHistory = New | Resumed | Forked | Cleared
