"""Threads made by hand, resumed by real codex binaries: what they send to the model is our history."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from history_threads import (
    CONTEXT,
    ENVIRONMENT,
    PERMISSIONS,
    TIMESTAMP,
    Json,
    Step,
    call,
    compaction,
    developer,
    event,
    ghost,
    item,
    message,
    output,
    rollback,
    talk,
    thread,
    turn,
    user,
)
from rollout.history import RULES_0_100, RULES_0_169, history
from support import SHARED, codex_binary, needs_shared, rollouts, shared_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

PROBE = "PROBE"
RESULT = '{"output":"Total output lines: 3\\n\\none","metadata":{"exit_code":1,"duration_seconds":1.5}}'
KEPT = [user("u1"), user("u2"), user("S")]
UNDONE = [*turn("1", *talk("1")), *turn("2", *talk("2"), compaction("S", KEPT)), *turn("3", *talk("3"))]


def written_summary() -> str:
    """A summary with the words with which codex begins one, from a real thread."""
    if SHARED is None:
        return "S"
    found = (path.read_text("utf-8") for path in rollouts(SHARED / "corpus" / "codex-0.100.0"))
    lines = (json.loads(line) for text in found if '"type":"compacted"' in text for line in text.splitlines())
    return str(next(line["payload"]["message"] for line in lines if line["type"] == "compacted"))


CASES: dict[str, list[Step]] = {
    "rolled back": [*talk("1", "2"), rollback(1), *talk("3", "4"), rollback(2), *talk("5")],
    "rolled back too far": [*talk("1", "2"), rollback(99)],
    "context above a dropped turn": [*talk("1"), developer(PERMISSIONS), user(ENVIRONMENT), *talk("2"), rollback(1)],
    "a compaction undone": [*UNDONE, rollback(2), *turn("4", *talk("4"))],
    "a compaction kept": [*UNDONE, rollback(1)],
    "a compaction without replacement": [*talk("1"), compaction("S"), *talk("2"), compaction(""), *talk("3")],
    "a summary that codex wrote": [*talk("1"), compaction(written_summary()), *talk("2"), compaction("S")],
    "a rollback into such a compaction": [*turn("1", *talk("1")), *turn("2", compaction("S")), *talk("3"), rollback(2)],
    "messages beyond the budget": [user("x" * 59_996), user("y" * 40_000), user("é€" * 9), compaction("S"), *talk("1")],
    "parts beyond the budget": [user("a" * 50_000, "b" * 50_001, "c" * 3), compaction("S"), *talk("1")],
    "what counts as a user message": [
        *(user(text) for text in ("<environment_context> open", "<skill>\nx\n</skill>", "<user_action>x</user_action>")),
        user("# AGENTS.md instructions for /app\n\n<INSTRUCTIONS>\nx\n</INSTRUCTIONS>", "more"),
        user("<subagent_notification>\n{}\n</subagent_notification>"), compaction("S"),
    ],
    "open calls": [
        *talk("1"), call("c1"), item("custom_tool_call", status="completed", call_id="c2", name="x", input=""),
        item("local_shell_call", call_id="c3", status="completed", action={"type": "exec", "command": ["ls"]}),
    ],
    "orphans": [*talk("1"), output("c1"), call("c2"), item("custom_tool_call_output", call_id="c2", output="x")],
    "snapshots and system messages": [message("system", "x"), *talk("1"), ghost(), item("other")],
    "shell results": [
        *talk("1"), call("c1"), output("c1", RESULT), call("c2", "exec_command"), output("c2", RESULT),
        item("custom_tool_call", status="completed", call_id="c3", name="apply_patch", input=""),
        item("custom_tool_call_output", call_id="c3", output=RESULT),
    ],
    "reasoning": [*talk("1"), item("reasoning", id="r1", summary=[], content=[{"type": "text", "text": "x"}], encrypted_content="g")],
    "an old name": [*talk("1"), item("compaction_summary", encrypted_content="gAAA")],
}  # fmt: skip


def thread_id(number: int) -> str:
    """The id of the case with this number."""
    return f"019c51aa-0000-7000-8000-{number:012}"


def whole(case: str) -> list[Step]:
    """A case as codex needs it: with context, and a user event that makes it a conversation."""
    seen = event("user_message", message="u", images=[], local_images=[], text_elements=[])
    return [*CONTEXT, seen, *_with_uuids(CASES[case])]


def _with_uuids(steps: list[Step]) -> Iterator[Step]:
    for line_type, payload in steps:
        named = {"turn_id": thread_id(int(payload["turn_id"]))} if "turn_id" in payload else {}
        yield line_type, {**payload, **named}


def write(home: Path, number: int, case: str, provider: str) -> None:
    """Put a case into a home as a legacy rollout."""
    folder = home / "sessions" / "2026" / "02" / "12"
    folder.mkdir(parents=True, exist_ok=True)
    meta = {
        "id": thread_id(number), "timestamp": TIMESTAMP, "cwd": "/tmp", "originator": "test",
        "cli_version": "0.100.0", "source": "vscode", "model_provider": provider,
    }  # fmt: skip
    records = [("session_meta", meta), *whole(case)]
    lines = [json.dumps({"timestamp": TIMESTAMP, "type": kind, "payload": payload}) for kind, payload in records]
    (folder / f"rollout-2026-02-12T10-00-{number:02}-{thread_id(number)}.jsonl").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def oracle() -> Iterator[tuple[ModuleType, ModuleType]]:
    """The driver of the binaries and the scripted model."""
    folder = str(shared_path("oracle"))
    sys.path.insert(0, folder)
    try:
        yield import_module("codex_driver"), import_module("mock_responses")
    finally:
        sys.path.remove(folder)


class Asked:
    """What one version sent to the model for each case, without ids."""

    def __init__(self, version: str, folder: Path, oracle: tuple[ModuleType, ModuleType]) -> None:
        """Resume all cases, each for one turn."""
        self.rules = RULES_0_100 if version == "0.100.0" else RULES_0_169
        self.own = 3 if version == "0.100.0" else 2  # items of context that the resuming session adds at the end
        self._driver, mock = oracle
        binary, home, log = codex_binary(version), folder / "codex", folder / "requests.jsonl"
        home.mkdir()
        log.touch()
        model = mock.MockResponses(log=str(log)).start()
        try:
            self._driver.write_config(str(home), model.base_url)
            for number, case in enumerate(CASES):
                write(home, number, case, _provider(home))
            self._resume(binary, home)
        finally:
            model.stop()
            model.log.close()
        self.inputs = _inputs(log)

    def _resume(self, binary: Path, home: Path) -> None:
        env = self._driver.clean_env(str(home), home=str(home.parent / "user"))
        with self._driver.CodexAppServer(str(binary), str(home), cwd=str(home.parent), env=env) as server:
            for number in range(len(CASES)):
                server.request("thread/resume", {"threadId": thread_id(number)})
                server.turn(thread_id(number), PROBE, timeout=30)
        server.reader.join()
        server.p.stdout.close()

    def history(self, number: int) -> tuple[list[Json], list[Json]]:
        """What was sent for a case: its history, and the context that the session added."""
        sent = self.inputs[number]
        end = len(sent) - 1 - self.own
        start = 0 if self.rules is RULES_0_100 else 1  # 0.169 begins with the base instructions
        return sent[start:end], sent[end:-1]


def _provider(home: Path) -> str:
    config = (home / "config.toml").read_text()
    return config.split("model_provider", 1)[1].split('"')[1]


def _inputs(log: Path) -> list[list[Json]]:
    """The input of every request that bears the probe, in order."""
    records = [json.loads(line) for line in log.read_text().splitlines()]
    requests = [record["req"] for record in records if isinstance(record.get("req"), dict)]
    return [request["input"] for request in requests if PROBE in json.dumps(request.get("input", ""))]


@pytest.fixture(scope="module", params=["0.100.0", "0.169.0"])
def asked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, oracle: tuple[ModuleType, ModuleType]
) -> Asked:
    """All cases, resumed by one version."""
    return Asked(request.param, tmp_path_factory.mktemp("resumed"), oracle)


def without_ids(items: list[Json]) -> list[dict[str, Any]]:
    """Items as they are compared: some sent items get a new id, and nulls are written or not."""
    return [_bare(each) for each in items]


def _bare(each: Json) -> dict[str, Any]:
    kept = {key: value for key, value in each.items() if key != "id" and value is not None}
    action = kept.get("action")
    return {**kept, "action": {k: v for k, v in action.items() if v is not None}} if action else kept


@pytest.mark.codex
@pytest.mark.slow
@needs_shared
@pytest.mark.parametrize("number", range(len(CASES)), ids=list(CASES))
def test_the_model_is_sent_our_history(asked: Asked, number: int) -> None:
    """Every rule is what the binary does."""
    sent, context = asked.history(number)
    given = history(thread(*whole(list(CASES)[number])), context, asked.rules)

    assert without_ids(sent) == without_ids(given)
