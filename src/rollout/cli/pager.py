"""A long text on a terminal goes through a pager, one that fits goes straight out."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import IO, Self

    from rollout.cli.output import Output

_NONE = ("", "cat")


def pager_command(environ: Mapping[str, str]) -> list[str]:
    """The pager that the environment names, else ``less -R``; an empty list when there is none or none is wanted."""
    told = environ.get("PAGER")
    words = shlex.split(told) if told is not None else ["less", "-R"]
    return words if words and words[0] not in _NONE and shutil.which(words[0]) else []


def terminal_rows(environ: Mapping[str, str]) -> int:
    """The lines of the terminal on standard output, 0 where it does not tell."""
    told = environ.get("LINES", "")
    if told.isdecimal():
        return int(told)
    try:
        return os.get_terminal_size(1).lines
    except OSError:
        return 0


class Pager:
    """Where a text is written piece by piece; the pager starts when it no longer fits.

    BrokenPipeError from ``write`` means that the person has seen enough.
    """

    def __init__(self, out: Output, command: list[str], rows: int) -> None:
        """Nothing is started. Without a command, or without rows, everything goes straight out."""
        self._out, self._command = out, command if rows else []
        self._room = rows - 2
        self._held: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Write what is held, and wait until the person leaves the pager."""
        for text in self._held:
            self._out.write(text)
        self._held.clear()
        if self._process is None:
            return
        with suppress(BrokenPipeError):
            _input(self._process).close()
        self._process.wait()
        signal.signal(signal.SIGINT, self._before)

    def write(self, text: str) -> None:
        """Write a piece."""
        if self._process is not None:
            self._send(self._process, text)
        elif not self._command:
            self._out.write(text)
        else:
            self._hold(text)

    def _hold(self, text: str) -> None:
        self._held.append(text)
        self._room -= text.count("\n")
        if self._room >= 0:
            return
        self._before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # in a pager Ctrl-C ends a search, not the pager
        env = {"LESS": "R", **os.environ}
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, env=env)  # noqa: S603 - the person's own
        held, self._held = self._held, []
        for piece in held:
            self._send(self._process, piece)

    def _send(self, process: subprocess.Popen[bytes], text: str) -> None:
        _input(process).write(text.encode(self._out.encoding, "backslashreplace"))


def _input(process: subprocess.Popen[bytes]) -> IO[bytes]:
    if process.stdin is None:
        raise BrokenPipeError
    return process.stdin
