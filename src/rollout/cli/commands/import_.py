"""``rollout import``: restore threads from a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.bundle import import_bundle, open_bundle
from rollout.cli.home import open_store
from rollout.cli.lifecycle import Answer, add_dry_run, on_each, plural

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from rollout.cli.output import Output

DESCRIPTION = """
Import bundles that rollout export --format json made, compressed with gzip or not: every file comes back with its
bytes, name, mode, time and side of the archive.

A bundle is checked whole before anything is written. Nothing is ever replaced: a file that stands there already with
the same bytes is passed over, and one with other bytes stops the import with nothing written. A thread gets the name
in the bundle only when it has none.
"""


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout import``."""
    parser.add_argument("bundles", metavar="FILE", nargs="+", help="a bundle")
    add_dry_run(parser)


def run(args: Namespace, out: Output) -> int:
    """Import each bundle; a failure is told and the others go on."""
    store = open_store(args, new=True)

    def work(path: str) -> Answer:
        found = import_bundle(store, lambda: open_bundle(path), dry_run=args.dry_run)
        facts: dict[str, object] = {
            "ids": list(found.threads),
            "written": list(found.written),
            "present": list(found.present),
            "names": found.names,
            "missing": list(found.missing),
        }
        did = "would import" if args.dry_run else "imported"
        told = f"{did} {plural(len(found.threads), 'thread')} from {path}: {plural(len(found.written), 'file')}"
        told += f", {len(found.present)} there already" if found.present else ""
        warnings = tuple(f"rollout {one}, which a thread builds on, is not in the bundle" for one in found.missing)
        return Answer("\n".join(found.threads), told, facts, warnings)

    return on_each(args, out, "import", args.bundles, work)
