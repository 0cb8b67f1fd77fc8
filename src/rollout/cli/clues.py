"""What in a thread tells that it made something: its git state, its patches, its commands."""

from __future__ import annotations

import os
import re
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from rollout.cli.copies import Copies
from rollout.lines import Line
from rollout.render.entries import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rollout.lines import Found
    from rollout.query import Thread
    from rollout.render.shown import Entry

_PATCHED = re.compile(
    r"^(?:[ \t]*\*\*\* (?:(?:Add|Update|Delete) File|Move to): |(?:add|update|delete) )(.+?)\s*$", re.MULTILINE
)
_COMMITTED = re.compile(r"^\[[^\]\n]*?\b([0-9a-f]{7,64})\] ", re.MULTILINE)
_WORD = re.compile(rb"[A-Za-z0-9_.-]+")
_SHORTEST_SHA = 4
_LONGEST = 200


class Clue(NamedTuple):
    """One place in a thread that fits what was asked. ``n`` is its line (0: the heading), ``turn`` its turn.

    ``exact``: nothing had to be guessed, such as to which folder a relative path belongs. ``copied``: a fork has it from
    its source.
    """

    kind: str
    text: str
    exact: bool = True
    turn: int = 0
    n: int = 0
    timestamp: str = ""
    copied: bool = False


class Asked(NamedTuple):
    """What is looked for; "" is not looked for. ``file`` as it was given, ``cwd`` is the folder it is relative to."""

    commit: str = ""
    file: str = ""
    command: str = ""
    cwd: str = ""

    @property
    def wanted(self) -> frozenset[str]:
        """The names of what is looked for."""
        return frozenset(name for name in ("commit", "file", "command") if getattr(self, name))


def needles(asked: Asked) -> list[bytes]:
    """For each thing that is looked for: a word that must stand in the file; what has no such word is left out.

    A commit that a thread began at stands in its row too, but the file has it in any case.
    """
    told = (asked.commit[:7].lower(), os.path.basename(asked.file), asked.command)
    words = (max(_WORD.findall(text.encode("utf-8", "replace")), key=len, default=b"") for text in told)
    return [word for word in words if word]


def may_hold(blocks: Iterable[bytes], wanted: list[bytes]) -> tuple[bool, int]:
    """Whether every one of these words stands in the bytes, and how many bytes were read to know."""
    missing, before, read = set(wanted), b"", 0
    longest = max(map(len, wanted), default=0)
    for block in blocks:
        read += len(block)
        window = before + block
        missing = {word for word in missing if word not in window}
        if not missing:
            return True, read
        before = window[-longest:]
    return not missing, read


def clues(row: Thread, found: Iterable[Found], asked: Asked) -> Iterator[Clue]:
    """The places of one thread that fit, in their order; the git state first."""
    began = str((row.summary.git or {}).get("commit_hash") or "")
    if asked.commit and _is_same_commit(began, asked.commit):
        yield Clue("commit", f"began at {began}", timestamp=row.summary.created_at or "")
    reader, turn, copies = Reader(), 0, Copies(row)
    tests = _tests(row, asked)
    for thing in found:
        if not isinstance(thing, Line):
            continue
        copied = copies.has(thing)
        for entry in reader.read(thing):
            turn += entry.kind == "user"
            for clue in _in_entry(entry, tests):
                yield clue._replace(turn=turn, n=entry.n, timestamp=entry.timestamp, copied=copied)


def _in_entry(entry: Entry, tests: list[Callable[[Entry], Iterator[Clue]]]) -> Iterator[Clue]:
    for test in tests:
        yield from islice(test(entry), 1)


def _tests(row: Thread, asked: Asked) -> list[Callable[[Entry], Iterator[Clue]]]:
    tests: list[Callable[[Entry], Iterator[Clue]]] = []
    if asked.commit:
        tests.append(lambda entry: _committed(entry, asked.commit))
    if asked.file:
        tests.append(lambda entry: _touched(entry, asked, row.summary.cwd or ""))
    if asked.command:
        tests.append(lambda entry: _ran(entry, asked.command))
    return tests


def _committed(entry: Entry, sha: str) -> Iterator[Clue]:
    """What git prints when it commits."""
    if entry.kind == "output":
        for made in _COMMITTED.finditer(entry.text):
            if _is_same_commit(made[1], sha):
                yield Clue("commit", f"made: {entry.text[made.start() :].splitlines()[0][:_LONGEST]}")


def _is_same_commit(recorded: str, sha: str) -> bool:
    shorter = min(len(recorded), len(sha))
    return shorter >= _SHORTEST_SHA and recorded[:shorter].lower() == sha[:shorter].lower()


def _ran(entry: Entry, text: str) -> Iterator[Clue]:
    if entry.kind == "call" and text in entry.title:
        line = next((line for line in entry.title.splitlines() if text in line), entry.title)
        yield Clue("command", line[:_LONGEST])


def _touched(entry: Entry, asked: Asked, thread_cwd: str) -> Iterator[Clue]:
    """A patch, or a command that holds one, which names the file."""
    if entry.kind not in ("patch", "call"):
        return
    absolute = os.path.normpath(os.path.join(asked.cwd, asked.file))
    tail = "/" + os.path.normpath(asked.file).lstrip("/")
    for named in _PATCHED.finditer(entry.text if entry.kind == "patch" else entry.title):
        for path in named[1].split(" → "):
            whole = os.path.normpath(os.path.join(_plain(thread_cwd), _plain(path)))
            if whole == absolute:
                yield Clue("file", path[:_LONGEST])
            elif ("/" + whole.lstrip("/")).endswith(tail) and not os.path.isabs(asked.file):
                yield Clue("file", path[:_LONGEST], exact=False)


def _plain(path: str) -> str:
    """A path, also where it was recorded as a URL."""
    return unquote(path.removeprefix("file://")) if path.startswith("file://") else path
