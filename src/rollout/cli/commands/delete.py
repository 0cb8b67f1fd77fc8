"""``rollout delete``: take threads away, into the trash or for good."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rollout.cli.home import find_thread, open_store
from rollout.cli.lifecycle import Answer, add_threads, check_one_of, on_each, plural, words
from rollout.errors import ChildrenError, NotFoundError
from rollout.ids import ThreadId, try_parse
from rollout.lifecycle import delete, find_removed, plan_delete

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from rollout.cli.output import Output
    from rollout.lifecycle import DeletePlan
    from rollout.lifecycle.delete import Children
    from rollout.store.base import ThreadStore

DESCRIPTION = """
Delete threads with all their files, compressed ones included, and their names. They go into the trash of the home,
where no reader of rollouts looks, until somebody empties it; `rollout restore` brings them back byte for byte. With
--now they are gone for good, also those that are in the trash already. To repeat the command is harmless, and ends
what was interrupted.

Refused, with nothing changed: a thread that somebody writes, one that forks build on by reference, and one that bears
the tag `pinned`, or has a sub-agent that does and is to go too. A thread with
sub-agents needs --with-children or --keep-children; on a terminal it is asked.

What Codex's own databases and its history.jsonl still hold of a deleted thread is named, and left to Codex.
"""


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout delete``."""
    add_threads(parser)
    parser.add_argument("--with-children", action="store_true", help="delete its sub-agents' threads, too")
    parser.add_argument("--keep-children", action="store_true", help="keep its sub-agents' threads")
    parser.add_argument("--now", action="store_true", help="for good, not into the trash")


def run(args: Namespace, out: Output) -> int:
    """Delete."""
    check_one_of(args, "--with-children", "--keep-children")
    children: Children = "with" if args.with_children else "keep" if args.keep_children else "refuse"

    store = open_store(args)

    def work(text: str) -> Answer:
        thread_id = _find(store, text)
        if args.dry_run:
            return _dry_run(store, thread_id, children, args)
        try:
            return _delete(store, thread_id, children, args)
        except ChildrenError as error:
            return _delete(store, thread_id, _ask(error, out), args)

    return on_each(args, out, "delete", words(args.threads), work)


def _find(store: ThreadStore, text: str) -> ThreadId:
    """The thread that is meant, among those that are there; else among those in the trash; else as it is spelled."""
    try:
        return find_thread(store, text)
    except NotFoundError:
        if (spelled := try_parse(text)) is not None:
            return spelled
        with suppress(NotFoundError):
            return ThreadId(find_removed(store, text)[0].thread_id)
        raise


def _dry_run(store: ThreadStore, thread_id: ThreadId, children: Children, args: Namespace) -> Answer:
    plan = plan_delete(store, thread_id, children=children, now=args.now)
    if thread_id not in plan.in_trash:
        return Answer(thread_id, f"would delete {_told(plan)}{_copies(plan)}", _facts(plan))
    would = f"would destroy {_told(plan)}" if args.now else "nothing would be done"
    return Answer(thread_id, f"{thread_id} is in the trash already; {would}", {**_facts(plan), "before": True})


def _delete(store: ThreadStore, thread_id: ThreadId, children: Children, args: Namespace) -> Answer:
    gone = delete(store, thread_id, children=children, now=args.now)
    tokens = [receipt.token for receipt in gone.receipts]
    facts = {
        **_facts(gone.plan),
        "destroyed": gone.destroyed,
        "tokens": [] if gone.destroyed else tokens,
        "codexKeeps": list(gone.codex_keeps),
        "before": gone.before,
    }
    back = f"rollout restore {' '.join(tokens)} brings it back"
    if gone.before and not gone.destroyed:
        text = f"{thread_id} is in the trash already; {back}"
    else:
        text = f"deleted {_told(gone.plan)} {'for good' if gone.destroyed else f'into the trash; {back}'}"
        text += _copies(gone.plan)
    if gone.codex_keeps:
        text += f"; Codex still names it in {', '.join(gone.codex_keeps)}"
    return Answer(thread_id, text, facts)


def _ask(error: ChildrenError, out: Output) -> Children:
    """Ask on a terminal what becomes of sub-agents; anywhere else, and for anything but an answer, raise."""
    if sys.stdin is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise error
    out.error(f"thread {error.thread_id} has {plural(len(error.children), 'sub-agent')}: {', '.join(error.children)}")
    sys.stderr.write("delete them [w]ith it, [k]eep them, or do [n]othing? ")
    sys.stderr.flush()
    answers: dict[str, Children] = {"w": "with", "k": "keep"}
    said = answers.get(sys.stdin.readline().strip().lower()[:1])
    if said is None:
        raise error
    return said


def _facts(plan: DeletePlan) -> dict[str, Any]:
    return {
        "threads": list(plan.threads),
        "keptChildren": list(plan.kept_children),
        "inTrash": list(plan.in_trash),
        "copiedInto": list(plan.copies),
        "files": list(plan.files),
        "bytes": plan.bytes,
    }


def _told(plan: DeletePlan) -> str:
    others = len(plan.threads) - 1
    before = len({*plan.in_trash} - {plan.thread_id})
    family = f" with {plural(others, 'sub-agent')}" if others else ""
    family += f", {before} of them in the trash already," if before else ""
    return f"{plan.thread_id}{family} ({plural(len(plan.files), 'file')}, {plan.bytes} bytes)"


def _copies(plan: DeletePlan) -> str:
    """Who goes on with copies of what is deleted, if anybody does."""
    return f"; what its forks copied lives on in {', '.join(plan.copies)}" if plan.copies else ""
