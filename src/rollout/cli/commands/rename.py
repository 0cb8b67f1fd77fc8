"""``rollout rename``: give a thread a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.cli.home import find_thread, open_store
from rollout.cli.lifecycle import (
    Answer,
    add_codex_index,
    add_dry_run,
    codex_facts,
    codex_warnings,
    input_lines,
    on_each,
)
from rollout.cli.options import THREAD_HELP
from rollout.cli.statuses import UsageError
from rollout.lifecycle import plan_rename, rename

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable

    from rollout.cli.output import Output

DESCRIPTION = """
Give a thread a name, by which it can be named from then on. The name lies beside the threads, in session_index.jsonl;
it stays with the thread when that is archived, forked, rolled back or restored.

Two threads may bear one name: what means both is refused, with the candidates.
"""


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout rename``."""
    parser.add_argument(
        "thread", metavar="ID", help=f"{THREAD_HELP}; - reads lines from standard input, each an id, a tab and a name"
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="the new name")
    add_dry_run(parser)
    add_codex_index(parser)


def run(args: Namespace, out: Output) -> int:
    """Rename."""
    store = open_store(args)

    def work(pair: str) -> Answer:
        text, _, name = pair.partition("\t")
        thread_id = find_thread(store, text)
        if args.dry_run:
            renamed = plan_rename(store, thread_id, name)
        else:
            renamed = rename(store, thread_id, name, leave_codex_index=args.leave_codex_index)
        facts: dict[str, object] = {"name": renamed.name, "before": renamed.before}
        if not args.dry_run:
            facts["codexIndex"] = codex_facts(renamed.codex)
        before = f" (was {renamed.before!r})" if renamed.before else ""
        said = f"{'would rename' if args.dry_run else 'renamed'} {thread_id} to {renamed.name!r}{before}"
        return Answer(thread_id, said, facts, codex_warnings(renamed.codex))

    return on_each(args, out, "rename", _pairs(args), work)


def _pairs(args: Namespace) -> Iterable[str]:
    """Thread and name, with a tab between them."""
    if args.thread != "-":
        if args.name is None:
            raise UsageError("rename needs a thread and its new name; see rollout rename --help")
        return [f"{args.thread}\t{args.name}"]
    if args.name is not None:
        raise UsageError("with - the names stand on standard input: each line an id, a tab and a name")
    return input_lines()
