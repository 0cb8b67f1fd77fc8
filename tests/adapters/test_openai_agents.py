"""The real Agents SDK, with a scripted model, beside the SDK's own session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from adapters.adapter_words import AGENTS_MISSING, Json, asked, run
from rollout import ThreadQuery
from rollout.adapters.openai_agents import RolloutSession
from rollout.store.local.store import LocalStore

if TYPE_CHECKING:
    from pathlib import Path

agents = pytest.importorskip("agents", reason=AGENTS_MISSING, exc_type=ImportError)
responses = pytest.importorskip("openai.types.responses", reason=AGENTS_MISSING, exc_type=ImportError)


class ScriptedModel(agents.Model):  # type: ignore[misc, name-defined, unused-ignore]  # untyped where the extra is absent
    """Calls a tool when it is asked to, else answers; remembers what it was sent."""

    def __init__(self) -> None:
        """Nothing sent yet."""
        self.sent: list[list[Json]] = []

    async def get_response(self, system_instructions: Any, input: Any, *_: Any, **__: Any) -> Any:  # noqa: A002, ARG002 - the names of the SDK
        """One call or one message."""
        self.sent.append([dict(item) for item in input])
        if "use the tool" in str(input[-1].get("content")):
            return self._answer(
                responses.ResponseFunctionToolCall(
                    type="function_call", call_id=f"c{len(input)}", name="look", arguments='{"where":"here"}'
                )
            )
        part = responses.ResponseOutputText(type="output_text", text=f"after {len(input)}", annotations=[], logprobs=[])
        return self._answer(
            responses.ResponseOutputMessage(
                id="m1", type="message", role="assistant", status="completed", content=[part]
            )
        )

    def stream_response(self, *_: Any, **__: Any) -> Any:
        """Never asked for."""
        raise NotImplementedError

    @staticmethod
    def _answer(item: Any) -> Any:
        return agents.ModelResponse(output=[item], usage=agents.Usage(), response_id=None)


def look(where: str) -> str:
    """Look somewhere."""
    return f"seen {where}"


async def talk(session: Any, *prompts: str) -> tuple[list[str], ScriptedModel]:
    """Several runs of an agent with a tool in one session; the answers, and the model that gave them."""
    agents.set_tracing_disabled(disabled=True)
    model = ScriptedModel()
    agent = agents.Agent(name="tested", model=model, tools=[agents.function_tool(look)])
    return [str((await agents.Runner.run(agent, prompt, session=session)).final_output) for prompt in prompts], model


PROMPTS = ("hello", "use the tool", "goodbye")


def test_it_is_a_session_of_the_sdk(tmp_path: Path) -> None:
    """The SDK's own check of the protocol passes."""
    assert isinstance(RolloutSession("chat", tmp_path), agents.memory.Session)


def test_an_agent_is_sent_what_the_sdks_own_session_would_send(tmp_path: Path) -> None:
    """Answers, requests and items are those of SQLiteSession, over runs with and without a tool."""

    async def scenario() -> None:
        own = agents.SQLiteSession("chat")
        ours = RolloutSession("chat", LocalStore(tmp_path))
        expected, model = await talk(own, *PROMPTS)
        got, ours_model = await talk(ours, *PROMPTS)

        assert expected == got
        assert model.sent == ours_model.sent
        assert await own.get_items() == await ours.get_items()
        own.close()

    run(scenario())


def test_a_correction_pops_what_the_sdk_pops(tmp_path: Path) -> None:
    """The pattern from the SDK's manual: pop the answer and the question, ask otherwise; clear in the end."""

    async def scenario() -> None:
        own, ours = agents.SQLiteSession("chat"), RolloutSession("chat", LocalStore(tmp_path))
        for session in (own, ours):
            await talk(session, *PROMPTS)
        for _ in range(4):
            assert await own.pop_item() == await ours.pop_item()
        assert (await talk(own, "otherwise"))[0] == (await talk(ours, "otherwise"))[0]
        assert await own.get_items() == await ours.get_items()
        for session in (own, ours):
            await session.clear_session()
            await talk(session, "anew")
        assert await own.get_items() == await ours.get_items()
        own.close()

    run(scenario())


def test_another_process_would_go_on(tmp_path: Path) -> None:
    """A new session object on the same home remembers; the thread is listed by what was asked first."""

    async def scenario() -> list[Json]:
        await talk(RolloutSession("chat", LocalStore(tmp_path)), "hello")
        _, model = await talk(RolloutSession("chat", LocalStore(tmp_path)), "and now?")
        return model.sent[0]

    sent = run(scenario())
    (row,) = LocalStore(tmp_path).list(ThreadQuery()).threads

    assert ["hello", "and now?"] == [item["content"] for item in sent if item["role"] == "user"]
    assert "hello" == row.preview


def test_agents_of_many_tasks_have_sessions_of_their_own(tmp_path: Path) -> None:
    """Ten agents at once in ten sessions of one home remember each its own."""

    async def scenario() -> list[list[Json]]:
        store = LocalStore(tmp_path)
        sessions = [RolloutSession(f"chat {number}", store) for number in range(10)]
        await asyncio.gather(*(talk(one, one.session_id, "more") for one in sessions))
        return [await one.get_items() for one in sessions]

    kept = run(scenario())

    assert [asked(f"chat {number}") for number in range(10)] == [items[0] for items in kept]
    assert [4] * 10 == [len(items) for items in kept]


def test_the_limit_of_a_run_is_honoured(tmp_path: Path) -> None:
    """``RunConfig(session_settings=...)`` and the session's own settings cut what is sent, not what is kept."""

    async def scenario() -> tuple[int, int]:
        settings = agents.SessionSettings(limit=2)
        session = RolloutSession("chat", LocalStore(tmp_path), session_settings=settings)
        await talk(session, "one", "two", "three")
        _, model = await talk(session, "four")
        return len(model.sent[0]), len(await session.get_items(100))

    assert (3, 8) == run(scenario())
