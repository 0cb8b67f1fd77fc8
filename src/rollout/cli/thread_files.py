"""Every thread of a store, and the lines and bytes of each, file by file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.errors import NotFoundError
from rollout.journal.reader import classify, forward, open_source
from rollout.lines import Position
from rollout.query import EVERYTHING, Order
from rollout.render.safe import safe_line
from rollout.store.pages import pages_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rollout.cli.output import Output
    from rollout.lines import Found
    from rollout.query import Thread
    from rollout.store.base import ThreadStore
    from rollout.usage import Ancestry

_PAGE = 500
_OLDEST_FIRST = Order("created", ascending=True)


class Everything:
    """Every thread of a store, once, the archived ones included.

    ``left_out`` counts what was passed over, by reason; ``note`` says what a person should know of how they were found.
    """

    def __init__(self, store: ThreadStore, order: Order = _OLDEST_FIRST) -> None:
        """Nothing is read yet."""
        self._store, self._order = store, order
        self.left_out: dict[str, int] = {}
        self.note = ""

    def rows(self) -> Iterator[Thread]:
        """The rows, a page in memory at a time."""
        query = EVERYTHING._replace(order=self._order, limit=_PAGE)
        seen: set[str] = set()
        hidden: dict[str, int] = {}
        for page in pages_of(self._store, query):
            self.note = page.note
            for row in page.threads:
                if row.id in seen:
                    self.left_out["duplicate"] = self.left_out.get("duplicate", 0) + 1
                    continue
                seen.add(row.id)
                yield row
            hidden = {reason: max(count, hidden.get(reason, 0)) for reason, count in {**hidden, **page.hidden}.items()}
        for reason, count in hidden.items():
            self.left_out[reason] = self.left_out.get(reason, 0) + count

    def tell(self, out: Output) -> None:
        """Say how they were found, where that is not as usual."""
        if self.note:
            out.note(safe_line(self.note))


class Builds:
    """What one file builds on, from the store that it stands in; an ``Ancestry``."""

    def __init__(self, store: ThreadStore, thread_id: str, *, newest: bool) -> None:
        """Nothing is read until it is asked for."""
        self._store, self._thread_id, self._newest = store, thread_id, newest

    def source(self, thread_id: str) -> Iterable[Found] | None:
        """The lines of another thread; None when it is not there."""
        try:
            return self._store.lines(thread_id)
        except NotFoundError:
            return None

    def base_back(self) -> Iterable[Found] | None:
        """What stands before the newest file, backwards; of an older file of a thread nobody can tell."""
        if not self._newest:
            return None
        end = self._store.end(self._thread_id)
        return self._store.lines_back(self._thread_id, Position(end.segment, 0))


def files_of(store: ThreadStore, row: Thread) -> Iterator[tuple[Iterator[Found], Ancestry]]:
    """Every file of a thread by itself, bases left out, the oldest first; read while iterated.

    Raises NotFoundError, OSError, FormatError.
    """
    if row.segments == 1:
        yield _file(store, row), Builds(store, row.id, newest=True)
        return
    segments = store.segments(row.id)
    for segment in segments:
        blocks = store.raw(row.id, segment.rollout_id)
        yield _found(blocks), Builds(store, row.id, newest=segment is segments[-1])


def blocks_of(store: ThreadStore, row: Thread) -> Iterator[bytes]:
    """The bytes of a thread's own files, decompressed, the oldest first. Raises as ``files_of`` does."""
    if row.segments == 1:
        try:
            with open_source(row.path) as source:
                yield from source.blocks()
        except FileNotFoundError:
            yield from store.raw(row.id)
        return
    for segment in store.segments(row.id):
        yield from store.raw(row.id, segment.rollout_id)


def _file(store: ThreadStore, row: Thread) -> Iterator[Found]:
    """The one file of a thread from where it was listed: to find it again would mean a walk through the home."""
    try:
        source = open_source(row.path)
    except FileNotFoundError:
        yield from _found(store.raw(row.id))
        return
    with source:
        yield from forward(source)


def _found(blocks: Iterable[bytes]) -> Iterator[Found]:
    """Blocks of bytes as lines and damage."""
    n = offset = 0
    rest: list[bytes] = []
    for block in blocks:
        *whole, last = block.split(b"\n")
        for piece in whole:
            line = b"".join([*rest, piece, b"\n"])
            yield from classify(line, n, Position(0, offset))
            n, offset = n + 1, offset + len(line)
            rest = []
        rest.append(last)
    if any(rest):
        yield from classify(b"".join(rest), n, Position(0, offset), last=True)
