"""``rollout list``: which threads there are."""

from __future__ import annotations

import time
from collections import Counter
from itertools import repeat
from typing import TYPE_CHECKING

from rollout.cli.filters import activity, add_filters, filtered
from rollout.cli.hidden import notes
from rollout.cli.home import open_store
from rollout.cli.options import count
from rollout.cli.output import Document, to_json
from rollout.cli.rows import thread_object
from rollout.cli.statuses import DONE, UsageError
from rollout.cli.table import Table, plain_line
from rollout.query import EVERYTHING, ORDERS, Cursor, Order, ThreadQuery, narrowed
from rollout.render.safe import safe_line

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable, Iterator, Sequence

    from rollout.cli.nesting import Family
    from rollout.cli.output import Output
    from rollout.query import Page, Thread
    from rollout.store.base import ThreadStore

DESCRIPTION = """
List threads. Without filters: those that a person started (cli, vscode), not archived, of every provider, the
newest activity first. What is left out is counted on standard error, with what shows it. Where the home of the
environment does not exist there are no threads, which is said; the status is 0.

On a terminal the columns are: the beginning of the id, the time of the sort order, the model provider where the page
has several, folder and branch, and the name or the first question. Into a pipe goes one thread a line, tab-separated: id, time, folder,
title, and its tags if it has any.

--sort active takes the time of the last record: without an index it reads the end of every file. --sort created
reads only the files that it shows.

A folder means the same folder in every worktree of its git repository, those included that are gone and that git has
not forgotten yet; --repository means all threads that recorded its address, wherever they ran. --source stands instead
of the interactive sources.

A time is a day (2026-02-08), RFC 3339, or how long ago: 90m, 12h, 7d, 2w.
"""
_ON_A_TERMINAL = 25
_CHUNK = 20_000
_OF_THE_HOME = frozenset({"archived", "active", "duplicate", "missing"})


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout list``."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--archived", action="store_true", help="only archived threads")
    which.add_argument(
        "--all", action="store_true", help="everything on disk: all sources, archived, untitled, unreadable"
    )
    which.add_argument("--tree", action="store_true", help="under each thread the sub-agents that it spawned, whatever became of them")
    add_filters(parser)
    parser.add_argument("--since", metavar="TIME", help="only threads that were active since then")
    parser.add_argument("--until", metavar="TIME", help="only threads whose last activity was up to then")
    parser.add_argument("--text", metavar="TEXT", help="only threads with this in their name or first question")
    parser.add_argument(
        "--sort", choices=ORDERS, default="active", help="sort by time of activity (default), creation or file, by name, bytes or tokens"
    )  # fmt: skip
    parser.add_argument("--asc", action="store_true", help="oldest or least first")
    parser.add_argument(
        "--limit",
        type=count,
        metavar="N",
        help=f"at most N threads, 0 for all (default: {_ON_A_TERMINAL} on a terminal, else all)",
    )
    parser.add_argument("--cursor", metavar="C", help="go on behind an earlier page: the cursor that it ended with")
    parser.add_argument("--count", action="store_true", help="only say how many there are")


def run(args: Namespace, out: Output) -> int:
    """List."""
    limit = args.limit if args.limit is not None else _ON_A_TERMINAL if out.is_terminal and not args.count else 0
    store = open_store(args)
    listing = Listing(store, _query(args), limit)
    if args.tree and args.count:
        raise UsageError("--tree and --count exclude each other")
    if args.tree:
        from rollout.cli.nesting import Family  # noqa: PLC0415 - only a tree needs it

        listing.family = Family(store)
    if args.count:
        _count(listing, args, out)
    elif args.json:
        _json(listing, out)
    else:
        _text(listing, args, out)
    return DONE


