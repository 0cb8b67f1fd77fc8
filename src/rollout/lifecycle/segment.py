"""Rollouts that build on others by reference: their first line, their name, and how they are stored.

A paginated fork, and what a rollback of a paginated thread makes, is one line: metadata with ``history_base``,
the prefix of another rollout that is inherited (spec: rollout-format 10.20).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from rollout.codec import encode, timestamp_text
from rollout.errors import FormatError
from rollout.ids import ThreadId, try_parse
from rollout.items import encoder
from rollout.journal.filesystem import FILE_MODE
from rollout.store.base import Place, Segment
from rollout.store.local.paths import file_name

if TYPE_CHECKING:
    from rollout.lifecycle.outline import Cut, Fields, Outline
    from rollout.recording import Options
    from rollout.store.base import ThreadStore


class Base(msgspec.Struct, frozen=True):
    """The prefix of a rollout that another one inherits, under the names that stand in the file.

    ``thread_id`` is the rollout's id, which is the thread's only for a thread's first file.
    """

    thread_id: str
    end_ordinal_exclusive: int
    end_byte_offset: int


class Moment(NamedTuple):
    """One instant and one new id made of it."""

    unix_ms: int
    place: Place
    new_id: ThreadId

    @classmethod
    def now(cls, options: Options, after_ms: int = 0) -> Moment:
        """This instant; ``after_ms`` is the last one that the new id must lie behind, should clocks go back."""
        unix_ms = options.now_ms()
        new_id = ThreadId.new(max(unix_ms, after_ms + 1), options.randomness(10))
        return cls(unix_ms, Place(unix_ms, options.utc_offset_s(unix_ms)), new_id)


def rollout_ids(store: ThreadStore, thread_id: str, outline: Outline) -> list[str]:
    """The rollout of each stretch of a thread: the newest file tells its own, every other is named by the next."""
    numbers = range(1, max(outline.metas, default=0) + 1)
    bases = [_base_id(outline.metas.get(number, {}), thread_id) for number in numbers]
    return [*bases, store.segments(thread_id)[-1].rollout_id]


def _base_id(meta: Fields, thread_id: str) -> str:
    base = base_of(meta)
    if base is None:
        raise FormatError(f"thread {thread_id}: a file of its chain does not tell what it builds on")
    return base.thread_id


def base_of(meta: Fields) -> Base | None:
    """What a file's metadata say that it builds on, None when it holds everything itself."""
    try:
        return _base.decode(meta["history_base"]) if "history_base" in meta else None
    except msgspec.DecodeError:
        return None


def base_at(store: ThreadStore, thread_id: str, outline: Outline, cut: Cut) -> Base:
    """What inherits a thread up to a cut: the rollout in which the cut falls, however deep in the chain."""
    ids = rollout_ids(store, thread_id, outline)
    stretch = min(cut.position.segment, len(ids) - 1)
    return Base(ids[stretch], cut.ordinal or 0, cut.position.offset)


def meta_line(fields: dict[str, Any], moment: Moment, ordinal: int | None) -> bytes:
    """The first line of a rollout; values that were read from another file keep their bytes."""
    payload = encoder.encode({**fields, "timestamp": timestamp_text(moment.unix_ms)})
    return encode("session_meta", payload, timestamp_text(moment.unix_ms), ordinal)


def new_segment(name: str, moment: Moment, *, archived: bool = False) -> Segment:
    """A file that is to be made now."""
    _, _, rollout = name[28:-6].partition("_")
    rollout_id = try_parse(rollout or name[28:-6]) or moment.new_id
    return Segment(name, rollout_id, -1, moment.unix_ms * 1_000_000, FILE_MODE, archived, compressed=False)


def build_on(store: ThreadStore, thread_id: str, base: Base, options: Options) -> Segment:
    """Give a thread a new newest file that inherits ``base``; its older files stay as they are.

    The caller holds the thread's lock. Durable when this returns. The name sorts behind the newest one, also
    when clocks went back.
    """
    newest = store.segments(thread_id)[-1]
    last = try_parse(newest.rollout_id)
    moment = Moment.now(options, (last.unix_ms if last else None) or 0)
    name = file_name(moment.place, thread_id, moment.new_id)
    if name[:27] < newest.name[:27]:
        name = newest.name[:27] + name[27:]
    fields = {**first_meta(store, thread_id, newest.rollout_id), "history_base": base}
    segment = new_segment(name, moment, archived=newest.archived)
    store.put(segment, [meta_line(fields, moment, base.end_ordinal_exclusive)])
    return segment


def first_meta(store: ThreadStore, thread_id: str, rollout_id: str) -> Fields:
    """The metadata in the first line of one file of a thread. Raises FormatError when they cannot be read."""
    head = b""
    for block in store.raw(thread_id, rollout_id):
        head = (head + block).lstrip()
        if b"\n" in head:
            break
    try:
        return _first.decode(head.partition(b"\n")[0]).payload
    except msgspec.DecodeError as error:
        raise FormatError(
            f"thread {thread_id}: the first line of rollout {rollout_id} cannot be read: {error}"
        ) from None


class _FirstLine(msgspec.Struct, frozen=True, gc=False):
    payload: dict[str, msgspec.Raw]


_first = msgspec.json.Decoder(_FirstLine)
_base = msgspec.json.Decoder(Base | None)
