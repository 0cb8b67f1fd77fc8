"""The end of a server: a signal asks for it, a second one enforces it."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress

_TERMINATED = 143
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def stop_on_signals() -> asyncio.Event:
    """An event that is set by the first signal which asks for the end; the second ends the process at once."""
    stop = asyncio.Event()

    def asked() -> None:
        if stop.is_set():
            os._exit(_TERMINATED)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in _ENDING:
        with suppress(RuntimeError, ValueError):  # only the main thread of a program hears signals
            loop.add_signal_handler(number, asked)
    return stop
