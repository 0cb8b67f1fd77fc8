"""Whether a thread belongs to a folder: it began there, or its last turn was there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.errors import NotFoundError
from rollout.store.local.cwd import Folders
from rollout.store.local.finding import file_at

if TYPE_CHECKING:
    from rollout.journal.filesystem import Filesystem
    from rollout.query import Thread
    from rollout.store.local.chain import Chains
    from rollout.store.local.finding import Finder


class Belonging:
    """The question, for one folder; without one every thread belongs."""

    def __init__(self, cwd: str | None, chains: Chains, finder: Finder, fs: Filesystem) -> None:
        """Nothing is read yet."""
        self._folders = Folders((cwd,)) if cwd else None
        self._chains, self._finder, self._fs = chains, finder, fs

    def __call__(self, row: Thread) -> bool:
        """The answer for the thread of a row; its last turn is looked for only when it did not begin there."""
        folders = self._folders
        return folders is None or folders.match(row.summary.cwd) or folders.match(self._last_cwd(row))

    def _last_cwd(self, row: Thread) -> str | None:
        """Where the last turn was; looked for further back when the tail of a long file does not tell."""
        if not row.summary.partial:
            return row.summary.last_cwd
        try:
            return self._chains.last_cwd(file_at(row.path, self._fs))
        except (FileNotFoundError, NotFoundError):
            return self._chains.last_cwd(self._finder.group(row.id).newest)
