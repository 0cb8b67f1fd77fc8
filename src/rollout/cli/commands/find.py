"""``rollout find``: which thread made this."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from rollout.cli.clues import Asked, Clue, clues, may_hold, needles
from rollout.cli.home import open_store
from rollout.cli.options import count
from rollout.cli.output import Document, to_json
from rollout.cli.progress import Progress, amount_of_bytes
from rollout.cli.rows import thread_object
from rollout.cli.statuses import DONE, FINDING, NOT_FOUND, UsageError, message_of
from rollout.cli.table import time_of
from rollout.cli.thread_files import Everything, blocks_of, files_of
from rollout.errors import RolloutError
from rollout.lines import Line
from rollout.long_lines import LONG, brief
from rollout.query import Order
from rollout.render.naming import ago, title
from rollout.render.safe import fit, safe_line

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable, Iterator

    from rollout.cli.output import Output
    from rollout.lines import Found
    from rollout.query import Thread
    from rollout.store.base import ThreadStore

DESCRIPTION = """
Find the threads that made something, newest activity first: those that began at a commit or made it, whose patches
touched a file, or that ran a command. With several options a thread must fit all of them.

When more than one thread fits, all are shown: nothing in the files tells which of them is meant. A relative PATH is
taken from the folder where you are; where only its end fits, as in another checkout, the hit is marked with ~.
What a fork copied from its source is found in both, and marked as a copy in the fork.

Every file is looked through, archived and compressed ones included; no index is used. Into a pipe goes one hit a
line, tab-separated: id, kind, turn, line, time, exact or similar, text, own or copied.
"""
_SHA = re.compile(r"[0-9a-fA-F]{4,64}")
_KEPT = 50
_SHOWN = 3


class Match(NamedTuple):
    """A thread that fits: its first clues, and how many there are."""

    thread: Thread
    clues: tuple[Clue, ...]
    total: int

    @property
    def is_copy(self) -> bool:
        """Whether all of it was copied from another thread."""
        return all(clue.copied for clue in self.clues)


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout find``."""
    parser.add_argument("--commit", metavar="SHA", default="", help="began at this commit, or made it; 4 digits or more")
    parser.add_argument("--file", metavar="PATH", default="", help="a patch touched this file")
    parser.add_argument("--command", metavar="TEXT", default="", help="ran a command with this text in it")
    parser.add_argument("--limit", type=count, default=0, metavar="N", help="end after N threads (default: all)")


def run(args: Namespace, out: Output) -> int:
    """Find."""
    if not (args.commit or args.file or args.command):
        raise UsageError("say what to find: --commit, --file or --command; see rollout find --help")
    if args.commit and not _SHA.fullmatch(args.commit):
        raise UsageError(f"--commit {args.commit}: a commit is told by 4 to 64 hexadecimal digits")
    search = Search(open_store(args), Asked(args.commit, args.file, args.command, os.getcwd()), out)
    found = _json(search, args, out) if args.json else _text(search, args, out)
    for thread, reason in search.unread.items():
        out.error(f"rollout: thread {thread} could not be looked through: {safe_line(reason)}")
    return (FINDING if search.unread else DONE) if found else NOT_FOUND


