"""One turn: record what was asked, have the agent answer, record and show every item as it comes, tell how it ended.

Everything is accepted by the recorder before a client hears of it, and flushed before the turn is told to be over.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any, NamedTuple

from rollout.appserver.agent import Begun, Piece, TurnRequest
from rollout.appserver.approvals import ClientApprovals, TurnCancelledError
from rollout.appserver.client_tools import ClientTools
from rollout.appserver.fresh import new_id, now_ms
from rollout.appserver.log import say_exception
from rollout.appserver.showing import Showing
from rollout.appserver.shown import SHOWN_BY_ITSELF, Told, events_for, model_message, shown_input, shown_of
from rollout.appserver.wire.turns import turn_on_wire
from rollout.codec import to_object
from rollout.errors import RolloutError
from rollout.history import history
from rollout.items import RawItem, payload_bytes, to_item
from rollout.lines import Line
from rollout.turns import Status, Turn, first_line
from rollout.turns.grammar import mapping

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollout.appserver.connection import Connection
    from rollout.appserver.live import LiveThread
    from rollout.appserver.state import Server
    from rollout.lines import Found
    from rollout.store.base import ThreadStore

Fields = dict[str, Any]


class Ending(NamedTuple):
    """How a turn ended."""

    status: Status
    message: str | None = None


class TurnRun:
    """One turn of one thread, in a task of its own."""

    def __init__(
        self, server: Server, live: LiveThread, parts: list[Fields], client: Connection | None = None
    ) -> None:
        """``parts``: what the client sent; it is asked when an agent wants to know."""
        self._server, self._live, self._parts, self._client = server, live, parts, client
        self.steering: asyncio.Queue[list[Fields]] = asyncio.Queue()
        self.turn = Turn(new_id(), 0, 0, explicit=True, status=Status.UNFINISHED, started_at=now_ms() // 1000)
        self.turn.root_id = self.turn.id
        self._showing = Showing(server, live, self.turn.id)
        self.ending = False

    @property
    def told(self) -> Fields:
        """The turn as answers and notifications tell it: without its items, but at 0.169 with its last words."""
        later, said = self._server.level.later, self._showing.said
        told = turn_on_wire(self.turn, later=later, view="notLoaded", running=True) | {"items": []}
        return told if not later or said is None else told | {"items": [said], "itemsView": "summary"}

    @property
    def turn_id(self) -> str:
        """The turn's id."""
        return self.turn.id

    async def run(self, answered: asyncio.Event) -> None:
        """Run it to its end, whatever the end is, once the request for it is ``answered``."""
        began = now_ms()
        try:
            await answered.wait()
            await self._open()
            await self._begin()
            await self._answer()
            ending = Ending(Status.COMPLETED)
        except (asyncio.CancelledError, TurnCancelledError):
            ending = Ending(Status.INTERRUPTED)
        except Exception as error:  # noqa: BLE001 - the last line of defence: it is told, not swallowed
            if not isinstance(error, RolloutError):
                say_exception()
            ending = Ending(Status.FAILED, str(error) or type(error).__name__)
        await self._end(ending, began)

    async def _open(self) -> None:
        live = self._live
        await self._server.status(live)
        await self._notify("turn/started", turn=self.told)
        if not live.recorder.persisted:
            await live.recorder.persist()
            if live.name and not live.ephemeral:
                await asyncio.to_thread(self._server.store.set_name, live.id, live.name)
        started = {"turn_id": self.turn.id, "started_at": self.turn.started_at, "model_context_window": live.settings.context_window}
        await self._record_event("task_started", **started, collaboration_mode_kind="default")

    async def _begin(self) -> None:
        live = self._live
        if live.developer is not None:
            part = {"type": "input_text", "text": live.developer}
            said = {"type": "message", "role": "developer", "content": [part]}
            await live.recorder.record([{"type": "response_item", "payload": said}])
            live.developer = None
        await self._hear(self._parts)
        await self._live.recorder.record([self._context()])

    async def _hear(self, parts: list[Fields]) -> None:
        """What a person sent: for the model, and to be shown."""
        shown = shown_input(parts, new_id)
        await self._live.recorder.record([model_message(parts), *events_for(shown, self._live.era, self._where())])
        await self._showing.end(shown)

    async def steer(self, parts: list[Fields]) -> None:
        """Take what is sent to the turn while it runs."""
        await self._hear(parts)
        self.steering.put_nowait(parts)

    async def _answer(self) -> None:
        agent = self._server.agent
        if agent is None:
            raise RolloutError("this server has no agent; start it with --agent")
        items = agent(await self.request())
        try:
            async for item in items:
                await self._take(item)
        finally:
            if isinstance(items, AsyncGenerator):
                await items.aclose()

    async def request(self) -> TurnRequest:
        """What the agent is asked."""
        live = self._live
        store: ThreadStore = live.memory or self._server.store
        await live.recorder.flush()
        said = await asyncio.to_thread(lambda: history(store.lines(live.id)))
        used = await asyncio.to_thread(lambda: used_so_far(store.lines_back(live.id)))
        begun = await asyncio.to_thread(lambda: begun_with(store.lines(live.id)))
        approvals = ClientApprovals(self._server, live, self.turn.id, self._client)
        settings = live.settings
        asked = (live.id, self.turn.id, self._parts, said, live.cwd, settings.model, settings.effort)
        tools = ClientTools(live, self.turn.id, self._client)
        return TurnRequest(*asked, live.tools, self.steering, settings, approvals, begun, used, tools)

    async def _take(self, value: object) -> None:
        """Record an item that the agent gave, with what shows it beside it, then show it."""
        if isinstance(value, Begun):
            return await self._showing.begin(value)
        if isinstance(value, Piece):
            return await self._showing.piece(value)
        item = to_item(value)
        raw = item if isinstance(item, RawItem) else RawItem(item.line_type, payload_bytes(item))
        shown = shown_of(raw.line_type, raw.object, new_id)
        recorded: list[object] = [raw]
        if shown is not None and (raw.tag not in SHOWN_BY_ITSELF or self._live.era == "paginated"):
            events = events_for(shown, self._live.era, self._where())
            recorded = [*events, raw] if raw.tag != "item_completed" else [raw]
        await self._live.recorder.record(recorded)
        if shown is not None:
            await self._showing.end(shown)
        if raw.tag == "token_count":
            await self._server.token_usage(self._live.id, self.turn.id, raw.object)
        return None

    async def _end(self, ending: Ending, began: int) -> None:
        """Record how it ended and tell it; what cannot be written makes it a failed turn."""
        self.ending = True
        live, turn, ended = self._live, self.turn, now_ms()
        turn.status, turn.completed_at, turn.duration_ms = ending.status, ended // 1000, ended - began
        times = {"started_at": turn.started_at, "completed_at": turn.completed_at, "duration_ms": turn.duration_ms}
        error = {"message": ending.message, "codex_error_info": "other"} if ending.message else None
        try:
            if ending.status is Status.INTERRUPTED:
                await self._record_event("turn_aborted", turn_id=turn.id, reason="interrupted", **times)
            else:
                failed = {"error": error} if error else {}
                await self._record_event(
                    "task_complete", turn_id=turn.id, last_agent_message=(self._showing.said or {}).get("text"), **failed, **times
                )
            await live.recorder.flush()
        except RolloutError as problem:
            error = {"message": str(problem), "codex_error_info": "other"}
        if error is not None:
            turn.status, turn.error = Status.FAILED, error
        live.failed, running, live.running = error is not None, live.running, None
        if running is not None:
            running.ended.set()
        told = self.told
        if error is not None:
            await self._notify("error", error=told["error"], willRetry=False, turnId=turn.id)
        await self._notify("turn/completed", turn=told)
        await self._server.status(live)

    async def _record_event(self, tag: str, **fields: Any) -> None:  # noqa: ANN401 - JSON as it comes
        await self._live.recorder.record([{"type": "event_msg", "payload": {"type": tag, **fields}}])

    async def _notify(self, method: str, **params: Any) -> None:  # noqa: ANN401 - JSON as it comes
        await self._server.broadcast(method, {"threadId": self._live.id, **params})

    def _where(self) -> Told:
        return Told(self._live.id, self.turn.id, now_ms())

    def _context(self) -> Fields:
        """The settings of the turn, as files keep them."""
        settings, live = self._live.settings, self._live
        payload = {
            "turn_id": self.turn.id,
            "cwd": live.cwd,
            "approval_policy": settings.approval_policy,
            "sandbox_policy": settings.recorded_sandbox,
            "model": settings.model,
            "effort": settings.effort,
            "summary": "auto",
        }
        return {"type": "turn_context", "payload": payload}


