"""Commit, branch and origin of a folder, each question with a time-out (spec: rollout-format 8)."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

from msgspec import UNSET

from rollout.items import GitInfo
from rollout.worktrees import root_of

TIMEOUT_S = 5.0


def collect(cwd: str, timeout: float = TIMEOUT_S) -> GitInfo | None:
    """What git says of a folder; None outside a repository, and a field is absent where git gives no answer.

    Takes up to twice the time-out. Never raises: a recording must not fail because git does.
    """
    # Looking for a folder spares most sessions four processes
    if root_of(os.path.abspath(cwd)) is None or _ask(cwd, timeout, "rev-parse", "--git-dir") is None:
        return None
    questions = (("rev-parse", "HEAD"), ("rev-parse", "--abbrev-ref", "HEAD"), ("remote", "get-url", "origin"))
    with ThreadPoolExecutor(max_workers=len(questions)) as pool:
        answers = [pool.submit(_ask, cwd, timeout, *words) for words in questions]
        commit, branch, origin = (answer.result() for answer in answers)
    return GitInfo(
        commit_hash=commit or UNSET,
        branch=branch if branch and branch != "HEAD" else UNSET,
        repository_url=origin or UNSET,
    )


def _ask(cwd: str, timeout: float, *words: str) -> str | None:
    """One answer of git, trimmed; None when it failed, hung, or was no UTF-8."""
    command = ["git", *words]
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, timeout=timeout, check=True, stdin=subprocess.DEVNULL)  # noqa: S603 - fixed words, found on the user's own PATH
        return done.stdout.decode().strip()
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