class Search:
    """Looks through the threads of a home, one file in memory at no time; counts what it looked at."""

    def __init__(self, store: ThreadStore, asked: Asked, out: Output) -> None:
        """Nothing is read."""
        self._store, self._asked, self._out = store, asked, out
        self._everything = Everything(store, Order("active"))
        self._needles = needles(asked)
        self._progress = Progress(out, "looking through threads", 0)
        self.threads = self.bytes = self.in_part = self.own = 0
        self.unread: dict[str, str] = {}
        self.complete = False

    def matches(self, limit: int) -> Iterator[Match]:
        """The threads that fit, at most ``limit`` (0: all); ``complete`` is set when all were looked through."""
        found = 0
        for row in self._everything.rows():
            self.threads += 1
            try:
                match = self._in(row)
            except (RolloutError, OSError) as error:
                self.unread[row.id] = message_of(error)
                continue
            if match:
                found += 1
                self.own += not match.is_copy
                yield match
                if limit and found >= limit:
                    return
        self._progress.done()
        self._everything.tell(self._out)
        self.complete = not self.unread

    def _in(self, row: Thread) -> Match | None:
        held, read = may_hold(blocks_of(self._store, row), self._needles)
        self.bytes += read
        self._progress.add(read)
        if not held:
            return None
        kept: list[Clue] = []
        total, kinds = 0, set[str]()
        for lines, _ in files_of(self._store, row):
            for clue in clues(row, brief(self._counted(lines)), self._asked):
                total += 1
                if len(kept) < _KEPT or clue.kind not in kinds or (not clue.copied and kept[-1].copied):
                    kept.append(clue)
                kinds.add(clue.kind)
        return Match(row, tuple(kept), total) if kinds >= self._asked.wanted else None


    def _counted(self, found: Iterable[Found]) -> Iterator[Found]:
        """Count the lines of which only how their strings begin and end is looked at."""
        for thing in found:
            self.in_part += isinstance(thing, Line) and len(thing.data) >= LONG
            yield thing
            del thing  # a line may be long: it is not held while the next one is read


def _json(search: Search, args: Namespace, out: Output) -> int:
    document = Document(out, "rollout.find/1")
    document.member("asked", {"commit": args.commit or None, "file": args.file or None, "command": args.command or None})
    found = document.array("threads", (to_json(_facts(match)) for match in search.matches(args.limit)))
    document.member("ambiguous", found > 1 and search.own != 1)
    document.member("scanned", {"threads": search.threads, "bytes": search.bytes, "longLinesInPart": search.in_part})
    document.member("unread", [{"id": thread, "reason": reason} for thread, reason in search.unread.items()])
    document.member("complete", search.complete)
    document.end()
    return found


def _facts(match: Match) -> dict[str, Any]:
    told = [{**clue._asdict(), "timestamp": clue.timestamp or None} for clue in match.clues]
    return {**thread_object(match.thread), "clues": told, "clueCount": match.total}


def _text(search: Search, args: Namespace, out: Output) -> int:
    found = 0
    for found, match in enumerate(search.matches(args.limit), 1):  # noqa: B007 - the count is the answer
        for line in _person(match, out) if out.is_terminal else _piped(match):
            out.write(line + "\n")
    out.flush()
    if found > 1 and search.own == 1:
        out.note(f"{found} threads fit, but all except one only hold copies of what another made")
    elif found > 1:
        out.note(f"{found} threads fit: which of them is meant, the files do not tell")
    if not found:
        out.note("no thread fits")
    if search.in_part:
        out.note(f"lines of 16 MiB or more were looked at in part, how their texts begin and end: {search.in_part}")
    rest = "" if search.complete else "; there may be more"
    out.note(f"looked through {search.threads:,} threads, {amount_of_bytes(search.bytes)}{rest}")
    return found


def _piped(match: Match) -> Iterator[str]:
    for clue in match.clues:
        exact = "exact" if clue.exact else "similar"
        fields = (clue.kind, str(clue.turn), str(clue.n), safe_line(clue.timestamp), exact, safe_line(clue.text), "copied" if clue.copied else "own")
        yield "\t".join((match.thread.id, *fields))


def _person(match: Match, out: Output) -> Iterator[str]:
    thread = match.thread
    when = ago(time_of(thread, "active"), time.time_ns() // 1_000_000)
    fork = f" · fork of {safe_line(thread.summary.forked_from_id)}" if thread.summary.forked_from_id else ""
    yield fit(f"{thread.id}  {when}{fork}  {title(thread)}", out.width)
    for clue in match.clues[:_SHOWN]:
        place = (f"turn {clue.turn}" if clue.turn else "heading") + (", a copy" if clue.copied else "")
        yield fit(f"  {'' if clue.exact else '~ '}{clue.kind} · {place}: {safe_line(clue.text)}", out.width)
    if match.total > _SHOWN:
        yield f"  {match.total - _SHOWN:,} more places (--json)"
    turn = next((clue.turn for clue in match.clues if clue.turn), 0)
    yield f"  rollout show {thread.id}{f' --turn {turn}' if turn else ''}"
