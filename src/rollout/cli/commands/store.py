"""``rollout store``: what operators do to the database of a PostgreSQL store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.cli.options import count
from rollout.cli.output import Document
from rollout.cli.statuses import DONE, FINDING, UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from rollout.cli.output import Output

DESCRIPTION = """
Lay out the database of a PostgreSQL store, or bring its layout to the version of this program: rollout store migrate
--store URL, as a role that may create schemas. Each step is one transaction. --role gives a role what recorders need,
--reader gives one what it takes to read and follow, and neither more than that; say it again after each migration.

rollout store status tells the version of the database; the status is 1 when it is not the one this program needs.
"""


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout store``."""
    parser.add_argument("action", metavar="ACTION", choices=("migrate", "status"), help="migrate or status")
    parser.add_argument("--role", metavar="NAME", default="", help="a role that gets what recorders need")
    parser.add_argument("--reader", metavar="NAME", default="", help="a role that gets what readers need")
    parser.add_argument("--to", type=count, metavar="N", help="bring the layout to this version, back even")
    parser.add_argument("--tenant", metavar="NAME", default="", help="bind the roles of --role and --reader to this tenant for good")
    parser.add_argument("--drop-threads", action="store_true", help="allow --to 0, which takes every thread away")


def run(args: Namespace, out: Output) -> int:
    """Migrate, or tell the version."""
    if not args.store.startswith(("postgresql:", "postgres:")):
        raise UsageError("rollout store needs --store postgresql://user@host/database")
    if args.to == 0 and not args.drop_threads:
        raise UsageError("--to 0 takes every thread of every tenant away; say --drop-threads if that is meant")
    if args.tenant and not (args.role or args.reader):
        raise UsageError("--tenant binds the roles that --role and --reader name")
    from rollout.store.postgres.operating import Migration, migrate_at, versions_at  # noqa: PLC0415 - an extra

    done: list[str] = []
    if args.action == "migrate":
        done = migrate_at(args.store, Migration(args.to, args.role, args.tenant, args.reader))
    found, needed = versions_at(args.store)
    if args.json:
        document = Document(out, "rollout.store/1")
        for name, value in (("done", done), ("version", found), ("needed", needed)):
            document.member(name, value)
        document.end()
    else:
        out.write("".join(f"{step}\n" for step in done))
        out.write(f"version {found}, this program needs {needed}\n")
    return DONE if found == needed or args.to is not None else FINDING
