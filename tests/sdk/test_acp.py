"""An editor that speaks the Agent Client Protocol talks to our server, through the adapter that is made for Codex."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from appserver.scripted import Model, said, wants_command
from sdk_words import program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADAPTER = os.environ.get("CODEX_ACP", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.path.isfile(ADAPTER), reason="CODEX_ACP names no adapter (npm: codex-acp)"),
    pytest.mark.skipif(shutil.which("node") is None, reason="there is no node"),
]
SECONDS = 60.0


class Editor:
    """The editor's side of the protocol; it allows once whatever it is asked."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process, self._number = process, 0
        self.updates: list[dict[str, Any]] = []

    def ask(self, method: str, **params: object) -> dict[str, Any]:
        """The result of a request."""
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            if "method" not in told and told["id"] == self._number:
                result: dict[str, Any] = told["result"]
                return result
            self._hear(told)
        raise AssertionError(f"the adapter ended before it answered {method}")

    def _hear(self, told: dict[str, Any]) -> None:
        if told["method"] == "session/request_permission":
            allowed = next(one["optionId"] for one in told["params"]["options"] if one["kind"] == "allow_once")
            self._send({"id": told["id"], "result": {"outcome": {"outcome": "selected", "optionId": allowed}}})
        elif told["method"] == "session/update":
            self.updates.append(told["params"]["update"])

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self._process.stdin.flush()


@contextmanager
def editor(folder: Path, model: Model) -> Iterator[Editor]:
    """An editor whose adapter starts our server where it would start Codex."""
    (folder / "home").mkdir()
    provider = f'[model_providers.lab]\nname = "lab"\nbase_url = "{model.base_url}"\n'
    (folder / "home" / "config.toml").write_text(f'model_provider = "lab"\n{provider}')
    mine = {"CODEX_PATH": program(), "CODEX_HOME": str(folder / "home"), "MODEL_PROVIDER": "lab", "NO_BROWSER": "1"}
    environment = {**os.environ, **mine}
    pipe = subprocess.PIPE
    with subprocess.Popen(["node", ADAPTER], stdin=pipe, stdout=pipe, env=environment, cwd=folder) as process:
        limit = threading.Timer(SECONDS, process.kill)
        limit.start()
        try:
            yield Editor(process)
        finally:
            limit.cancel()
            process.kill()


def test_a_conversation_in_an_editor(tmp_path: Path) -> None:
    """A session is begun, a command is allowed and run, and the answer arrives."""
    project = tmp_path / "project"
    project.mkdir()
    with Model([wants_command("echo a > a.txt")], [said("Made it.")]) as model, editor(tmp_path, model) as mine:
        mine.ask("initialize", protocolVersion=1, clientCapabilities={}, clientInfo={"name": "t", "version": "1"})
        session = mine.ask("session/new", cwd=str(project), mcpServers=[])["sessionId"]
        prompt = [{"type": "text", "text": "make it"}]
        ended = mine.ask("session/prompt", sessionId=session, prompt=prompt)
        said_to_me = [one["content"]["text"] for one in mine.updates if one["sessionUpdate"] == "agent_message_chunk"]

    assert ("end_turn", ["Made it."], "a\n") == (ended["stopReason"], said_to_me, (project / "a.txt").read_text())
