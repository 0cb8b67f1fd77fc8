"""Watching the threads in memory: how all stand is compared whenever something changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.store.changes import NOTHING, Watch, bounded, differences

if TYPE_CHECKING:
    from rollout.store.changes import Changes
    from rollout.store.memory import MemoryStore


class MemoryWatch(Watch):
    """See ``Watch`` for the contract."""

    def __init__(self, store: MemoryStore) -> None:
        """Look how all threads stand now."""
        self._store, self._known, self._closed = store, store.standings(), False

    def wait(self, timeout: float) -> Changes:
        """What differs from the last look, as soon as something does."""
        with self._store.changed:
            self._store.changed.wait_for(lambda: self._closed or self._store.standings() != self._known, timeout)
            if self._closed:
                return NOTHING
            before, self._known = self._known, self._store.standings()
        return bounded(list(differences(before, self._known)))

    def close(self) -> None:
        """Wake whoever waits."""
        with self._store.changed:
            self._closed = True
            self._store.changed.notify_all()