def begun_with(lines: Iterable[Found]) -> str | None:
    """The instructions that a thread was begun with, as its metadata tell them."""
    first = first_line(lines)
    told = mapping(mapping(to_object(first.record.payload)).get("base_instructions")).get("text") if first else None
    return told if isinstance(told, str) else None


def used_so_far(lines_back: Iterable[Found]) -> Fields:
    """The tokens that the newest count in a thread tells; empty when there is none."""
    for found in lines_back:
        if isinstance(found, Line) and found.record.type == "event_msg":
            event = mapping(to_object(found.record.payload))
            if event.get("type") == "token_count" and (used := mapping(event.get("info")).get("total_token_usage")):
                return mapping(used)
    return {}


class Compaction(TurnRun):
    """A turn in which the agent replaces its context by a summary."""

    async def _begin(self) -> None:
        """Nobody says anything."""

    async def _answer(self) -> None:
        live, compact = self._live, getattr(self._server.agent, "compact", None)
        if compact is None:
            raise RolloutError("the agent of this server cannot compact")
        summary = str(await compact(await self.request()))
        shown: Fields = {"type": "ContextCompaction", "id": new_id()}
        payload: Fields = {"message": summary}
        if live.era == "paginated":
            part = {"type": "input_text", "text": summary}
            payload["replacement_history"] = [{"type": "message", "role": "user", "content": [part]}]
            events = events_for(shown, live.era, self._where())
        else:
            events = [{"type": "event_msg", "payload": {"type": "context_compacted"}}]
        await live.recorder.record([{"type": "compacted", "payload": payload}, *events])
        await self._showing.end(shown)
        await self._notify("thread/compacted", turnId=self.turn.id)
