"""What happens to the threads of a store, told to whoever watches it.

Told is that a thread was **added** (begun, forked, copied here, restored), **removed**, **archived**, **unarchived**,
**named**, or **labelled** (tags, note); by whomever, the watching process included. That a thread grew is not: there are
too many of these, and ``ThreadStore.wait`` tells them of the thread that somebody looks at.

A watch tells each of these at least once, those of one thread in their order, and misses none while the store is away.
What happened between two looks may come as its sum: a name given twice is told once, what was undone need not be told.
So whoever hears of a thread looks how it is by now.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal, TypeAlias

from rollout.labels import NO_LABELS
from rollout.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rollout.labels import Labels

What: TypeAlias = Literal["added", "removed", "archived", "unarchived", "named", "labelled"]
MOST_CHANGES = 10_000
"""So many are told at once at most; of more, whoever watches lists anew."""


class Change(NamedTuple):
    """One thing that happened to a thread."""

    thread_id: str
    what: What


class Changes(NamedTuple):
    """What one wait tells.

    ``complete`` is False when more happened than is told, because it was too much or because the store was out of reach
    for longer than it remembers: what is held of the store must be listed anew.
    """

    told: tuple[Change, ...] = ()
    complete: bool = True


NOTHING = Changes()


class Watch(ABC):
    """Tells what happens in a store from when it was opened; used by one thread, closed by any."""

    @abstractmethod
    def wait(self, timeout: float) -> Changes:
        """What happened since the last wait, as soon as something did; nothing when the seconds are over, or once closed.

        A store that is away is waited for. Raises RolloutError when it cannot be asked at the end either; may be repeated.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of what it holds; a wait that is under way ends soon. Idempotent."""


class Standing(NamedTuple):
    """How a thread stands, as far as a watch tells when it changes."""

    archived: bool
    name: str | None = None
    labels: Labels = NO_LABELS


def differences(before: Mapping[str, Standing], now: Mapping[str, Standing]) -> Iterator[Change]:
    """What must have happened between two looks at a store."""
    yield from (Change(one, "removed") for one in before if one not in now)
    for thread_id, standing in now.items():
        known = before.get(thread_id)
        if known is None:
            yield Change(thread_id, "added")
            continue
        if standing.archived != known.archived:
            yield Change(thread_id, "archived" if standing.archived else "unarchived")
        if standing.name != known.name:
            yield Change(thread_id, "named")
        if standing.labels != known.labels:
            yield Change(thread_id, "labelled")


def bounded(found: list[Change]) -> Changes:
    """As many as may be told at once."""
    return Changes(tuple(found[:MOST_CHANGES]), len(found) <= MOST_CHANGES)
