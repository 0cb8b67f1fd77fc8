"""``rollout record``: items from standard input into a thread."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rollout.boundaries import is_user_turn
from rollout.cli.feed import batches, catch_signals
from rollout.cli.home import find_thread, home_of, open_store
from rollout.cli.options import THREAD_HELP, seconds
from rollout.cli.output import to_json
from rollout.cli.statuses import DONE, FINDING, UsageError
from rollout.errors import FormatError, InvalidItemError
from rollout.items import RawItem, from_line
from rollout.recorder_sync import SyncRolloutRecorder
from rollout.recording import CreateParams
from rollout.store.local.config import read_config

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from rollout.cli.output import Output
    from rollout.store.base import ThreadStore

DESCRIPTION = """
Record items from standard input into a new thread, or with --resume into an existing one. Each line is an item
as JSON, {"type": ..., "payload": ...}, or a whole line of a rollout; payloads are stored with their own bytes.

Standard output has one JSON object a line. First {"threadId", "path"}; then {"acked": n} as soon as n lines of the
input are with the operating system (with --sync: on stable storage); {"rejected": n, "reason"} when line n of the
input, counted from 1, is no item, and then the status is 1 at the end.

What is kept is what Codex keeps: an item that the policy leaves out (a delta, a begin event) is accepted, counts
as acked, and is not written. Kinds that nobody knows are kept. The thread comes into being with the first accepted
line; with --defer, at the first message of a user, and until then nothing is acked.

SIGINT and SIGTERM end cleanly: what has arrived is recorded and acked, then the status is 130 or 143.
"""
_PLAIN = ("cli", "vscode", "exec", "mcp")


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout record``."""
    parser.add_argument("--cwd", metavar="DIR", help="folder that a new thread belongs to (default: this one)")
    parser.add_argument(
        "--source",
        metavar="KIND",
        help="where a new thread is started: cli (default), vscode, exec, mcp, custom:NAME, subagent:NAME",
    )
    parser.add_argument(
        "--provider", metavar="NAME", help="model provider of a new thread (default: as the home's config.toml says)"
    )
    parser.add_argument("--resume", metavar="ID", help=f"append to an existing thread: {THREAD_HELP}")
    parser.add_argument("--sync", action="store_true", help="ack only what stable storage has")
    parser.add_argument("--defer", action="store_true", help="store nothing before the first message of a user")
    parser.add_argument(
        "--wait", type=seconds, default=0.0, metavar="N", help="with --resume: wait up to N seconds for another writer"
    )


def run(args: Namespace, out: Output) -> int:
    """Record until the input ends or a signal comes."""
    _check(args)
    recorder = _open(args, open_store(args, new=not args.resume))
    with catch_signals() as stop, recorder:
        session = Session(recorder, out, defer=args.defer, sync=args.sync)
        session.say({"threadId": recorder.thread_id, "path": recorder.path})
        for lines in batches(sys.stdin.fileno(), stop):
            session.take(lines)
        if not recorder.persisted and session.accepted:
            out.note(f"no message of a user came: {session.accepted} items were not stored")
        if stop.number:
            return 128 + stop.number
    return FINDING if session.rejected else DONE


class Session:
    """Records batches and tells what became of every line; a reader that goes away does not end the recording."""

    def __init__(self, recorder: SyncRolloutRecorder, out: Output, *, defer: bool, sync: bool) -> None:
        """Nothing was read."""
        self._recorder, self._out, self._defer, self._sync = recorder, out, defer, sync
        self._read = self._acked = 0
        self.accepted = self.rejected = 0
        self._heard = True

    def say(self, fact: dict[str, object]) -> None:
        """One line on standard output, at once."""
        if not self._heard:
            return
        try:
            self._out.write_json(to_json(fact) + b"\n")
            self._out.flush()
        except BrokenPipeError:
            self._heard = False
            self._out.forget()

    def take(self, lines: Sequence[bytes]) -> None:
        """Record the items of a batch, hand them over, and ack them."""
        items = [item for item in map(self._item, lines) if item is not None]
        self._recorder.record(items)
        self.accepted += len(items)
        if not self._recorder.persisted and items and (not self._defer or any(map(is_question, items))):
            self._recorder.persist()
        if self._recorder.persisted and self.accepted > self._acked:
            self._recorder.sync() if self._sync else self._recorder.flush()
            self._acked = self.accepted
            self.say({"acked": self._acked})

    def _item(self, line: bytes) -> RawItem | None:
        """The item of one line of the input; a blank line is none, a bad one is rejected."""
        self._read += 1
        if not line.strip():
            return None
        try:
            return from_line(line)
        except (FormatError, InvalidItemError) as error:
            self.rejected += 1
            self.say({"rejected": self._read, "reason": str(error)})
            return None


def is_question(item: RawItem) -> bool:
    """Whether an item is a message of a user: what a deferred thread waits for."""
    if item.line_type == "response_item":
        return item.tag == "message" and is_user_turn(item.object)
    if item.line_type != "event_msg" or item.tag not in ("user_message", "item_completed"):
        return False
    inner = item.object.get("item") if item.tag == "item_completed" else None
    return item.tag == "user_message" or (isinstance(inner, dict) and inner.get("type") == "UserMessage")


def _check(args: Namespace) -> None:
    """Raise UsageError for what a resumed thread already has."""
    if args.resume and (args.cwd or args.source or args.provider or args.defer):
        raise UsageError("--cwd, --source, --provider and --defer are for new threads, not with --resume")


def _open(args: Namespace, store: ThreadStore) -> SyncRolloutRecorder:
    if args.resume:
        return SyncRolloutRecorder.resume(store, find_thread(store, args.resume), wait=args.wait)
    provider = args.provider or read_config(home_of(args)).model_provider
    place = {"cwd": args.cwd} if args.cwd else {}
    return SyncRolloutRecorder.create(
        store, CreateParams(source=_source(args.source), model_provider=provider, **place)
    )


def _source(kind: str | None) -> str | dict[str, object]:
    """A source as it stands in a file (spec: rollout-format 2.4)."""
    family, colon, member = (kind or "cli").partition(":")
    if not colon and family in _PLAIN:
        return family
    if family == "custom" and member:
        return {"custom": member}
    if family == "subagent" and member:
        return {"subagent": member if member in ("review", "compact", "memory_consolidation") else {"other": member}}
    raise UsageError(f"--source {kind}: give {', '.join(_PLAIN)}, custom:NAME or subagent:NAME")
