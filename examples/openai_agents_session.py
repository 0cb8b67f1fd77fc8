"""An agent of the OpenAI Agents SDK that remembers: ``openai_agents_session.py SESSION PROMPT``, again and again.

The only line that rollout asks for is the one with ``RolloutSession``. Without ``OPENAI_API_KEY`` a scripted model answers.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any, cast

from agents import (  # type: ignore[import-not-found, unused-ignore]  # an extra: only some environments have it
    Agent,
    Model,
    ModelResponse,
    Runner,
    Usage,
    set_tracing_disabled,
)
from openai.types.responses import (  # type: ignore[import-not-found, unused-ignore]  # an extra: only some environments have it
    ResponseOutputMessage,
    ResponseOutputText,
)

from rollout.adapters.openai_agents import RolloutSession

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Json = dict[str, Any]


class ScriptedModel(Model):  # type: ignore[misc, unused-ignore]  # untyped where the extra is absent
    """Says how much it remembers."""

    async def get_response(self, **request: object) -> ModelResponse:
        """One message; ``input`` is everything that was said so far."""
        items = cast("list[Json]", request["input"])
        said = sum(item.get("role") == "user" for item in items)
        text = ResponseOutputText(type="output_text", text=f"You have said {said} things so far.", annotations=[])
        message = ResponseOutputMessage(id="m", type="message", role="assistant", status="completed", content=[text])
        return ModelResponse(output=[message], usage=Usage(), response_id=None)

    def stream_response(self, *_: object, **__: object) -> AsyncIterator[object]:
        """Not needed here."""
        raise NotImplementedError


async def main(session_id: str, prompt: str) -> None:
    """One turn."""
    online = bool(os.environ.get("OPENAI_API_KEY"))
    set_tracing_disabled(disabled=not online)
    agent = Agent(name="Helper", instructions="Be brief.", model=None if online else ScriptedModel())
    result = await Runner.run(agent, prompt, session=RolloutSession(session_id))
    print(result.final_output)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
