"""``rollout fork``: begin a new thread with a prefix of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.cli.lifecycle import Answer, add_threads, check_one_of, on_threads, plural
from rollout.cli.options import count
from rollout.cli.statuses import UsageError
from rollout.lifecycle import ForkParams, fork, plan_fork

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from rollout.cli.output import Output
    from rollout.ids import ThreadId
    from rollout.lifecycle import ForkPlan
    from rollout.store.base import ThreadStore

DESCRIPTION = """
Begin a new thread with a copy of another, whole or up to a user turn; the other one stays as it is, and may be in use
meanwhile. Turns are counted from 1, without those that were rolled back; a number beyond the last turn means all.

A thread in the legacy era is copied byte for byte behind metadata of the fork's own. A paginated one is inherited by
reference: the fork is one line, and the thread that it builds on cannot be deleted while the fork is there.

A last turn that is not finished is left out of a whole fork, and that is said.
"""


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout fork``."""
    add_threads(parser)
    parser.add_argument("--at", type=count, metavar="N", help="keep the first N user turns")
    parser.add_argument("--before", type=count, metavar="N", help="keep what stands before user turn N")
    parser.add_argument("--unfinished", action="store_true", help="keep a last turn that is not finished, too")
    parser.add_argument(
        "--portable",
        action="store_true",
        help="a full copy without encrypted reasoning, so that another account or provider can go on with it",
    )
    parser.add_argument("--name", metavar="NAME", help='name of the fork (default: that of its source; "" for none)')
    parser.add_argument("--cwd", metavar="DIR", help="folder that the fork belongs to (default: that of its source)")


def run(args: Namespace, out: Output) -> int:
    """Fork."""
    params = _params(args)

    def work(store: ThreadStore, thread_id: ThreadId) -> Answer:
        if args.dry_run:
            plan = plan_fork(store, thread_id, params)
            return Answer(thread_id, f"would fork {thread_id}: {_told(plan)}", {**_facts(plan), "fork": None})
        made = fork(store, thread_id, params)
        facts = {**_facts(made.plan), "fork": made.thread_id, "name": made.name, "file": made.file, "bytes": made.bytes}
        text = f"forked {thread_id} into {made.thread_id}: {_told(made.plan)}"
        if params.portable:
            facts |= {"dropped": made.dropped, "droppedBytes": made.dropped_bytes}
            kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(made.dropped.items())) or "nothing"
            text += f"; dropped as encrypted: {kinds} ({made.dropped_bytes} bytes)"
        return Answer(made.thread_id, text, facts)

    return on_threads(args, out, "fork", work)


def _params(args: Namespace) -> ForkParams:
    check_one_of(args, "--at", "--before")
    if args.before == 0:
        raise UsageError("--before counts user turns from 1")
    keep = args.at if args.before is None else args.before - 1
    return ForkParams(
        keep_turns=keep, keep_unfinished=args.unfinished, portable=args.portable, name=args.name, cwd=args.cwd
    )


def _facts(plan: ForkPlan) -> dict[str, Any]:
    return {
        "forkedFrom": plan.source,
        "lineage": list(plan.lineage),
        "era": plan.era,
        "turns": plan.turns,
        "turnsOfSource": plan.turns_there,
        "unfinishedLeftOut": plan.unfinished,
    }


def _told(plan: ForkPlan) -> str:
    told = f"{plan.turns} of {plural(plan.turns_there, 'user turn')}"
    if plan.unfinished:
        told += ", without the last one, which is not finished (--unfinished keeps it)"
    return told + (f"; lineage {' > '.join(plan.lineage)}" if len(plan.lineage) > 1 else "")
