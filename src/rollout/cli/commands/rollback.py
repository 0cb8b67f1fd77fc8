"""``rollout rollback``: drop the last user turns, or bring them back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.cli.lifecycle import (
    Answer,
    add_codex_index,
    add_threads,
    check_one_of,
    codex_facts,
    codex_warnings,
    on_threads,
    plural,
    words,
)
from rollout.cli.options import count
from rollout.cli.output import Document
from rollout.cli.statuses import DONE
from rollout.lifecycle import dropped_lines, plan_rollback, plan_undo, rollback, undo

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from rollout.cli.output import Output
    from rollout.ids import ThreadId
    from rollout.lifecycle import RolledBack
    from rollout.store.base import ThreadStore

DESCRIPTION = """
Drop the last user turns of a thread, each with all that followed from it: they are no longer part of the conversation,
for us and for Codex. Nothing is removed: --dropped shows them and --undo brings them back, as long as no turn has been
recorded since; repeated, it undoes the rollback before.

A thread in the legacy era gets a marker, as 0.100.0 writes it; its undo appends the dropped lines again, with their
own bytes. A paginated one gets a new file that builds on the part of the old one that stays.
"""


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout rollback``."""
    add_threads(parser)
    parser.add_argument("--turns", type=count, metavar="N", help="how many user turns (default: 1)")
    parser.add_argument("--undo", action="store_true", help="bring back what the last rollback dropped")
    parser.add_argument("--dropped", action="store_true", help="only show what the last rollback dropped")
    add_codex_index(parser)


def run(args: Namespace, out: Output) -> int:
    """Roll back, undo, or show."""
    check_one_of(args, "--turns", "--undo", "--dropped")
    if args.dropped:
        return _show(args, out)
    turns = 1 if args.turns is None else args.turns

    def work(store: ThreadStore, thread_id: ThreadId) -> Answer:
        if args.dry_run:
            done = plan_undo(store, thread_id) if args.undo else plan_rollback(store, thread_id, turns)
        elif args.undo:
            done = undo(store, thread_id, leave_codex_index=args.leave_codex_index)
        else:
            done = rollback(store, thread_id, turns, leave_codex_index=args.leave_codex_index)
        return _answer(done, args)

    return on_threads(args, out, "rollback", work)


def _answer(done: RolledBack, args: Namespace) -> Answer:
    verb = "bring back" if args.undo else "drop"
    if not args.dry_run:
        verb = "brought back" if args.undo else "dropped"
    told = f"{'would ' if args.dry_run else ''}{verb} {plural(done.turns, 'user turn')} of {done.thread_id}"
    facts: dict[str, object] = {
        "undo": args.undo, "era": done.era, "turns": done.turns, "turnsLeft": done.turns_left, "file": done.file,
    }  # fmt: skip
    if not args.dry_run:
        facts["codexIndex"] = codex_facts(done.codex)
    return Answer(done.thread_id, f"{told}; {done.turns_left} now stand", facts, codex_warnings(done.codex))


def _show(args: Namespace, out: Output) -> int:
    """The dropped turns of each thread, as a transcript or as lines."""
    from rollout.cli.home import find_thread, open_store  # noqa: PLC0415 - one of two forms
    from rollout.cli.show_json import line_json  # noqa: PLC0415 - one of two forms
    from rollout.lines import Line  # noqa: PLC0415 - one of two forms
    from rollout.render.text import PLAIN, Style, Transcript  # noqa: PLC0415 - one of two forms

    store = open_store(args)
    for text in words(args.threads):
        thread_id = find_thread(store, text)
        found = dropped_lines(store, thread_id)
        if args.json:
            document = Document(out, "rollout.rollback.dropped/1")
            document.member("id", thread_id)
            document.array("lines", (line_json(thing) for thing in found if isinstance(thing, Line)))
            document.end()
            continue
        for piece in Transcript(Style(out.colour, out.width, PLAIN.fold), numbered=False).render(found):
            out.write(piece)
    return DONE
