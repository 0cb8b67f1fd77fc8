"""Threads that a server has loaded: who records them, with which settings their turns run, which turn runs now."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from rollout.appserver.settings import Settings, sandbox_of_wire
from rollout.appserver.wire.threads import Live
from rollout.query import Thread
from rollout.summary import Summary
from rollout.times import to_text

if TYPE_CHECKING:
    from rollout.appserver.question import Question
    from rollout.codec import Era
    from rollout.ids import ThreadId
    from rollout.recorder import RolloutRecorder
    from rollout.store.memory import MemoryStore

Fields = dict[str, Any]


class Steerable(Protocol):
    """A turn that can be talked to while it runs."""

    @property
    def turn_id(self) -> str:
        """The turn's id."""
        ...

    @property
    def ending(self) -> bool:
        """Whether its end is being recorded, which nothing must cut short."""
        ...

    async def steer(self, parts: list[Fields]) -> None:
        """Take what is sent to it."""
        ...


class Running(NamedTuple):
    """The turn that runs now; ``ended`` is set once it has ended."""

    run: Steerable
    task: asyncio.Task[None]
    ended: asyncio.Event

    @property
    def turn_id(self) -> str:
        """The turn's id."""
        return self.run.turn_id

    async def stop(self) -> None:
        """Cancel it, once, unless it ends anyway, and wait for its end."""
        await asyncio.sleep(0)  # a task that is cancelled before its first step never runs, and would tell of no end
        if not self.task.cancelling() and not self.run.ending:
            self.task.cancel()
        await self.ended.wait()


class LiveThread:
    """One loaded thread; used on the server's event loop alone."""

    def __init__(self, recorder: RolloutRecorder, settings: Settings, cwd: str, era: Era) -> None:
        """``era``: how the file is written."""
        self.recorder, self.settings, self.cwd = recorder, settings, cwd
        self.memory: MemoryStore | None = None
        self.era: Era = era
        self.tools: tuple[Fields, ...] = ()
        self.born: Summary | None = None
        self.name: str | None = None
        self.running: Running | None = None
        self.failed = False
        self.question: Question | None = None
        self.allowed: set[str] = set()
        self.developer: str | None = None
        self.idle_since: float | None = None

    @property
    def id(self) -> ThreadId:
        """The thread's id."""
        return self.recorder.thread_id

    @property
    def ephemeral(self) -> bool:
        """Whether it is never stored: all that is said in it is in memory, and gone when it is let go of."""
        return self.memory is not None

    @property
    def path(self) -> str | None:
        """Where it is stored, or will be."""
        return None if self.ephemeral else self.recorder.path

    @property
    def fresh(self) -> bool:
        """Whether it is not stored yet."""
        return self.ephemeral or not self.recorder.persisted

    @property
    def view(self) -> Live:
        """How it stands, for answers."""
        if self.running is not None:
            flags = [] if self.question is None else ["waitingOnApproval"]
            return Live({"type": "active", "activeFlags": flags}, self.cwd)
        return Live({"type": "systemError" if self.failed else "idle"}, self.cwd)

    def change(self, params: Fields) -> None:
        """Take over settings that a request names; they count from the next turn on."""
        self.settings, self.cwd = changed(self.settings, params), params.get("cwd") or self.cwd

    def row(self, now_ms: int) -> Thread:
        """The row of a thread that is not stored yet: it is as old as the question."""
        summary = self.born or Summary()
        summary.id, summary.cwd, summary.created_at = self.id, self.cwd, to_text(now_ms)
        return Thread(self.id, self.path or "", False, 0, now_ms, now_ms, now_ms, self.name, summary)


def changed(settings: Settings, params: Fields) -> Settings:
    """Settings with what a request names above them."""
    told = {
        "model": params.get("model"),
        "model_provider": params.get("modelProvider"),
        "approval_policy": params.get("approvalPolicy"),
        "sandbox": params.get("sandbox") or sandbox_of_wire(params.get("sandboxPolicy")),
        "effort": params.get("effort"),
    }
    named: Fields = {name: value for name, value in told.items() if isinstance(value, str)}
    return settings._replace(**named)
