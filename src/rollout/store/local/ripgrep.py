"""Which files may hold a text, told by ripgrep where it is installed: it looks through many files at once.

Only narrows down: what it names is searched by ourselves. Its answer counts only when it looked through everything.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

from rollout.store.local.paths import ARCHIVED, PREFIX, SESSIONS, SUFFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST = 64 << 20
"""Larger files are left out: ripgrep holds the longest line in each of its threads, twice while it makes room."""
_OPTIONS = (
    "--no-config", "--files-with-matches", "--null", "--text", "--encoding=none", "--no-ignore", "--hidden", "--follow",
    "--no-messages", "--no-unicode", f"--glob={PREFIX}*{SUFFIX}",
    f"--max-filesize={LARGEST}",
)  # fmt: skip

_SAMPLE = 32
_WORTH_MAPPING = 256 << 10
"""Files of this size on average are looked through a third quicker where they lie in memory; many small ones slower."""


def find_ripgrep() -> str | None:
    """Where ripgrep is, None when there is none."""
    return shutil.which("rg")


def are_large(paths: Sequence[str]) -> bool:
    """Whether files are large on average, told from a few of them."""
    sizes: list[int] = []
    for path in paths[:: max(1, len(paths) // _SAMPLE)]:
        with suppress(OSError):
            sizes.append(min(os.stat(path).st_size, LARGEST))
    return sum(sizes) > len(sizes) * _WORTH_MAPPING


def files_that_may_hold(program: str, home: str, expression: str, *, mapped: bool = False) -> set[str] | None:
    """The plain rollouts of a home in which an expression matches; None when it could not look through all of them.

    Files larger than ``LARGEST`` are not looked through.

    ``expression`` is over bytes (``rollout.search_match.Sieve.expression``). ``mapped``: the files are mapped into memory,
    not read; one that is cut short meanwhile kills ripgrep, and nobody could tell.
    """
    folders = [folder for name in (SESSIONS, ARCHIVED) if os.path.isdir(folder := os.path.join(home, name))]
    if not folders:
        return set()
    try:
        made = subprocess.run(  # noqa: S603 - fixed words, found on the user's own PATH
            [program, *_OPTIONS, "--mmap" if mapped else "--no-mmap", "--regexp", expression, "--", *folders],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False,
        )  # fmt: skip
    except OSError:
        return None
    if made.returncode not in (0, 1):
        return None
    return {os.fsdecode(path) for path in made.stdout.split(b"\0") if path}
