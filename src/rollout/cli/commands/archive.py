"""``rollout archive``: put threads away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.cli.lifecycle import Answer, add_codex_index, add_threads, codex_facts, codex_warnings, on_threads, plural
from rollout.lifecycle import archive, plan_move, unarchive

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from rollout.cli.output import Output
    from rollout.ids import ThreadId
    from rollout.store.base import ThreadStore

DESCRIPTION = """
Move threads with all their files into the archive: the same bytes under the same names. They are out of the usual
lists, and can be read, searched and brought back at any time.

A thread that somebody writes is refused, with who it is. To repeat the command is harmless, and finishes what was
interrupted.
"""


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout archive``."""
    add_threads(parser)
    add_codex_index(parser)


def run(args: Namespace, out: Output) -> int:
    """Archive."""
    return move(args, out, archived=True)


def move(args: Namespace, out: Output, *, archived: bool) -> int:
    """Archive or unarchive each thread."""
    name = "archive" if archived else "unarchive"

    def work(store: ThreadStore, thread_id: ThreadId) -> Answer:
        if args.dry_run:
            moved = plan_move(store, thread_id, archived=archived)
        else:
            moved = (archive if archived else unarchive)(store, thread_id, leave_codex_index=args.leave_codex_index)
        facts: dict[str, object] = {"archived": archived, "changed": moved.changed, "files": list(moved.names)}
        if not args.dry_run:
            facts["codexIndex"] = codex_facts(moved.codex)
        done = f"{'would ' if args.dry_run else ''}{name}{'' if args.dry_run else 'd'}"
        files = plural(len(moved.names), "file")
        text = f"{done} {thread_id} ({files})" if moved.changed else f"{thread_id} is {name}d already"
        return Answer(thread_id, text, facts, codex_warnings(moved.codex))

    return on_threads(args, out, name, work)
