"""A terminal whose keys are read one by one."""

from __future__ import annotations

import os
import select
import sys
import termios
import time
import tty
from typing import TYPE_CHECKING

from rollout.render.safe import fit

if TYPE_CHECKING:
    from typing import Self

    from rollout.cli.output import Output

_ARROWS = {b"\x1b[C": ".", b"\x1b[B": "n", b"\x1b[A": "p"}


class Terminal:
    """The stage of a player on the real streams: keys come from standard input where that is a terminal."""

    def __init__(self, out: Output) -> None:
        """Nothing is changed yet."""
        self._out = out
        self._fd = sys.stdin.fileno() if sys.stdin.isatty() and out.is_terminal else -1

    def __enter__(self) -> Self:
        """Read keys as they are pressed; Ctrl-C stays what it is."""
        if self._fd >= 0:
            self._before = termios.tcgetattr(self._fd)
            tty.setcbreak(self._fd)
        return self

    def __exit__(self, *_: object) -> None:
        """Give the terminal back as it was."""
        if self._fd >= 0:
            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)
            self.tell("")

    def now(self) -> float:
        """Seconds that only go forward."""
        return time.monotonic()

    def key(self, seconds: float | None) -> str:
        """The next key within so many seconds; without a terminal only the time passes."""
        if self._fd < 0:
            time.sleep(seconds or 0)
            return ""
        if not select.select([self._fd], [], [], seconds)[0]:
            return ""
        pressed = os.read(self._fd, 16)
        return _ARROWS.get(pressed) or (pressed.decode("utf-8", "ignore")[:1] if pressed else "q")

    def show(self, text: str) -> None:
        """Show a piece at once."""
        self.tell("")
        self._out.write(text)
        self._out.flush()

    def tell(self, status: str) -> None:
        """Replace the line below the transcript."""
        if self._fd >= 0 and self._out.has_watcher:
            self._out.status(fit(status, self._out.width - 1))
