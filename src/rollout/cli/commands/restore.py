"""``rollout restore``: bring deleted threads back from the trash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.cli.home import open_store
from rollout.cli.lifecycle import (
    Answer,
    add_codex_index,
    add_dry_run,
    codex_facts,
    codex_warnings,
    on_each,
    plural,
    words,
)
from rollout.cli.output import Document, to_json
from rollout.cli.statuses import DONE, UsageError
from rollout.lifecycle import find_removed, removed, restore
from rollout.times import to_text

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from rollout.cli.output import Output
    from rollout.store.base import Receipt, ThreadStore

DESCRIPTION = """
Bring deleted threads back from the trash of the home: every file with its bytes, its place and its time, and the names
that the thread had. Nothing is ever replaced: where something stands in the way the thread stays in the trash.

Of a thread that was deleted more than once the newest removal is meant; --list names them all.
"""


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout restore``."""
    parser.add_argument(
        "removed", metavar="ID", nargs="*",
        help="id of a deleted thread, a unique beginning of it, or the token that delete gave; - reads them from standard input",
    )  # fmt: skip
    parser.add_argument("--list", action="store_true", help="list what is in the trash, the newest removal first")
    add_dry_run(parser)
    add_codex_index(parser)


def run(args: Namespace, out: Output) -> int:
    """Restore, or list."""
    store = open_store(args)
    if args.list:
        return _list(store, args, out)
    if not args.removed:
        raise UsageError("restore needs the id of a deleted thread; rollout restore --list names them")

    def work(text: str) -> Answer:
        receipts = find_removed(store, text)
        thread_id, files = receipts[0].thread_id, [name for receipt in receipts for name in receipt.names]
        facts: dict[str, object] = {
            "tokens": [receipt.token for receipt in receipts],
            "files": files,
            "bytes": sum(receipt.bytes for receipt in receipts),
        }
        told = f"{thread_id} ({plural(len(files), 'file')})"
        if args.dry_run:
            return Answer(thread_id, f"would restore {told}", facts)
        backs = [restore(store, receipt, leave_codex_index=args.leave_codex_index) for receipt in receipts]
        facts["codexIndex"] = codex_facts(backs[-1].codex)
        return Answer(thread_id, f"restored {told}", facts, codex_warnings(backs[-1].codex))

    return on_each(args, out, "restore", words(args.removed), work)


def _list(store: ThreadStore, args: Namespace, out: Output) -> int:
    """One removal a line: token, when, bytes."""
    found = removed(store)
    if args.json:
        document = Document(out, "rollout.restore.list/1")
        document.array("removed", (to_json(_facts(one.receipt, one.removed_ns)) for one in found))
        document.end()
        return DONE
    for one in found:
        out.write(f"{one.receipt.token}\t{to_text(one.removed_ns // 1_000_000)}\t{one.receipt.bytes}\n")
    return DONE


def _facts(receipt: Receipt, removed_ns: int) -> dict[str, object]:
    return {
        "id": receipt.thread_id,
        "token": receipt.token,
        "removedAt": to_text(removed_ns // 1_000_000),
        "files": list(receipt.names),
        "bytes": receipt.bytes,
    }
