"""``rollout history``: what the model would be sent when a thread goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.cli.home import find_thread, open_store
from rollout.cli.options import THREAD_HELP
from rollout.cli.output import Document, to_json
from rollout.cli.set_aside import SetAside
from rollout.cli.statuses import DONE
from rollout.history import RULES_0_100, RULES_0_169, history_back
from rollout.long_lines import brief
from rollout.render.responses import response_entries
from rollout.render.text import PLAIN, Style, Transcript

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable

    from rollout.cli.output import Output

DESCRIPTION = """
Show the history of a thread: the items that the model would be sent when the thread goes on, with compaction,
rollbacks and forks applied, oldest first. What a resuming session adds of its own (instructions, permissions,
environment) is not part of it. Of texts in lines of 16 MiB or more it shows how they begin and end; --json has all of them.

The versions of Codex rebuild a history differently. By default the rules are those of the version that wrote the
end of the file.
"""
_RULES = {"0.100": RULES_0_100, "0.169": RULES_0_169}


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout history``."""
    parser.add_argument("thread", metavar="ID", help=THREAD_HELP)
    parser.add_argument("--as", dest="rules", choices=sorted(_RULES), help="use the rules of this version of Codex")
    parser.add_argument("--full", action="store_true", help="fold nothing")


def run(args: Namespace, out: Output) -> int:
    """Show the items."""
    store = open_store(args)
    thread_id = find_thread(store, args.thread)
    lines, rules = store.lines_back(thread_id), _RULES.get(args.rules)
    if not args.json:
        _text(history_back(brief(lines), (), rules), Style(out.colour, out.width, None if args.full else PLAIN.fold), out)
        return DONE
    with SetAside() as aside:
        items = history_back(aside.brief(lines), (), rules)
        document = Document(out, "rollout.history/1")
        document.member("id", thread_id)
        document.array("items", (aside.whole(to_json(item)) for item in items))
        document.end()
    return DONE


def _text(items: Iterable[dict[str, Any]], style: Style, out: Output) -> None:
    transcript = Transcript(style, numbered=False)
    for item in items:
        for entry in response_entries(item):
            out.write(transcript.entry(entry))
