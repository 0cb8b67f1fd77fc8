"""From a store to a bundle: which files a thread needs, and their bytes."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from rollout.bundle.layout import FileHead, Head, encode_bundle
from rollout.errors import FormatError, NotFoundError
from rollout.ids import try_parse
from rollout.lifecycle.segment import base_of, first_meta
from rollout.query import EVERYTHING
from rollout.store.pages import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rollout.store.base import Segment, ThreadStore

_PAGE = 1000


class Contents(NamedTuple):
    """What a bundle will hold: bases before what builds on them, the files of a thread oldest first."""

    head: Head
    files: tuple[FileHead, ...]


def contents_of(store: ThreadStore, thread_ids: Sequence[str]) -> Contents:
    """The files of these threads, and all that they build on. Raises NotFoundError.

    A base that cannot be found is named in ``head.missing``; the thread is bundled without it.
    """
    threads = tuple(dict.fromkeys(thread_ids))
    names = store.names()
    search = _Search(store)
    for thread_id in threads:
        for segment in store.segments(thread_id):
            search.add(thread_id, segment, "own")
    head = Head(threads, {one: names[one] for one in threads if one in names}, tuple(search.missing))
    return Contents(head, tuple(search.found.values()))


def write_bundle(store: ThreadStore, contents: Contents, made_by: str) -> Iterator[bytes]:
    """The bundle in pieces; each file as it stands when it is read, decompressed. Holds one block at a time."""
    return encode_bundle(contents.head, _read(store, contents.files), made_by)


def _read(store: ThreadStore, files: Iterable[FileHead]) -> Iterator[tuple[FileHead, Iterable[bytes]]]:
    for file in files:
        yield file, store.raw(file.thread_id, file.segment.rollout_id)


class _Search:
    """Collects files with what they build on."""

    def __init__(self, store: ThreadStore) -> None:
        self._store = store
        self.found: dict[str, FileHead] = {}
        self.missing: list[str] = []

    def add(self, thread_id: str, segment: Segment, role: str) -> None:
        """Add a file behind the files that it builds on; one that is meant itself counts as such."""
        chain = [FileHead(thread_id, role, segment)]
        seen = {segment.rollout_id}
        while (base := self._base(chain[-1])) is not None and base.segment.rollout_id not in seen:
            seen.add(base.segment.rollout_id)
            chain.append(base)
        for file in reversed(chain):
            known = self.found.get(file.segment.rollout_id)
            if known is None or (file.role == "own" and known.role == "base"):
                self.found[file.segment.rollout_id] = file

    def _base(self, file: FileHead) -> FileHead | None:
        try:
            meta = first_meta(self._store, file.thread_id, file.segment.rollout_id)
        except FormatError:
            return None
        base = base_of(meta)
        if base is None:
            return None
        found = self._rollout(base.thread_id, [file.thread_id, base.thread_id])
        if found is None and base.thread_id not in self.missing:
            self.missing.append(base.thread_id)
        return found

    def _rollout(self, rollout_id: str, likely: Sequence[str]) -> FileHead | None:
        """A file by its rollout's id, which need not be its thread's: near ones first, then every thread."""
        wanted = try_parse(rollout_id) or rollout_id
        for thread_id in (*likely, *self._everyone(likely)):
            with suppress(NotFoundError):
                for segment in self._store.segments(thread_id):
                    if segment.rollout_id == wanted:
                        return FileHead(thread_id, "base", segment)
        return None

    def _everyone(self, known: Sequence[str]) -> Iterator[str]:
        return (row.id for row in rows_of(self._store, EVERYTHING._replace(limit=_PAGE)) if row.id not in known)
