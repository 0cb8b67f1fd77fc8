"""From one store into another, byte for byte: every file of a thread under its name, with its time, mode and place.

Resumable: a file that is there with the same bytes is passed over, and a file is stored whole or not at all.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from rollout.errors import ExistsError, FormatError, NotFoundError
from rollout.labels import NO_LABELS
from rollout.query import EVERYTHING, Order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rollout.query import ThreadQuery
    from rollout.store.base import Segment, ThreadStore

_PAGE = 200


class Copied(NamedTuple):
    """What became of one thread: the files that were written, those that were there already, bytes, its name."""

    thread_id: str
    written: tuple[str, ...]
    present: tuple[str, ...]
    bytes: int
    name: str | None


def wanted_threads(
    store: ThreadStore, query: ThreadQuery = EVERYTHING, left_out: dict[str, int] | None = None
) -> Iterator[str]:
    """The ids of the threads that a query wants, oldest first, so that bases come before their forks.

    ``left_out`` is told, by reason, what the listing passed over.
    """
    query = query._replace(order=Order("created", ascending=True), limit=_PAGE, cursor=None)
    while True:
        page = store.list(query)
        yield from (row.id for row in page.threads)
        if left_out is not None:
            for reason, number in page.hidden.items():
                left_out[reason] = max(number, left_out.get(reason, 0))
        if page.next is None:
            return
        query = query._replace(cursor=page.next)


def copy_thread(
    source: ThreadStore,
    target: ThreadStore,
    thread_id: str,
    *,
    verify: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Copied:
    """Copy one thread, its name, tags and note; with ``verify`` both sides are read again and compared.

    A thread that has a name or a note in the target keeps it. Raises NotFoundError; ExistsError when a file of that name has other
    bytes, with nothing of it written; FormatError when ``verify`` finds a difference; what ``put`` raises.
    """
    written: list[str] = []
    present: list[str] = []
    size = 0
    for segment in source.segments(thread_id):
        there = _find(target, thread_id, segment.name)
        if there is None:
            target.put(segment, _told(source.raw(thread_id, segment.rollout_id), progress))
            size += segment.data_length if segment.data_length >= 0 else segment.bytes
        elif not _same(source, target, thread_id, segment):
            raise ExistsError(f"{segment.name} is in the target with other bytes; nothing of it was written")
        (written if there is None else present).append(segment.name)
        if verify and there is None and not _same(source, target, thread_id, segment):
            raise FormatError(f"{segment.name} reads differently in the target than in the source")
    name = source.names().get(thread_id)
    if name is not None and thread_id not in target.names():
        target.set_name(thread_id, name)
    _label(source, target, thread_id)
    return Copied(thread_id, tuple(written), tuple(present), size, name)


def _label(source: ThreadStore, target: ThreadStore, thread_id: str) -> None:
    """Give the target's thread the tags of the source's, and its note where it has none."""
    labels = source.labels().get(thread_id, NO_LABELS)
    if labels.tags:
        target.set_tags(thread_id, labels.tags)
    if labels.note and not target.labels().get(thread_id, NO_LABELS).note:
        target.set_note(thread_id, labels.note)


def _find(store: ThreadStore, thread_id: str, name: str) -> Segment | None:
    try:
        return next((one for one in store.segments(thread_id) if one.name == name), None)
    except NotFoundError:
        return None


def _same(source: ThreadStore, target: ThreadStore, thread_id: str, segment: Segment) -> bool:
    """Whether both stores hold the same bytes of a file."""
    sums = (_sum(store.raw(thread_id, segment.rollout_id)) for store in (source, target))
    return next(sums) == next(sums)


def _sum(blocks: Iterable[bytes]) -> bytes:
    made = sha256()
    for block in blocks:
        made.update(block)
    return made.digest()


def _told(blocks: Iterable[bytes], progress: Callable[[int], None] | None) -> Iterator[bytes]:
    for block in blocks:
        if progress is not None:
            progress(len(block))
        yield block
