"""Temporary files that a kill left beside rollouts: found in a home, and swept where their makers are dead.

Every change of a thread looks for them, so that a folder is read again only when its time has changed.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from rollout.journal.temporary import is_temporary, sweep
from rollout.store.local.paths import ARCHIVED, PREFIX, SESSIONS

if TYPE_CHECKING:
    from rollout.journal.filesystem import Filesystem


class Leftovers:
    """Those of one home. Safe from any thread: what was seen of a folder is replaced whole."""

    def __init__(self, home: str, fs: Filesystem) -> None:
        """Nothing is read yet."""
        self._roots, self._fs = [f"{home}/{root}" for root in (SESSIONS, ARCHIVED)], fs
        self._seen: dict[str, tuple[int, list[str]]] = {}

    def sweep(self) -> None:
        """Take away what is provably nobody's; what cannot be looked at, or taken away, stays."""
        waiting = [*self._roots]
        while waiting:
            with suppress(OSError):
                waiting += self._below(waiting.pop())

    def _below(self, folder: str) -> list[str]:
        """The folders in a folder, which is swept if anything came into it since. Raises OSError."""
        modified_ns = self._fs.stat(folder).st_mtime_ns
        known = self._seen.get(folder)
        if known is not None and known[0] == modified_ns:
            return known[1]
        below: list[str] = []
        left = False
        for entry in self._fs.scandir(folder):
            if is_temporary(entry.name):
                left |= not sweep(self._fs, entry.path)
            elif not entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False):
                below.append(entry.path)
        if not left:
            self._seen[folder] = modified_ns, below
        return below
