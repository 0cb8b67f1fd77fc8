"""``rollout note``: a text beside a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.cli.home import find_thread, open_store
from rollout.cli.lifecycle import Answer, add_dry_run, input_lines, on_each
from rollout.cli.options import THREAD_HELP
from rollout.cli.statuses import UsageError
from rollout.labels import NO_LABELS
from rollout.lifecycle import annotate, plan_annotate
from rollout.lifecycle.tags import Labelled

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable

    from rollout.cli.output import Output
    from rollout.store.base import ThreadStore

DESCRIPTION = """
Write a note beside a thread, in place of the one before; an empty TEXT takes it away, and without TEXT the note is told.
`rollout show` and `rollout list --json` show it.

A thread has one note, of any text. It lies in rollout_tags.jsonl beside the threads, and stays with its thread as tags
do; a fork begins without one.
"""


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout note``."""
    parser.add_argument(
        "thread", metavar="ID", help=f"{THREAD_HELP}; - reads lines from standard input, each an id, or an id, a tab and a note"
    )
    parser.add_argument("text", metavar="TEXT", nargs="?", help="the note")
    add_dry_run(parser)


def run(args: Namespace, out: Output) -> int:
    """Write notes, or tell them."""
    store = open_store(args)

    def work(pair: str) -> Answer:
        text, tab, note = pair.partition("\t")
        done = _noted(store, find_thread(store, text), note if tab else None, dry_run=args.dry_run)
        facts = {"note": done.now.note, "before": done.before.note, "changed": done.changed}
        if not tab:
            return Answer(done.thread_id, f"{done.thread_id}: {done.now.note or 'no note'}", facts, told=done.now.note)
        would = "would have" if args.dry_run and done.changed else "has"
        what = f"the note {done.now.note!r}" if done.now.note else "no note"
        return Answer(done.thread_id, f"{done.thread_id} {would} {what}", facts)

    return on_each(args, out, "note", _pairs(args), work)


def _noted(store: ThreadStore, thread_id: str, note: str | None, *, dry_run: bool) -> Labelled:
    if note is None:
        labels = store.labels().get(thread_id, NO_LABELS)
        return Labelled(thread_id, labels, labels)
    return (plan_annotate if dry_run else annotate)(store, thread_id, note)


def _pairs(args: Namespace) -> Iterable[str]:
    """Thread, and note behind a tab where there is one."""
    if args.thread != "-":
        return [args.thread if args.text is None else f"{args.thread}\t{args.text}"]
    if args.text is not None:
        raise UsageError("with - the notes stand on standard input: each line an id, a tab and a note")
    return input_lines()
