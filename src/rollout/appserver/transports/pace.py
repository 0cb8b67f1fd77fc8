"""How long a turn waits for a client that falls behind: as long as it would hardly be noticed, and no longer.

A client that reads is thereby never disconnected because a turn was quick; one that does not read costs the others
half a second once, and a tenth of their time at most.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

_SHARE = 0.1
_TOO_LITTLE = 0.001


class Pace:
    """The patience that is left with one client."""

    def __init__(self, most: float) -> None:
        """``most``: for how many seconds at once."""
        self._most = self._left = most
        self._seen = 0.0

    async def wait(self, caught_up: asyncio.Event) -> None:
        """Wait until it has caught up, or patience ends."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._left = min(self._most, self._left + (now - self._seen) * _SHARE)
        self._seen = now
        if self._left < _TOO_LITTLE:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._left):
                await caught_up.wait()
        self._seen = loop.time()
        self._left -= self._seen - now
