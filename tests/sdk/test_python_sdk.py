"""The official Python SDK drives our server: threads with tools, resumed, forked, listed, archived."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from appserver.scripted import Model, said, wants_command, wants_patch
from sdk_words import program

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("openai_codex", reason="the SDK is not installed: pip install openai-codex")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # the SDK leaves its pipes open
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folder that the agent works in."""
    made = tmp_path / "project"
    made.mkdir()
    return made


def codex(model: Model, project: Path) -> Any:
    """A client that starts our server where it would start Codex, without naming an agent."""
    overrides = ("model_provider=lab", f'model_providers.lab.base_url="{model.base_url}"', "no.such=key")
    home = project.parent / "home"
    environment = {"CODEX_HOME": str(home)}
    sdk, client = import_module("openai_codex"), import_module("openai_codex.client")
    config = client.CodexConfig(
        codex_bin=program(), config_overrides=overrides, cwd=str(project), env=environment
    )
    return sdk.Codex(config)


def kinds(items: list[Any]) -> list[str]:
    """What kinds of items there are."""
    return [item.root.type for item in items]


def test_a_thread_is_run_with_tools(project: Path) -> None:
    """Commands and patches are approved through the protocol; items, words and tokens come back as the SDK's types."""
    patch = "*** Begin Patch\n*** Add File: b.txt\n+b\n*** End Patch"
    with Model([wants_command("echo a > a.txt")], [wants_patch(patch)], [said("Both.")]) as model, codex(
        model, project
    ) as client:
        result = client.thread_start(cwd=str(project)).run("make both")

    assert "Both." == result.final_response
    assert ["userMessage", "commandExecution", "fileChange", "agentMessage"] == kinds(result.items)
    assert 3 * 13 == result.usage.total.total_tokens
    assert ("a\n", "b\n") == ((project / "a.txt").read_text(), (project / "b.txt").read_text())


def test_a_thread_is_resumed_forked_listed_and_archived(project: Path) -> None:
    """By a second client, after the first is gone."""
    with Model([said("First.")], [said("Second.")], [said("Other.")]) as model:
        with codex(model, project) as client:
            thread_id = client.thread_start(cwd=str(project)).run("one") and client.thread_list().data[0].id
        with codex(model, project) as client:
            assert "Second." == client.thread_resume(thread_id).run("two").final_response
            fork = client.thread_fork(thread_id)
            assert "Other." == fork.run("three").final_response
            fork.set_name("the other one")
            listed = {thread.id: thread.name for thread in client.thread_list().data}
            assert {thread_id: None, fork.id: "the other one"} == listed
            client.thread_archive(thread_id)
            active, archived = client.thread_list(), client.thread_list(archived=True)
            turns = fork.read(include_turns=True).thread.turns

    assert ([fork.id], [thread_id]) == tuple([thread.id for thread in page.data] for page in (active, archived))
    assert ["First.", "Second.", "Other."] == [turn.items[-1].root.text for turn in turns]
