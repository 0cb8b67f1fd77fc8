"""A page of threads as aligned columns that fit a terminal, and as plain lines for a pipe."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from rollout.render.naming import ago, tilde, title
from rollout.render.safe import fit, pad, safe_line, width
from rollout.times import to_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rollout.query import Thread

_SHORTEST_ID = 13  # the 48 bits of time in an id, as text: unique in practice, not only on this page
_GAP = "  "
_TITLES = ("ID", "WHEN", "PROVIDER", "FOLDER", "THREAD")
_COLOURS = ("yellow", "dim", "dim", "dim")
_LONGEST_PROVIDER = 12
_CODES = {"bold": "1", "dim": "2", "yellow": "33"}


class Table:
    """Lays out pages of one listing; the first page decides how wide the columns are.

    ``order`` is the sort key, whose time is shown. The provider has a column where the first page has several.
    """

    def __init__(self, columns: int, order: str, *, now_ms: int, user_home: str, colour: bool) -> None:
        """Nothing is laid out yet."""
        self._columns, self._order, self._now_ms = columns, order, now_ms
        self._user_home, self._colour = user_home, colour
        self._widths: tuple[int, ...] = ()
        self._with_provider = False

    def lines(self, threads: Sequence[Thread], depths: Iterable[int]) -> Iterator[str]:
        """The lines of one page, each ending in a newline; the first page is headed.

        ``depths``: how deep each thread stands below the one that spawned it, 0 for those that stand alone.
        """
        shortest = unique_length([thread.id for thread in threads])
        is_first = not self._widths
        if is_first:
            self._with_provider = len({thread.summary.model_provider or "" for thread in threads} - {""}) > 1
        cells = [self._cells(thread, shortest, depth) for thread, depth in zip(threads, depths, strict=True)]
        if is_first:
            self._widths = self._measure(cells)
            yield self._line(self._chosen(_TITLES), "dim")
        for thread, row in zip(threads, cells, strict=True):
            quiet = "dim" if thread.archived or thread.problem else ""
            yield self._line(row, "bold" if thread.name and not quiet else quiet, _COLOURS)

    def _chosen(self, cells: tuple[str, ...]) -> tuple[str, ...]:
        return cells if self._with_provider else (*cells[:2], *cells[3:])

    def _cells(self, thread: Thread, shortest: int, depth: int) -> tuple[str, ...]:
        folder = tilde(safe_line(thread.summary.cwd or "?"), self._user_home)
        branch = safe_line(str((thread.summary.git or {}).get("branch") or ""))
        return self._chosen((
            thread.id[:shortest],
            ago(time_of(thread, self._order), self._now_ms),
            fit(safe_line(thread.summary.model_provider or "?"), _LONGEST_PROVIDER),
            folder + (f" [{branch}]" if branch else ""),
            below(depth) + title(thread) + hashed(thread),
        ))

    def _measure(self, cells: Sequence[tuple[str, ...]]) -> tuple[int, ...]:
        """The widths of all columns but the last, which takes what is left."""
        titles = self._chosen(_TITLES)
        widest = [max(width(row[at]) for row in [titles, *cells]) for at in range(len(titles) - 1)]
        return (*widest[:-1], max(width(titles[-2]), min(widest[-1], self._columns * 3 // 10)))

    def _line(self, row: Sequence[str], last: str, colours: Sequence[str] = ("dim",) * 4) -> str:
        *widths, folder = self._widths
        rest = max(1, self._columns - sum(self._widths) - len(self._widths) * len(_GAP))
        cells = [pad(cell, columns) for cell, columns in zip(row, widths, strict=False)]
        cells += [pad(_fit_left(row[-2], folder), folder), fit(row[-1], rest)]
        return _GAP.join(map(self._paint, cells, (*colours[: len(row) - 1], last))).rstrip() + "\n"

    def _paint(self, text: str, colour: str) -> str:
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self._colour and colour else text


def below(depth: int) -> str:
    """What stands before the title of a thread that another one on the page has spawned."""
    return "  " * (depth - 1) + "└ " if depth else ""


def plain_line(thread: Thread, order: str, depth: int = 0) -> str:
    """One thread as tab-separated fields: id, time, folder, name or first question; its tags, if it has any."""
    told = below(depth) + title(thread)
    fields = (thread.id, to_text(time_of(thread, order)), safe_line(thread.summary.cwd or ""), told)
    return "\t".join([*fields, *([hashed(thread).strip()] if thread.tags else [])]) + "\n"


def hashed(thread: Thread) -> str:
    """The tags of a thread as they are shown behind what it is called."""
    return "".join(f" #{safe_line(tag)}" for tag in thread.tags)


def time_of(thread: Thread, order: str) -> int:
    """The time by which a listing is sorted; that of the last activity where it is sorted by something else."""
    times: dict[str, int] = {"created": thread.created_ms, "updated": thread.modified_ms, "active": thread.active_ms}
    return times.get(order, thread.active_ms)


def unique_length(ids: Sequence[str]) -> int:
    """How many characters tell all of these ids apart; never fewer than the time inside an id takes."""
    ordered = sorted(set(ids))
    shared = (_common(first, second) for first, second in pairwise(ordered))
    return min(36, max(_SHORTEST_ID, max(shared, default=0) + 1))


def _common(first: str, second: str) -> int:
    return next((at for at, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), len(first))


def _fit_left(path: str, columns: int) -> str:
    """The end of a path tells more than its beginning."""
    if width(path) <= columns:
        return path
    return "…" + fit(path[::-1], columns)[-2::-1]
