"""An agent of one's own behind the app-server: it counts lines, and asks before it deletes anything.

    rollout app-server --agent served_agent:factory          (with this folder in PYTHONPATH)

Any client of Codex's app-server can then talk to it, and its threads are recorded as Codex records them.
"""

from __future__ import annotations

import asyncio
import os
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
        path = os.path.join(request.cwd, name)
        if verb == "count":
            yield say(f"{name} has {await asyncio.to_thread(lines_of, path)} lines.")
        elif verb == "delete":
            async for given in self.delete(request, path):
                yield given
        else:
            asked = sum(item.get("role") == "user" for item in request.history)
            for piece in stream("answer", f"I count and delete. You have asked {asked} times."):
                yield piece
                await asyncio.sleep(0)  # an interrupt meets the agent where it waits

    async def delete(self, request: TurnRequest, path: str) -> AsyncIterator[object]:
        """Only if the client that asked says yes; a cancel ends the turn."""
        words = ["rm", path]
        if not await request.approvals.command("call_1", words, request.cwd, "it cannot be brought back"):
            yield say("Then I leave it.")
            return
        await asyncio.to_thread(os.unlink, path)
        yield ran("call_1", words, "", cwd=request.cwd)
        yield say("It is gone.")

    async def compact(self, request: TurnRequest) -> str:
        """What stands for the conversation when a client wants it shorter."""
        return f"The user has asked {len(request.history)} things about files."


def stream(item_id: str, text: str) -> list[object]:
    """A message that is seen word by word, and recorded once it is whole."""
    words = [Piece(item_id, f"{word} ") for word in text.split()]
    return [Begun({"type": "AgentMessage", "id": item_id, "content": []}), *words, say(text)]


def lines_of(path: str) -> int:
    """How many lines a file has."""
    with open(path, "rb") as file:
        return sum(1 for _ in file)
