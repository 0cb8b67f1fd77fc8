"""``rollout show``: read a thread, as text, as JSON, or its bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.cli.home import find_thread, open_store
from rollout.cli.options import THREAD_HELP, count, ordinal
from rollout.cli.statuses import UsageError
from rollout.cli.verdicts import verdict

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from rollout.cli.output import Output

KINDS = ("user", "agent", "reasoning", "commands", "patches", "errors", "notes")
DESCRIPTION = """
Read a thread: what was asked, said, thought and done, with long outputs folded and rolled-back turns left out, which is said.
On a terminal it is in colour, answers are laid out (with the extra "rich"), and what does not fit goes through $PAGER, else less.

--json gives every line with its payload as it stands in the file, and what was damaged. --raw gives the exact
bytes of a stored file, decompressed: the newest file of the thread, unless --segment names another.

Of texts in lines of 16 MiB or more the text form shows how they begin and end, and how much that leaves out; --json and
--raw have all of it. Reading changes nothing, takes no lock and holds one line at the time. A damaged thread shows its good
lines; the status is then 1.
"""


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout show``."""
    parser.add_argument("thread", metavar="ID", help=THREAD_HELP)
    parser.add_argument("--tail", type=count, metavar="N", help="only the last N entries (with --json: lines)")
    parser.add_argument(
        "--from", dest="start", type=count, default=0, metavar="N", help="begin at line N, as rollout search tells it"
    )
    parser.add_argument("--follow", action="store_true", help="go on as the thread grows, until interrupted")
    parser.add_argument("--full", action="store_true", help="fold nothing")
    parser.add_argument("--turn", type=ordinal, default=0, metavar="N", help="only the turn of this number, from 1 on")
    parser.add_argument("--since", metavar="TIME", help="only from then on: a day (2026-02-08), RFC 3339, or how long ago (90m, 12h, 7d)")
    parser.add_argument("--only", metavar="KINDS", help=f"only these, with commas between: {', '.join(KINDS)}")
    parser.add_argument("--rolled-back", action="store_true", help="also what rollbacks took back, dimmed and marked")
    parser.add_argument("--no-pager", action="store_true", help="never a pager")
    parser.add_argument("--raw", action="store_true", help="the exact bytes of the newest file, decompressed")
    parser.add_argument(
        "--segment", metavar="N", help="with --raw: file N of the thread, 0 is the oldest, or all of them"
    )
    parser.add_argument(
        "--resolved", action="store_true", help="with --raw: the whole thread, bases of a fork included"
    )


def run(args: Namespace, out: Output) -> int:
    """Show a thread in one of three forms."""
    _check(args)
    store = open_store(args)
    thread_id = find_thread(store, args.thread)
    if args.raw:
        from rollout.cli.show_raw import show_raw as show  # noqa: PLC0415 - one of three forms
    elif args.json:
        from rollout.cli.show_json import show_json as show  # noqa: PLC0415 - one of three forms
    else:
        from rollout.cli.show_text import show_text as show  # noqa: PLC0415 - one of three forms
    return verdict(show(store, thread_id, args, out), thread_id, out)


def _check(args: Namespace) -> None:
    """Raise UsageError for options that contradict each other."""
    if (args.segment is not None or args.resolved) and not args.raw:
        raise UsageError("--segment and --resolved go with --raw; see rollout show --help")
    if args.segment is not None and args.resolved:
        raise UsageError("--segment and --resolved exclude each other; see rollout show --help")
    if args.raw and (args.json or args.follow or args.start or args.tail is not None):
        raise UsageError("--raw goes without --json, --tail, --from and --follow; see rollout show --help")
    if (args.raw or args.json) and (args.turn or args.since or args.only or args.rolled_back):
        raise UsageError("--turn, --since, --only and --rolled-back go without --raw and --json; see rollout show --help")
    if args.turn and (args.start or args.tail is not None or args.follow):
        raise UsageError("--turn goes without --from, --tail and --follow; see rollout show --help")
    wrong = [word for word in (args.only or "user").split(",") if word not in KINDS]
    if wrong:
        raise UsageError(f"--only {wrong[0]}: no such kind; there are {', '.join(KINDS)}")
    if args.start and args.tail is not None:
        raise UsageError("--from and --tail exclude each other; see rollout show --help")
