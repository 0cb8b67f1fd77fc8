"""Whole programs on one home: what one does, the clients of another hear, though it was stopped or started anew meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from local_homes import Home
from rollout.testing import builders as b
from support import ROOT

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

pytestmark = pytest.mark.slow
PROGRAM = [sys.executable, "-W", "error", str(ROOT / "tests" / "appserver" / "serve.py"), "--agent", "echo"]
ONE, TWO = b.thread_id(1), b.thread_id(2)
HELLO = {"clientInfo": {"name": "t", "version": "1"}}


class Program:
    """A server on standard input and output, and its client."""

    def __init__(self, home: Home) -> None:
        """It has said hello, and watches: it has told of a thread that somebody else has put there."""
        environment = {**os.environ, "ROLLOUT_HOME": str(home.folder)}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(PROGRAM, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)
        self._asked = 0
        self.ask("initialize", **HELLO)
        for number in count(100):
            home.talk(number)
            if any(one.get("method") == "thread/started" for one in self.ask("thread/list", limit=1)[1]):
                break

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self.process:
            self.process.kill()

    def ask(self, method: str, **params: Any) -> tuple[Any, list[dict[str, Any]]]:
        """The result of a request, and what is told before it."""
        assert self.process.stdin is not None
        self._asked += 1
        request = {"id": self._asked, "method": method, "params": params}
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        before: list[dict[str, Any]] = []
        while (told := self.hear()).get("id") != self._asked:
            before.append(told)
        return told["result"], before

    def hear(self) -> dict[str, Any]:
        """The next message."""
        assert self.process.stdout is not None
        told: dict[str, Any] = json.loads(self.process.stdout.readline())
        return told

    def until(self, method: str, thread_id: str) -> list[str]:
        """What it tells of threads, up to a notification about one."""
        heard: list[str] = []
        while True:
            told = self.hear()
            if str(told.get("method")).startswith("thread/"):
                heard.append(told["method"])
                about = told["params"].get("threadId") or told["params"]["thread"]["id"]
                if (told["method"], about) == (method, thread_id):
                    return heard


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with two threads."""
    made = Home(tmp_path / "home")
    made.talk(1)
    made.talk(2)
    return made


def test_a_program_that_was_stopped_catches_up(home: Home) -> None:
    """While one is stopped the other goes on; then it hears the sum of what was done."""
    with Program(home) as here, Program(home) as there:
        there.ask("thread/name/set", threadId=ONE, name="before")
        os.kill(there.process.pid, signal.SIGSTOP)
        for number in range(20):
            here.ask("thread/name/set", threadId=TWO, name=f"name {number}")
        here.ask("thread/archive", threadId=ONE)
        os.kill(there.process.pid, signal.SIGCONT)
        heard = there.until("thread/archived", ONE)

        assert heard.count("thread/name/updated") <= 21
        assert not {"thread/deleted", "thread/unarchived"} & {*heard}


def test_a_program_that_was_killed_and_one_that_is_new(home: Home) -> None:
    """What a killed server had done stands, and was heard; a new one begins with what is there."""
    with Program(home) as here:
        with Program(home) as there:
            there.ask("thread/archive", threadId=ONE)
            there.process.kill()
        with Program(home) as again:
            again.ask("thread/unarchive", threadId=ONE)
            started = again.ask("thread/start", cwd="/w")[0]["thread"]["id"]
            again.ask("turn/start", threadId=started, input=[{"type": "text", "text": "hello"}])
            again.until("thread/status/changed", started)

            assert here.until("thread/started", started)