class Listing:
    """Walks the pages of a query up to a limit (0: none); what is left and what was hidden is known afterwards."""

    def __init__(self, store: ThreadStore, query: ThreadQuery, limit: int) -> None:
        """Nothing is read yet."""
        self._store, self.query, self._limit = store, query, limit
        self._scanned = 0
        self.shown = 0
        self.next = query.cursor
        self._hidden: dict[str, int] = {}
        self._told_too: Counter[str] = Counter()
        self.note = ""
        self._is_whole = False
        self.family: Family | None = None

    def pages(self) -> Iterator[tuple[Thread, ...]]:
        """The threads, a page at a time."""
        while True:
            left = self._limit - self.shown if self._limit else _CHUNK
            page = self._store.list(self.query._replace(limit=min(left, _CHUNK), cursor=self.next))
            self._account(page)
            yield page.threads
            if self.family is not None:
                self._told_too.update(self.family.told(page.threads, self.query))
            if page.next is None or (self._limit and self.shown >= self._limit):
                return

    def rows(self, page: tuple[Thread, ...]) -> tuple[Sequence[Thread], Iterable[int]]:
        """The rows to show for a page, and how deep each stands."""
        return self.family.nested(page) if self.family is not None else (page, repeat(0, len(page)))

    def _account(self, page: Page) -> None:
        """Some counts are of the whole home on every page, the others of this page alone."""
        self.next = page.next
        self.shown += len(page.threads)
        self._scanned = page.scanned
        self.note = page.note
        self._is_whole = page.complete
        if page.complete:
            self._hidden = dict(page.hidden)
            return
        for reason, number in page.hidden.items():
            known = self._hidden.get(reason, 0)
            self._hidden[reason] = max(known, number) if reason in _OF_THE_HOME else known + number

    @property
    def hidden(self) -> dict[str, int]:
        """What was left out, by reason; what stands under its parent is not."""
        left = {reason: number - self._told_too.get(reason, 0) for reason, number in self._hidden.items()}
        return {reason: number for reason, number in left.items() if number > 0}

    @property
    def complete(self) -> bool:
        """Whether the counts are of all there is."""
        return self._is_whole or (self.next is None and self.query.cursor is None)

    @property
    def total(self) -> str:
        """How many threads there are to show, as far as that is known without reading on."""
        order = self.query.order
        if self._is_whole:
            return f" of {self._scanned - self._passed_over()}"
        if self.query.cursor or (order.key == "created" and not order.ascending and self.query.archived is False):
            return ""
        query = self.query
        narrow = query.sources or query.providers or narrowed(query) or not query.untitled
        return f" of {'at most ' if narrow else ''}{self._scanned - self._passed_over()}"

    def _passed_over(self) -> int:
        return sum(number for reason, number in self._hidden.items() if reason not in _OF_THE_HOME)


def _query(args: Namespace) -> ThreadQuery:
    """The query of the options; raises UsageError, InvalidQueryError."""
    query = filtered(EVERYTHING if args.all else ThreadQuery(), args)._replace(
        order=Order(args.sort, args.asc),
        cursor=Cursor.parse(args.cursor) if args.cursor else None,
        text=args.text,
        **activity(args),
    )
    return query._replace(archived=True) if args.archived else query


def _count(listing: Listing, args: Namespace, out: Output) -> None:
    found = sum(map(len, listing.pages()))
    if not args.json:
        out.write(f"{found}\n")
        _note_hidden(listing, out)
        return
    document = Document(out, "rollout.list/1")
    document.member("count", found)
    document.member("hidden", listing.hidden)
    document.member("complete", listing.complete)
    document.end()
    _note(listing, out)


def _json(listing: Listing, out: Output) -> None:
    document = Document(out, "rollout.list/1")
    told = thread_object if listing.family is None else listing.family.object
    document.array("threads", (to_json(told(thread)) for page in listing.pages() for thread in page))
    document.member("nextCursor", str(listing.next) if listing.next else None)
    document.member("hidden", listing.hidden)
    document.member("complete", listing.complete)
    document.end()
    _note(listing, out)


def _text(listing: Listing, args: Namespace, out: Output) -> None:
    table = Table(out.width, args.sort, now_ms=time.time_ns() // 1_000_000, user_home=out.user_home, colour=out.colour)
    for page in listing.pages():
        threads, depths = listing.rows(page)
        plain = (plain_line(thread, args.sort, depth) for thread, depth in zip(threads, depths, strict=True))
        for line in table.lines(threads, depths) if out.is_terminal and page else plain:
            out.write(line)
    out.flush()
    if not listing.shown and out.is_terminal:
        out.note("no threads")
    if listing.next:
        out.note(f"showing {listing.shown}{listing.total}; next page: --cursor '{listing.next}', all: --limit 0")
    _note_hidden(listing, out)


def _note_hidden(listing: Listing, out: Output) -> None:
    """Law 7: what is left out is announced with its number and how to see it."""
    _note(listing, out)
    for line in notes(listing.hidden, listing.query, so_far=not listing.complete):
        out.note(line)


def _note(listing: Listing, out: Output) -> None:
    """How the answer was found, where that is not as usual."""
    if listing.note:
        out.note(safe_line(listing.note))
