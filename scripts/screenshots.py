"""Draw what the commands print on a terminal, in colour, as SVG files in docs/screenshots; ``rollout view`` through tmux.

With SCREENSHOTS=folder all pictures go there, also those that no document shows.
"""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from rollout import CreateParams, RawItem, SyncRolloutRecorder, open_store
from rollout.testing.builders import agent, message, tool_call, tool_output, turn, turn_context, user

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SEEN = os.environ.get("SCREENSHOTS", "")
INTO = SEEN or os.path.join(ROOT, "docs", "screenshots")
HOMES = os.path.join(ROOT, "tests", "browser", "homes.py")
WIDTH, HEIGHT = 100, 28
LOOK = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)  # the reader's own font, nothing fetched
ANSWER = "The test expected **200**, but a login answers with a redirect:\n\n- `test_login` now expects `302`\n- the page behind it is checked too"
PATCH = {
    "type": "custom_tool_call", "name": "apply_patch", "call_id": "call_p", "status": "completed",
    "input": '*** Begin Patch\n*** Update File: tests/test_login.py\n@@\n def test_login(client):\n-    assert client.post("/login").status_code == 200\n+    assert client.post("/login").status_code == 302\n*** End Patch',
}  # fmt: skip


class Shot(NamedTuple):
    """A picture of ``rollout view``: on which home, which keys, and after each of them what must be there."""

    name: str
    home: str
    steps: tuple[tuple[str, str], ...]
    is_kept: bool = False


OPENED = ("", "threads · grouped")
SHOTS = (
    Shot("view", "many", (OPENED,), is_kept=True),
    Shot("view-thread", "long", (("", "grouped"), ("Enter", "more above")), is_kept=True),
    Shot("view-found", "long", (("", "grouped"), ("Enter", "more above"), ("/", "esc back"), ("m o d u l e Space 5 0 0", "500"), ("Enter", "found:")), is_kept=True),
    Shot("view-real", "small", (OPENED, ("Enter", "model gpt"))),
    Shot("view-projects", "many", (OPENED, ("g", "grouped by project"))),
    Shot("view-filtered", "many", (OPENED, ("/", "show all"), ("p a r s e r", "parser"), ("Enter", "q quit"))),
    Shot("view-lineage", "small", (OPENED, ("Down", "threads ·"), ("l", "⑂")), is_kept=True),
    Shot("view-help", "small", (OPENED, ("?", "Everywhere"))),
    Shot("view-damaged", "damaged", (("", "thread"), ("Enter", "damaged"))),
    Shot("view-hostile", "hostile", (OPENED, ("Down", "grouped"), ("Enter", "turn"))),
    Shot("view-empty", "empty", (("", "no threads"),)),
)  # fmt: skip
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
    os.makedirs(INTO, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        threads = recorded(home)
        printed("list", ["list"], home)
        printed("show", ["show", threads[-1]], home)
    with tempfile.TemporaryDirectory() as folder:
        homes = os.path.join(folder, "homes")
        for words in ((), ("many",)):
            subprocess.run([sys.executable, HOMES, homes, *words], check=True)
        printed("stats", ["stats"], os.path.join(homes, "small"))
        printed("usage", ["usage", "--by", "day", "--by", "model"], os.path.join(homes, "small"))
        for shot in SHOTS:
            if SEEN or shot.is_kept:
                path = os.path.join(INTO, f"{shot.name}.svg")
                draw(path, "rollout view", of_an_application(shot, os.path.join(homes, shot.home), folder))
                print(f"-- {path}")
    return 0


def printed(name: str, command: list[str], home: str) -> None:
    """The picture of what a command prints."""
    path = os.path.join(INTO, f"{name}.svg")
    draw(path, f"rollout {name}", on_a_terminal(command, home))
    print(f"-- {path}")


def of_an_application(shot: Shot, home: str, folder: str) -> str:
    """What tmux shows of ``rollout view`` after some keys, with its colours."""
    program = os.path.join(os.path.dirname(sys.executable), "rollout")
    environment = {**os.environ, "ROLLOUT_HOME": home, "XDG_CACHE_HOME": folder, "TERM": "xterm-256color", "COLORTERM": "truecolor", "HOME": "/home/dev"}
    environment.pop("NO_COLOR", None)

    def tmux(*words: str) -> str:
        command = ["tmux", "-S", os.path.join(folder, "tmux"), "-f", "/dev/null", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    def wait_for(words: str) -> None:
        shown = ""
        for _ in range(300):
            if words in (shown := tmux("capture-pane", "-p", "-t", "view")):
                return
            time.sleep(0.1)
        sys.exit(f"screenshots: {shot.name}: {words!r} did not come:\n{shown}")

    tmux("new-session", "-d", "-s", "view", "-x", str(WIDTH), "-y", str(HEIGHT), program, "view")
    try:
        for key, words in shot.steps:
            if key:
                tmux("send-keys", "-t", "view", *key.split(" "))
            wait_for(words)
        time.sleep(0.5)  # what comes last is drawn in pieces
        return tmux("capture-pane", "-e", "-N", "-p", "-t", "view")
    finally:
        tmux("kill-server")


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
