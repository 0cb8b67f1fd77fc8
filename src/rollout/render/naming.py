"""What a listing calls a thread, where it was, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.render.safe import safe_line
from rollout.times import to_text

if TYPE_CHECKING:
    from rollout.query import Thread

_STEPS = ((60_000, 1, ""), (3_600_000, 60_000, "m"), (86_400_000, 3_600_000, "h"), (7 * 86_400_000, 86_400_000, "d"))


def ago(then_ms: int, now_ms: int) -> str:
    """How long ago, up to a week; then the date (UTC)."""
    passed = now_ms - then_ms
    if passed < -60_000:
        return to_text(then_ms)[:10]
    for limit, unit, letter in _STEPS:
        if passed < limit:
            return f"{passed // unit}{letter} ago" if letter else "now"
    return to_text(then_ms)[:10]


def title(thread: Thread) -> str:
    """What a thread is called, on one line: its name, else what was asked first, with what is special in front."""
    if thread.problem:
        return f"[unreadable: {safe_line(thread.problem)}]"
    family = thread.summary.source_key
    marks = ["archived"] if thread.archived else []
    if family not in ("cli", "vscode"):
        marks.append(safe_line(family))
    told = safe_line(thread.name or thread.preview[:1000]) or "(nothing was asked yet)"
    return f"[{', '.join(marks)}] {told}" if marks else told


def tilde(path: str, user_home: str) -> str:
    """A path with the person's own folder written as ``~``."""
    if user_home and user_home != "/" and (path == user_home or path.startswith(user_home + "/")):
        return "~" + path[len(user_home) :]
    return path
