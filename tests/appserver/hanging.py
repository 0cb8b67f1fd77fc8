"""An agent for programs that are ended in the middle of a turn: it says one thing and waits for ever."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rollout.appserver.agent import say

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rollout.appserver.agent import Agent, TurnRequest


def factory() -> Agent:
    """The agent."""
    return answer


async def answer(request: TurnRequest) -> AsyncIterator[object]:
    """Say it and wait."""
    yield say(f"heard {request.text}")
    await asyncio.Event().wait()
