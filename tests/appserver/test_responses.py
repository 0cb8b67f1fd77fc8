"""The agent that asks a model: what it is asked, what is recorded and told, what is allowed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from appserver.scripted import HANG, Model, said, wants_command, wants_patch
from appserver_words import BOTH, Peer, run, text
from local_homes import Home
from rollout.appserver.levels import Level
from rollout.appserver.responses.agent import responses
from rollout.appserver.responses.provider import ModelError, provider_of
from rollout.appserver.settings import Settings

ADD = "*** Begin Patch\n*** Add File: new.txt\n+hello\n*** End Patch"
COMMAND, CHANGE = "item/commandExecution/requestApproval", "item/fileChange/requestApproval"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home."""
    return Home(tmp_path / "home")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folder that the agent works in."""
    made = tmp_path / "project"
    made.mkdir()
    return made


def peer(home: Home, model: Model, level: Level = Level.V0_169, **settings: Any) -> Peer:
    """A client of a server whose agent asks the model; everything is allowed unless told otherwise."""
    free: dict[str, Any] = {"sandbox": "danger-full-access", "approval_policy": "never", **settings}
    return Peer(home.store, level, responses(), Settings(model_provider="lab", providers={"lab": model.provider}, **free))


async def begin(client: Peer, project: Path) -> str:
    """A new thread in the folder."""
    started = await client.ask("thread/start", cwd=str(project))
    thread_id: str = started["thread"]["id"]
    return thread_id


async def items_of(client: Peer, thread_id: str) -> list[dict[str, Any]]:
    """The items of all turns as they are read back."""
    read = await client.ask("thread/read", threadId=thread_id, includeTurns=True)
    return [item for turn in read["thread"]["turns"] for item in turn["items"]]


async def statuses_of(client: Peer, thread_id: str) -> list[str]:
    """How each turn ended, as it is read back."""
    read = await client.ask("thread/read", threadId=thread_id, includeTurns=True)
    return [turn["status"] for turn in read["thread"]["turns"]]


@pytest.mark.parametrize("level", BOTH)
def test_a_turn_with_tools_is_run_and_recorded(home: Home, project: Path, level: Level) -> None:
    """Commands run, patches are applied, the model sees both outputs, and all of it is read back."""

    async def scenario(model: Model) -> None:
        async with peer(home, model, level) as client:
            thread_id = await begin(client, project)
            told = await client.turn(thread_id, "do it")
            assert "completed" == told["status"]
            kinds = [item["type"] for item in await items_of(client, thread_id)]
            wanted = ["userMessage", "commandExecution", "fileChange", "agentMessage"]
            assert (wanted if level.later else ["userMessage", "agentMessage"]) == kinds

    with Model([wants_command("cat ../project/seen; echo out > made")], [wants_patch(ADD)], [said("Fine.")]) as model:
        (project / "seen").write_text("seen\n")
        run(scenario(model))
        outputs = [one["output"] for one in model.asked[-1]["input"] if one["type"].endswith("_output")]

    assert ["seen\n", "Success. Updated the following files:\nA new.txt\n"] == [
        one.partition("Output:\n")[2] for one in outputs
    ]
    assert ("out\n", "hello\n") == ((project / "made").read_text(), (project / "new.txt").read_text())


def test_tokens_are_counted_over_the_whole_thread(home: Home, project: Path) -> None:
    """Each answer adds to what the thread had used, over turns and servers."""

    async def scenario(model: Model) -> int:
        async with peer(home, model) as client:
            thread_id = await begin(client, project)
            await client.turn(thread_id, "one")
            await client.turn(thread_id, "two")
        async with peer(home, model) as client:
            await client.ask("thread/resume", threadId=thread_id)
            await client.turn(thread_id, "three")
            used: int = (await client.until("thread/tokenUsage/updated"))["tokenUsage"]["total"]["totalTokens"]
            return used

    with Model() as model:
        used = asyncio.run(scenario(model))

    assert 3 * 13 == used


def test_pieces_are_told_under_the_id_of_the_item_they_belong_to(home: Home, project: Path) -> None:
    """One start, the pieces, one end."""

    async def scenario(model: Model) -> list[tuple[str, str]]:
        async with peer(home, model) as client:
            await client.turn(await begin(client, project), "hi")
            told = [(one["method"], one["params"]) for one in client.heard if one.get("method", "").startswith("item/")]
            return [(method, str(params.get("itemId") or params["item"]["id"])) for method, params in told][2:]

    with Model([said("Hello.")]) as model:
        told = asyncio.run(scenario(model))

    assert [(f"item/{what}", "msg_Hello.") for what in ("started", "agentMessage/delta", "completed")] == told


@pytest.mark.parametrize(("decision", "ran"), [("accept", True), ("acceptForSession", True), ("decline", False)])
def test_a_command_is_asked_for(home: Home, project: Path, decision: str, ran: bool) -> None:
    """A yes runs it; a no is told to the model, and the turn goes on."""

    async def scenario(model: Model) -> list[str]:
        async with peer(home, model, sandbox="workspace-write", approval_policy="on-request") as client:
            thread_id = await begin(client, project)
            await client.ask("turn/start", threadId=thread_id, input=[text("go")])
            asked = await client.decide(COMMAND, decision)
            assert "/bin/bash -lc 'touch made'" == asked["command"]
            await client.until("turn/completed")
            return [item["status"] for item in await items_of(client, thread_id) if item["type"] == "commandExecution"]

    with Model([wants_command("touch made")]) as model:
        statuses = asyncio.run(scenario(model))

    assert (["completed" if ran else "declined"], ran) == (statuses, (project / "made").exists())


def test_a_yes_for_the_session_is_remembered(home: Home, project: Path) -> None:
    """The same command is not asked for again while the thread is loaded."""

    async def scenario(model: Model) -> int:
        async with peer(home, model, approval_policy="untrusted") as client:
            thread_id = await begin(client, project)
            await client.ask("turn/start", threadId=thread_id, input=[text("go")])
            await client.decide(COMMAND, "acceptForSession")
            await client.until("turn/completed")
            return client.news().count(COMMAND)

    with Model([wants_command("true", "a")], [wants_command("true", "b")]) as model:
        asked = asyncio.run(scenario(model))

    assert 1 == asked


def test_a_cancel_ends_the_turn(home: Home, project: Path) -> None:
    """The turn is an interrupted one, nothing was run, and the model is not asked again."""

    async def scenario(model: Model) -> str:
        async with peer(home, model, approval_policy="untrusted") as client:
            await client.ask("turn/start", threadId=await begin(client, project), input=[text("go")])
            await client.decide(COMMAND, "cancel")
            status: str = (await client.until("turn/completed"))["turn"]["status"]
            return status

    with Model([wants_command("touch made")]) as model:
        status = asyncio.run(scenario(model))
        asked = len(model.asked)

    assert ("interrupted", 1, False) == (status, asked, (project / "made").exists())


def test_changes_outside_the_folder_are_asked_for(home: Home, project: Path) -> None:
    """Inside they are not; a link that leads out counts as outside."""
    (project / "link").symlink_to(project.parent)
    outside = ADD.replace("new.txt", "link/new.txt")

    async def scenario(model: Model) -> None:
        async with peer(home, model, sandbox="workspace-write", approval_policy="on-request") as client:
            thread_id = await begin(client, project)
            await client.turn(thread_id, "inside")
            assert CHANGE not in client.news()
            client.heard.clear()
            await client.ask("turn/start", threadId=thread_id, input=[text("outside")])
            await client.decide(CHANGE, "decline")
            await client.until("turn/completed")

    with Model([wants_patch(ADD, free=False)], [said("Inside.")], [wants_patch(outside)]) as model:
        run(scenario(model))

    assert (True, False) == ((project / "new.txt").exists(), (project.parent / "new.txt").exists())


def test_what_may_never_be_asked_is_not_run(home: Home, project: Path) -> None:
    """Without a sandbox, a policy of never asking allows no command unless everything is allowed."""

    async def scenario(model: Model) -> None:
        async with peer(home, model, sandbox="workspace-write") as client:
            await client.turn(await begin(client, project), "go")

    with Model([wants_command("touch made")]) as model:
        run(scenario(model))
        answer = model.asked[-1]["input"][-1]["output"]

    assert ("not run", False) == (answer[:7], (project / "made").exists())


def test_what_is_said_meanwhile_reaches_the_model(home: Home, project: Path) -> None:
    """Steering stands in the next request, once, behind what the tool gave."""

    async def scenario(model: Model) -> None:
        async with peer(home, model, approval_policy="untrusted") as client:
            thread_id = await begin(client, project)
            await client.ask("turn/start", threadId=thread_id, input=[text("go")])
            await client.until(COMMAND)
            await client.ask("turn/steer", threadId=thread_id, input=[text("stop at two")])
            await client.decide(COMMAND, "accept")
            await client.until("turn/completed")

    with Model([wants_command("true")]) as model:
        run(scenario(model))
        kinds = [one["type"] for one in model.asked[-1]["input"]]

    assert ["message", "function_call", "function_call_output", "message"] == kinds


def test_a_refusal_of_the_model_fails_the_turn(home: Home, project: Path) -> None:
    """With what the endpoint said; the next turn can do better."""

    async def scenario(model: Model) -> list[str]:
        async with peer(home, model) as client:
            thread_id = await begin(client, project)
            failed = await client.turn(thread_id, "one")
            assert "lab answered 400: scripted" == failed["error"]["message"]
            return [failed["status"], (await client.turn(thread_id, "two"))["status"]]

    with Model(400) as model:
        statuses = asyncio.run(scenario(model))

    assert ["failed", "completed"] == statuses


def test_a_busy_endpoint_is_asked_again(home: Home, project: Path) -> None:
    """As often as the provider's settings say."""

    async def scenario(model: Model) -> str:
        table = {**model.provider, "request_max_retries": 2}
        settings = Settings(model_provider="lab", providers={"lab": table})
        async with Peer(home.store, agent=responses(), settings=settings) as client:
            status: str = (await client.turn(await begin(client, project), "one"))["status"]
            return status

    with Model(503, 429) as model:
        status = asyncio.run(scenario(model))
        asked = len(model.asked)

    assert ("completed", 3) == (status, asked)


