"""What commands hold at most on a home with a very long line: the line once, and a little."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cli.homes import SRC, Home, environment, line, thread_id, turn

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
FULL = os.environ.get("CAMPAIGN") == "full"
LINE = (200 if FULL else 72) << 20
ALLOWED = LINE + (56 << 20)
LAUNCHER = """
import json, os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
_, status, used = os.wait4(pid, 0)
print(json.dumps([os.waitstatus_to_exitcode(status), used.ru_maxrss * 1024]))
"""
COMMANDS = (
    "list", "stats", "usage", "usage ID", "index rebuild", "show ID", "show ID --json", "show ID --full", "show ID --raw",
    "show ID --raw --resolved", "show ID --tail 9", "show ID --json --tail 9", "history ID", "history ID --json",
    "replay ID --json --speed 1000", "find --command rg", "export ID --format md", "export ID --format html",
    "search rg --no-index", "search rg --update-index", "search rg --regex --no-index", "export ID --format json", "export ID --format jsonl", "export ID --format openai", "export ID --format otlp",
    "fork ID --dry-run", "rollback ID --turns 1 --dry-run",
)  # fmt: skip


@pytest.fixture(scope="module")
def long_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one thread, a line of which is very long."""
    home = Home(tmp_path_factory.mktemp("long") / "home")
    said = {"type": "function_call_output", "call_id": "call_1", "output": ""}
    call = {"type": "function_call", "name": "shell", "arguments": '{"command":["rg","-n"]}', "call_id": "call_1"}
    path = home.add(1, [*turn("first", "one"), ("response_item", call), *turn("then", "two")])
    with path.open("ab") as file:
        long = line("2026-02-01T13:00:00.000Z", "response_item", said)
        file.write(long.replace(b'"output": ""', b'"output": "' + b"x\\n" * (LINE // 3) + b'"'))
        file.write(line("2026-02-01T13:00:01.000Z", "event_msg", {"type": "agent_message", "message": "three"}))
    return home.path


@pytest.fixture(scope="module")
def asked_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one thread, in which a person asked something very long, twice."""
    home = Home(tmp_path_factory.mktemp("asked") / "home")
    path = home.add(1, [])
    content = [{"type": "input_text", "text": "asked"}]
    with path.open("ab") as file:
        for minute in range(2):
            at = f"2026-02-01T13:0{minute}:00.000Z"
            long = line(at, "response_item", {"type": "message", "role": "user", "content": content})
            file.write(long.replace(b'"asked"', b'"asked' + b"x\\n" * (LINE // 3) + b'"'))
            file.write(line(at, "event_msg", {"type": "user_message", "message": "asked", "images": []}))
    return home.path


def peak_of(home: Path, words: str) -> tuple[int, int]:
    """Status and peak of a whole process; started by a small one, since a process begins with what its parent had."""
    asked = [thread_id(1) if word == "ID" else word for word in words.split()]
    command = [sys.executable, "-c", LAUNCHER, sys.executable, "-m", "rollout", *asked]
    made = subprocess.run(command, env=environment(home, PYTHONPATH=SRC), stdout=subprocess.PIPE, check=True)
    status, peak = json.loads(made.stdout)
    return status, peak


@pytest.mark.parametrize("words", COMMANDS if FULL else COMMANDS[5::3])
def test_a_command_holds_a_long_line_once(long_home: Path, words: str) -> None:
    """A long output is held as it is, and nothing that is as long is made of it."""
    status, peak = peak_of(long_home, words)

    assert (0, True) == (status, peak <= ALLOWED), f"{peak / (1 << 20):.0f} MiB"


@pytest.mark.parametrize(
    "words",
    [words for words in COMMANDS if not words.startswith(("find", "rollback"))]
    if FULL
    else ["show ID --json", "show ID --json --tail 9", "show ID --tail 9", "fork ID --dry-run", "history ID", "export ID --format jsonl"],
)
def test_a_command_holds_one_of_two_long_questions(asked_home: Path, words: str) -> None:
    """What is read next is not held together with what was read before."""
    status, peak = peak_of(asked_home, words)

    assert (0, True) == (status, peak <= ALLOWED), f"{peak / (1 << 20):.0f} MiB"
