"""Which home: the folder that holds ``sessions/``, ``archived_sessions/`` and ``session_index.jsonl``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rollout.store.local.paths import ARCHIVED, SESSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLES = ("ROLLOUT_HOME", "CODEX_HOME")


def find_home(explicit: str | os.PathLike[str] | None = None, environ: Mapping[str, str] | None = None) -> str:
    """The home that is meant: the given one, else ``ROLLOUT_HOME``, ``CODEX_HOME``, ``~/.codex``; absolute.

    It need not exist: an empty home has no threads, and is made by the first that is written. Empty values
    count as absent.
    """
    variables = os.environ if environ is None else environ
    named = (explicit, *(variables.get(name) for name in VARIABLES))
    found = next((os.fspath(path) for path in named if path), "~/.codex")
    return os.path.abspath(os.path.expanduser(found))


def home_of_path(path: str) -> str:
    """The home that a rollout's path lies in; its own folder when it lies in none."""
    folder = os.path.dirname(path)
    while os.path.basename(folder):
        if os.path.basename(folder) in (SESSIONS, ARCHIVED):
            return os.path.dirname(folder)
        folder = os.path.dirname(folder)
    return os.path.dirname(path)