def test_the_context_is_replaced_by_the_models_summary(home: Home, project: Path) -> None:
    """After a compaction the model is sent the summary instead of what it stands for."""

    async def scenario(model: Model) -> None:
        async with peer(home, model) as client:
            thread_id = await begin(client, project)
            await client.turn(thread_id, "one")
            client.heard.clear()
            await client.ask("thread/compact/start", threadId=thread_id)
            await client.until("turn/completed")
            await client.turn(thread_id, "two")

    with Model([said("An answer.")], [said("The summary.")]) as model:
        run(scenario(model))
        sent = str(model.asked[-1]["input"])

    assert (True, False) == ("The summary." in sent, "An answer." in sent)


def test_a_provider_is_read_from_the_settings() -> None:
    """Its key from the environment, its headers and its query from the table."""
    table = {
        "base_url": "http://x/v1/", "env_key": "KEY", "http_headers": {"a": "1"},
        "env_http_headers": {"b": "B", "c": "MISSING"}, "query_params": {"q": 2},
    }  # fmt: skip
    settings = Settings(model_provider="lab", providers={"lab": table})
    found = provider_of(settings, {"KEY": "secret", "B": "2"})

    assert ("http://x/v1/responses", {"a": "1", "b": "2", "authorization": "Bearer secret"}, {"q": "2"}) == found[1:4]


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ({}, "no model provider"),
        ({"base_url": "http://x", "wire_api": "chat"}, "speaks 'chat'"),
        ({"base_url": "http://x", "env_key": "KEY"}, "set KEY"),
    ],
)
def test_a_provider_that_cannot_be_asked_is_told(table: dict[str, Any], complaint: str) -> None:
    """What is missing, and where it belongs."""
    with pytest.raises(ModelError, match=complaint):
        provider_of(Settings(model_provider="lab", providers={"lab": table}), {})


