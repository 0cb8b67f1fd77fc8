"""A file that is written at once and then stands: whole and durable, or not there."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from rollout.journal.filesystem import make_folders, write_all
from rollout.journal.temporary import open_temporary

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollout.journal.filesystem import Filesystem


def write_new(fs: Filesystem, path: str, blocks: Iterable[bytes], mode: int = 0o600) -> None:
    """Make a file with exactly these bytes, durable, under a name that must be free; never seen half-written.

    Written beside its place under a temporary name, synced, then linked: a link never replaces.
    """
    make_folders(fs, os.path.dirname(path))
    temporary, fd = open_temporary(fs, path, mode)
    try:
        for block in blocks:
            write_all(fs, fd, memoryview(block))
            del block  # one may be long: it is not held while the next one is made
        fs.fdatasync(fd)
        fs.link(temporary, path)
    finally:
        fs.close(fd)
        with suppress(OSError):
            fs.unlink(temporary)
