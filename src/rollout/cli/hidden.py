"""What a listing left out, in words: how many, for which reason, and how to see them.

Three kinds of reasons: those that ``--all`` lifts, the filters of this call, and what cannot be listed at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.query import narrowed
from rollout.sources import INTERACTIVE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rollout.query import ThreadQuery

FAMILIES = ("cli", "vscode", "exec", "mcp", "custom", "internal", "subagent", "unknown")
"""The families of sources, as ``--source`` takes them and as a listing gives them as reasons."""

_BY_ALL = frozenset({"archived", "active", "no user message", "unreadable"})
_WORDS = {"subagent": "sub-agent"}


def notes(hidden: Mapping[str, int], query: ThreadQuery, *, so_far: bool) -> Iterator[str]:
    """One line a kind of reason, none where nothing is hidden; ``so_far``: there may be more."""
    counts = dict(sorted(hidden.items(), key=lambda one: (-one[1], one[0])))
    copies, missing = counts.pop("duplicate", 0), counts.pop("missing", 0)
    filters = {reason: counts.pop(reason) for reason in ("provider", narrowed(query)) if reason in counts}
    if query.sources not in ((), INTERACTIVE):
        chosen = sum(counts.pop(family, 0) for family in FAMILIES)
        filters |= {"source": chosen} if chosen else {}
    rest = " so far" if so_far else ""
    by_all = {reason: counts.pop(reason) for reason in [*counts] if reason in _BY_ALL or reason in FAMILIES}
    if by_all:
        yield f"{_told(by_all)} hidden{rest}: --all"
    if filters:
        told = ", ".join(f"{number} hidden{rest} by {reason}" for reason, number in filters.items())
        yield f"{told}: leave the filter out"
    if counts:
        yield f"{_told(counts)} cannot be listed{rest}"
    if copies:
        yield f"{copies} files left out: copies of threads that are listed"
    if missing:
        gone = "1 thread was here and its files are" if missing == 1 else f"{missing} threads were here and their files are"
        yield f"{gone} gone: rollout index status names them"


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {_WORDS.get(reason, reason)}" for reason, number in counts.items())
