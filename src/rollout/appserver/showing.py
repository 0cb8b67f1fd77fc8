"""What clients are told of a turn's items while they come to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.appserver.fresh import now_ms
from rollout.appserver.wire.items import item_on_wire
from rollout.turns import TurnItem

if TYPE_CHECKING:
    from rollout.appserver.agent import Begun, Piece
    from rollout.appserver.live import LiveThread
    from rollout.appserver.state import Server

Fields = dict[str, Any]
_PIECES = {
    "AgentMessage": "item/agentMessage/delta",
    "Reasoning": "item/reasoning/summaryTextDelta",
    "CommandExecution": "item/commandExecution/outputDelta",
    "FileChange": "item/fileChange/outputDelta",
}


class Showing:
    """The items of one turn, told to every client."""

    def __init__(self, server: Server, live: LiveThread, turn_id: str) -> None:
        """Nothing is shown yet."""
        self._server, self._live, self._turn_id = server, live, turn_id
        self._begun: dict[str, tuple[str, int]] = {}
        self._parts: set[tuple[str, int]] = set()
        self.said: Fields | None = None

    async def begin(self, begun: Begun) -> None:
        """Something begins to be seen; what ends it is recognised by its kind."""
        shown, at = begun.shown, now_ms()
        self._begun[shown["type"]] = shown["id"], at
        await self._tell("item/started", self._wire(shown, at, None), {"startedAtMs": at})

    async def piece(self, piece: Piece) -> None:
        """A piece of the text of what has begun."""
        where: Fields = {"itemId": piece.item_id, "delta": piece.text}
        if piece.kind == "Reasoning":
            where["summaryIndex"] = piece.part
            if (piece.item_id, piece.part) not in self._parts:
                self._parts.add((piece.item_id, piece.part))
                added = {"itemId": piece.item_id, "summaryIndex": piece.part}
                await self.notify("item/reasoning/summaryPartAdded", added)
        await self.notify(_PIECES[piece.kind], where)

    async def end(self, shown: Fields) -> None:
        """Something is there; it is told to have begun, too, if that was not told."""
        at = now_ms()
        told_as, began = self._begun.pop(shown["type"], (None, at))
        if told_as is None:
            await self._tell("item/started", self._wire(shown, at, None), {"startedAtMs": at})
        else:
            shown = shown | {"id": told_as}
        item = self._wire(shown, began, at)
        if item is not None and item["type"] == "agentMessage":
            self.said = item
        await self._tell("item/completed", item, {"completedAtMs": at})

    async def _tell(self, method: str, item: Fields | None, when: Fields) -> None:
        if item is not None:
            await self.notify(method, {"item": item} | (when if self._server.level.later else {}))

    async def notify(self, method: str, params: Fields) -> None:
        """Tell every client something of this turn."""
        await self._server.broadcast(method, {"threadId": self._live.id, "turnId": self._turn_id, **params})

    def _wire(self, shown: Fields, began: int, ended: int | None) -> Fields | None:
        return item_on_wire(TurnItem(shown, 0, None, began, ended), later=self._server.level.later)
