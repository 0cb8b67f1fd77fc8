"""A thread that attacks a terminal: what every view sends is looked at byte by byte, and drawn by a real terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import termios
from typing import TYPE_CHECKING, Any

import pytest

from cli.homes import PYTHON, Home, environment, line, thread_id, turn

if TYPE_CHECKING:
    from pathlib import Path

STAMP = "2026-02-01T12:30:00.000Z"
ATTACKS = {
    "clear": "\x1b[2J\x1b[H", "cursor": "\x1b[10;10Hmoved", "scroll": "\x1b[1;5r", "title": "\x1b]0;owned\x07",
    "clipboard": "\x1b]52;c;b3duZWQ=\x07", "link": "\x1b]8;;https://evil.example/\x1b\\here\x1b]8;;\x1b\\",
    "answer": "\x1b[6n\x1b[c\x1bP+q544e\x1b\\", "alternate": "\x1b[?1049h", "mouse": "\x1b[?1003h", "reset": "\x1bc",
    "c1": "\x9b2J\x9d0;owned\x9c\x90q\x9c", "bell": "\x07\x05\x0e", "return": "safe\rowned", "backspace": "safe\b\b\b\bowned",
    "bidi": "\u202eevil\u202c \u2066x\u2069 \u200f", "separators": "a\u2028b\u2029c\x85d\x0be\x0cf", "tags": "\U000e0041\U000e007f",
    "entity": "&#27;[2J &#x9b;2J &#8238;evil", "markdown": "![x](file:///etc/passwd) [y](\x1b]0;z\x07) `\x1b[2J`",
    "markup": "[bold red]x[/] [link=https://evil.example]y[/link] [@click=app.quit]z[/]", "delete": "a\x7fb\x00c",
}  # fmt: skip
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\U000e0000-\U000e007f]")


def attacked(home: Home) -> None:
    """A thread in which everything that a person may see is an attack: texts, commands, outputs, file names, links, names."""
    payloads: list[tuple[str, dict[str, Any]]] = []
    for name, attack in ATTACKS.items():
        call = {"type": "function_call", "name": "exec_command", "call_id": name, "arguments": json.dumps({"cmd": f"echo {attack}"})}
        output = {"type": "function_call_output", "call_id": name, "output": f"Wall time: 1 seconds\nOutput:\n{attack}"}
        patch = {"type": "custom_tool_call", "name": "apply_patch", "call_id": f"p{name}", "input": f"*** Update File: {attack}.py\n+{attack}"}
        payloads += turn(f"{name} {attack}", f"# {name}\n\n{attack}\n\n```\n{attack}\n```\n")
        payloads += [("response_item", one) for one in (call, output, patch)]
        payloads += [("event_msg", {"type": "error", "message": attack}), (attack, {})]
    home.add(1, payloads, cwd="/work/" + "".join(ATTACKS.values()), git={"branch": ATTACKS["title"], "commit_hash": "a" * 40})
    home.name(1, "".join(ATTACKS.values()))


@pytest.fixture
def hostile(home: Home) -> Home:
    """A home with the attacks."""
    attacked(home)
    return home


def sent(home: Home, *argv: str) -> str:
    """What a command sends to a terminal of 100 columns, and says on standard error there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    env = environment(home.path, TERM="xterm-256color", PAGER="cat", ROLLOUT_INDEX="off")
    process = subprocess.Popen([*PYTHON, *argv], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=env)
    os.close(theirs)
    shown = bytearray()
    while True:
        try:
            block = os.read(ours, 65536)
        except OSError:
            block = b""
        if not block:
            break
        shown += block
    os.close(ours)
    assert process.wait() in (0, 1)
    return shown.decode().replace("\r\n", "\n")


@pytest.mark.parametrize(
    "argv",
    [
        ("list",), ("list", "--all"), ("show", thread_id(1)), ("show", thread_id(1), "--full"), ("show", thread_id(1), "--json"),
        ("show", thread_id(1), "--only", "patches"), ("replay", thread_id(1), "--speed", "1000", "--idle-limit", "0"),
        ("search", "owned"), ("search", "evil", "--json"), ("find", "--command", "echo"), ("find", "--commit", "aaaaaaa"), ("stats",), ("usage", "--by", "thread"),
        ("history", thread_id(1)),
    ],
    ids=" ".join,
)  # fmt: skip
def test_nothing_but_colours_reaches_the_terminal(hostile: Home, argv: tuple[str, ...]) -> None:
    """No control character, no escape sequence but a colour, nothing that turns text around."""
    shown = sent(hostile, *argv)

    assert len(shown) > 20
    assert ACTING.findall(COLOURS.sub("", shown)) == []


@pytest.mark.slow
def test_a_line_of_50_mb_is_cut(home: Home) -> None:
    """It is shown in a moment as its beginning and its size."""
    home.add(1, [*turn("q", "a"), ("event_msg", {"type": "agent_message", "message": "done"})])
    path = next(home.path.rglob("*.jsonl"))
    call = {"type": "function_call", "name": "exec_command", "call_id": "c", "arguments": '{"cmd":"cat"}'}
    with path.open("ab") as file:
        file.write(line(STAMP, "response_item", call))
        file.write(line(STAMP, "response_item", {"type": "function_call_output", "call_id": "c", "output": "\x1b[2J" * 12_500_000}))

    shown = sent(home, "show", thread_id(1))

    assert "more characters (--full)" in shown
    assert len(shown) < 10_000
    assert ACTING.findall(COLOURS.sub("", shown)) == []


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux")
def test_a_real_terminal_stays_as_it_was(hostile: Home, tmp_path: Path) -> None:
    """In tmux no view changes the title, the clipboard or the screen's size, and a prompt drawn before stays above."""
    socket = str(tmp_path / "tmux")
    env = {**environment(hostile.path, TERM="xterm-256color", PAGER="cat", ROLLOUT_INDEX="off")}
    shell = f"echo BEFORE; {' '.join(PYTHON)} show {thread_id(1)} --tail 12; {' '.join(PYTHON)} list; echo AFTER; read x; {' '.join(PYTHON)} view"

    def tmux(*words: str) -> str:
        return subprocess.run(["tmux", "-S", socket, "-f", "/dev/null", *words], env=env, capture_output=True, text=True, check=True).stdout

    def until(word: str) -> str:
        for _ in range(300):
            shown = tmux("capture-pane", "-p", "-S", "-", "-t", "t")
            if word in shown:
                return shown
            select.select([], [], [], 0.1)
        pytest.fail(f"no {word!r} in {shown!r}")

    tmux("new-session", "-d", "-s", "t", "-x", "100", "-y", "30", "sh", "-c", shell)
    try:
        title = tmux("display-message", "-p", "-t", "t", "#{pane_title}")
        shown = until("AFTER")
        assert shown.index("BEFORE") < shown.index("AFTER")
        assert "␛[2J" in shown
        tmux("send-keys", "-t", "t", "Enter")
        until("1 thread ")
        tmux("send-keys", "-t", "t", "Enter")
        until("find")
        assert title == tmux("display-message", "-p", "-t", "t", "#{pane_title}")
        assert "owned" not in subprocess.run(["tmux", "-S", socket, "show-buffer"], env=env, capture_output=True, text=True, check=False).stdout
    finally:
        tmux("kill-server")
