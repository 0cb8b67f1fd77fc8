"""Pydantic AI's ConversationStore, kept as threads that Codex can list, read and resume.

A conversation is one thread: its messages stand in it as Codex's items, for people and for Codex, and beside them
the entries and records of the SDK, exactly. Needs ``pydantic-ai-slim`` 2.66 or newer (the extra ``pydantic-ai``).
"""

# pyright: reportUnknownParameterType=false, reportUnknownLambdaType=false
# The SDK need not be installed where types are checked.
from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

try:
    from pydantic_ai.conversation_store import (  # type: ignore[import-not-found, unused-ignore]  # pyright: ignore[reportMissingImports]  # an extra: only some environments have it
        ConversationConflict,
        ConversationEntry,
        ConversationRecord,
        ConversationStore,
    )
except ImportError as error:
    raise ImportError(f"{error}; install rollout-recorder[pydantic-ai]") from error

from rollout.adapters.dropping import change
from rollout.adapters.keeping import WAIT_S, abandon, append, as_store, guarded, make_thread, settled, thread_id_of
from rollout.adapters.pydantic_items import lines_of, shown
from rollout.adapters.pydantic_lines import chain, entry_line, newest_record, record_line
from rollout.errors import BusyError, NotFoundError
from rollout.history import rebuild
from rollout.lifecycle import delete
from rollout.query import EVERYTHING, Order
from rollout.recording import CreateParams, Options, Recording
from rollout.store.pages import rows_of

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from rollout.ids import ThreadId
    from rollout.store.base import ThreadStore

ORIGINATOR = "pydantic-ai"
_PAGE = 500
_HEADS = 4096


