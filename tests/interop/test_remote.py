"""The real terminal application as a client of our server: ``codex --remote unix://PATH``."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from interop.test_sockets_codex import client_of, on_socket, questions
from support import codex_binary

if TYPE_CHECKING:
    from collections.abc import Generator

    from appserver.socket_words import WebSocketClient
    from interop.lab import Lab
    from rollout.appserver.transports.places import UnixPlace

pytestmark = [pytest.mark.codex, pytest.mark.slow]
WORDS = "hello from the terminal"


@contextmanager
def terminal(lab: Lab, command: list[str]) -> Generator[list[str]]:
    """The application in a terminal of its own; the command that types into it."""
    tmux = ["tmux", "-S", str(lab.folder / "tmux"), "-f", "/dev/null"]
    shown = [*tmux, "new-session", "-d", "-x", "120", "-y", "40", shlex.join(command)]
    subprocess.run(shown, env=lab.environment(), cwd=lab.project, check=True)
    try:
        yield [*tmux, "send-keys"]
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)


async def becomes(watching: WebSocketClient, thread_id: str, wanted: str) -> None:
    """Returns when a thread is in a status."""
    while True:
        params = (await watching.until("thread/status/changed"))["params"]
        if (params["threadId"], params["status"]["type"]) == (thread_id, wanted):
            return


@pytest.mark.skipif(shutil.which("tmux") is None, reason="no tmux: the application needs a terminal")
def test_a_conversation_in_the_real_terminal_application(lab: Lab) -> None:
    """What is typed there is recorded here, and other clients hear of it."""
    binary = str(codex_binary("0.169.0"))

    async def scenario(place: UnixPlace) -> None:
        watching = await client_of(place)
        with terminal(lab, [binary, "--remote", str(place)]) as keys:
            thread_id = (await watching.until("thread/started"))["params"]["thread"]["id"]
            await until_typed(keys)
            await becomes(watching, thread_id, "active")
            await becomes(watching, thread_id, "idle")
            assert [WORDS] == await questions(watching, thread_id)
        await watching.close()

    with on_socket(lab, "ours") as place:
        asyncio.run(scenario(place))


async def until_typed(keys: list[str]) -> None:
    """Type a question, once the application shows where; then send it off."""
    show = [*keys[:-1], "capture-pane", "-p"]
    for shown, typed in (("Ask Codex", ["-l", WORDS]), (WORDS, ["Enter"])):
        while shown not in (await asyncio.to_thread(subprocess.run, show, capture_output=True, text=True, check=True)).stdout:
            await asyncio.sleep(0.1)
        await asyncio.to_thread(subprocess.run, [*keys, *typed], check=True)
