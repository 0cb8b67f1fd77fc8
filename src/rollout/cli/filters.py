"""The options that say which threads are meant, the same for every command that takes many; and their query."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from rollout.cli.hidden import FAMILIES
from rollout.cli.home import home_of
from rollout.cli.statuses import UsageError
from rollout.cli.when import moment
from rollout.folders import spelled
from rollout.labels import checked_tags

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from rollout.query import ThreadQuery


def add_filters(parser: ArgumentParser) -> None:
    """Folder, source, provider, repository, lineage, name, tags."""
    parser.add_argument(
        "--cwd", action="append", default=[], metavar="DIR", help="only threads of this folder, in whichever worktree of its git repository; repeatable"
    )  # fmt: skip
    parser.add_argument("--no-worktrees", action="store_true", help="with --cwd: this folder alone")
    parser.add_argument(
        "--repository", action="append", default=[], metavar="REPO", help="only threads of this git repository, wherever they ran: a folder in it, or its address; repeatable"
    )  # fmt: skip
    parser.add_argument(
        "--source", action="append", default=[], metavar="KIND", help=f"only this source; repeatable: {', '.join(FAMILIES)}, or family:member"
    )  # fmt: skip
    parser.add_argument(
        "--provider", action="append", default=[], metavar="NAME", help="only this model provider; repeatable"
    )
    parser.add_argument(
        "--branch", action="append", default=[], metavar="NAME", help="only threads of this git branch; repeatable"
    )
    parser.add_argument("--parent", metavar="ID", help="only threads that this one spawned; the whole id")
    parser.add_argument("--forked-from", metavar="ID", help="only forks of this thread; the whole id")
    parser.add_argument("--name", metavar="NAME", help="only threads of exactly this name")
    parser.add_argument(
        "--tag", action="append", default=[], metavar="TAG", help="only threads with this tag; several: with all of them"
    )


def filtered(query: ThreadQuery, args: Namespace) -> ThreadQuery:
    """A query narrowed by these options; raises UsageError, InvalidQueryError."""
    for kind in args.source:
        if kind.partition(":")[0] not in FAMILIES:
            raise UsageError(f"--source {kind}: no such kind; there are {', '.join(FAMILIES)}")
    return query._replace(
        sources=tuple(args.source) or query.sources,
        providers=tuple(args.provider),
        default_provider=_default_provider(args) if args.provider else None,
        cwds=tuple(place for folder in args.cwd for place in _places(folder, alone=args.no_worktrees)),
        origins=tuple(address for told in args.repository for address in _origins(told)),
        branches=tuple(args.branch),
        parent=args.parent,
        forked_from=args.forked_from,
        name=args.name,
        tags=checked_tags(args.tag),
    )


def activity(args: Namespace) -> dict[str, Any]:
    """``--since`` and ``--until`` as fields of a query."""
    now_ms = time.time_ns() // 1_000_000
    return {
        "since_ms": args.since and moment(args.since, now_ms),
        "until_ms": args.until and moment(args.until, now_ms, end=True),
    }


def _places(folder: str, *, alone: bool) -> tuple[str, ...]:
    if spelled(folder).startswith("/") > folder.startswith("/"):  # a folder of Windows, which is absolute as it stands
        return (folder,)
    own = os.path.abspath(folder)
    if alone:
        return (own,)
    from rollout.worktrees import worktrees_of  # noqa: PLC0415 - only this filter needs it

    return worktrees_of(own)


def _origins(told: str) -> tuple[str, ...]:
    """The addresses of a repository that is told by a folder or by its address."""
    from rollout.origins import spellings  # noqa: PLC0415 - only this filter needs it

    if not os.path.isdir(told):
        return spellings(told)
    from rollout.git_info import collect  # noqa: PLC0415 - the same

    found = collect(told)
    if found is None or not isinstance(found.repository_url, str):
        raise UsageError(f"--repository {told}: git names no origin of this folder; give the address of the repository")
    return spellings(found.repository_url)


def _default_provider(args: Namespace) -> str:
    """What a thread that records no provider counts as: the home's configuration tells."""
    from rollout.store.local.config import read_config  # noqa: PLC0415 - only this filter needs it

    return read_config(home_of(args)).model_provider
