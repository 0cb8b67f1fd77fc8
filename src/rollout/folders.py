r"""How a folder is spelled: Windows and WSL have many ways, each of which leads to one key here (spec: rollout-format 6.9).

The spelling in a file is never changed:

====================================== ================
``C:\x``, ``c:/x``, ``\\?\C:\x``         ``/mnt/c/x``
``/mnt/c/X`` under WSL                 ``/mnt/c/x``
``\\wsl$\<distro>\home\X`` and
``\\wsl.localhost\<distro>\home\X``    ``/home/X``
``\\server\share\X``                  ``//server/share/x``
====================================== ================
"""

from __future__ import annotations

import re

_DRIVE = r"(?s)([A-Za-z]):(?:\\(.*))?"
_MOUNTED = r"(?isa)/mnt/[a-z](?:/.*)?"
_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_WSL_HOSTS = ("wsl$", "wsl.localhost")


def spelled(folder: str, *, wsl: bool = False) -> str:
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
