"""``rollout search``: find what was said and done."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rollout.cli.filters import add_filters, filtered
from rollout.cli.home import find_thread, index_of, open_store
from rollout.cli.options import THREAD_HELP, count
from rollout.cli.progress import Progress
from rollout.cli.statuses import DONE, UsageError
from rollout.cli.when import moment
from rollout.query import EVERYTHING, ORDERS, Order, ThreadQuery
from rollout.store.local.store import LocalStore

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

    from rollout.cli.output import Output
    from rollout.search_query import SearchQuery
    from rollout.store.base import SearchPage, ThreadStore
    from rollout.store.local.fulltext import Use

DESCRIPTION = """
Find a text in what people and agents said, in tool calls and their outputs, and in the names of files that were
touched; archived and compressed threads included. Threads come newest activity first, the lines of each newest
first. Every hit tells its thread, turn and line, and the command that opens it.

TEXT is a phrase: its words in this order, whole, upper and lower case alike. Text in scripts without spaces is found
anywhere. Injected context (AGENTS.md, environment, instructions) and encoded content are left out without --context.

The index of words is brought up to date by searching, as far as that is quick; without one (--no-index) the answer is the same,
later. It is a cache beside the index of threads, and may be deleted.

Into a pipe goes one hit a line, tab-separated: id, line, turn, role, time, text, command. A time is a day (2026-02-08),
RFC 3339, or how long ago: 90m, 12h, 7d, 2w.
"""
_ROLES = ("user", "agent", "reasoning", "tool", "file", "note", "context")
_ON_A_TERMINAL = 20
_CHUNK = 20_000


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout search``."""
    parser.add_argument("text", metavar="TEXT", nargs="?", default="", help="what to look for")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--prefix", action="store_true", help="the last word of TEXT may go on")
    how.add_argument("--words", action="store_true", help="all words of TEXT, in any order, in one line")
    how.add_argument("--regex", action="store_true", help="TEXT is a regular expression of Python; needs no index")
    parser.add_argument("--thread", metavar="ID", help=f"only in this thread: {THREAD_HELP}")
    parser.add_argument(
        "--role", action="append", default=[], choices=_ROLES, metavar="ROLE", help=f"only what these said or did; repeatable: {', '.join(_ROLES)}",
    )  # fmt: skip
    parser.add_argument("--since", metavar="TIME", help="only lines from then on")
    parser.add_argument("--until", metavar="TIME", help="only lines up to then")
    parser.add_argument("--context", action="store_true", help="also injected context and encoded content")
    _add_filters(parser)
    parser.add_argument("--ranked", action="store_true", help="best hits first, instead of newest")
    parser.add_argument("--sort", choices=ORDERS, default="active", help="order of the threads (default: active)")
    parser.add_argument("--asc", action="store_true", help="oldest or least thread first")
    parser.add_argument(
        "--limit",
        type=count,
        metavar="N",
        help=f"at most N hits, 0 for all (default: {_ON_A_TERMINAL} on a terminal, else all)",
    )
    parser.add_argument("--cursor", metavar="C", help="go on behind an earlier page: the cursor that it ended with")
    parser.add_argument("--update-index", action="store_true", help="first take everything into the index of words")


def _add_filters(parser: ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--active", action="store_true", help="only threads that are not archived")
    which.add_argument("--archived", action="store_true", help="only archived threads")
    add_filters(parser)


def run(args: Namespace, out: Output) -> int:
    """Search."""
    if not args.text.strip() and not args.update_index:
        raise UsageError("there is nothing to look for: TEXT is empty; see rollout search --help")
    store = open_store(args)
    limit = args.limit if args.limit is not None else _ON_A_TERMINAL if out.is_terminal or args.ranked else 0
    use, progress = _use(args, out)
    pages = _pages(store, _wanted(store, args), _threads(args), limit, use)
    try:
        if args.json:
            from rollout.cli.hits import write_json as write  # noqa: PLC0415 - only who needs it pays for it
        else:
            from rollout.cli.hits import write_text as write  # noqa: PLC0415 - only who needs it pays for it
        write(pages, args, out)
    finally:
        progress.done()
    return DONE


def _pages(store: ThreadStore, wanted: SearchQuery, threads: ThreadQuery, limit: int, use: Use) -> Iterator[SearchPage]:
    """The pages up to a limit (0: none); ranked hits are one page, as long as it may be."""
    left = limit
    while True:
        most = left if limit else _CHUNK
        query = threads._replace(limit=most)
        page = store.search(wanted, query, use=use) if isinstance(store, LocalStore) else store.search(wanted, query)
        yield page
        left -= len(page.hits)
        if page.next is None or (limit and left <= 0):
            return
        wanted = wanted._replace(cursor=page.next)


def _wanted(store: ThreadStore, args: Namespace) -> SearchQuery:
    from rollout.search_query import SearchCursor, SearchQuery  # noqa: PLC0415 - only who needs it pays for it

    now_ms = time.time_ns() // 1_000_000
    query = SearchQuery(
        text=args.text,
        mode=next((mode for mode in ("prefix", "words", "regex") if getattr(args, mode)), "phrase"),
        roles=tuple(args.role),
        thread_id=find_thread(store, args.thread) if args.thread else "",
        ranked=args.ranked,
        everything=args.context or "context" in args.role,
        cursor=SearchCursor.parse(args.cursor) if args.cursor else None,
    )
    if args.since:
        query = query._replace(since_ms=moment(args.since, now_ms))
    return query._replace(until_ms=moment(args.until, now_ms, end=True) + 1) if args.until else query


def _threads(args: Namespace) -> ThreadQuery:
    query = EVERYTHING._replace(
        archived=True if args.archived else False if args.active else None,
        order=Order(args.sort, args.asc),
    )
    return filtered(query, args)


def _use(args: Namespace, out: Output) -> tuple[Use, Progress]:
    from rollout.store.local.fulltext import Use, words_place  # noqa: PLC0415 - only who needs it pays for it

    progress = Progress(out, "indexing", 0)
    if args.store:
        if args.update_index:
            raise UsageError("--update-index is for homes: the store of --store brings up its words at each search")
        return Use(), progress
    index = index_of(args)
    if index is None:
        if args.update_index:
            raise UsageError("--update-index needs an index: not with --no-index, nor with ROLLOUT_INDEX=off")
        return Use(), progress
    use = Use(words_place(index), new=True, progress=progress.add)
    return (use._replace(most=float("inf"), always=True) if args.update_index else use), progress
