"""Fork: a new thread that begins with a prefix of another; the other one is not touched.

A legacy thread is copied byte for byte behind metadata of the fork's own, original timestamps included (spec:
rollout-format 7.3). A paginated one is inherited by reference, so that the fork is one line however long the
thread is (spec: rollout-format 10.20). ``portable`` copies in both eras, without what is sealed.
"""

from __future__ import annotations

from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from rollout.errors import BusyError, FormatError, InvalidQueryError, NotFoundError
from rollout.ids import ThreadId, try_parse
from rollout.labels import NO_LABELS, PINNED
from rollout.lifecycle.fork_meta import ForkMeta, ForkParams
from rollout.lifecycle.outline import Outline
from rollout.lifecycle.portable import Portable
from rollout.lifecycle.segment import Moment, base_at, first_meta, new_segment
from rollout.lines import Line
from rollout.recording import Options
from rollout.store.local.paths import file_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rollout.codec import Era
    from rollout.lifecycle.outline import Cut
    from rollout.store.base import Segment, ThreadStore

_A_MOMENT_S = 0.25


class ForkPlan(NamedTuple):
    """What a fork will be.

    ``turns`` are those that it keeps, of ``turns_there``; ``unfinished``: a last turn without an end is left out.
    ``lineage``: the ancestors, the oldest first, the source last.
    """

    source: ThreadId
    era: Era
    cut: Cut
    turns: int
    turns_there: int
    unfinished: bool
    lineage: tuple[str, ...]


class Forked(NamedTuple):
    """A fork that was made: its file and size, and what a portable one left out, by kind."""

    thread_id: ThreadId
    name: str | None
    file: str
    bytes: int
    plan: ForkPlan
    dropped: dict[str, int]
    dropped_bytes: int


def fork(
    store: ThreadStore, thread_id: str, params: ForkParams | None = None, options: Options | None = None
) -> Forked:
    """Fork a thread; its own writer may go on meanwhile. The fork is whole and durable when this returns.

    Raises NotFoundError, InvalidQueryError (a negative number of turns), FormatError (a base is missing),
    WriteError.
    """
    store.heal()
    return _Fork(store, thread_id, params or ForkParams(), options or Options()).make()


def plan_fork(store: ThreadStore, thread_id: str, params: ForkParams | None = None) -> ForkPlan:
    """What ``fork`` would make; nothing is changed."""
    return _Fork(store, thread_id, params or ForkParams(), Options()).plan


def lineage(store: ThreadStore, thread_id: str) -> tuple[str, ...]:
    """The ancestors of a thread by ``forked_from_id``, the oldest first; one that is not here ends it."""
    found: list[str] = []
    above = _forked_from(store, thread_id)
    while above is not None and above not in found:
        found.append(above)
        above = _forked_from(store, above)
    return tuple(found[::-1])


def _forked_from(store: ThreadStore, thread_id: str) -> ThreadId | None:
    try:
        meta = first_meta(store, thread_id, store.segments(thread_id)[0].rollout_id)
    except (NotFoundError, FormatError):
        return None
    return try_parse(bytes(meta["forked_from_id"]).decode().strip('"')) if "forked_from_id" in meta else None


class _Fork:
    """One fork in the making."""

    def __init__(self, store: ThreadStore, thread_id: str, params: ForkParams, options: Options) -> None:
        if params.keep_turns is not None and params.keep_turns < 0:
            raise InvalidQueryError(f"a fork cannot keep {params.keep_turns} turns")
        self._store, self._params, self._options = store, params, options
        self._rollout_id = store.segments(thread_id)[-1].rollout_id
        self._source = try_parse(thread_id) or ThreadId(thread_id)
        self._outline = Outline(store.lines(thread_id))
        self._meta = ForkMeta(self._source, self._outline, params, options)
        self.plan = self._plan()

    def _plan(self) -> ForkPlan:
        outline, wanted = self._outline, self._params.keep_turns
        cut, left_out = outline.end, False
        if wanted is not None and wanted < len(outline.turns):
            cut = outline.turns[wanted]
        elif outline.unfinished is not None and not self._params.keep_unfinished:
            cut, left_out = outline.unfinished, True
        return ForkPlan(
            source=self._source,
            era=outline.era or "legacy",
            cut=cut,
            turns=sum(turn.n < cut.n for turn in outline.turns),
            turns_there=len(outline.turns),
            unfinished=left_out,
            lineage=(*lineage(self._store, self._source), self._source),
        )

    def make(self) -> Forked:
        """Store the fork with its name and tags."""
        moment = Moment.now(self._options)
        segment = new_segment(file_name(moment.place, moment.new_id), moment)
        paginated = self.plan.era == "paginated"
        portable = Portable(1 if paginated else None)
        if self._params.portable:
            written = self._put(segment, [self._meta.line(moment)], portable.lines(self._lines()))
        elif paginated:
            written = self._put_reference(segment, moment)
        else:
            written = self._put(segment, [self._meta.line(moment)], self._copied())
        return Forked(moment.new_id, self._name, segment.name, written, self.plan, portable.dropped, portable.dropped_bytes)

    def _put(self, segment: Segment, *parts: Iterable[bytes]) -> int:
        """Store blocks with what is given to the fork; how many bytes they were."""
        sizes: list[int] = [0]

        def counted() -> Iterator[bytes]:
            for part in parts:
                for block in part:
                    sizes[0] += len(block)
                    yield block

        self._store.put(segment, counted(), name=self._name, tags=self._tags)
        return sizes[0]

    def _put_reference(self, segment: Segment, moment: Moment) -> int:
        """Store a fork by reference so that its base cannot be deleted meanwhile.

        A delete needs the lock of the base, so it is held here if it is free. If it is not, either a writer has
        it, who keeps deletes away as well, or a delete that gives it back in a moment.
        """
        base = base_at(self._store, self._source, self._outline, self.plan.cut)
        try:
            lock = self._store.open_writer(self._source, wait=_A_MOMENT_S)
        except BusyError:
            return self._put(segment, [self._meta.line(moment, base)])
        try:
            return self._put(segment, [self._meta.line(moment, base)])
        finally:
            lock.close()

    def _copied(self) -> Iterator[bytes]:
        """The bytes before the cut, as they stand; a last line that lacks its newline is ended."""
        left, last = self.plan.cut.position.offset, b"\n"
        for block in self._store.raw(self._source, self._rollout_id):
            if not left:
                break
            piece = block[:left]
            yield piece
            left, last = left - len(piece), piece[-1:]
        if left:
            raise FormatError(
                f"thread {self._source} became {left} bytes shorter while it was copied; nothing was kept"
            )
        if last != b"\n":
            yield b"\n"

    def _lines(self) -> Iterator[Line]:
        """The good lines before the cut; of a paginated chain without the metadata that tie its files together."""
        end, paginated = self.plan.cut.position, self.plan.era == "paginated"
        for found in takewhile(lambda thing: thing.position < end, self._store.lines(self._source)):
            if isinstance(found, Line) and not (paginated and found.record.type == "session_meta"):
                yield found

    @cached_property
    def _tags(self) -> tuple[str, ...]:
        """A fork goes on with the work of its source and is filed with it; a note and a pin are about one thread."""
        return tuple(tag for tag in self._store.labels().get(self._source, NO_LABELS).tags if tag != PINNED)

    @cached_property
    def _name(self) -> str | None:
        wanted = self._store.names().get(self._source) if self._params.name is None else self._params.name
        return (wanted or "").strip() or None
