"""Words for the campaign: how far it goes, numbered items, and what is left of them in a thread."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from rollout.items import AgentMessage
from rollout.lines import Damage, Line
from rollout.recorder_sync import SyncRolloutRecorder
from rollout.recording import CreateParams, Options
from rollout.store.local.store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollout.ids import ThreadId

FULL = os.environ.get("CAMPAIGN") == "full"
"""The whole campaign takes minutes; without it, a sample of each part is taken."""

SEED = int(os.environ.get("CAMPAIGN_SEED", "0"))
"""Where its chances begin; another number plays other ones."""

QUIET = Options(collect_git=lambda _: None)


def scaled(sample: int, full: int) -> int:
    """How many: a sample, or all with CAMPAIGN=full."""
    return full if FULL else sample


def numbered(first: int, count: int, length: int = 0) -> list[AgentMessage]:
    """Items that bear the numbers from ``first`` on."""
    return [AgentMessage(message=f"{number} {'x' * length}") for number in range(first, first + count)]


def begun(home: str, count: int = 1) -> ThreadId:
    """A new thread that holds the numbers below ``count``."""
    with SyncRolloutRecorder.create(LocalStore(home), CreateParams(cwd=home), QUIET) as recorder:
        recorder.record(numbered(0, count))
        recorder.persist()
    return recorder.thread_id


def numbers_in(home: str, thread_id: str) -> list[int]:
    """The numbers of a thread's items, in file order."""
    return [_number_of(found) for found in LocalStore(home).lines(thread_id) if _is_item(found)]


def damage_in(home: str, thread_id: str) -> list[Damage]:
    """What a reader of the thread had to skip."""
    return [found for found in LocalStore(home).lines(thread_id) if isinstance(found, Damage)]


def _is_item(found: object) -> bool:
    return isinstance(found, Line) and found.record.type == "event_msg"


def _number_of(line: Any) -> int:
    text: bytes = bytes(line.record.payload).partition(b'"message":"')[2]
    return int(text.partition(b" ")[0])


def go_on(home: str, thread_id: str, first: int) -> None:
    """Resume the thread and append one more number."""
    with SyncRolloutRecorder.resume(LocalStore(home), thread_id, QUIET) as recorder:
        recorder.record(numbered(first, 1))


def program(source: str, *arguments: str, **kwargs: Any) -> subprocess.Popen[bytes]:
    """A process of its own that runs a program text with these words at hand."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", source, *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, **kwargs)


def answers(processes: Iterable[subprocess.Popen[bytes]]) -> list[str]:
    """What each process said, once all have ended well."""
    told = [(process, process.communicate()[0].decode()) for process in processes]
    assert [0] * len(told) == [process.returncode for process, _ in told]
    return [text.strip() for _, text in told]
