"""An agent of Pydantic AI that remembers: ``pydantic_ai_store.py CONVERSATION PROMPT``, again and again.

The only line that rollout asks for is the one with ``RolloutConversationStore``. A scripted model answers unless
``PYDANTIC_AI_MODEL`` names another one.
"""

from __future__ import annotations

import asyncio
import os
import sys

from pydantic_ai import Agent  # type: ignore[import-not-found, unused-ignore]  # an extra: only some environments have it
from pydantic_ai.conversation import Conversation  # type: ignore[import-not-found, unused-ignore]  # an extra: only some environments have it
from pydantic_ai.messages import (  # type: ignore[import-not-found, unused-ignore]  # an extra: only some environments have it
    ModelMessage,
    ModelResponse,
    TextPart,
    UserPromptPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel  # type: ignore[import-not-found, unused-ignore]  # an extra: only some environments have it

from rollout.adapters.pydantic_ai import RolloutConversationStore


def scripted(messages: list[ModelMessage], _: AgentInfo) -> ModelResponse:
    """Say how much is remembered."""
    said = sum(isinstance(part, UserPromptPart) for message in messages for part in message.parts)
    return ModelResponse(parts=[TextPart(f"You have said {said} things so far.")])


async def main(conversation_id: str, prompt: str) -> None:
    """One turn: load, run, save."""
    store = RolloutConversationStore()
    agent = Agent(os.environ.get("PYDANTIC_AI_MODEL") or FunctionModel(scripted), instructions="Be brief.")
    conversation = await store.load(conversation_id) or Conversation(conversation_id=conversation_id)
    result = await agent.run(prompt, conversation=conversation)
    await store.save(result)
    print(result.output)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
