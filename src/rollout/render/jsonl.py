"""A thread as JSON lines: the bytes of every good line as they stand, the bases of a fork included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.lines import Line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rollout.lines import Found


def jsonl(found: Iterable[Found]) -> Iterator[bytes]:
    """Each line with one newline behind it; damage is left out."""
    for thing in found:
        if isinstance(thing, Line):
            yield thing.data if thing.data.endswith(b"\n") else thing.data + b"\n"
        del thing  # a line may be long: it is not held while the next one is read
