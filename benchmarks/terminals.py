"""Programs on a terminal of their own: how long until something stands on the screen, or until they end."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from typing import TYPE_CHECKING

from harness import ENVIRONMENT, Cost

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROWS, _COLUMNS = 40, 120
_PATIENCE_S = 60.0


def on_terminal(command: Sequence[str], mark: bytes = b"") -> Cost:
    """Run a program until it has written the mark, or without one until its end. Raises TimeoutError after a minute."""
    began = time.perf_counter()
    process, terminal = pty.fork()
    if not process:
        environment = {name: value for name, value in ENVIRONMENT.items() if name not in ("LINES", "COLUMNS", "PAGER")}
        os.execve(command[0], list(command), {**environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
    try:
        wall = _until(terminal, mark, began)
    finally:
        if mark:
            os.kill(process, signal.SIGKILL)
        _, _, used = os.wait4(process, 0)
        os.close(terminal)
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)


def _until(terminal: int, mark: bytes, began: float) -> float:
    seen = b""
    while time.perf_counter() - began < _PATIENCE_S:
        if not select.select([terminal], [], [], 1.0)[0]:
            continue
        try:
            block = os.read(terminal, 1 << 16)
        except OSError:  # how Linux tells that the program closed its terminal
            block = b""
        seen = seen[-256:] + block
        if not block or (mark and mark in seen):
            return time.perf_counter() - began
    raise TimeoutError(f"{mark!r} did not come: {seen!r}")


def program(name: str) -> str:
    """A program of the environment that runs this."""
    return os.path.join(os.path.dirname(sys.executable), name)