@pytest.mark.slow
def test_a_crash_in_a_turn_reads_as_an_interrupted_turn_and_resumes(home: Home, project: Path) -> None:
    """What was recorded before the process was killed is there, and the model is sent it."""
    program = [sys.executable, str(Path(__file__).with_name("serve.py")), "--home", home.store.home]
    with Model([wants_command("echo before")], HANG, [said("After.")]) as model:
        thread_id = _killed_in_a_turn(program, project, model)

        async def scenario() -> list[list[str]]:
            async with peer(home, model) as client:
                before = await statuses_of(client, thread_id)
                await client.ask("thread/resume", threadId=thread_id)
                await client.turn(thread_id, "go on")
                return [before, await statuses_of(client, thread_id)]

        statuses = asyncio.run(scenario())
        sent = [one["type"] for one in model.asked[-1]["input"]]

    assert [["interrupted"], ["interrupted", "completed"]] == statuses
    assert ["message", "function_call", "function_call_output", "message"] == sent


def _killed_in_a_turn(program: list[str], project: Path, model: Model) -> str:
    overrides = [
        f"model_providers.lab.base_url={json.dumps(model.base_url)}", "model_provider=lab",
        "approval_policy=never", "sandbox_mode=danger-full-access",
    ]  # fmt: skip
    options = [word for one in overrides for word in ("--config", one)]
    with subprocess.Popen([*program, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def ask(number: int, method: str, **params: object) -> dict[str, Any]:
            stdin.write(json.dumps({"id": number, "method": method, "params": params}).encode() + b"\n")
            stdin.flush()
            while True:
                told: dict[str, Any] = json.loads(stdout.readline())
                if told.get("id") == number and "method" not in told:
                    return told

        ask(1, "initialize", clientInfo={"name": "t", "version": "1"})
        thread_id: str = ask(2, "thread/start", cwd=str(project))["result"]["thread"]["id"]
        ask(3, "turn/start", threadId=thread_id, input=[text("go")])
        assert model.reached.wait(30)
        os.kill(process.pid, signal.SIGKILL)
    return thread_id
