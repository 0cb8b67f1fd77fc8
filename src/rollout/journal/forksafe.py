"""What a forked child must give back.

A child of ``os.fork()`` inherits our descriptors. A lock taken with flock belongs to the open file and not to
the process, so a child that merely lives on would hold the thread after its parent let go; and a child that
wrote would be a second writer. So the child's copies are closed at once; the parent keeps its own.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Forkable(Protocol):
    """Something that holds descriptors."""

    def after_fork(self) -> None:
        """Close this process's copies, touching neither file nor lock; every later use raises ClosedError."""


_held: WeakSet[Forkable] = WeakSet()


def close_in_child(holder: Forkable) -> None:
    """Have a holder's descriptors closed in every child that forks from now on."""
    _held.add(holder)


def _after_fork() -> None:
    for holder in list(_held):
        holder.after_fork()
    _held.clear()


os.register_at_fork(after_in_child=_after_fork)
