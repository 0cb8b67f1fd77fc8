"""``rollout view``: look at threads in an application."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rollout.cli.home import home_of, index_of, open_store
from rollout.cli.options import command_parser
from rollout.cli.output import Output
from rollout.cli.statuses import DONE, UsageError
from rollout.errors import RolloutError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable

DESCRIPTION = """
Look at threads in an application for the terminal: a list that filters while you type, grouped by time or project;
a transcript with folding, find and the raw records, read from its end, so that its size does not matter, and
followed while it is written; lineage; and actions: rename, archive, fork, export, copy. ? tells the keys.

Needs the extra "tui": pip install 'rollout-recorder[tui]'.
"""


def options(_parser: ArgumentParser) -> None:
    """``rollout view`` has none of its own."""


def run(args: Namespace, out: Output) -> int:
    """Open the application until it is left."""
    if args.json:
        raise UsageError("view has no --json: list, show and search have; see rollout --help")
    if not out.is_terminal:
        raise UsageError("view needs a terminal; rollout list and rollout show write into pipes")
    store = open_store(args)
    try:
        from rollout.tui.app import ViewApp  # noqa: PLC0415 - an extra
        from rollout.tui.desk import Desk  # noqa: PLC0415 - the same
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("textual", "rich"):
            raise
        raise UsageError("view needs the extra tui: pip install 'rollout-recorder[tui]'") from None
    folder = "" if args.store else home_of(args)
    ViewApp(Desk(store, exporter(args), is_slow=bool(folder) and not _has_index(args), folder=folder)).run()
    return DONE


def _has_index(args: Namespace) -> bool:
    """Whether a list can be had from an index; the first one is made while one looks on."""
    place = index_of(args)
    return place is not None and os.path.exists(place.path)


def exporter(args: Namespace) -> Callable[[str], str]:
    """What writes a thread of this home as HTML into the folder where one is, secrets redacted."""

    def export(thread_id: str) -> str:
        from rollout.cli.commands import export as command  # noqa: PLC0415 - only who exports pays for it

        path = os.path.abspath(f"rollout-{thread_id}.html")
        where = ["--store", args.store] if args.store else ["--home", args.home] if args.home else []
        words = [thread_id, "--format", "html", "-o", path, "--quiet", *where]
        asked = command_parser("export")[1].parse_args(words)
        status = command.run(asked, Output(None, None, os.environ))
        if status > 1:
            raise RolloutError(f"the export ended with status {status}: rollout export {thread_id} says why")
        return path

    return export
