"""``rollout app-server`` as a program, and the real homes against the recorded answers of the real one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from local_homes import Home
from rollout.testing import builders as b
from support import ROOT, needs_shared, shared_path

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = [sys.executable, "-W", "error", "-c", "from rollout.cli.main import entry; entry()"]


def environment(home: Path) -> dict[str, str]:
    """What the program needs to run on a home."""
    return {**os.environ, "ROLLOUT_HOME": str(home), "PYTHONPATH": str(ROOT / "src")}


def converse(home: Path, *argv: str, requests: list[dict[str, object]]) -> list[dict[str, object]]:
    """Start the program, send requests, end its input; everything that it wrote."""
    sent = b"".join(json.dumps(one).encode() + b"\n" for one in requests)
    done = subprocess.run(
        [*PROGRAM, *argv], input=sent, capture_output=True, timeout=60, env=environment(home), check=False
    )
    assert (0, b"") == (done.returncode, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_it_serves_on_its_standard_streams(tmp_path: Path) -> None:
    """Ids are echoed as they came; it ends with its input; unknown settings are accepted."""
    home = Home(tmp_path)
    home.talk(1)
    hello: dict[str, object] = {"clientInfo": {"name": "t", "version": "1"}}
    told = converse(
        tmp_path, "--config", "no.such=thing", "app-server", "--listen", "stdio://",
        requests=[
            {"id": "a", "method": "initialize", "params": hello},
            {"method": "initialized"},
            {"id": 2, "method": "thread/read", "params": {"threadId": b.thread_id(1), "includeTurns": True}},
        ],
    )  # fmt: skip

    assert ["a", 2] == [one["id"] for one in told]


def test_settings_count_as_in_the_home_with_those_of_the_command_line_above(tmp_path: Path) -> None:
    """The provider decides what is listed."""
    home = Home(tmp_path)
    home.talk(1)
    home.put("config.toml", b'model_provider = "other"\nmodel = "big"\n')
    hello: dict[str, object] = {"clientInfo": {"name": "t", "version": "1"}}
    requests: list[dict[str, object]] = [
        {"id": 1, "method": "initialize", "params": hello},
        {"id": 2, "method": "thread/list", "params": {}},
    ]
    by_home = converse(tmp_path, "app-server", requests=requests)[-1]["result"]
    by_command = converse(tmp_path, "app-server", "-c", 'model_provider="openai"', requests=requests)[-1]["result"]

    assert isinstance(by_home, dict)
    assert isinstance(by_command, dict)
    assert (0, 1) == (len(by_home["data"]), len(by_command["data"]))


@needs_shared
@pytest.mark.slow
@pytest.mark.parametrize(
    ("protocol", "home", "expected", "kinds", "least"),
    [
        ("0.100", "codex-0.100.0", "expected", "list,pages,read,v1,fork,resume", 350),
        ("0.169", "codex-0.169.0", "expected", "list,pages,read,turns,items", 345),
        ("0.169", "codex-0.100.0", "expected_by_v0.169.0", "list,pages,read,turns,items", 337),
    ],
)
def test_it_answers_as_the_real_server_did(protocol: str, home: str, expected: str, kinds: str, least: int) -> None:
    """Of the answers that were recorded from the real server, at least so many are given again, word for word."""
    server = f"{sys.executable} {ROOT / 'tests' / 'appserver' / 'serve.py'} --protocol {protocol}"
    oracle = [sys.executable, str(shared_path("oracle", "conformance.py")), "--server", server]
    asked = ["--home", str(shared_path("corpus", home)), "--expected", expected, "--only", kinds]
    done = subprocess.run([*oracle, *asked], capture_output=True, text=True, timeout=300, check=False)
    found = re.search(r"(\d+) of (\d+) answers agree", done.stdout)

    assert found is not None, done.stdout + done.stderr
    assert int(found[1]) >= least, done.stdout


@needs_shared
@pytest.mark.slow
@pytest.mark.parametrize("kind", [[], ["--websocket"]])
def test_through_a_socket_it_answers_the_same(kind: list[str]) -> None:
    """Lines and websockets, also of answers that are streamed."""
    script = ROOT / "tests" / "appserver" / "through_socket.py"
    server = " ".join([sys.executable, str(script), *kind, "--protocol", "0.169"])
    oracle = [sys.executable, str(shared_path("oracle", "conformance.py")), "--server", server]
    asked = ["--home", str(shared_path("corpus", "codex-0.169.0")), "--only", "list,pages,read,turns,items"]
    done = subprocess.run([*oracle, *asked], capture_output=True, text=True, timeout=300, check=False)
    found = re.search(r"(\d+) of (\d+) answers agree", done.stdout)

    assert found is not None, done.stdout + done.stderr
    assert int(found[1]) >= 345, done.stdout
