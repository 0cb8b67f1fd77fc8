"""Fork: a new thread that begins with a prefix of another; the other one is not touched.

A legacy thread is copied byte for byte behind metadata of the fork's own, original timestamps included (spec:
rollout-format 7.3). A paginated one is inherited by reference, so that the fork is one line however long the
thread is (spec: rollout-format 10.20). ``portable`` copies in both eras, without what is sealed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import UNSET, Raw

from rollout.codec import encode, timestamp_text
from rollout.errors import BusyError, FormatError, InvalidQueryError, NotFoundError
from rollout.ids import ThreadId, try_parse
from rollout.items import SessionMeta, encoder
from rollout.lifecycle.outline import Outline
from rollout.lifecycle.portable import Portable
from rollout.lifecycle.segment import Moment, base_at, meta_line, new_segment
from rollout.lines import Line
from rollout.recording import CreateParams, Options
from rollout.store.local.paths import file_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rollout.lifecycle.outline import Cut, Fields
    from rollout.store.base import ThreadStore, Writer

_NULL = Raw(b"null")
_A_MOMENT_S = 0.25
_NOT_INHERITED = (
    "parent_thread_id", "agent_nickname", "agent_role", "agent_path", "thread_source", "subagent_history_start_ordinal",
    "history_base", "git",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkParams:
    """What to fork, and what the fork says of itself.

    ``keep_turns``: only so many user turns, None for all; more than there are means all. A last turn that has no
    end is left out of a whole fork, unless ``keep_unfinished``. ``name``: None gives the fork the name of its
    source, "" none. ``cwd``: None is that of the source.
    """

    keep_turns: int | None = None
    keep_unfinished: bool = False
    portable: bool = False
    name: str | None = None
    cwd: str | None = None
    originator: str = "rollout"
    cli_version: str = field(default_factory=lambda: CreateParams(cwd="/").cli_version)
    source: Any = "cli"


class ForkPlan(NamedTuple):
    """What a fork will be. ``turns`` are those that it keeps, of ``turns_there``; ``unfinished`` tells that a
    last turn without end is left out; ``lineage`` are the ancestors, the oldest first, the source last."""

    source: ThreadId
    cut: Cut
    turns: int
    turns_there: int
    unfinished: bool
    paginated: bool
    portable: bool
    lineage: tuple[str, ...]


class Forked(NamedTuple):
    """A fork that was made: its bytes on disk, and what a portable one left out, by kind."""

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
    """Fork a thread; its own writer may go on meanwhile. The fork is durable and whole when this returns.

    Raises NotFoundError, InvalidQueryError (a negative number of turns), FormatError (a base is missing),
    WriteError.
    """
    return _Fork(store, thread_id, params or ForkParams(), options or Options()).make()


def plan_fork(store: ThreadStore, thread_id: str, params: ForkParams | None = None) -> ForkPlan:
    """What ``fork`` would make; nothing is changed."""
    return _Fork(store, thread_id, params or ForkParams(), Options()).plan


def lineage(store: ThreadStore, thread_id: str) -> tuple[str, ...]:
    """The ancestors of a thread by ``forked_from_id``, the oldest first; one that is not here any more ends it."""
    found: list[str] = []
    known: str | None = thread_id
    while known is not None and known not in found:
        try:
            above = store.summary(known).forked_from_id
        except (NotFoundError, FormatError):
            break
        known = try_parse(above) if above else None
        if known is not None:
            found.append(known)
    return tuple(found[::-1])


class _Fork:
    """One fork in the making."""

    def __init__(self, store: ThreadStore, thread_id: str, params: ForkParams, options: Options) -> None:
        if params.keep_turns is not None and params.keep_turns < 0:
            raise InvalidQueryError(f"a fork cannot keep {params.keep_turns} turns")
        self.store, self.params, self.options = store, params, options
        segments = store.segments(thread_id)
        self.source = _identity(thread_id)
        self.rollout_id = segments[-1].rollout_id
        self.outline = Outline(store.lines(thread_id))
        self.plan = self._plan()

    def _plan(self) -> ForkPlan:
        outline, wanted = self.outline, self.params.keep_turns
        there, cut, left_out = len(outline.turns), outline.end, False
        if wanted is not None and wanted < there:
            cut = outline.turns[wanted]
        elif outline.unfinished is not None and not self.params.keep_unfinished:
            cut, left_out = outline.unfinished, True
        return ForkPlan(
            source=self.source,
            cut=cut,
            turns=sum(1 for turn in outline.turns if turn.n < cut.n),
            turns_there=there,
            unfinished=left_out,
            paginated=outline.era == "paginated",
            portable=self.params.portable,
            lineage=(*lineage(self.store, self.source), self.source),
        )

    def make(self) -> Forked:
        moment = Moment.now(self.options)
        segment = new_segment(file_name(moment.place, moment.new_id), moment)
        portable = Portable(1 if self.plan.paginated else None) if self.params.portable else None
        written = _Counted(self._blocks(moment, portable))
        if self.plan.paginated and portable is None:
            self._put_reference(segment.name, lambda: self.store.put(segment, written))
        else:
            self.store.put(segment, written)
        name = self._name(moment.new_id)
        dropped = (portable.dropped, portable.dropped_bytes) if portable else ({}, 0)
        return Forked(moment.new_id, name, segment.name, written.bytes, self.plan, *dropped)

    def _put_reference(self, name: str, put: Callable[[], None]) -> None:
        """Store a fork by reference so that its base cannot be deleted meanwhile.

        A delete needs the lock of the base: it is held here if it is free. If it is not, a writer has it for as
        long as it likes, who keeps deletes away as well; a delete that has it gives it back in a moment.
        """
        lock: Writer | None = None
        try:
            lock = self.store.open_writer(self.source, wait=_A_MOMENT_S)
        except BusyError:
            self.store.segments(self.source)
        try:
            put()
        finally:
            if lock is not None:
                lock.close()

    def _blocks(self, moment: Moment, portable: Portable | None) -> Iterator[bytes]:
        if portable is not None:
            yield self._paginated_meta(moment, None) if self.plan.paginated else self._legacy_meta(moment)
            yield from portable.lines(self._lines())
        elif self.plan.paginated:
            base = base_at(self.store, self.source, self.outline, self.plan.cut)
            yield self._paginated_meta(moment, base._asdict())
        else:
            yield self._legacy_meta(moment)
            yield from self._copied()

    def _copied(self) -> Iterator[bytes]:
        """The bytes before the cut, as they stand; a last line that lacks its newline is ended."""
        left, last = self.plan.cut.position.offset, b"\n"
        for block in self.store.raw(self.source, self.rollout_id):
            piece = block[:left]
            if not piece:
                break
            yield piece
            left, last = left - len(piece), piece[-1:]
        if left:
            raise FormatError(f"thread {self.source} has become {left} bytes shorter while it was copied")
        if last != b"\n":
            yield b"\n"

    def _lines(self) -> Iterator[Line]:
        """The good lines before the cut; of a paginated chain without the metadata that tie its files together."""
        found = takewhile(lambda thing: thing.position < self.plan.cut.position, self.store.lines(self.source))
        lines = (thing for thing in found if isinstance(thing, Line))
        return (one for one in lines if not (self.plan.paginated and one.record.type == "session_meta"))

    def _legacy_meta(self, moment: Moment) -> bytes:
        """The fork's own first line (spec: rollout-format 7.3); what it inherits: 5.3."""
        about, cwd = self._about(), self._cwd()
        meta = SessionMeta(
            id=moment.new_id,
            forked_from_id=self._forked_from(),
            timestamp=timestamp_text(moment.unix_ms),
            cwd=cwd,
            originator=self.params.originator,
            cli_version=self.params.cli_version,
            source=self.params.source,
            model_provider=about.model_provider,
            base_instructions=self.outline.inherited.get("base_instructions", _NULL),
            dynamic_tools=self.outline.inherited.get("dynamic_tools", UNSET),
            git=self.options.collect_git(cwd) or UNSET,
        )
        return encode("session_meta", encoder.encode(meta), timestamp_text(moment.unix_ms))

    def _paginated_meta(self, moment: Moment, base: dict[str, Any] | None) -> bytes:
        """The same in the paginated era: everything that the source says, but for what is the fork's own."""
        newest = self.outline.metas.get(max(self.outline.metas, default=0), {})
        fields: dict[str, Any] = {name: value for name, value in newest.items() if name not in _NOT_INHERITED}
        cwd = self._cwd()
        if self.params.cwd is not None:
            fields.pop("runtime_workspace_roots", None)
        ordinal = base["end_ordinal_exclusive"] if base else None
        own = {
            "session_id": moment.new_id,
            "id": moment.new_id,
            "forked_from_id": self.source,
            "forked_from_ordinal_exclusive": ordinal,
            "cwd": cwd,
            "originator": self.params.originator,
            "cli_version": self.params.cli_version,
            "source": self.params.source,
            "history_mode": "paginated",
            "history_base": base,
            "context_window": {"window_id": Moment.now(self.options).new_id},
            "git": self.options.collect_git(cwd),
        }
        fields |= {**self.outline.inherited, **{name: value for name, value in own.items() if value is not None}}
        return meta_line(_in_order(fields), moment, ordinal or 0)

    def _about(self) -> Any:  # noqa: ANN401
        return self.store.summary(self.source)

    def _cwd(self) -> str:
        return os.path.abspath(self.params.cwd or self._about().cwd or os.getcwd())

    def _forked_from(self) -> str:
        """The id of the first metadata among the copied lines; the thread's own where there are none."""
        return self.source

    def _name(self, new_id: ThreadId) -> str | None:
        wanted = self.store.names().get(self.source) if self.params.name is None else self.params.name
        if not wanted or not wanted.strip():
            return None
        self.store.set_name(new_id, wanted)
        return wanted.strip()
