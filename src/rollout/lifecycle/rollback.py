"""Rollback: drop the last user turns in such a way that nothing is lost and it can be undone.

A legacy thread gets a marker (spec: rollout-format 7.4); its undo appends the dropped lines again, the same
bytes. A paginated thread gets a new newest file whose ``history_base`` ends before the first dropped turn; its
undo is a further one that inherits all of what was rolled back. No line is ever removed.
"""

from __future__ import annotations

from contextlib import closing
from itertools import islice, takewhile
from typing import TYPE_CHECKING, NamedTuple

from rollout.codec import encode, timestamp_text
from rollout.errors import InvalidQueryError
from rollout.items import ThreadRolledBack, encoder
from rollout.lifecycle import revert
from rollout.lifecycle.at_home import check_free, refresh_row
from rollout.lifecycle.codex_index import LEFT, NO_INDEX, CodexNote
from rollout.lifecycle.outline import Outline
from rollout.lines import Line
from rollout.recording import Options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.codec import Era
    from rollout.lifecycle.outline import Rollback
    from rollout.lines import Found
    from rollout.store.base import ThreadStore, Writer

_BATCH = 1 << 20


class RolledBack(NamedTuple):
    """What was done, or would be: how many user turns were dropped or brought back, and how many stand now.

    ``file``: the new newest file of a paginated thread.
    """

    thread_id: str
    era: Era
    turns: int
    turns_left: int
    file: str | None
    codex: CodexNote


def rollback(
    store: ThreadStore,
    thread_id: str,
    turns: int = 1,
    *,
    leave_codex_index: bool = False,
    options: Options | None = None,
) -> RolledBack:
    """Drop the last user turns. Durable when this returns; ``undo`` brings them back.

    Raises InvalidQueryError (fewer turns stand), NotFoundError, BusyError, WriteError.
    """
    options = options or Options()
    store.heal()
    with closing(store.open_writer(thread_id)) as writer:
        outline = Outline(store.lines(thread_id))
        planned = _planned(thread_id, outline, turns)
        if planned.era != "paginated":
            _mark(writer, turns, options)
            return planned
        made = revert.drop(store, thread_id, outline, outline.turns[-turns], options)
        codex = refresh_row(store, thread_id, options.now_ms(), leave=leave_codex_index, locked=True)
        return planned._replace(file=made.name, codex=codex)


def plan_rollback(store: ThreadStore, thread_id: str, turns: int = 1) -> RolledBack:
    """What ``rollback`` would do; nothing is changed."""
    check_free(store, thread_id)
    return _planned(thread_id, Outline(store.lines(thread_id)), turns)


def undo(
    store: ThreadStore, thread_id: str, *, leave_codex_index: bool = False, options: Options | None = None
) -> RolledBack:
    """Bring back what the last rollback that still holds has dropped; again: the one before it.

    Raises InvalidQueryError when there is none, or when turns were recorded after it: then fork instead. An
    undo that was interrupted is finished.
    """
    options = options or Options()
    store.heal()
    with closing(store.open_writer(thread_id)) as writer:
        outline = Outline(store.lines(thread_id))
        if outline.era != "paginated":
            return _undo_marker(store, thread_id, outline, writer)
        found = revert.last(store, thread_id, outline)
        made = revert.bring_back(store, thread_id, found, options)
        codex = refresh_row(store, thread_id, options.now_ms(), leave=leave_codex_index, locked=True)
        there = len(Outline(store.lines(thread_id)).turns)
        return RolledBack(thread_id, "paginated", there - len(outline.turns), there, made.name, codex)


def plan_undo(store: ThreadStore, thread_id: str) -> RolledBack:
    """What ``undo`` would do; nothing is changed."""
    check_free(store, thread_id)
    outline = Outline(store.lines(thread_id))
    if outline.era == "paginated":
        turns = len(Outline(revert.dropped(store, thread_id, revert.last(store, thread_id, outline))).turns)
    else:
        turns = _last_marker(store, thread_id, outline)[0].turns
    return RolledBack(thread_id, outline.era or "legacy", turns, len(outline.turns) + turns, None, LEFT)


