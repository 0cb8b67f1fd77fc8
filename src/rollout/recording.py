"""What recording is, without a clock of its own, a loop or a thread: order, deferral, lines, counts.

``Recording`` turns items into lines and hands them to a store's writer. The asyncio recorder and its
synchronous twin are two thin shells around it; neither decides anything about content.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from rollout import git_info
from rollout.codec import encode, timestamp_text
from rollout.errors import BudgetError, ClosedError, InvalidItemError, RolloutError, WriteError
from rollout.ids import ThreadId
from rollout.items import Item, ItemCompleted, RawItem, SessionMeta, encoder, payload_bytes, to_item
from rollout.policy import PAGINATED, SEED, Policy
from rollout.store.base import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rollout.items import GitInfo
    from rollout.store.base import ThreadStore, Writer

BUDGET = 8 << 20
_encode_into = encoder.encode_into
_MAX_ORDINAL = (1 << 64) - 1


def _version() -> str:
    from rollout import __version__  # noqa: PLC0415 - the facade imports this module lazily, and we it

    return __version__


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateParams:
    """What a new thread says of itself in its first line (spec: rollout-format 2.2)."""

    cwd: str = field(default_factory=os.getcwd)
    originator: str = "rollout"
    cli_version: str = field(default_factory=_version)
    source: Any = "cli"
    model_provider: str | None = None
    base_instructions: str | None = None
    dynamic_tools: tuple[Any, ...] = ()
    forked_from_id: str | None = None
    thread_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to record. Time, ids and git are arguments, so that a test needs none of the real ones.

    ``policy`` None means: the seed's, or the paginated one in a paginated file. ``flush_persists``: flush and
    shutdown materialize a deferred thread that has items, as Codex does from April 2026 on; the default is
    the seed's, where only ``persist`` does. ``budget``: bytes that may be accepted and not yet written.
    """

    policy: Policy | None = None
    flush_persists: bool = False
    budget: int = BUDGET
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    utc_offset_s: Callable[[int], int] = lambda unix_ms: time.localtime(unix_ms / 1000).tm_gmtoff
    randomness: Callable[[int], bytes] = os.urandom
    collect_git: Callable[[str], GitInfo | None] = git_info.collect


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counts since the recorder was made. ``flushed`` and ``synced`` count lines, without the meta line."""

    accepted: int = 0
    filtered: int = 0
    flushed: int = 0
    synced: int = 0
    pending_bytes: int = 0
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class Shutdown:
    """How a recorder ended: ``dropped`` items of a thread that was never persisted are gone with it."""

    persisted: bool
    dropped: int


class Recording:
    """One thread being recorded. Not safe for use from two threads at once; the shells see to that."""

    def __init__(self, writer: Writer, meta: SessionMeta | None, options: Options) -> None:
        """Use ``create`` or ``resume``."""
        self.writer = writer
        self.options = options
        self.buffer = bytearray()
        self.buffered = 0
        self.filtered = 0
        self.accepted = 0
        self.closed = self.clogged = False
        self.last_error: str | None = None
        self._meta = meta
        self._deferring = meta is not None
        self._deferred: list[RawItem] = []
        self._deferred_bytes = 0
        self._middles: dict[type, bytes] = {}
        self._numbered = writer.next_ordinal is not None
        self._head_of = (-1, b"")
        self._policy = options.policy or (PAGINATED if writer.era == "paginated" else SEED)

    @classmethod
    def create(cls, store: ThreadStore, params: CreateParams, options: Options) -> Recording:
        """A new thread: its id and path are known, nothing is stored.

        One instant names the file (local time) and stands in the metadata (UTC).
        """
        now = options.now_ms()
        thread_id = ThreadId.parse(params.thread_id) if params.thread_id else ThreadId.new(now, options.randomness(10))
        writer = store.create(thread_id, Place(now, options.utc_offset_s(now)))
        return cls(writer, _meta(params, thread_id, now), options)

    @classmethod
    def resume(cls, store: ThreadStore, thread_id: str, options: Options, wait: float = 0.0) -> Recording:
        """An existing thread, opened to append; opening changes nothing."""
        return cls(store.open_writer(thread_id, wait), None, options)

    @property
    def deferred(self) -> bool:
        """Whether items still wait for ``persist``.

        Not the writer's ``begun``: between that and ``release_deferred`` a new item must still queue up behind
        those that wait.
        """
        return self._deferring

    @property
    def waiting(self) -> int:
        """How many items wait for ``persist``."""
        return len(self._deferred)

    @property
    def pending_bytes(self) -> int:
        """Bytes accepted that the store has not got yet."""
        return len(self.buffer) + self.writer.pending_bytes + self._deferred_bytes

    def statistics(self, flushed: int, synced: int) -> Statistics:
        """The counts as one frozen value."""
        return Statistics(self.accepted, self.filtered, flushed, synced, self.pending_bytes, self.last_error)

    def has_room(self) -> bool:
        """Whether one more batch may be accepted.

        A deferred thread never waits: whoever would end the wait may be the one who waits. It raises
        BudgetError instead.
        """
        if self.clogged and not self._deferring:
            return self.pending_bytes < self.options.budget
        return self._deferring or len(self.buffer) < self.options.budget

    def accept(self, values: Iterable[object]) -> int:
        """Take items in order, all or none; returns how many the policy keeps.

        They become lines at once, or at ``persist`` for a deferred thread (their timestamps are those of the
        moment a line is made). Raises InvalidItemError, BudgetError, ClosedError.
        """
        if self.closed:
            self.check_open()
        if self._deferring:
            return self._defer(values)
        return self._encode_numbered(values) if self._numbered else self._encode(values)

    def meta_line(self) -> bytes:
        """The first line; asks git now, which may take seconds (spec: rollout-format 8)."""
        if self._meta is None:
            raise ClosedError("a resumed thread has its first line already")
        if self._meta.git is UNSET:
            self._meta.git = self.options.collect_git(self._meta.cwd) or UNSET
        return encode("session_meta", payload_bytes(self._meta), timestamp_text(self.options.now_ms()))

    def release_deferred(self) -> None:
        """Make lines of what waited for ``persist``, in order."""
        waiting, self._deferred, self._deferred_bytes = self._deferred, [], 0
        self._deferring = False
        self.accepted -= self._encode(waiting, filtering=False)

    def push(self) -> None:
        """Give the writer what is buffered; quick, and it cannot fail for want of room."""
        if self.buffer:
            self.writer.append(self.buffer, self.buffered)
            self.buffer.clear()
            self.buffered = 0
            self.clogged = True

    def flush(self) -> int:
        """Push, and have the writer flush; returns lines flushed. Raises WriteError."""
        self.push()
        try:
            flushed = self.writer.flush()
        except WriteError as error:
            self.last_error = str(error)
            raise
        self.settled()
        return flushed

    def settled(self) -> None:
        """Note that the writer holds nothing back any more."""
        self.last_error, self.clogged = None, self.writer.pending_bytes > 0

    def begin(self) -> None:
        """Make the thread exist, then hand over what waited; blocks (git, lock, disk). May be repeated."""
        if self.deferred:
            self.writer.begin(self.meta_line())

    def close(self) -> Shutdown:
        """Close the writer; says what a never persisted thread drops. Idempotent."""
        dropped, self._deferred, self._deferred_bytes = len(self._deferred), [], 0
        persisted = self.writer.begun
        self.closed = True
        self.writer.close()
        return Shutdown(persisted, dropped)

    def check_open(self) -> None:
        """Raise ClosedError after the end."""
        if self.closed:
            raise ClosedError(f"thread {self.writer.thread_id}: the recorder was shut down")

    def _defer(self, values: Iterable[object]) -> int:
        """Bytes, not objects: what was accepted must not change afterwards, and the budget must know its size."""
        items = [to_item(value) for value in values]
        waiting = [RawItem(item.line_type, payload_bytes(item)) for item in items if self._policy.keeps(item)]
        size = sum(len(item.payload) for item in waiting)
        if self._deferred and self._deferred_bytes + size > self.options.budget:
            raise BudgetError(
                f"thread {self.writer.thread_id}: {self._deferred_bytes} bytes wait for persist() and the budget is"
                f" {self.options.budget}; call persist(), then record again"
            )
        self._deferred += waiting
        self._deferred_bytes += size
        self.accepted += len(waiting)
        self.filtered += len(items) - len(waiting)
        return len(waiting)

    def _encode(self, values: Iterable[object], *, filtering: bool = True) -> int:
        """Append the lines of a batch to the buffer; an item that fails leaves the buffer as it was.

        The hot path: once a class of items is known to be kept, a line costs three appends and one encoding.
        """
        buffer, now = self.buffer, self.options.now_ms()
        head = self._head_of[1] if now == self._head_of[0] else self._head(now)
        mark, middles, kept, filtered = len(buffer), self._middles, 0, 0
        try:
            for value in values:
                middle = middles.get(type(value))
                if middle is not None:
                    buffer += head
                    buffer += middle
                    _encode_into(value, buffer, -1)
                    buffer += b"}\n"
                elif (line := self._line(value, head, filtering=filtering)) is not None:
                    buffer += line
                else:
                    filtered += 1
                    continue
                kept += 1
        except (TypeError, ValueError, RecursionError) as error:
            del buffer[mark:]
            raise InvalidItemError(f"cannot be written as JSON: {error}") from None
        except RolloutError:
            del buffer[mark:]
            raise
        self.buffered += kept
        self.accepted += kept
        self.filtered += filtered
        return kept

    def _encode_numbered(self, values: Iterable[object]) -> int:
        """The same for a paginated file, whose lines bear ordinals."""
        first, head = (self.writer.next_ordinal or 0) + self.buffered, self._head(self.options.now_ms())
        items = [to_item(value) for value in values]
        kept = [item for item in items if self._policy.keeps(item)]
        if first + len(kept) > _MAX_ORDINAL:
            raise InvalidItemError(f"thread {self.writer.thread_id}: no ordinals are left; nothing was written")
        numbered = (head + b'"ordinal":%d,' % ordinal for ordinal in count(first))
        self.buffer += b"".join(map(_whole_line, numbered, kept))
        self.buffered += len(kept)
        self.accepted += len(kept)
        self.filtered += len(items) - len(kept)
        return len(kept)

    def _line(self, value: object, head: bytes, *, filtering: bool) -> bytes | None:
        """One line the slow way; None when the policy leaves the item out. Learns what may go the fast way."""
        item = to_item(value)
        if filtering and not self._policy.keeps(item):
            return None
        if not isinstance(item, RawItem | ItemCompleted):
            self._middles[type(item)] = _middle(item)
        return _whole_line(head, item)

    def _head(self, now: int) -> bytes:
        """The beginning of a line made now; the same one within a millisecond."""
        if now != self._head_of[0]:
            self._head_of = now, b'{"timestamp":"%b",' % timestamp_text(now).encode()
        return self._head_of[1]


def _middle(item: Item) -> bytes:
    return b'"type":%b,"payload":' % encoder.encode(item.line_type)


def _whole_line(head: bytes, item: Item) -> bytes:
    return head + _middle(item) + payload_bytes(item) + b"}\n"


def _meta(params: CreateParams, thread_id: ThreadId, now: int) -> SessionMeta:
    """The first line's payload, as Codex writes it: provider and instructions are explicit nulls when absent."""
    instructions = params.base_instructions
    return SessionMeta(
        id=thread_id,
        forked_from_id=params.forked_from_id or UNSET,
        timestamp=timestamp_text(now),
        cwd=os.path.abspath(params.cwd),
        originator=params.originator,
        cli_version=params.cli_version,
        source=params.source,
        model_provider=params.model_provider,
        base_instructions=None if instructions is None else {"text": instructions},
        dynamic_tools=list(params.dynamic_tools) or UNSET,
    )


