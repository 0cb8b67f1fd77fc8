"""What was removed from a store and can still be restored: listed, found by id, or destroyed for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.errors import AmbiguousError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollout.store.base import Receipt, Removed, ThreadStore

_SHORTEST = 4


def removed(store: ThreadStore) -> Sequence[Removed]:
    """Every removal that can be restored, the newest first; changes nothing."""
    return store.removed()


def find_removed(store: ThreadStore, text: str) -> tuple[Receipt, ...]:
    """The removals to restore for a token, an id or the beginning of one; the newest first.

    A token means its removal alone. A thread means its newest one, with those before it that have other files: they
    are parts of a removal that was interrupted. Raises NotFoundError, AmbiguousError.
    """
    everything = [one.receipt for one in removed(store)]
    wanted = text.strip().lower()
    exact = [one for one in everything if wanted == one.token]
    near = [one for one in everything if len(wanted) >= _SHORTEST and one.thread_id.startswith(wanted)]
    found = exact or near
    if not found:
        raise NotFoundError(f"no removed thread {text!r} here; `rollout restore --list` names those there are")
    threads = sorted({one.thread_id for one in found})
    if len(threads) > 1:
        raise AmbiguousError(text, threads)
    parts: list[Receipt] = []
    for one in found:
        if not any(set(one.names) & set(part.names) for part in parts):
            parts.append(one)
    return tuple(parts)


def destroy(store: ThreadStore, receipt: Receipt) -> None:
    """Take a removed thread away for good. Raises BusyError, WriteError; may be repeated."""
    store.purge(receipt)
