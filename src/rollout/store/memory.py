"""Threads in the memory of this process: the reference of the contract, and the oracle of its tests.

Every method is written in the plainest way that is right: whole files as bytes under their names, whole
threads folded for every listing, one lock around everything. What another store answers differently is that
store's mistake, or a hole in the contract.
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import contextmanager
from io import BytesIO
from itertools import count
from threading import Condition, RLock
from time import gmtime, strftime, time_ns
from typing import TYPE_CHECKING, NamedTuple

from rollout.errors import BusyError, ExistsError, InUseError, InvalidQueryError, NotFoundError
from rollout.folders import spelled
from rollout.ids import ThreadId, try_parse
from rollout.labels import NO_LABELS, Labels, checked_name, checked_note, checked_tags
from rollout.lines import Found, Position
from rollout.query import Cursor, Page, Thread, checked, is_past, narrowed, sort_key, why_hidden
from rollout.search_match import Matcher
from rollout.search_query import search_query
from rollout.store.base import Owner, Receipt, Removed, SearchPage, Segment, ThreadStore
from rollout.store.changes import Standing
from rollout.store.hits import ThreadHits, page_of
from rollout.store.memory_chain import candidates, chain, folded, history_base_of, inherited, own_lines, read_lines
from rollout.store.memory_file import StoredFile
from rollout.store.memory_watch import MemoryWatch
from rollout.store.memory_writer import MemoryWriter
from rollout.times import parse_ms, to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

    from rollout.query import Key, Order, ThreadQuery
    from rollout.search_query import SearchQuery
    from rollout.store.base import Place, Writer
    from rollout.store.changes import Watch
    from rollout.store.memory_chain import Stretch
    from rollout.summary import Summary

_BLOCK = 1 << 16


class _InTrash(NamedTuple):
    removed: Removed
    files: tuple[StoredFile, ...]
    name: str | None
    labels: Labels


class MemoryStore(ThreadStore):
    """See ``ThreadStore`` for the contract. What is stored here dies with the process; ``sync`` is a formality."""

    def __init__(self, *, clock: Callable[[], int] = time_ns, program: str = "rollout") -> None:
        """An empty store; ``clock`` gives nanoseconds since 1970, ``program`` is named as the owner of writers."""
        self.lock = RLock()
        self.changed = Condition(self.lock)
        self.clock = clock
        self._program = program
        self._files: dict[str, StoredFile] = {}
        self._owners: dict[str, Owner] = {}
        self._names: dict[str, str] = {}
        self._labels: dict[str, Labels] = {}
        self._trash: dict[str, _InTrash] = {}
        self._tokens = count(1)

    # -- writing -----------------------------------------------------------------------------------------------

    def create(self, thread_id: ThreadId, place: Place) -> Writer:
        """A writer of a new thread; nothing is stored and no lock is taken until its ``begin``."""
        stamp = strftime("%Y-%m-%dT%H-%M-%S", gmtime(place.unix_ms // 1000 + place.utc_offset_s))
        return MemoryWriter(self, thread_id, f"rollout-{stamp}-{thread_id}.jsonl")

    def open_writer(self, thread_id: str, wait: float = 0.0) -> Writer:
        """The writer of an existing thread; opening changes nothing. Raises BusyError, NotFoundError."""
        with self.lock:
            newest = self._own_files(thread_id)[-1]
            self.acquire(newest.thread_id, wait)
            try:
                return MemoryWriter(self, newest.thread_id, newest.name, newest)
            except BaseException:
                self.release(newest.thread_id)
                raise

    def acquire(self, thread_id: str, wait: float = 0.0) -> None:
        """Take a thread's lock, waiting up to ``wait`` seconds; raises BusyError naming the owner."""
        with self.changed:
            if not self.changed.wait_for(lambda: thread_id not in self._owners, wait):
                raise BusyError(thread_id, self._owners[thread_id].facts())
            started = to_text(self.clock() // 1_000_000, millis=False)
            self._owners[thread_id] = Owner(os.getpid(), self._program, os.uname().nodename, started)

    def release(self, thread_id: str) -> None:
        """Give a thread's lock back."""
        with self.changed:
            self._owners.pop(thread_id, None)
            self.changed.notify_all()

    @contextmanager
    def _held(self, thread_id: str) -> Generator[None]:
        self.acquire(thread_id)
        try:
            yield
        finally:
            self.release(thread_id)

    def add(self, name: str) -> StoredFile:
        """A new empty file; raises ExistsError rather than replace one."""
        with self.lock:
            if name in self._files:
                raise ExistsError(f"{name} exists already; nothing was written")
            found = self._files[name] = StoredFile(name, self.clock())
            return found

    def owner(self, thread_id: str) -> Owner | None:
        """Who writes the thread now."""
        with self.lock:
            return self._owners.get(try_parse(thread_id) or thread_id)

    def close(self) -> None:
        """Nothing to release; open writers stay open."""

    # -- reading -----------------------------------------------------------------------------------------------

    def lines(self, thread_id: str, start: int = 0, *, own: bool = False) -> Iterator[Found]:
        """The thread as it is now, from line ``start`` on. Raises NotFoundError at once."""
        return (found for found in read_lines(self._stretches(thread_id), own=own) if found.n >= start)

    def lines_back(self, thread_id: str, before: Position | None = None) -> Iterator[Found]:
        """The thread as it is now, newest first; every ``n`` is known."""
        everything = list(read_lines(self._stretches(thread_id)))
        return (found for found in reversed(everything) if before is None or found.position < before)

    def lines_from(self, thread_id: str, start: Position, n: int = -1) -> Iterator[Found]:  # noqa: ARG002 - it knows better
        """The thread as it is now, from the line at a position on; every ``n`` is known."""
        stretches = self._stretches(thread_id)
        segment, offset = start
        inside = segment < len(stretches)
        begin = Position(segment, stretches[segment].data.rfind(b"\n", 0, offset) + 1) if inside else start
        return (found for found in read_lines(stretches) if found.position >= begin)

    def number(self, thread_id: str, position: Position) -> int:
        """The number of the line at a position."""
        stretches, (segment, offset) = self._stretches(thread_id), position
        before = [stretch.data for stretch in stretches[:segment]]
        if segment < len(stretches):
            data = stretches[segment].data
            before.append(data if offset >= len(data) else data[: data.rfind(b"\n", 0, offset) + 1])
        return sum(data.count(b"\n") + (not data.endswith(b"\n")) for data in before if data)

    def wait(self, thread_id: str, after: Position, timeout: float) -> Position:
        """The position of the end once it is beyond ``after``, or ``after`` when the time is over."""
        with self.changed:
            grown = self.changed.wait_for(lambda: self.end(thread_id) > after, timeout)
            return self.end(thread_id) if grown else after

    def watch(self) -> Watch:
        """Compares how all threads stand whenever something changes."""
        return MemoryWatch(self.changed, self._standings)

    def _standings(self) -> Mapping[str, Standing]:
        """How every thread stands."""
        with self.lock:
            newest = {one: self._own_files(one)[-1] for one in {stored.thread_id for stored in self._files.values()}}
            return {
                one: Standing(stored.archived, self._names.get(one), self._labels.get(one, NO_LABELS))
                for one, stored in newest.items()
            }

    def end(self, thread_id: str) -> Position:
        """The position behind the last complete line."""
        stretches = self._stretches(thread_id)
        return Position(len(stretches) - 1, stretches[-1].data.rfind(b"\n") + 1)

    def segments(self, thread_id: str) -> tuple[Segment, ...]:
        """The stored files of the thread, oldest first."""
        with self.lock:
            return tuple(found.segment() for found in self._own_files(thread_id))

    def raw(self, thread_id: str, rollout_id: str | None = None) -> Iterator[bytes]:
        """The exact bytes of one segment, by default the newest."""
        with self.lock:
            own = self._own_files(thread_id)
            wanted = own[-1].rollout_id if rollout_id is None else try_parse(rollout_id)
            data = next((bytes(found.data) for found in own if found.rollout_id == wanted), None)
        if data is None:
            raise NotFoundError(f"thread {thread_id} has no file {rollout_id}; segments() names them")
        return (data[at : at + _BLOCK] for at in range(0, len(data), _BLOCK))

    def put(self, segment: Segment, blocks: Iterable[bytes], *, name: str | None = None, tags: Iterable[str] = ()) -> None:
        """Store the exact bytes of a segment, its time, mode and place; raises ExistsError, FormatError."""
        checked, added, data = checked_name(name), checked_tags(tags), b"".join(blocks)
        with self.changed:
            stored = self.add(segment.name)
            if checked is not None:
                self._names[stored.thread_id] = checked
            self._label(stored.thread_id, self._labels.get(stored.thread_id, NO_LABELS).tagged(added, ()))
            stored.data += data
            stored.modified_ns, stored.mode, stored.archived = segment.modified_ns, segment.mode, segment.archived
            stored.compressed = segment.compressed
            self.changed.notify_all()

    def lines_before(self, stored: StoredFile) -> tuple[int, int]:
        """How many stretches, and how many lines, stand before a file in its thread."""
        with self.lock:
            bases = chain(stored, self._files.values())[:-1]
        return len(bases), sum(len(list(BytesIO(base.data))) for base in bases)

    def _own_files(self, thread_id: str) -> Sequence[StoredFile]:
        wanted = try_parse(thread_id)
        found = sorted(
            (stored for stored in self._files.values() if stored.thread_id == wanted),
            key=lambda stored: (stored.named_ms, stored.rollout_id != stored.thread_id, stored.rollout_id),
        )
        if not found:
            raise NotFoundError(f"no thread {thread_id}; list() names those that are here")
        return found

    def _stretches(self, thread_id: str) -> Sequence[Stretch]:
        with self.lock:
            return chain(self._own_files(thread_id)[-1], self._files.values())

    # -- finding -----------------------------------------------------------------------------------------------

    def summary(self, thread_id: str) -> Summary:
        """The facts of the thread, folded from all lines of its own files; what was asked first also from its bases."""
        stretches = self._stretches(thread_id)
        return inherited(folded(own_lines(stretches)), stretches)

    def resolve(self, text: str) -> tuple[ThreadId, ...]:
        """The threads that a text means: an id in any form, a prefix of 4 or more, or a name."""
        with self.lock:
            ids = sorted({stored.thread_id for stored in self._files.values()})
            named = {identity for identity in ids if self._names.get(identity) == text}
        if (wanted := try_parse(text)) is not None:
            return (wanted,) if wanted in ids else ()
        prefix = text.lower()
        return tuple(one for one in ids if one in named or (len(prefix) >= 4 and one.startswith(prefix)))

    def list(self, query: ThreadQuery) -> Page:
        """One page of threads; everything is looked at, so the counts of what is hidden are whole."""
        kept, hidden = self._filtered(query)
        rest = [row for row in kept if is_past(_key(row, query.order), query.cursor, query.order)]
        page = tuple(rest[: max(1, query.limit)])
        more = Cursor(*_key(page[-1], query.order)) if len(rest) > len(page) else None
        return Page(page, more, hidden, True, len(kept) + sum(hidden.values()))

    def _filtered(self, query: ThreadQuery) -> tuple[Sequence[Thread], dict[str, int]]:
        """All threads that a query wants, in its order, and why the others are not among them."""
        query = checked(query)
        with self.lock:
            rows = [self._row(one) for one in {stored.thread_id for stored in self._files.values()}]
        reasons = [(row, why_hidden(row, query) or _elsewhere(row, query)) for row in rows]
        kept = [row for row, reason in reasons if reason is None]
        kept.sort(key=lambda row: _key(row, query.order), reverse=not query.order.ascending)
        return kept, dict(Counter(reason for _, reason in reasons if reason is not None))

    def _row(self, thread_id: str) -> Thread:
        own = self._own_files(thread_id)
        stretches = self._stretches(thread_id)
        newest, summary = own[-1], inherited(folded(read_lines(stretches, own=True)), stretches)
        modified_ms = newest.modified_ns // 1_000_000
        created_ms = parse_ms(summary.created_at)
        return Thread(
            id=newest.thread_id,
            path=f"memory:{newest.name}",
            archived=newest.archived,
            bytes=sum(len(stored.data) for stored in own),
            created_ms=newest.named_ms if created_ms is None else created_ms,
            modified_ms=modified_ms,
            active_ms=parse_ms(summary.active_at) or modified_ms,
            name=self._names.get(newest.thread_id),
            summary=summary,
            segments=len(own),
            problem=None if summary.has_meta else "no session metadata",
            **self._labels.get(newest.thread_id, NO_LABELS)._asdict(),
        )

    def search(self, text: str | SearchQuery, query: ThreadQuery) -> SearchPage:
        """Where a text occurs: every line of every thread is looked at."""
        wanted = search_query(text)
        matcher = Matcher(wanted)
        if wanted.thread_id:
            rows: Sequence[Thread] = [self._row(wanted.thread_id)]
        else:
            rows = self._filtered(query)[0]
        threads = () if matcher.finds_nothing else (self._searched(row, matcher, query.order) for row in rows)
        return page_of(threads, wanted, query.limit, ascending=query.order.ascending)

    def _searched(self, row: Thread, matcher: Matcher, order: Order) -> ThreadHits:
        stretches = self._stretches(row.id)
        found = list(candidates(stretches, matcher))[::-1]
        return ThreadHits(_key(row, order), row, lambda: iter(found), list)

    def references(self, thread_id: str) -> tuple[ThreadId, ...]:
        """The threads that build on this one by reference."""
        with self.lock:
            own = self._own_files(thread_id)
            ids = {stored.rollout_id for stored in own}
            bases = [(one.thread_id, history_base_of(one.data) or {}) for one in self._files.values() if one not in own]
        return tuple(sorted({thread for thread, base in bases if base.get("thread_id") in ids}))

    # -- changing ----------------------------------------------------------------------------------------------

    def set_archived(self, thread_id: str, archived: bool) -> None:  # noqa: FBT001 - the state itself
        """Archive or unarchive every segment. Idempotent. Raises BusyError, NotFoundError."""
        with self.lock:
            own = self._own_files(thread_id)
            with self._held(own[0].thread_id):
                for stored in own:
                    stored.archived = archived

    def set_name(self, thread_id: str, name: str) -> None:
        """Give the thread a name; raises InvalidQueryError for an empty one, NotFoundError."""
        if not name.strip():
            raise InvalidQueryError("a name cannot be empty")
        with self.changed:
            self._names[self._own_files(thread_id)[0].thread_id] = name.strip()
            self.changed.notify_all()

    def names(self) -> Mapping[str, str]:
        """The newest name of every thread that has one."""
        with self.lock:
            return dict(self._names)

    def set_tags(self, thread_id: str, add: Iterable[str] = (), remove: Iterable[str] = ()) -> tuple[str, ...]:
        """Give and take tags; raises InvalidQueryError for what is no tag, NotFoundError."""
        added, removed = checked_tags(add), checked_tags(remove)
        with self.lock:
            identity = self._own_files(thread_id)[0].thread_id
            return self._label(identity, self._labels.get(identity, NO_LABELS).tagged(added, removed)).tags

    def set_note(self, thread_id: str, note: str) -> None:
        """Write the note of a thread; raises InvalidQueryError for what cannot be kept, NotFoundError."""
        text = checked_note(note)
        with self.lock:
            identity = self._own_files(thread_id)[0].thread_id
            self._label(identity, self._labels.get(identity, NO_LABELS)._replace(note=text))

    def _label(self, thread_id: str, labels: Labels) -> Labels:
        self._labels[thread_id] = labels
        if labels == NO_LABELS:
            del self._labels[thread_id]
        self.changed.notify_all()
        return labels

    def labels(self) -> Mapping[str, Labels]:
        """The tags and notes of every thread that has any."""
        with self.lock:
            return dict(self._labels)

    def remove(self, thread_id: str) -> Receipt:
        """Take the thread away so that it can be restored; raises InUseError while forks build on it."""
        with self.lock:
            own = tuple(self._own_files(thread_id))
            identity = own[0].thread_id
            with self._held(identity):
                if forks := self.references(identity):
                    raise InUseError(identity, forks)
                names = tuple(one.name for one in own)
                receipt = Receipt(identity, f"removed-{next(self._tokens)}", names, sum(len(one.data) for one in own))
                parent_id = folded(read_lines(self._stretches(identity), own=True)).parent_id
                removed = Removed(receipt, self.clock(), parent_id)
                given = self._names.pop(identity, None), self._labels.pop(identity, NO_LABELS)
                self._trash[receipt.token] = _InTrash(removed, own, *given)
                for stored in own:
                    del self._files[stored.name]
            return receipt

    def removed(self) -> Sequence[Removed]:
        """Every removal that can be restored, the newest first."""
        with self.lock:
            return [one.removed for one in reversed(self._trash.values())]

    def restore(self, receipt: Receipt) -> None:
        """Bring a removed thread back, byte for byte; raises BusyError, then ExistsError, NotFoundError."""
        with self.lock, self._held(receipt.thread_id):
            kept = self._trash.get(receipt.token)
            if kept is None:
                raise NotFoundError(f"nothing to restore for thread {receipt.thread_id}: restored already, or purged")
            for stored in kept.files:
                if stored.name in self._files:
                    raise ExistsError(f"{stored.name} exists already; nothing was restored")
            del self._trash[receipt.token]
            self._files.update({stored.name: stored for stored in kept.files})
            if kept.name is not None:
                self._names.setdefault(receipt.thread_id, kept.name)
            if kept.labels != NO_LABELS:
                self._labels.setdefault(receipt.thread_id, kept.labels)

    def purge(self, receipt: Receipt) -> None:
        """Take a removed thread away for good; what is gone already is no error."""
        with self.lock, self._held(receipt.thread_id):
            self._trash.pop(receipt.token, None)


def _key(row: Thread, order: Order) -> tuple[Key, str]:
    """Where a row stands: by creation that is the time in the file's name, else what the row tells."""
    if order.key == "created":
        return order.cut(StoredFile(row.path.removeprefix("memory:"), 0).named_ms), row.id
    return sort_key(row, order)


def _elsewhere(row: Thread, query: ThreadQuery) -> str | None:
    """Why a folder filter leaves a thread out; folders are compared by their spellings, part by part."""
    cwd = row.summary.cwd
    if not query.cwds or (cwd and spelled(cwd) in map(spelled, query.cwds)):
        return None
    return narrowed(query)
