"""Addresses of git repositories: one repository is written in several ways."""

from __future__ import annotations

import re

_SCP = re.compile(r"(?:[^@/:]+@)?([^/:@]+):(?!//)(.+)")
_URL = re.compile(r"(?:https?|ssh|git)://(?:[^@/]+@)?([^/]+)/(.+)")


def spellings(address: str) -> tuple[str, ...]:
    """The ways in which an address is usually written: as https, as ssh, as scp; with and without ``.git``.

    What has none of these forms, such as a path, is only tried with and without ``.git`` and a slash at its end.
    """
    found = _SCP.fullmatch(address) or _URL.fullmatch(address)
    forms = [address]
    if found:
        host, path = found[1], found[2].lstrip("/")
        forms += [f"https://{host}/{path}", f"git@{host}:{path}", f"ssh://git@{host}/{path}"]
    stems = [form.rstrip("/").removesuffix(".git") for form in forms]
    return tuple(dict.fromkeys(spelled for stem in stems for spelled in (stem, f"{stem}.git", f"{stem}/")))
