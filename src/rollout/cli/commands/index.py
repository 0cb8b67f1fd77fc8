"""``rollout index``: the cache that makes listing quick."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rollout.cli.home import index_of, open_home
from rollout.cli.output import Document, to_json
from rollout.cli.statuses import DONE, FINDING, UsageError
from rollout.errors import NotFoundError, RolloutError
from rollout.render.safe import safe_line
from rollout.times import to_text

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterable

    from rollout.cli.output import Output
    from rollout.store.local.index_path import IndexPlace
    from rollout.store.local.index_status import Difference, Status
    from rollout.store.local.store import LocalStore

_MOST = 20
DESCRIPTION = """
The index of a home: a cache, outside the home, that makes listing quick. The files are the truth: it may be deleted
at any time, every listing brings it up to date, and no command needs it.

  status   where it is, what it holds, how far it agrees with the files now, what was found to differ before, and
           which threads were here and are gone. Changes nothing. --verify compares every row with its file.
  rebuild  make it anew beside the old one, compare the number of threads with the files, then swap. An interrupted
           rebuild goes on where it was.
  path     where it is.

By default it lies in the user's cache folder; --index or ROLLOUT_INDEX name another file, ROLLOUT_INDEX=off none.
"""


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout index``."""
    parser.add_argument("action", choices=sorted(_ACTIONS), help="what to do")
    parser.add_argument("--verify", action="store_true", help="with status: compare every row with its file")


def run(args: Namespace, out: Output) -> int:
    """Do one of the three."""
    store, place = open_home(args), index_of(args)
    if place is None and not os.path.isdir(store.home):
        raise NotFoundError(f"there is no folder {store.home} yet, and so no index of it")
    if place is None:
        raise UsageError("no index is to be used: leave out --no-index, set ROLLOUT_INDEX to a file, or --index PATH")
    return _ACTIONS[args.action](store, place, args, out)


def _path(_: LocalStore, place: IndexPlace, args: Namespace, out: Output) -> int:
    if args.json:
        document = Document(out, "rollout.index.path/1")
        document.member("path", place.path)
        document.end()
    else:
        out.write(f"{place.path}\n")
    return DONE


def _status(store: LocalStore, place: IndexPlace, args: Namespace, out: Output) -> int:
    looking = store.index_status(place)
    problem, status = "", None
    try:
        status = looking.look()
    except RolloutError as error:
        problem = str(error)
    differences = list(looking.verify()) if args.verify and not problem else []
    if args.json:
        _status_json(place, status, problem, differences, out)
    else:
        for line in _status_lines(place, status, problem):
            out.write(f"{line}\n")
        for line in _difference_lines(differences, verified=args.verify and not problem):
            out.write(f"{line}\n")
    return FINDING if problem or differences else DONE


def _status_lines(place: IndexPlace, status: Status | None, problem: str) -> Iterable[str]:
    if problem:
        yield f"unusable  {safe_line(problem)}"
        return
    if status is None:
        yield f"none yet  {place.path}: the next listing makes it"
        return
    yield f"path      {status.path} ({status.bytes:,} bytes)"
    yield f"holds     {status.threads} threads in {status.files} files"
    differs = ", ".join(f"{number} {kind}" for kind, number in status.differs.items())
    waiting = f"; {status.waiting} threads wait for their rows" if status.waiting else ""
    now = f"differs from the files: {differs}; the next listing takes them in" if differs else "agrees with the files"
    yield f"now       {now}{waiting}"
    if status.events:
        told = ", ".join(f"{event.times} {event.kind}" for event in status.events)
        yield f"found     {told}, since it was made"
    for gone in status.missing[:_MOST]:
        title = f" {safe_line(gone.title)}" if gone.title else ""
        yield f"missing   {gone.id}{title}, noticed {to_text(gone.noticed_ms, millis=False)}: {safe_line(gone.path)}"
    yield from _more(len(status.missing))


def _difference_lines(differences: list[Difference], *, verified: bool) -> Iterable[str]:
    for one in differences[:_MOST]:
        facts = f" ({', '.join(one.facts)})" if one.facts else ""
        yield f"{one.kind:<9} {one.id}{facts} {safe_line(one.path)}"
    yield from _more(len(differences))
    if verified and not differences:
        yield "verified  every row is as its file has it"


def _more(number: int) -> Iterable[str]:
    if number > _MOST:
        yield f"          and {number - _MOST} more; --json names them all"


def _status_json(
    place: IndexPlace, status: Status | None, problem: str, differences: list[Difference], out: Output
) -> None:
    document = Document(out, "rollout.index.status/1")
    document.member("path", place.path)
    document.member("exists", status is not None or bool(problem))
    document.member("problem", problem or None)
    if status is not None:
        for name, value in (
            ("bytes", status.bytes), ("threads", status.threads), ("files", status.files),
            ("waiting", status.waiting), ("differs", status.differs),
        ):  # fmt: skip
            document.member(name, value)
        events = ({"kind": e.kind, "times": e.times, "last": to_text(e.last_ms), "path": e.last_path} for e in status.events)
        document.array("found", map(to_json, events))
        gone = ({"id": m.id, "path": m.path, "title": m.title, "noticed": to_text(m.noticed_ms)} for m in status.missing)
        document.array("missing", map(to_json, gone))
    document.array("differences", (to_json(one._asdict()) for one in differences))
    document.end()


def _rebuild(store: LocalStore, place: IndexPlace, args: Namespace, out: Output) -> int:
    def progress(left: int) -> None:
        if out.has_watcher:
            out.status(f"{left} threads left")

    done = store.index_rebuild(place).run(progress)
    if out.has_watcher:
        out.status("")
    if args.json:
        document = Document(out, "rollout.index.rebuild/1")
        document.member("path", done.path)
        document.member("before", done.before)
        document.member("after", done.after)
        document.member("onDisk", done.on_disk)
        document.member("resumed", done.resumed)
        document.member("note", done.note or None)
        document.end()
        return DONE
    before = "" if done.before is None else f", {done.before} before"
    out.write(f"{done.after} threads{before}; {done.on_disk} in the files: {done.path}\n")
    if done.note:
        out.note(f"the old one: {done.note}")
    return DONE


_ACTIONS: dict[str, Callable[[LocalStore, IndexPlace, Namespace, Output], int]] = {
    "path": _path,
    "rebuild": _rebuild,
    "status": _status,
}
