"""An agent of one's own behind the app-server: it counts lines, and asks before it deletes anything.

    PYTHONPATH=examples rollout app-server --agent served_agent:factory

Any client of Codex's app-server can then talk to it, and its threads are recorded as Codex records them.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from rollout.appserver.agent import Begun, Piece, ran, say

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rollout.appserver.agent import Agent, TurnRequest


def factory() -> Agent:
    """What ``--agent`` names: called once, when the server starts."""
    return Counter()


class Counter:
    """It understands ``count FILE`` and ``delete FILE``."""

    async def __call__(self, request: TurnRequest) -> AsyncIterator[object]:
        """One turn: what is given is recorded and shown as it comes."""
        verb, _, name = request.text.partition(" ")
        path = Path(request.cwd, name)
        if verb == "count":
            data = await asyncio.to_thread(path.read_bytes)
            yield say(f"{name} has {len(data.splitlines())} lines.")
        elif verb != "delete":
            asked = sum(item.get("role") == "user" for item in request.history)
            for piece in stream("answer", f"I count and delete. You have asked {asked} times."):
                yield piece
                await asyncio.sleep(0)  # an interrupt meets the agent where it waits
        elif await request.approvals.command("call_1", ["rm", str(path)], request.cwd, "it cannot be brought back"):
            await asyncio.to_thread(path.unlink)
            yield ran("call_1", ["rm", str(path)], "", cwd=request.cwd)
            yield say("It is gone.")
        else:
            yield say("Then I leave it.")

    async def compact(self, request: TurnRequest) -> str:
        """What stands for the conversation when a client wants it shorter."""
        return f"The user has asked {len(request.history)} things about files."


def stream(item_id: str, text: str) -> list[object]:
    """A message that is seen word by word, and recorded once it is whole."""
    words = [Piece(item_id, f"{word} ") for word in text.split()]
    return [Begun({"type": "AgentMessage", "id": item_id, "content": []}), *words, say(text)]
