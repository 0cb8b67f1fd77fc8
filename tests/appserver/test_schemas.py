"""What we send, against the schemas that real Codex of each level generates for its own app-server."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft7Validator

from appserver.scripted import Model, said, wants_command, wants_patch
from appserver_words import BOTH, Peer, run, text
from local_homes import Home
from rollout.appserver.methods import HOMES, find
from rollout.appserver.responses.agent import responses
from rollout.appserver.settings import Settings
from support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from rollout.appserver.levels import Level

PATCH = "*** Begin Patch\n*** Add File: a.txt\n+a\n*** End Patch"
OURS_AT_0_169 = {"thread/rollback"}
"""Methods of ours that the level itself no longer has."""


@cache
def schemas(level: Level) -> dict[str, Any]:
    """The schemas of a level."""
    found: dict[str, Any] = json.loads((ROOT / "tests" / "data" / "protocol" / f"{level.value}.json").read_text())
    return found


def complaints(level: Level, name: str, value: Any) -> list[str]:
    """What a schema has against a value."""
    found = schemas(level)
    validator = Draft7Validator({**found["roots"][name], "definitions": found["definitions"]})
    return [f"{name}: {error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]


class Checked(Peer):
    """A client that holds everything that it hears against the schemas."""

    def __init__(self, home: Home, level: Level, model: Model) -> None:
        settings = Settings(model_provider="lab", providers={"lab": model.provider}, approval_policy="untrusted")
        super().__init__(home.store, level, responses(), settings)
        self.level = level
        self.complaints: list[str] = []

    async def check(self, method: str, /, **params: Any) -> dict[str, Any]:
        """The result of a request, held against its schema."""
        result = await self.ask(method, **params)
        if method in schemas(self.level)["roots"]:
            self.complaints += complaints(self.level, method, result)
        return result

    def check_news(self) -> None:
        """Hold all notifications and requests so far against their schemas."""
        for one in self.heard:
            if "method" in one:
                self.complaints += complaints(self.level, "request" if "id" in one else "notification", one)


async def everything(client: Checked, project: Path) -> None:
    """Each method that answers something, with turns that use every tool."""
    started = await client.check("thread/start", cwd=str(project))
    thread = {"threadId": started["thread"]["id"]}
    await client.check("turn/start", **thread, input=[text("go")])
    await client.decide("item/commandExecution/requestApproval", "accept")
    await client.decide("item/fileChange/requestApproval", "accept")
    await client.until("turn/completed")
    await client.check("thread/read", **thread, includeTurns=True)
    await client.check("thread/name/set", **thread, name="a name")
    await client.check("thread/list")
    await client.check("thread/loaded/list")
    await client.check("thread/resume", **thread)
    fork = await client.check("thread/fork", **thread)
    await client.check("thread/rollback", **thread, numTurns=1)
    lists = ("skills/list", "mcpServerStatus/list", "collaborationMode/list", "experimentalFeature/list")
    for method in ("account/read", "model/list", "config/read", *lists):
        await client.check(method)
    if client.level.later:
        await later(client, thread, {"threadId": fork["thread"]["id"]})
    await client.check("thread/archive", **thread)
    await client.check("thread/unarchive", **thread)
    client.check_news()


async def later(client: Checked, thread: dict[str, str], fork: dict[str, str]) -> None:
    """What only 0.169 has."""
    turns = await client.check("thread/turns/list", **fork)
    for method in ("permissionProfile/list", "hooks/list", "threadSection/list", "project/list"):
        await client.check(method)
    for method in ("thread/queue/list", "thread/backgroundTerminals/list", "thread/attachment/list", "thread/goal/get"):
        await client.check(method, **thread)
    await client.check("thread/settings/update", **thread, model="other", sandboxPolicy={"type": "readOnly"})
    turn = turns["data"][-1]
    read = await client.check("thread/items/read", **fork, turnId=turn["id"], itemIds=[turn["items"][0]["id"], "none"])
    assert [turn["items"][0]["id"]] == [row["item"]["id"] for row in read["data"]]
    await client.check("thread/search", searchTerm="go")
    await client.check("thread/inject_items", **thread, items=[{"type": "message", "role": "user", "content": []}])
    await client.check("thread/metadata/update", **thread, gitInfo={"branch": "b"})
    await client.check("thread/unsubscribe", **thread)
    await client.check("thread/revert", **fork, beforeTurnId=turns["data"][-1]["id"])
    await client.check("thread/delete", **fork)


@pytest.mark.parametrize("level", BOTH)
def test_all_that_is_sent_is_what_the_schemas_promise(tmp_path: Path, level: Level) -> None:
    """Answers, notifications and our own requests."""
    (tmp_path / "project").mkdir()
    model = Model([wants_command("true")], [wants_patch(PATCH)], [said("Done.")])
    client: list[Checked] = []

    async def scenario() -> None:
        async with Checked(Home(tmp_path / "home"), level, model) as made:
            client.append(made)
            await everything(made, tmp_path / "project")

    with model:
        run(scenario())

    assert [] == client[0].complaints


@pytest.mark.parametrize("level", BOTH)
def test_no_method_is_made_up(level: Level) -> None:
    """Each of ours is one of the level's, but for those that are named here."""
    ours = {name for name in HOMES if find(level, name) is not None}
    made_up = ours - set(schemas(level)["methods"])

    assert (OURS_AT_0_169 if level.later else set()) == made_up
