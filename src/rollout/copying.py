"""From one store into another, byte for byte: every file of a thread under its name, with its time, mode and place.

Resumable: a file that is there with the same bytes is passed over, and a file is stored whole or not at all.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from rollout.errors import ExistsError, FormatError
from rollout.labels import NO_LABELS, Labels
from rollout.query import EVERYTHING, Order
from rollout.store.pages import pages_of
from rollout.store.rows import KeepsRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rollout.query import Page, ThreadQuery
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
    for page in _pages(store, query._replace(counted=left_out is not None)):
        yield from (row.id for row in page.threads)
        if left_out is not None:
            for reason, number in page.hidden.items():
                left_out[reason] = max(number, left_out.get(reason, 0))


def bytes_of(store: ThreadStore, query: ThreadQuery = EVERYTHING) -> int:
    """How many bytes the threads that a query wants have as they are stored; one walk through their listing."""
    return sum(row.bytes for page in _pages(store, query._replace(counted=False)) for row in page.threads)


def _pages(store: ThreadStore, query: ThreadQuery) -> Iterator[Page]:
    return pages_of(store, query._replace(order=Order("created", ascending=True), limit=_PAGE, cursor=None))


def copy_thread(
    source: ThreadStore,
    target: ThreadStore,
    thread_id: str,
    *,
    verify: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Copied:
    """Copy one thread, its name, tags and note; with ``verify`` both sides are read again and compared.

    ``progress`` is told how many bytes more are in the target, those that were there among them.
    A thread that has a name or a note in the target keeps it. Raises NotFoundError; ExistsError when a file of that name has other
    bytes, with nothing of it written; FormatError when ``verify`` finds a difference; what ``put`` raises.
    """
    written: list[str] = []
    present: list[str] = []
    size = 0
    for segment in source.segments(thread_id):
        blocks = _Told(source.raw(thread_id, segment.rollout_id), progress)
        try:  # a target without the thread would look for it everywhere before it said so: it is written first
            target.put(segment, blocks)
        except ExistsError:
            if not _same(source, target, thread_id, segment):
                raise ExistsError(f"{segment.name} is in the target with other bytes; nothing of it was written") from None
            present.append(segment.name)
            blocks.tell(_length(segment) - blocks.told)
            continue
        written.append(segment.name)
        size += _length(segment)
        if verify and not _same(source, target, thread_id, segment):
            raise FormatError(f"{segment.name} reads differently in the target than in the source")
    return Copied(thread_id, tuple(written), tuple(present), size, _give(source, target, thread_id))


def _length(segment: Segment) -> int:
    return segment.data_length if segment.data_length >= 0 else segment.bytes


def _give(source: ThreadStore, target: ThreadStore, thread_id: str) -> str | None:
    """Give the target's thread the tags of the source's, its name and its note where it has none; returns the name."""
    name, labels = _given(source, thread_id)
    if name is None and not labels.tags and not labels.note:
        return None
    had, its = _given(target, thread_id)
    if name is not None and had is None:
        target.set_name(thread_id, name)
    if labels.tags:
        target.set_tags(thread_id, labels.tags)
    if labels.note and not its.note:
        target.set_note(thread_id, labels.note)
    return name


def _given(store: ThreadStore, thread_id: str) -> tuple[str | None, Labels]:
    """Name, tags and note of one thread; of all of them where a store does not know them one by one."""
    if isinstance(store, KeepsRows):
        row = store.row(thread_id)
        return row.name, Labels(row.tags, row.note)
    return store.names().get(thread_id), store.labels().get(thread_id, NO_LABELS)


def _same(source: ThreadStore, target: ThreadStore, thread_id: str, segment: Segment) -> bool:
    """Whether both stores hold the same bytes of a file."""
    sums = (_sum(store.raw(thread_id, segment.rollout_id)) for store in (source, target))
    return next(sums) == next(sums)


def _sum(blocks: Iterable[bytes]) -> bytes:
    made = sha256()
    for block in blocks:
        made.update(block)
    return made.digest()


class _Told:
    """Blocks whose lengths are told as they go by."""

    def __init__(self, blocks: Iterable[bytes], progress: Callable[[int], None] | None) -> None:
        self._blocks, self._progress, self.told = blocks, progress, 0

    def tell(self, size: int) -> None:
        """So many bytes more."""
        self.told += size
        if self._progress is not None:
            self._progress(size)

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            self.tell(len(block))
            yield block
