"""Counting: threads of a store into a tally, and what could not be counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rollout.cli.thread_files import files_of
from rollout.errors import FormatError, NotFoundError
from rollout.lines import Damage
from rollout.render.naming import title
from rollout.usage import roots, uses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from rollout.cli.progress import Progress
    from rollout.lines import Found
    from rollout.query import Thread
    from rollout.store.base import ThreadStore
    from rollout.usage import Tally, Use

_TITLE = 200


class Days(NamedTuple):
    """The days that are asked for; None leaves an end open. ``day`` makes a day of milliseconds since 1970."""

    day: Callable[[int], str]
    since: str | None = None
    until: str | None = None

    def wants(self, at_ms: int | None) -> bool | None:
        """Whether a moment lies in them; None when days are asked for and nobody knows the moment."""
        if self.since is None and self.until is None:
            return True
        if at_ms is None:
            return None
        day = self.day(at_ms)
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


class Counting:
    """Reads threads into a tally.

    ``threads`` were read, ``with_usage`` of them added something. ``damaged`` tells, by thread, what was met first
    that could not be read. ``undated`` uses were left out because days were asked for.
    """

    def __init__(self, store: ThreadStore, tally: Tally, days: Days) -> None:
        """Nothing is read yet."""
        self._store, self.tally, self._days = store, tally, days
        self.titles: dict[str, str] = {}
        self.damaged: dict[str, str] = {}
        self.threads = self.with_usage = self.undated = 0

    def count(self, rows: Iterable[Thread], counts_for: Mapping[str, str], progress: Progress) -> None:
        """Read every thread; what it took counts for the one that ``counts_for`` names, or for itself."""
        for row in rows:
            self.threads += 1
            if "thread" in self.tally.by:
                self.titles[row.id] = title(row)[:_TITLE]
            before = self.tally.total.requests
            try:
                self._count_thread(row, counts_for.get(row.id, row.id), progress)
            except (OSError, FormatError, NotFoundError) as error:
                self.damaged.setdefault(row.id, str(error))
            self.with_usage += self.tally.total.requests > before

    def _count_thread(self, row: Thread, counts_for: str, progress: Progress) -> None:
        for found, lookup in files_of(self._store, row):
            for thing in uses(_watched(found, progress), row.id, lookup):
                if isinstance(thing, Damage):
                    self.damaged.setdefault(row.id, f"{thing.reason}, at offset {thing.position.offset}")
                elif self._wants(thing):
                    self.tally.add(thing._replace(thread_id=counts_for))

    def _wants(self, use: Use) -> bool:
        wanted = self._days.wants(use.at_ms)
        self.undated += wanted is None
        return wanted is True


def _watched(found: Iterable[Found], progress: Progress) -> Iterator[Found]:
    for thing in found:
        progress.add(thing.length if isinstance(thing, Damage) else len(thing.data))
        yield thing
        del thing  # a line may be long: it is not held while the next one is read


def families(rows: Iterable[Thread], top: str | None) -> dict[str, str]:
    """For every thread the one that began it, over all generations; with a ``top`` only its own descendants and itself."""
    parents: dict[str, str | None] = {row.id: row.summary.parent_id for row in rows}
    if top is None:
        return roots(parents)
    return {thread: root for thread, root in roots({**parents, top: None}).items() if root == top}
