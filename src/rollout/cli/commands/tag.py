"""``rollout tag``: words by which threads are found again."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rollout.cli.home import open_store
from rollout.cli.lifecycle import BULK_HELP, Answer, add_dry_run, on_threads
from rollout.cli.output import Document
from rollout.cli.statuses import DONE, UsageError
from rollout.labels import checked_tags
from rollout.lifecycle import plan_tag, tag

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable

    from rollout.cli.output import Output
    from rollout.ids import ThreadId
    from rollout.store.base import ThreadStore

DESCRIPTION = """
Give threads tags and take tags from them: rollout tag ID +todo +bug:12 -draft. `rollout list --tag todo` finds them
again. Without a change the tags of the threads are told; without a thread, every tag and how many threads have it.

A tag is one word; upper and lower case are two tags. +x is --add x, -x is --remove x; for tags named q or h, which are
options, write --remove q. Tags lie beside the threads, in rollout_tags.jsonl: rollouts stay as they are, and a thread
can be tagged while somebody writes it. They stay with it when it is archived, renamed, rolled back or restored; a fork
begins with them.

The tag `pinned` keeps a thread: `rollout delete` refuses it until the tag is taken away, and a fork does not begin with
it.
"""
_OPTIONS = frozenset({"-q", "-h", "-"})


def spelled(argv: Iterable[str]) -> list[str]:
    """``+x`` and ``-x`` as the options that they stand for."""
    return [_spelled(word) for word in argv]


def _spelled(word: str) -> str:
    if word[:1] == "+":
        return f"--add={word[1:]}"
    if word[:1] == "-" and word not in _OPTIONS and not word.startswith("--"):
        return f"--remove={word[1:]}"
    return word


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout tag``."""
    parser.add_argument("threads", metavar="ID", nargs="*", help=BULK_HELP)
    parser.add_argument("--add", action="append", default=[], metavar="TAG", help="give this tag, as +TAG; repeatable")
    parser.add_argument("--remove", action="append", default=[], metavar="TAG", help="take this tag away, as -TAG; repeatable")
    add_dry_run(parser)


def run(args: Namespace, out: Output) -> int:
    """Tag, or tell the tags."""
    checked_tags([*args.add, *args.remove])
    if not args.threads:
        if args.add or args.remove:
            raise UsageError("which thread? rollout tag ID +TAG; see rollout tag --help")
        return _all(open_store(args), args, out)

    def work(store: ThreadStore, thread_id: ThreadId) -> Answer:
        done = (plan_tag if args.dry_run else tag)(store, thread_id, args.add, args.remove)
        facts = {"tags": list(done.now.tags), "before": list(done.before.tags), "changed": done.changed}
        would = "would have" if args.dry_run and done.changed else "has"
        told = None if args.add or args.remove else " ".join(done.now.tags)
        return Answer(thread_id, f"{thread_id} {would} {_told(done.now.tags)}", facts, told=told)

    return on_threads(args, out, "tag", work)


def _told(tags: Iterable[str]) -> str:
    return " ".join(f"#{tag}" for tag in tags) or "no tags"


def _all(store: ThreadStore, args: Namespace, out: Output) -> int:
    """Every tag, the most used first."""
    counts = Counter(one for labels in store.labels().values() for one in labels.tags)
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    if args.json:
        document = Document(out, "rollout.tag/1")
        document.member("tags", dict(ordered))
        document.end()
        return DONE
    for name, number in ordered:
        out.write(f"{name}\t{number}\n")
    return DONE
