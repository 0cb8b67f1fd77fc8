"""Tools that a client brings along: the model is offered them, the client runs them, and all of it is kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from appserver.scripted import Model, said
from appserver_words import BOTH, Peer, run, text
from local_homes import Home
from rollout.appserver.levels import Level
from rollout.appserver.responses.agent import responses
from rollout.appserver.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

CALL = "item/tool/call"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = {"type": "function", "name": "weather", "description": "Tells the weather.", "inputSchema": SCHEMA}
TOOLS = [WEATHER, {"type": "namespace", "name": "maps", "description": "Maps.", "tools": [{**WEATHER, "name": "route"}]}]
SUNNY = {"contentItems": [{"type": "inputText", "text": "sunny"}], "success": True}
PIXEL = "data:image/png;base64,AAAA"


def peer(folder: Path, model: Model, level: Level = Level.V0_169) -> Peer:
    """A client of a server whose agent asks the model."""
    settings = Settings(model_provider="lab", providers={"lab": model.provider}, approval_policy="never")
    return Peer(Home(folder).store, level, responses(), settings)


def wants(name: str, **more: Any) -> dict[str, Any]:
    """The model calls a tool."""
    call = {"type": "function_call", "id": "fc", "call_id": "call_1", "name": name, "arguments": json.dumps({"city": "Oslo"})}
    return call | more


async def begun(client: Peer, **params: Any) -> str:
    """A new thread with the tools, in which a turn has begun."""
    thread_id: str = (await client.ask("thread/start", dynamicTools=TOOLS, **params))["thread"]["id"]
    await client.ask("turn/start", threadId=thread_id, input=[text("how is it?")])
    return thread_id


@pytest.mark.parametrize("level", BOTH)
def test_the_client_runs_what_the_model_calls(tmp_path: Path, level: Level) -> None:
    """It is asked with the arguments; its answer reaches the model, and at 0.169 the thread as an item."""
    with Model([wants("weather")], [said("Go out.")]) as model:

        async def scenario() -> None:
            async with peer(tmp_path / "home", model, level) as client:
                thread_id = await begun(client)
                asked = await client.reply(CALL, SUNNY)
                await client.until("turn/completed")
                read = await client.ask("thread/read", threadId=thread_id, includeTurns=True)
            items = {item["type"]: item for item in read["thread"]["turns"][0]["items"]}
            assert ("weather", {"city": "Oslo"}, "call_1") == (asked["tool"], asked["arguments"], asked["callId"])
            assert level.later == ("dynamicToolCall" in items)
            if level.later:
                call = items["dynamicToolCall"]
                assert ("completed", True, SUNNY["contentItems"]) == (call["status"], call["success"], call["contentItems"])

        run(scenario())

    offered, answered = model.asked[0]["tools"], model.asked[1]["input"][-1]
    assert {"weather", "maps"} <= {tool["name"] for tool in offered}
    assert (SCHEMA, "route") == (offered[-2]["parameters"], offered[-1]["tools"][0]["name"])
    assert ("function_call_output", "call_1", "sunny") == (answered["type"], answered["call_id"], answered["output"])


def test_a_tool_of_a_namespace_is_called_by_both_names_and_gives_an_image(tmp_path: Path) -> None:
    """Parts that are no text reach the model as parts."""
    drawn = {"contentItems": [{"type": "inputText", "text": "here"}, {"type": "inputImage", "imageUrl": PIXEL}], "success": True}
    with Model([wants("route", namespace="maps")], [said("Left.")]) as model:

        async def scenario() -> None:
            async with peer(tmp_path / "home", model) as client:
                await begun(client)
                asked = await client.reply(CALL, drawn)
                await client.until("turn/completed")
            assert ("maps", "route") == (asked["namespace"], asked["tool"])

        run(scenario())

    assert [{"type": "input_text", "text": "here"}, {"type": "input_image", "image_url": PIXEL}] == model.asked[1]["input"][-1]["output"]


def test_tools_are_still_there_when_the_thread_is_resumed(tmp_path: Path) -> None:
    """By another server: they stand in the thread's metadata. A tool that fails is told to the model."""
    with Model([said("Hello.")], [wants("weather")], [said("I do not know.")]) as model:

        async def scenario() -> None:
            async with peer(tmp_path / "home", model) as client:
                thread_id = await begun(client)
                await client.until("turn/completed")
            async with peer(tmp_path / "home", model) as client:
                await client.ask("thread/resume", threadId=thread_id)
                await client.ask("turn/start", threadId=thread_id, input=[text("and now?")])
                await client.reply(CALL, {"contentItems": [], "success": False})
                await client.until("turn/completed")

        run(scenario())

    assert "failed" == model.asked[2]["input"][-1]["output"]


@pytest.mark.parametrize("level", BOTH)
def test_an_ephemeral_thread_remembers_as_long_as_it_lives(tmp_path: Path, level: Level) -> None:
    """Each turn is answered with what was said before, its own question last; nothing is stored."""
    with Model([said("One.")], [said("Two.")]) as model:

        async def scenario() -> None:
            async with peer(tmp_path / "home", model, level) as client:
                thread_id = (await client.ask("thread/start", ephemeral=True))["thread"]["id"]
                await client.turn(thread_id, "first")
                await client.turn(thread_id, "second")
                refused = await client.refused("thread/read", threadId=thread_id, includeTurns=True)
                told = await client.ask("thread/read", threadId=thread_id)
            assert (-32600, "ephemeral threads do not support includeTurns") == refused
            assert told["thread"]["path"] is None

        run(scenario())

    texts = [part["text"] for item in model.asked[1]["input"] for part in item["content"]]
    assert ["first", "One.", "second"] == texts
    assert not (tmp_path / "home" / "sessions").exists()
