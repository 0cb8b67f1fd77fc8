"""Rollback of a paginated thread: a new newest file over a shorter base, and its undo over the whole of the old one.

The files of such a thread tell by themselves what happened: one that builds on the end of an older file goes on
with it; one that builds on less has dropped what the file before it still had.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rollout.errors import InvalidQueryError, NotFoundError
from rollout.journal.reader import classify
from rollout.lifecycle.fork import lineage
from rollout.lifecycle.outline import Outline
from rollout.lifecycle.segment import Base, base_at, base_of, build_on, first_meta
from rollout.lines import Line, Position

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rollout.lifecycle.outline import Cut
    from rollout.lines import Found
    from rollout.recording import Options
    from rollout.store.base import Segment, ThreadStore


class Revert(NamedTuple):
    """A rollback that holds: the file that made it, what that file builds on, and the file that was newest before."""

    rollout_id: str
    base: Base
    before: Segment


def drop(store: ThreadStore, thread_id: str, outline: Outline, cut: Cut, options: Options) -> Segment:
    """Leave out everything from a cut on."""
    return build_on(store, thread_id, base_at(store, thread_id, outline, cut), options)


def bring_back(store: ThreadStore, thread_id: str, found: Revert, options: Options) -> Segment:
    """Go on behind the whole of what was rolled back."""
    end = Outline(_found(_physical(store.raw(thread_id, found.before.rollout_id)))).end
    base = Base(found.before.rollout_id, end.ordinal or 0, end.position.offset)
    return build_on(store, thread_id, base, options)


def last(store: ThreadStore, thread_id: str, outline: Outline) -> Revert:
    """The last rollback that holds. Raises InvalidQueryError: there is none, or turns were recorded after it."""
    files = {segment.rollout_id: segment for segment in store.segments(thread_id)}
    order = list(files)
    current, stretch = order[-1], max(outline.metas, default=0)
    while order.index(current):
        base = base_of(first_meta(store, thread_id, current))
        if base is None:
            break
        if not _is_end(store, thread_id, files.get(base.thread_id), base):
            _check_nothing_since(thread_id, outline, stretch)
            return Revert(current, base, files[order[order.index(current) - 1]])
        current, stretch = base.thread_id, stretch - 1
    raise InvalidQueryError(f"thread {thread_id} has no rollback that could be undone")


def dropped(store: ThreadStore, thread_id: str, found: Revert) -> Iterator[Found]:
    """The lines that a rollback left out, metadata of files among them passed over; numbered from 0."""
    stretches = _stretches_behind(store, thread_id, found)
    lines = (
        line for rollout_id, start, end in stretches for line in _cut_lines(store, thread_id, rollout_id, start, end)
    )
    return (thing for thing in _found(lines) if not (isinstance(thing, Line) and thing.record.type == "session_meta"))


def _is_end(store: ThreadStore, thread_id: str, file: Segment | None, base: Base) -> bool:
    """Whether a base is the whole of one of the thread's own files."""
    if file is None:
        return False
    length = file.data_length if file.data_length >= 0 else sum(map(len, store.raw(thread_id, file.rollout_id)))
    if length == base.end_byte_offset:
        return True
    return length > base.end_byte_offset and not any(
        isinstance(thing, Line)
        for thing in _found(_cut_lines(store, thread_id, file.rollout_id, base.end_byte_offset, length))
    )


def _check_nothing_since(thread_id: str, outline: Outline, stretch: int) -> None:
    if any(turn.position.segment >= stretch for turn in outline.turns):
        raise InvalidQueryError(
            f"thread {thread_id}: turns were recorded after its last rollback; to get the dropped ones back,"
            " roll the later ones back first or fork the thread"
        )


def _stretches_behind(store: ThreadStore, thread_id: str, found: Revert) -> list[tuple[str, int, int | None]]:
    """What the file before had and the new one has not: (rollout, from, to), oldest first."""
    stretches: list[tuple[str, int, int | None]] = []
    rollout_id, end = found.before.rollout_id, None
    while rollout_id != found.base.thread_id:
        stretches.append((rollout_id, 0, end))
        base = base_of(first_meta(store, _bearer(store, thread_id, rollout_id), rollout_id))
        if base is None:
            return stretches[::-1]
        rollout_id, end = base.thread_id, base.end_byte_offset
    return [(rollout_id, found.base.end_byte_offset, end), *stretches[::-1]]


def _bearer(store: ThreadStore, thread_id: str, rollout_id: str) -> str:
    """The thread that a rollout belongs to: this one, or one that it was forked from."""
    for one in (thread_id, *reversed(lineage(store, thread_id))):
        if any(segment.rollout_id == rollout_id for segment in store.segments(one)):
            return one
    raise NotFoundError(f"rollout {rollout_id}, on which thread {thread_id} builds, is missing")


def _cut_lines(store: ThreadStore, thread_id: str, rollout_id: str, start: int, end: int | None) -> Iterator[bytes]:
    offset = 0
    for line in _physical(store.raw(_bearer(store, thread_id, rollout_id), rollout_id)):
        if end is not None and offset >= end:
            return
        if offset >= start:
            yield line
        offset += len(line)


def _physical(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Blocks as lines, terminators included."""
    rest: list[bytes] = []
    for block in blocks:
        lines = block.split(b"\n")
        for line in lines[:-1]:
            yield b"".join([*rest, line, b"\n"])
            rest = []
        rest.append(lines[-1])
    if any(rest):
        yield b"".join(rest)


def _found(lines: Iterable[bytes]) -> Iterator[Found]:
    offset = 0
    for n, line in enumerate(lines):
        yield from classify(line, n, Position(0, offset), last=not line.endswith(b"\n"))
        offset += len(line)
