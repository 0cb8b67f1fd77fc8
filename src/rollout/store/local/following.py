"""Waiting for a thread of a home to grow, whichever of its files it goes on in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rollout.journal.filesystem import Filesystem
    from rollout.lines import Position
    from rollout.store.local.chain import Chains
    from rollout.store.local.clock import Clock
    from rollout.store.local.finding import Finder

_POLL_S = 0.05
_FIND_AGAIN_S = 1.0


class Following:
    """Looks at the newest file every 50 ms, and for a newer one every second."""

    def __init__(self, chains: Chains, finder: Finder, fs: Filesystem, clock: Clock) -> None:
        """Nothing is looked at yet."""
        self._chains, self._finder, self._fs, self._clock = chains, finder, fs, clock

    def wait(self, thread_id: str, after: Position, timeout: float) -> Position:
        """The end of the thread once it is beyond ``after``, else ``after`` when the seconds are over. Raises NotFoundError."""
        until = self._clock.now() + timeout
        while True:
            newest = self._finder.group(thread_id).newest
            links = self._chains.links(newest)
            known, again = None, min(until, self._clock.now() + _FIND_AGAIN_S)
            while (found := self._state(newest.path)) is not None:
                if found != known and (position := self._chains.end(links)) > after:
                    return position
                known = found
                if self._clock.now() >= again:
                    break
                self._clock.sleep(_POLL_S)
            if self._clock.now() >= until:
                return after

    def _state(self, path: str) -> tuple[int, int, int] | None:
        """What changes when a file grows; None when it is no longer there."""
        try:
            found = self._fs.stat(path)
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns
