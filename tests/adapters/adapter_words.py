"""What the adapters' tests say: items of the Agents SDK, and sessions looked at from outside."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, TypeVar

from rollout.lines import Line
from rollout.recording import CreateParams
from support import ROOT

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from rollout.store.base import ThreadStore

Json = dict[str, Any]
T = TypeVar("T")
AGENTS_MISSING = "the OpenAI Agents SDK is not installed (extra openai-agents)"
PYDANTIC_MISSING = "Pydantic AI is not installed (extra pydantic-ai)"


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in a loop of its own."""
    return asyncio.run(work)


def asked(text: str) -> Json:
    """What a person says, as the Agents SDK stores it."""
    return {"content": text, "role": "user"}


def answered(text: str) -> Json:
    """What the agent says, as the Agents SDK stores it."""
    part = {"annotations": [], "text": text, "type": "output_text", "logprobs": []}
    return {"id": "m1", "content": [part], "role": "assistant", "status": "completed", "type": "message"}


def called(call_id: str) -> Json:
    """A call of a tool."""
    return {"arguments": '{"x":1}', "call_id": call_id, "name": "look", "type": "function_call", "status": "completed"}


def output(call_id: str, text: str) -> Json:
    """What the tool answered."""
    return {"call_id": call_id, "output": text, "type": "function_call_output"}


def params(**more: Any) -> CreateParams:
    """A thread in a folder without git."""
    return CreateParams(**{"cwd": "/home/dev/app", "originator": "test", **more})


def tags(store: ThreadStore, thread_id: str) -> list[str]:
    """What the lines of a thread are, from the first to the last."""
    lines = [found for found in store.lines(thread_id) if isinstance(found, Line)]
    return [str(_tag(line.record.payload) or line.record.type) for line in lines]


def _tag(payload: Any) -> object:
    from rollout.codec import payload_tag

    return payload_tag(payload)


def start(script: str, *arguments: str | Path) -> subprocess.Popen[str]:
    """Start a program of our own in another process; it is spoken to line by line."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])}
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
