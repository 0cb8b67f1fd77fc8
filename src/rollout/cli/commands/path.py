"""``rollout path``: where a thread is stored."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rollout.cli.home import find_thread, open_store
from rollout.cli.options import THREAD_HELP
from rollout.cli.output import Document
from rollout.cli.statuses import DONE
from rollout.store.rows import row_from

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from rollout.cli.output import Output

DESCRIPTION = """
Print the path of the newest file of a thread, archived or not. A path may end in .jsonl.zst.
"""


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout path``."""
    parser.add_argument("thread", metavar="ID", help=THREAD_HELP)


def run(args: Namespace, out: Output) -> int:
    """Print the path, exactly as it is: the bytes of a file name need not be text."""
    store = open_store(args)
    row = row_from(store, find_thread(store, args.thread))
    if args.json:
        document = Document(out, "rollout.path/1")
        for name, value in (("id", row.id), ("path", row.path), ("archived", row.archived)):
            document.member(name, value)
        document.end()
    elif out.is_terminal:
        from rollout.render.safe import safe_line  # noqa: PLC0415 - only a terminal needs it

        out.write(safe_line(row.path) + "\n")
    else:
        out.write_bytes(os.fsencode(row.path) + b"\n")
    return DONE
