"""Words for tests of recorders: a home, a recorder in it, and what stands in its file."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from rollout.items import AgentMessage, UserMessage
from rollout.journal.filesystem import OS, Filesystem
from rollout.recording import CreateParams, Options
from rollout.store.local.store import LocalStore

if TYPE_CHECKING:
    from pathlib import Path

_T = TypeVar("_T")
NOON = 1_770_638_703_041  # 2026-02-09T12:05:03.041Z


def run(scenario: Coroutine[Any, Any, _T]) -> _T:
    """Run one scenario on a loop of its own."""
    return asyncio.run(scenario)


def store(home: Path, fs: Filesystem = OS) -> LocalStore:
    """The home as a store."""
    return LocalStore(str(home), fs=fs)


def options(**changes: Any) -> Options:
    """Options without the real clock, randomness and git: each instant is one millisecond after the last."""
    ticks = count(NOON)
    fixed: dict[str, Any] = {
        "now_ms": lambda: next(ticks),
        "utc_offset_s": lambda _: 0,
        "collect_git": lambda _: None,
    }
    return Options(**{**fixed, **changes})


def params(**changes: Any) -> CreateParams:
    """Parameters that do not depend on where the test runs."""
    return CreateParams(**{"cwd": "/work/app", "model_provider": "openai", **changes})


def said(text: str) -> AgentMessage:
    """Something the agent said."""
    return AgentMessage(message=text)


def asked(text: str) -> UserMessage:
    """Something a person asked."""
    return UserMessage(message=text, images=[])


def records(path: str) -> list[dict[str, Any]]:
    """The lines of a file, decoded; every one must be whole."""
    with open(path, "rb") as file:
        return [json.loads(one) for one in file]


def messages(path: str) -> list[str]:
    """What was said and asked, in file order."""
    return [record["payload"]["message"] for record in records(path) if "message" in record["payload"]]
