"""Where the index of a home lies, and on what kind of disk.

By default in the user's cache folder, in a folder of its own for each home (a search index may lie beside it). The
folder's name is made of the home's real path, device and inode, so that another home in its place gets another
index; the file's name bears the version of the schema, so that versions of this program leave each other's alone.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from zlib import crc32

from rollout.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "ROLLOUT_INDEX"
VERSION = 4
_OFF = frozenset({"off", "none", "no", "0"})
_REMOTE = frozenset({
    "9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fuse.ceph", "fuse.curlftpfs", "fuse.davfs", "fuse.gcsfuse",
    "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs",
    "nfs4", "ocfs2", "openafs", "smb", "smb2", "smb3", "smbfs",
})  # fmt: skip


class Identity(NamedTuple):
    """Which home: its real path, device and inode; "" where there is none yet."""

    path: str
    device: str
    inode: str


class IndexPlace(NamedTuple):
    """Where an index lies. ``ours``: at the place that this program chose, where it may move a bad file aside."""

    path: str
    ours: bool


def identity_of(home: str) -> Identity:
    """The identity of a home as it is now."""
    real = os.path.realpath(home)
    try:
        found = os.stat(real)
    except OSError:
        return Identity(real, "", "")
    return Identity(real, str(found.st_dev), str(found.st_ino))


def index_place(home: str, explicit: str | None = None, environ: Mapping[str, str] | None = None) -> IndexPlace | None:
    """Where the index of a home belongs: the given path, else what ``ROLLOUT_INDEX`` says, else the cache folder.

    None when ``ROLLOUT_INDEX`` is ``off``, and when there is no folder that could be the user's cache folder.
    """
    variables = os.environ if environ is None else environ
    named = explicit or variables.get(VARIABLE, "")
    if not explicit and named.lower() in _OFF:
        return None
    if named:
        return IndexPlace(os.path.abspath(os.path.expanduser(named)), ours=False)
    cache = _cache_folder(variables)
    identity = identity_of(home)
    if not cache or not identity.inode:
        return None
    return IndexPlace(os.path.join(cache, "rollout", _key(identity), f"index-{VERSION}.sqlite"), ours=True)


def _cache_folder(variables: Mapping[str, str]) -> str:
    told = variables.get("XDG_CACHE_HOME", "")
    if os.path.isabs(told):
        return told
    user = variables.get("HOME") or os.path.expanduser("~")
    return os.path.join(user, ".cache") if os.path.isabs(user) else ""


def _key(identity: Identity) -> str:
    """A folder's name that a person can read; the index itself knows the whole identity."""
    last = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in os.path.basename(identity.path))
    return f"{last.strip('-')[:40] or 'home'}-{int(identity.device):x}-{int(identity.inode):x}-{crc32(os.fsencode(identity.path)):08x}"


def is_remote(path: str, mounts: str = "/proc/mounts") -> bool:
    """Whether a path lies on a network file system, where processes cannot share memory; False when unknown."""
    try:
        with open(mounts, encoding="utf-8", errors="surrogateescape") as table:
            rows = [line.split(" ") for line in table]
    except OSError:
        return False
    real, best, kind = os.path.realpath(path), "", ""
    for row in rows:
        folder = _unescaped(row[1]) if len(row) > 2 else ""
        inside = folder and (real == folder or real.startswith(folder.rstrip("/") + "/"))
        if inside and len(folder) >= len(best):
            best, kind = folder, row[2]
    return kind in _REMOTE


def _unescaped(folder: str) -> str:
    """A folder as the table of mounts spells it: blanks and the like as three octal digits."""
    for code in ("040", "011", "012", "134"):
        folder = folder.replace(f"\\{code}", chr(int(code, 8)))
    return folder
