"""``rollout copy``: threads from one store into another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.cli.home import find_thread
from rollout.cli.lifecycle import Answer, add_dry_run, on_each, plural, words
from rollout.cli.progress import Progress
from rollout.cli.statuses import UsageError
from rollout.copying import bytes_of, copy_thread, wanted_threads
from rollout.query import EVERYTHING
from rollout.store import open_store

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from rollout.cli.output import Output
    from rollout.query import ThreadQuery
    from rollout.store.base import ThreadStore

DESCRIPTION = """
Copy threads between any two stores, byte for byte: a home (a folder) and a PostgreSQL server, in either direction.
Every file keeps its name, its time, its mode and its side of the archive, and the thread its name.

It can be interrupted and called again: what is there already with the same bytes is passed over. Nothing is ever
replaced: where a file has other bytes that thread is told and the others go on. Without ids and filters every thread is
copied, the oldest first. Standard output has the ids of the threads that are now in TO.
"""


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout copy``."""
    parser.add_argument("source", metavar="FROM", help="a folder, or postgresql://user@host/database?tenant=name")
    parser.add_argument("target", metavar="TO", help="the same; a folder that is not there is made")
    parser.add_argument("threads", metavar="ID", nargs="*", help="only these threads; - reads them from standard input")
    parser.add_argument("--verify", action="store_true", help="read both sides again and compare every byte")
    parser.add_argument("--active", action="store_true", help="only threads that are not archived")
    parser.add_argument("--archived", action="store_true", help="only archived threads")
    parser.add_argument("--cwd", action="append", default=[], metavar="DIR", help="only threads of this folder; repeatable")
    parser.add_argument("--since", metavar="TIME", help="only threads that were active since then")
    add_dry_run(parser)


def run(args: Namespace, out: Output) -> int:
    """Copy each thread; a failure is told and the others go on."""
    if args.home or args.store:
        raise UsageError("copy says itself where threads are: FROM and TO, without --home and --store")
    if args.active and args.archived:
        raise UsageError("--active and --archived exclude each other")
    source, target = _asked_often(open_store(args.source)), open_store(args.target)
    query = None if args.threads else _query(args)
    progress = Progress(out, "copying", bytes_of(source, query) if query and out.has_watcher else 0)

    def work(text: str) -> Answer:
        thread_id = find_thread(source, text)
        if args.dry_run:
            files = [one.name for one in source.segments(thread_id)]
            return Answer(thread_id, f"would copy {thread_id} ({plural(len(files), 'file')})", {"files": files})
        done = copy_thread(source, target, thread_id, verify=args.verify, progress=progress.add)
        told = f"copied {thread_id}: {plural(len(done.written), 'file')}"
        told += f", {len(done.present)} there already" if done.present else ""
        facts = {"written": list(done.written), "present": list(done.present), "bytes": done.bytes}
        return Answer(thread_id, told, facts | {"verified": args.verify})

    left_out: dict[str, int] = {}
    try:
        status = on_each(args, out, "copy", wanted_threads(source, query, left_out) if query else words(args.threads), work)
    finally:
        progress.done()
    if left_out.get("duplicate"):
        out.note(f"{left_out['duplicate']} files left out: copies of threads that are listed; name their ids to copy them")
    return status


def _asked_often(store: ThreadStore) -> ThreadStore:
    """A home that remembers its folders: each of a hundred thousand threads is looked for in it."""
    from rollout.store.local.store import LocalStore  # noqa: PLC0415 - only for a home

    return store.kept()[0] if isinstance(store, LocalStore) else store


def _query(args: Namespace) -> ThreadQuery:
    """The threads that the filters want."""
    import os  # noqa: PLC0415 - only filters need them
    import time  # noqa: PLC0415 - the same

    from rollout.cli.when import moment  # noqa: PLC0415 - the same

    archived = True if args.archived else False if args.active else None
    query = EVERYTHING._replace(archived=archived, cwds=tuple(map(os.path.abspath, args.cwd)))
    return query._replace(since_ms=moment(args.since, time.time_ns() // 1_000_000)) if args.since else query
