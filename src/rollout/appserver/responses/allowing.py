"""What may be done without asking, what only after asking, and what not at all.

There is no sandbox here. So a command runs unasked only where the settings want none (``danger-full-access``, and a
policy other than ``untrusted``); everywhere else a person decides, and where the policy is ``never`` it is not run.
Changes of files are made by this program itself, which can keep to the working folder, and does.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollout.appserver.agent import TurnRequest

_FREE = "danger-full-access"


async def may_run(request: TurnRequest, call_id: str, words: list[str], cwd: str) -> str | None:
    """None when a command may run, else what the model is told."""
    settings = request.settings
    if settings.sandbox == _FREE and settings.approval_policy != "untrusted":
        return None
    if settings.approval_policy == "never":
        return f"not run: there is no sandbox for {settings.sandbox!r} here, and the approval policy is never to ask"
    return None if await request.approvals.command(call_id, words, cwd) else "not run: the user declined it"


async def may_change(request: TurnRequest, call_id: str, paths: Sequence[str]) -> str | None:
    """None when files may change, else what the model is told."""
    settings = request.settings
    inside = settings.sandbox == _FREE or (
        settings.sandbox == "workspace-write" and all(_is_within(one, request.cwd) for one in paths)
    )
    if inside and settings.approval_policy != "untrusted":
        return None
    if settings.approval_policy == "never":
        return f"not changed: {settings.sandbox!r} does not allow it, and the approval policy is never to ask"
    return None if await request.approvals.change(call_id, list(paths)) else "not changed: the user declined it"


def _is_within(path: str, folder: str) -> bool:
    """Whether a path lies in a folder once every link is followed."""
    real, root = os.path.realpath(path), os.path.realpath(folder)
    return real == root or real.startswith(root.rstrip("/") + "/")
