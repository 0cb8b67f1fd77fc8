"""Fixtures of the command line's tests: a small home, and ways to run commands on it."""

from __future__ import annotations

import os
import pty
import subprocess
from typing import TYPE_CHECKING, Protocol

import pytest

from cli.homes import PYTHON, Home, Run, environment
from rollout.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path


class Rollout(Protocol):
    """Runs one command line."""

    def __call__(self, *argv: str) -> Run:
        """Run it."""
        ...


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home."""
    return Home(tmp_path / "home")


@pytest.fixture
def rollout(home: Home, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Rollout:
    """Run a command in this process, into pipes."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("ROLLOUT_HOME", str(home.path))

    def run(*argv: str) -> Run:
        capfdbinary.readouterr()
        status = main(argv)
        out, err = capfdbinary.readouterr()
        return Run(status, out.decode(), err.decode())

    return run


@pytest.fixture
def terminal(home: Home, monkeypatch: pytest.MonkeyPatch) -> Rollout:
    """Run a command in a process of its own, on a terminal of 80 columns."""
    monkeypatch.delenv("NO_COLOR", raising=False)

    def run(*argv: str) -> Run:
        ours, theirs = pty.openpty()
        asked = {name: value for name, value in os.environ.items() if name == "NO_COLOR"}
        env = environment(home.path, TERM="xterm", COLUMNS="80", **asked)
        process = subprocess.Popen([*PYTHON, *argv], stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, env=env)
        os.close(theirs)
        shown = _until_closed(ours).decode().replace("\r\n", "\n")
        _, err = process.communicate()
        return Run(process.returncode, shown, err.decode())

    return run


def _until_closed(fd: int) -> bytes:
    """All that comes from a terminal: its end is an error on Linux."""
    shown = b""
    while True:
        try:
            block = os.read(fd, 65536)
        except OSError:
            block = b""
        if not block:
            os.close(fd)
            return shown
        shown += block
