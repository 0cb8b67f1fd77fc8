"""Lines from a file descriptor, in batches as large as what is there, until the end or a signal."""

from __future__ import annotations

import os
import select
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

_BLOCK = 1 << 16
_MOST = 1 << 20
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """Tells whether a signal asked for the end: ``number`` is the first one that came, 0 before.

    ``fd`` becomes readable then, so that nobody has to be woken by an exception in the middle of a write.
    """

    def __init__(self) -> None:
        """Use ``catch_signals``."""
        self.fd, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        self.number = 0

    def ask(self, number: int, _frame: object = None) -> None:
        """A signal handler: remember the signal and wake the reader."""
        if not self.number:
            self.number = number
            os.write(self._wake, b"!")

    def close(self) -> None:
        """Close the pipe."""
        os.close(self.fd)
        os.close(self._wake)


@contextmanager
def catch_signals() -> Generator[Stop]:
    """For the length of a with block, signals that end a program only ask for its end. Main thread only."""
    stop = Stop()
    before = {number: signal.signal(number, stop.ask) for number in _ENDING}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        stop.close()


def batches(source: int, stop: Stop) -> Iterator[list[bytes]]:
    """Whole lines as soon as they can be had, without their newline; an unended last line counts at the end.

    After a signal what already lies ready is given, up to 1 MiB, and an unended line is left out: nobody knows
    whether it is whole.
    """
    rest: list[bytes] = []
    while True:
        select.select([source, stop.fd], [], [])
        block, ended = _ready(source)
        stopping = stop.number != 0  # told after reading: the end of the input may come with the signal
        lines = block.split(b"\n")
        if len(lines) > 1:
            lines[0] = b"".join([*rest, lines[0]])
            rest = []
        rest.append(lines.pop())
        if lines:
            yield lines
        if ended and not stopping and any(rest):
            yield [b"".join(rest)]
        if ended or stopping:
            return


def _ready(source: int) -> tuple[bytes, bool]:
    """What can be read without waiting, up to 1 MiB, and whether that was the end."""
    parts: list[bytes] = []
    size = 0
    while size < _MOST and select.select([source], [], [], 0)[0]:
        part = os.read(source, _BLOCK)
        if not part:
            return b"".join(parts), True
        parts.append(part)
        size += len(part)
    return b"".join(parts), False