class RolloutConversationStore(ConversationStore):  # type: ignore[misc, unused-ignore]  # pyright: ignore[reportUntypedBaseClass]  # untyped where the extra is absent
    """A ConversationStore over a store of threads; ``load``, ``save``, ``fork`` and the rest are the SDK's own.

    A conversation whose id is a UUID (the SDK's default) is the thread of that id; any other id means one thread,
    which gets it as a name. A save appends what is new, twice: as the SDK's entries and as items that Codex shows.
    A fork copies the entries that it keeps, so that every thread stands for itself. What a branch leaves is marked
    as rolled back.

    Safe for use by many tasks and processes. ConversationConflict: somebody saved in between, load again.
    BusyError: after ``wait`` seconds another program (a running Codex, say) still writes the thread; it is named.
    """

    def __init__(
        self,
        store: ThreadStore | str | os.PathLike[str] | None = None,
        *,
        params: CreateParams | None = None,
        wait: float = WAIT_S,
        erase: bool = False,
    ) -> None:
        """Nothing is opened yet. ``store``: a store, a home's path, or None for the home of ``open_store()``.

        ``params``: what new threads say of themselves; their id and originator are the store's business.
        ``erase``: a deleted conversation is gone for good; otherwise it lies in the home's trash.
        """
        self.store = as_store(store)
        self.wait = wait
        self.erase = erase
        self._params = params
        self._heads: OrderedDict[str, ThreadId] = OrderedDict()

    async def read_record(self, conversation_id: str) -> ConversationRecord | None:
        """The record as last written, None when there is none. Reads from the thread's end; takes no lock."""
        return await settled(lambda: self._record(thread_id_of(conversation_id), conversation_id))

    async def read_records(self, *, scope: str | None = None, limit: int | None = None) -> Sequence[ConversationRecord]:
        """The records of all conversations that this adapter made, archived ones too, newest first.

        Looks into every thread of the store; holds the whole list.
        """
        records = await settled(lambda: [record for _, record in self._all() if scope in (None, record.scope)])
        records.sort(key=lambda record: record.updated_at, reverse=True)
        return records[:limit]

    async def write_record(
        self,
        record: ConversationRecord,
        *,
        new_entries: Sequence[ConversationEntry] = (),
        expected_revision: str | None,
    ) -> None:
        """Append the new entries and the record; they survive the death of the process when this returns.

        One batch, the record last: what a crash cuts off was never part of the conversation. Raises
        ConversationConflict, BusyError, WriteError (call again).
        """
        await settled(lambda: self._write(record, list(new_entries), expected_revision))

    async def delete_record(self, conversation_id: str, *, expected_revision: str) -> None:
        """Take the conversation's thread away, its entries with it; forks have their own copies.

        It lies in the home's trash (``rollout restore``) unless the store erases. Raises ConversationConflict,
        BusyError; InUseError when Codex built a fork on the thread.
        """
        await settled(lambda: self._delete(conversation_id, expected_revision))

    async def read_entry(self, entry_id: str) -> ConversationEntry:
        """One entry. Raises KeyError. Quick for the head of a record that was just read, else a search."""
        return (await self.read_history(entry_id, limit=1))[0]

    async def read_history(self, head_id: str | None, *, limit: int | None = None) -> list[ConversationEntry]:
        """The entries up to a head in one pass from the thread's end. Raises KeyError when one is missing."""
        if head_id is None:
            return []
        found = await settled(lambda: self._history(head_id, limit))
        if found is None:
            raise KeyError(head_id)
        return found

    # -- in a worker thread ----------------------------------------------------------------------------------

    def _record(self, thread_id: ThreadId, conversation_id: str) -> ConversationRecord | None:
        try:
            record = newest_record(self.store.lines_back(thread_id), conversation_id)
        except NotFoundError:
            return None
        if record is not None:
            self._remember(record, thread_id)
        return record

    def _remember(self, record: ConversationRecord, thread_id: ThreadId) -> None:
        """Where the heads of a record lie: the SDK asks for histories by their heads alone."""
        for head in (record.head_id, *record.branches):
            if head is not None:
                self._heads[head] = thread_id
                self._heads.move_to_end(head)
        while len(self._heads) > _HEADS:
            self._heads.popitem(last=False)

    def _all(self) -> Iterator[tuple[ThreadId, ConversationRecord]]:
        """Every conversation with its thread; a copy of a thread under another id is none."""
        query = EVERYTHING._replace(order=Order("created"), limit=_PAGE)
        for row in rows_of(self.store, query):
            if row.summary.originator == ORIGINATOR:
                record = newest_record(self.store.lines_back(row.id))
                if record is not None and thread_id_of(record.conversation_id) == row.id:
                    yield row.id, record

    def _history(self, head_id: str, limit: int | None = None) -> list[ConversationEntry] | None:
        known = self._heads.get(head_id)
        if known is not None and (found := self._chain(known, head_id, limit)) is not None:
            return found
        others = (self._chain(thread_id, head_id, limit) for thread_id, _ in self._all() if thread_id != known)
        return next((found for found in others if found is not None), None)

    def _chain(self, thread_id: ThreadId, head_id: str | None, limit: int | None = None) -> list[Any] | None:
        try:
            return chain(self.store.lines_back(thread_id), head_id, limit)
        except NotFoundError:
            return None

    def _write(self, record: ConversationRecord, new: list[ConversationEntry], expected: str | None) -> None:
        conversation_id = record.conversation_id
        thread_id = thread_id_of(conversation_id)
        with guarded(self.store, thread_id, self.wait):
            stored = self._record(thread_id, conversation_id)
            if (stored.revision if stored is not None else None) != expected:
                raise ConversationConflict(conversation_id)
            save = _Save(stored, record, new)
            base = self._base(thread_id, save)
            recording = self._open(conversation_id, record.forked_from)
            try:
                append(recording, self._lines(recording, save, base))
            except BaseException:
                abandon(recording)
                raise
            recording.close()
        self._remember(record, thread_id)

    def _base(self, thread_id: ThreadId, save: _Save) -> list[ConversationEntry]:
        """The history that the new entries go on from; empty when it is the one that stands, which nobody reads."""
        if save.extends:
            return []
        own = self._chain(thread_id, save.base_id)
        if own is not None:
            return own
        save.inherited = self._history(save.base_id) if save.base_id is not None else []
        if save.inherited is None:
            raise ConversationConflict(save.record.conversation_id)
        return save.inherited

    def _open(self, conversation_id: str, forked_from: str | None) -> Recording:
        thread_id = thread_id_of(conversation_id)
        if self.store.resolve(thread_id):
            try:
                return Recording.resume(self.store, thread_id, Options(), self.wait)
            except BusyError as error:
                error.add_note(f"this thread keeps conversation {conversation_id!r}; waited {self.wait:g} s for it")
                raise
        source = thread_id_of(forked_from) if forked_from is not None else None
        params = replace(self._params or CreateParams(), originator=ORIGINATOR, forked_from_id=source)
        return make_thread(self.store, conversation_id, params, Options())

    def _lines(self, recording: Recording, save: _Save, base: list[ConversationEntry]) -> list[object]:
        """What people and Codex see, then the entries, then the record that makes them count."""
        new = shown(entry.message for entry in save.path)
        markers: list[Any] = []
        if not save.extends:
            visible = rebuild(self.store.lines(recording.writer.thread_id))
            wanted = shown(entry.message for entry in base) + new
            markers, kept = change(visible, wanted, recording.writer.era)
            new = wanted[kept:]
        entries = [entry_line(entry) for entry in (*(save.inherited or ()), *save.new)]
        return [*markers, *lines_of(new), *entries, record_line(save.record)]

    def _delete(self, conversation_id: str, expected: str) -> None:
        thread_id = thread_id_of(conversation_id)
        with guarded(self.store, thread_id, self.wait):
            stored = self._record(thread_id, conversation_id)
            if stored is None or stored.revision != expected:
                raise ConversationConflict(conversation_id)
            delete(self.store, thread_id, children="keep", now=self.erase)


class _Save:
    """One save: ``path`` are its new entries up to the head, ``base_id`` the entry that they go on from.

    ``extends``: the history goes on where it stood, or begins. ``inherited``: entries to copy from another thread.
    """

    def __init__(
        self, stored: ConversationRecord | None, record: ConversationRecord, new: list[ConversationEntry]
    ) -> None:
        self.record, self.new = record, new
        by_id = {entry.id: entry for entry in new}
        path: list[ConversationEntry] = []
        base = record.head_id
        while base in by_id:
            path.append(by_id[base])
            base = by_id[base].parent_id
        self.path = path[::-1]
        self.base_id: str | None = base
        self.extends = base == (stored.head_id if stored is not None else None)
        self.inherited: list[ConversationEntry] | None = []
