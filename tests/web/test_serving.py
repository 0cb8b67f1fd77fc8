"""The server as a process: a link on standard output, a clean end, and clear refusals."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from rollout.testing import builders as b
from web.site import put

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-m", "rollout", "serve"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_and_ends_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    """The link works once the line is out; a signal ends the server with status 0 and without a word."""
    put(tmp_path, 1, *b.turn("a question", "b"))
    with subprocess.Popen([*COMMAND, "--home", str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        link = server.stdout.readline().strip()
        page = httpx.get(link, follow_redirects=False)
        cookies = {page.headers["set-cookie"].partition("=")[0]: page.headers["set-cookie"].partition("=")[2].partition(";")[0]}
        listed = httpx.get(link.partition("?")[0], cookies=cookies)
        server.send_signal(number)
        _, told = server.communicate(timeout=20)

    assert "a question" in listed.text
    assert (server.returncode, told) == (0, "")


@pytest.mark.slow
def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    """Whoever else has the port, the message names the trouble and the status is that of input and output."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        done = run(tmp_path, "--port", str(other.getsockname()[1]))

    assert done.returncode == 5
    assert len(done.stderr.splitlines()) == 1
    assert "Address already in use" in done.stderr


@pytest.mark.parametrize("port", ["70000", "-1", "x"])
def test_there_is_no_such_port(tmp_path: Path, port: str) -> None:
    """A number that is no port is wrong usage."""
    done = run(tmp_path, f"--port={port}")

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    return subprocess.run([*COMMAND, "--home", str(home), *words], capture_output=True, text=True, check=False, timeout=60)
