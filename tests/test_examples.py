from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from rollout.codec import decode, payload_tag

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run one of our programs in a folder of its own, with nothing of the person's environment that matters."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "CODEX_", "ROLLOUT_"))}
    environment = {**kept, "ROLLOUT_HOME": str(folder / "home"), "PYTHONPATH": os.path.join(ROOT, "src"), "NO_PROXY": "*"}
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, timeout=90, check=False
    )


def tags(folder: Path) -> Iterator[str]:
    """What the one rollout of a home holds, line by line."""
    (path,) = (folder / "home").glob("sessions/*/*/*/rollout-*.jsonl")
    for line in path.read_bytes().splitlines():
        record = decode(line)
        yield payload_tag(record.payload) or record.type


def test_the_agent_records_a_turn_with_the_scripted_model(tmp_path: Path) -> None:
    """Without an endpoint the scripted model answers; calls, outputs and words stand in the rollout in order."""
    made = run(tmp_path, os.path.join(ROOT, "examples", "agent.py"), "What is here?")
    spoken = [tag for tag in tags(tmp_path) if tag != "turn_context"]

    assert made.returncode == 0, made.stderr
    assert spoken == [
        "session_meta", "message", "user_message", "function_call", "function_call_output", "function_call",
        "function_call_output", "message", "agent_message",
    ]  # fmt: skip


def test_the_agent_goes_on_with_its_thread(tmp_path: Path) -> None:
    """A resumed thread gets its new turn behind the old one, in the same file."""
    agent = os.path.join(ROOT, "examples", "agent.py")
    thread = run(tmp_path, agent, "What is here?").stderr.split()[1]
    before = list(tags(tmp_path))
    resumed = run(tmp_path, agent, "--json", "--resume", thread, "And now?")
    told = [json.loads(line)["type"] for line in resumed.stdout.splitlines()]

    assert resumed.returncode == 0, resumed.stderr
    assert list(tags(tmp_path))[: len(before)] == before
    assert list(tags(tmp_path))[len(before) :] == ["message", "user_message", "turn_context", "message", "agent_message"]
    assert told == ["response_item", "event_msg", "turn_context", "response_item", "event_msg"]


@pytest.mark.slow
def test_the_demo_proves_what_it_says() -> None:
    """The killed agent finishes after its resume, and its last line tells how much was compared."""
    shown = subprocess.run(
        [sys.executable, os.path.join(ROOT, "scripts", "demo.py")], capture_output=True, text=True, timeout=120, check=False
    )

    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert shown.stdout.splitlines()[-1].startswith("Proven: all ")
