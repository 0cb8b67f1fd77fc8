"""Watching the threads in memory: how all stand is compared whenever something changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.store.changes import NOTHING, Watch, bounded, differences

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from threading import Condition

    from rollout.store.changes import Changes, Standing


class MemoryWatch(Watch):
    """See ``Watch`` for the contract."""

    def __init__(self, changed: Condition, standings: Callable[[], Mapping[str, Standing]]) -> None:
        """Look how all threads stand now; ``changed`` tells when it may be otherwise."""
        self._changed, self._standings = changed, standings
        self._known, self._closed = standings(), False

    def wait(self, timeout: float) -> Changes:
        """What differs from the last look, as soon as something does."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._standings() != self._known, timeout)
            if self._closed:
                return NOTHING
            before, self._known = self._known, self._standings()
        return bounded(list(differences(before, self._known)))

    def close(self) -> None:
        """Wake whoever waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