def dropped_lines(store: ThreadStore, thread_id: str) -> Iterator[Found]:
    """What the last rollback that still holds has dropped. Raises InvalidQueryError when there is none."""
    outline = Outline(store.lines(thread_id))
    if outline.era == "paginated":
        return revert.dropped(store, thread_id, revert.last(store, thread_id, outline))
    marker, _ = _last_marker(store, thread_id, outline)
    return takewhile(lambda found: found.n < marker.at.n, store.lines(thread_id, marker.start.n))


def _planned(thread_id: str, outline: Outline, turns: int) -> RolledBack:
    there = len(outline.turns)
    if turns < 1:
        raise InvalidQueryError(f"cannot roll back {turns} turns: give 1 or more")
    if turns > there:
        raise InvalidQueryError(f"thread {thread_id} has {there} user turn{'' if there == 1 else 's'}: {turns} cannot be rolled back")
    return RolledBack(thread_id, outline.era or "legacy", turns, there - turns, None, NO_INDEX)


def _mark(writer: Writer, turns: int, options: Options) -> None:
    line = encode("event_msg", encoder.encode(ThreadRolledBack(num_turns=turns)), timestamp_text(options.now_ms()))
    writer.append(line, 1)
    writer.flush()
    writer.sync()


def _undo_marker(store: ThreadStore, thread_id: str, outline: Outline, writer: Writer) -> RolledBack:
    marker, there = _last_marker(store, thread_id, outline)
    _append_again(writer, islice(_dropped_by(store, thread_id, marker), there, None))
    stands = len(Outline(store.lines(thread_id)).turns)
    return RolledBack(thread_id, outline.era or "legacy", marker.turns, stands, None, NO_INDEX)


def _append_again(writer: Writer, lines: Iterator[bytes]) -> None:
    """Append lines in batches; after a failure the next undo goes on where this one ended."""
    batch: list[bytes] = []
    size = 0
    for line in lines:
        batch.append(line)
        size += len(line)
        if size >= _BATCH:
            writer.append(b"".join(batch), len(batch))
            writer.flush()
            batch, size = [], 0
    if batch:
        writer.append(b"".join(batch), len(batch))
    writer.flush()
    writer.sync()


def _dropped_by(store: ThreadStore, thread_id: str, marker: Rollback) -> Iterator[bytes]:
    """The lines that a marker drops, from the first turn that it takes up to itself."""
    found = takewhile(lambda thing: thing.n < marker.at.n, store.lines(thread_id, marker.start.n))
    return (thing.data for thing in found if isinstance(thing, Line))


def _last_marker(store: ThreadStore, thread_id: str, outline: Outline) -> tuple[Rollback, int]:
    """The last marker that was not undone, and how many of its lines an interrupted undo has appended.

    A marker is undone where all that it dropped stands behind it again; what it dropped holds older markers, and
    they stand again in the copy.
    """
    limit = outline.end.n
    for marker in reversed(outline.rollbacks):
        if marker.at.n >= limit:
            continue
        again, whole, end = _again(store, thread_id, marker)
        if whole:
            limit = marker.start.n
            continue
        if any(turn.n > end for turn in outline.turns):
            raise InvalidQueryError(
                f"thread {thread_id}: turns were recorded after its last rollback; to get the dropped ones back, "
                f"roll the later ones back first or fork the thread"
            )
        return marker, again
    raise InvalidQueryError(f"thread {thread_id} has no rollback that could be undone")


def _again(store: ThreadStore, thread_id: str, marker: Rollback) -> tuple[int, bool, int]:
    """How many of the dropped lines stand again right behind a marker, whether all do, and where the last one is."""
    behind = (found for found in store.lines(thread_id, marker.at.n + 1) if isinstance(found, Line))
    count, end = 0, marker.at.n
    for line in _dropped_by(store, thread_id, marker):
        repeated = next(behind, None)
        if repeated is None or repeated.data != line:
            return count, False, end
        count, end = count + 1, repeated.n
    return count, True, end
