"""Draw what the commands print on a terminal, in colour, as SVG files in docs/screenshots."""

from __future__ import annotations

import asyncio
import io
import json
import os
import pty
import re
import subprocess
import sys
import tempfile

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from rollout import CreateParams, RawItem, SyncRolloutRecorder, open_store
from rollout.testing.builders import agent, message, tool_call, tool_output, turn, turn_context, user
from rollout.tui.app import ViewApp
from rollout.tui.desk import Desk

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = os.path.join(ROOT, "docs", "screenshots")
WIDTH = 100
LOOK = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)  # the reader's own font, nothing fetched
ANSWER = "The test expected **200**, but a login answers with a redirect:\n\n- `test_login` now expects `302`\n- the page behind it is checked too"
PATCH = {
    "type": "custom_tool_call", "name": "apply_patch", "call_id": "call_p", "status": "completed",
    "input": '*** Begin Patch\n*** Update File: tests/test_login.py\n@@\n def test_login(client):\n-    assert client.post("/login").status_code == 200\n+    assert client.post("/login").status_code == 302\n*** End Patch',
}  # fmt: skip
THREADS: tuple[tuple[str, list[RawItem]], ...] = (
    ("/home/dev/shop", turn("Why is the basket empty after a reload?", "It is kept in memory only; I put it into the session.")),
    ("/home/dev/app", turn("Translate the start page: „Grüß Gott, 世界“", "Done, in three languages.")),
    ("/home/dev/app", [
        message("user", "The login test fails. Find out why, and mend it."),
        user("The login test fails. Find out why, and mend it."),
        turn_context(),
        tool_call("shell", '{"command":["bash","-c","pytest -q tests/test_login.py"]}', "call_1"),
        tool_output("Exit code: 1\nWall time: 1.2 seconds\nOutput:\nF\nE   AssertionError: 302 != 200\n1 failed in 0.12s\n", "call_1"),
        RawItem("response_item", json.dumps(PATCH).encode()), tool_output("Exit code: 0\nWall time: 0.1 seconds\nOutput:\nSuccess. Updated the following files:\nM tests/test_login.py\n", "call_p"),
        tool_call("shell", '{"command":["bash","-c","git diff --stat"]}', "call_2"),
        tool_output("Exit code: 0\nWall time: 0.1 seconds\nOutput:\n tests/test_login.py | 2 +-\n 1 file changed\n", "call_2"),
        message("assistant", ANSWER),
        agent(ANSWER),
    ]),
)  # fmt: skip


def main() -> int:
    """Record some threads, run the commands, draw them."""
    os.makedirs(FOLDER, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        threads = recorded(home)
        for name, command in (("list", ["list"]), ("show", ["show", threads[-1]]), ("history", ["history", threads[-1]]), ("stats", ["stats"])):
            path = os.path.join(FOLDER, f"{name}.svg")
            draw(path, f"rollout {name}", on_a_terminal(command, home))
            print(f"-- {os.path.relpath(path, ROOT)}")
        asyncio.run(application(home))
    return 0


async def application(home: str) -> None:
    """The screens of ``rollout view``."""
    store = open_store(home)
    desk = Desk(store, lambda one: one)
    app = ViewApp(desk)
    async with app.run_test(size=(WIDTH, 26)) as pilot:
        for name, keys in (("view", ()), ("view-thread", ("down", "enter"))):
            await pilot.press(*keys)
            for _ in range(5):
                await app.workers.wait_for_complete()
                await pilot.pause(0.2)
            keep(name, app.export_screenshot(title="rollout view"))


def keep(name: str, picture: str) -> None:
    """Write a picture without the font that it would fetch."""
    path = os.path.join(FOLDER, f"{name}.svg")
    with open(path, "w", encoding="utf-8") as file:
        file.write(re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL))
    print(f"-- {os.path.relpath(path, ROOT)}")


def recorded(home: str) -> list[str]:
    """The threads of the pictures; their ids."""
    store, made = open_store(home), []
    for folder, items in THREADS:
        with SyncRolloutRecorder.create(store, CreateParams(cwd=folder, model_provider="openai")) as recorder:
            recorder.record(items)
            recorder.persist()
        made.append(str(recorder.thread_id))
    return made


def on_a_terminal(command: list[str], home: str) -> str:
    """What a command prints when a terminal of a fixed width reads it."""
    program = os.path.join(os.path.dirname(sys.executable), "rollout")
    environment = {**os.environ, "ROLLOUT_HOME": home, "XDG_CACHE_HOME": home, "COLUMNS": str(WIDTH), "TERM": "xterm-256color", "HOME": "/home/dev"}
    environment.pop("NO_COLOR", None)
    ours, theirs = pty.openpty()
    running = subprocess.Popen([program, *command], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=home)
    os.close(theirs)
    shown = drained(ours)
    if running.wait():
        sys.exit(f"screenshots: rollout {' '.join(command)} ended with status {running.returncode}:\n{shown}")
    return shown


def drained(fd: int) -> str:
    """Everything that comes out of a terminal until its other side is closed."""
    shown = b""
    with io.FileIO(fd) as terminal:
        try:
            while block := terminal.read(65536):
                shown += block
        except OSError:  # how Linux says that the other side is closed
            pass
    return shown.decode().replace("\r\n", "\n")


def draw(path: str, title: str, shown: str) -> None:
    """One picture."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(shown), end="")
    console.save_svg(path, title=title, code_format=LOOK)


if __name__ == "__main__":
    sys.exit(main())
