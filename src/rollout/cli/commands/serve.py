"""``rollout serve``: look at threads in a browser."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rollout.cli.home import open_store
from rollout.cli.options import count
from rollout.cli.output import Document
from rollout.cli.statuses import DONE, UsageError
from rollout.store.rows import row_from

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from rollout.cli.output import Output

DESCRIPTION = """
Look at the threads of a home in a browser: list, filter, search, read, and follow threads that are being written.

The server answers on this machine alone. It prints a link that is good for one browser; when it has been used, the
next one is printed. Ctrl-C ends it. Nothing is changed in the home without --allow-changes, nothing is loaded from
anywhere else, and nothing in a thread can act in a page. It needs the extra web: pip install 'rollout-recorder[web]'.
"""


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout serve``."""
    parser.add_argument("--port", type=count, default=0, metavar="N", help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--allow-changes", action="store_true", help="let pages rename, archive, unarchive and fork threads")


def run(args: Namespace, out: Output) -> int:
    """Serve until interrupted."""
    try:
        from rollout.web.serving import Wanted, serve  # noqa: PLC0415 - only who needs it pays for it
        from rollout.web.threads import Threads  # noqa: PLC0415 - the same
    except ModuleNotFoundError as error:
        raise UsageError(f"{error.name} is missing: pip install 'rollout-recorder[web]'") from error
    if args.port > 65_535:
        raise UsageError(f"there is no port {args.port}; 0 takes a free one")
    store = open_store(args)

    def tell(link: str) -> None:
        if args.json:
            document = Document(out, "rollout.serve/1")
            document.member("link", link)
            document.end()
        else:
            out.write(f"{link}\n")
        out.flush()

    threads = Threads(store, lambda thread_id: row_from(store, store.resolve(thread_id)[0]))
    serve(threads, Wanted(tell, lambda: time.time_ns() // 1_000_000, args.port, args.allow_changes))
    return DONE
