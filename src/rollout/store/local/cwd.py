r"""When two folders are the same: the working folder of a thread and one that is asked for (spec: rollout-format 6.9).

Both are made canonical (links resolved); when either does not exist, their spellings are compared part by
part. Windows and WSL spell one folder in many ways; each of them leads to one key here, and the spelling in the
file is never changed:

====================================== ================
``C:\x``, ``c:/x``, ``\\?\C:\x``         ``/mnt/c/x``
``/mnt/c/X`` under WSL                 ``/mnt/c/x``
``\\wsl$\<distro>\home\X`` and
``\\wsl.localhost\<distro>\home\X``    ``/home/X``
``\\server\share\X``                  ``//server/share/x``
====================================== ================
"""

from __future__ import annotations

import os
import re
from functools import cache

_DRIVE = r"(?s)([A-Za-z]):(?:\\(.*))?"
_MOUNTED = r"(?isa)/mnt/[a-z](?:/.*)?"
_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_WSL_HOSTS = ("wsl$", "wsl.localhost")


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


def spelled(folder: str, *, wsl: bool) -> str:
    """The key of a folder from its spelling alone; ``..`` and (but for drives and shares) case count."""
    if folder.startswith("/"):
        path = _joined("/", folder)
        return path.translate(_ASCII_LOWER) if wsl and re.fullmatch(_MOUNTED, path) else path
    windows = folder.replace("/", "\\")
    if windows.upper().startswith("\\\\?\\UNC\\"):
        return _share(windows[8:])
    if windows.startswith(("\\\\?\\", "\\\\.\\")):
        windows = windows[4:]
    elif windows.startswith("\\\\"):
        return _share(windows[2:])
    drive = re.fullmatch(_DRIVE, windows)
    if drive is None:
        return _joined("", folder)
    return _joined(f"/mnt/{drive[1]}", (drive[2] or "").replace("\\", "/")).translate(_ASCII_LOWER)


def _share(rest: str) -> str:
    """What a network path means: a Linux folder when its host is WSL itself."""
    host, _, inside = rest.replace("\\", "/").partition("/")
    if host.lower() in _WSL_HOSTS:
        return _joined("/", inside.partition("/")[2])
    return _joined(f"//{host}", inside).translate(_ASCII_LOWER)


def _joined(root: str, rest: str) -> str:
    """Root and parts, without empty parts and ``.``."""
    inner = "/".join(part for part in rest.split("/") if part not in ("", "."))
    return f"{root.rstrip('/')}/{inner}" if root and inner else root or inner


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
