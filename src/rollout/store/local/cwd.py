"""When two folders are the same: the working folder of a thread and one that is asked for.

Both are made canonical (links resolved); when either does not exist, their spellings are compared part by part.
"""

from __future__ import annotations

import os
from functools import cache

from rollout.folders import spelled


@cache
def under_wsl() -> bool:
    """Whether this is Linux under Windows; there the mounted drives do not tell case apart."""
    if os.environ.get("WSL_DISTRO_NAME"):
        return True
    try:
        with open("/proc/version", encoding="utf-8", errors="replace") as version:
            return "microsoft" in version.read().lower()
    except OSError:
        return False


class Folders:
    """The folders that are asked for; each recorded spelling is looked up once."""

    def __init__(self, wanted: tuple[str, ...], *, wsl: bool | None = None) -> None:
        """``wsl`` is found out when it is not given."""
        self._wsl = under_wsl() if wsl is None else wsl
        self._wanted = [self._keys(folder) for folder in wanted]
        self._spellings = {spelling for spelling, _ in self._wanted}
        self._inodes = {inode for _, real in self._wanted if real and (inode := _inode(real))}
        self._known: dict[str, bool] = {}

    def may_match(self, folder: str) -> bool:
        """Whether ``match`` is worth asking, at a fraction of its price: two folders are one only by spelling or inode."""
        spelling = spelled(folder, wsl=self._wsl)
        return spelling in self._spellings or (spelling.startswith("/") and _inode(spelling) in self._inodes)

    def match(self, folder: str | None) -> bool:
        """Whether a recorded folder is one of those asked for."""
        if not folder:
            return False
        known = self._known.get(folder)
        if known is None:
            known = self._known[folder] = any(_same(self._keys(folder), wanted) for wanted in self._wanted)
        return known

    def _keys(self, folder: str) -> tuple[str, str | None]:
        """The key of the spelling, and of the real folder when there is one."""
        spelling = spelled(folder, wsl=self._wsl)
        if not spelling.startswith("/"):  # where a relative one began is not recorded
            return spelling, None
        try:
            return spelling, spelled(os.path.realpath(spelling, strict=True), wsl=self._wsl)
        except (OSError, ValueError):
            return spelling, None


def _inode(folder: str) -> tuple[int, int] | None:
    try:
        found = os.stat(folder)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _same(one: tuple[str, str | None], other: tuple[str, str | None]) -> bool:
    if one[1] is not None and other[1] is not None:
        return one[1] == other[1]
    return one[0] == other[0]
