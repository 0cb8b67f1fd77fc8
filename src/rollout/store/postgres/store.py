"""The store of threads in PostgreSQL."""

from __future__ import annotations

from time import gmtime, strftime
from typing import TYPE_CHECKING, Any

from rollout.errors import InvalidQueryError, NotFoundError
from rollout.ids import ThreadId, try_parse
from rollout.labels import checked_name, checked_note, checked_tags
from rollout.lines import Position
from rollout.store.base import Segment, ThreadStore
from rollout.store.postgres import events, following, listing, reading, trash
from rollout.store.postgres.chain import chain_of, files_of, whole_chain
from rollout.store.postgres.connections import Connections
from rollout.store.postgres.folding import STATE, FileState, exact
from rollout.store.postgres.leases import Leases
from rollout.store.postgres.names import all_labels, all_names, resolve
from rollout.store.postgres.searching import Search
from rollout.store.postgres.storing import store_file
from rollout.store.postgres.threads import (
    Given,
    annotate,
    building_on,
    one_thread,
    rename,
    stored_summary,
    summary_of,
    tag,
)
from rollout.store.postgres.writer import Opened, PostgresWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rollout.labels import Labels
    from rollout.lines import Found
    from rollout.query import Page, Thread, ThreadQuery
    from rollout.search_query import SearchQuery
    from rollout.store.base import Owner, Place, Receipt, Removed, SearchPage, Writer
    from rollout.store.changes import Watch
    from rollout.store.postgres.target import Target
    from rollout.summary import Summary


class PostgresStore(ThreadStore):
    """Threads of one tenant on a server. See ``ThreadStore`` for the contract.

    Nothing is connected before the first question. A question that only reads is asked once more when the connection
    broke; then UnreachableError, which names the server and no secret.
    """

    def __init__(self, target: Target) -> None:
        """The store that a URL means: ``rollout.store.postgres.target.parse``."""
        self._connections = Connections(target)
        self._leases = Leases(self._connections)

    @property
    def tenant(self) -> str:
        """Whose threads these are; connects when that is not known yet."""
        if not self._connections.tenant:
            self._connections.fetch("SELECT 1", {})
        return self._connections.tenant

    # -- writing -----------------------------------------------------------------------------------------------

    def create(self, thread_id: ThreadId, place: Place) -> Writer:
        """A writer of a new thread; nothing is stored and no lease is taken until its ``begin``."""
        assert self.tenant  # noqa: S101 - known from here on
        stamp = strftime("%Y-%m-%dT%H-%M-%S", gmtime(place.unix_ms // 1000 + place.utc_offset_s))
        return PostgresWriter(self._connections, self._leases, f"rollout-{stamp}-{thread_id}.jsonl")

    def open_writer(self, thread_id: str, wait: float = 0.0) -> Writer:
        """The writer of an existing thread; opening changes nothing. Raises BusyError, NotFoundError."""
        tenant, fetch = self.tenant, self._connections.fetch
        identity = files_of(fetch, tenant, thread_id)[-1].thread_id
        lease = self._leases.wait_for(identity, self._leases.new_holder(), wait)
        try:
            newest = files_of(fetch, tenant, identity)[-1]
            opened = Opened(lease, newest.segment, self._state(identity, newest.segment))
            writer = PostgresWriter(self._connections, self._leases, newest.name, opened)
        except BaseException:
            self._leases.release(lease)
            raise
        self._leases.keep(lease)
        return writer

    def _state(self, thread_id: str, segment: int) -> FileState:
        rows = self._connections.fetch(
            f"SELECT {STATE}, (SELECT summary FROM rollout.threads t WHERE t.tenant = s.tenant AND t.thread_id = s.thread_id)"
            " FROM rollout.segments s WHERE tenant = %(tenant)s AND thread_id = %(id)s AND segment = %(segment)s",
            {"tenant": self.tenant, "id": thread_id, "segment": segment},
        )
        return FileState.of(rows[0][:-1], rows[0][-1])

    def owner(self, thread_id: str) -> Owner | None:
        """Who writes the thread now."""
        wanted, tenant = try_parse(thread_id), self.tenant
        return self._leases.owner(self._connections.fetch, wanted) if wanted and tenant else None

    def close(self) -> None:
        """Close the connections, once the last writer is closed too."""
        self._connections.release()

    # -- reading -----------------------------------------------------------------------------------------------

    def lines(self, thread_id: str, start: int = 0, *, own: bool = False) -> Iterator[Found]:
        """The thread as it is now, from line ``start`` on, in blocks of 1 MiB. Raises NotFoundError at once."""
        chain = whole_chain(self._connections.fetch, self.tenant, thread_id)
        found = reading.lines(self._connections.fetch, chain, start, own=own)
        return (one for one in found if one.n >= start)

    def lines_back(self, thread_id: str, before: Position | None = None) -> Iterator[Found]:
        """The thread as it is now, newest first; every ``n`` is known."""
        chain = whole_chain(self._connections.fetch, self.tenant, thread_id)
        return reading.lines_back(self._connections.fetch, chain, before)

    def lines_from(self, thread_id: str, start: Position, n: int = -1) -> Iterator[Found]:  # noqa: ARG002 - it knows better
        """The thread as it is now, from the line at a position on; every ``n`` is known."""
        chain = whole_chain(self._connections.fetch, self.tenant, thread_id)
        first = reading.number_from(self._connections.fetch, chain, start)
        return (one for one in reading.lines(self._connections.fetch, chain, first) if one.n >= first)

    def number(self, thread_id: str, position: Position) -> int:
        """The number of the line at a position; nothing is read for it."""
        fetch = self._connections.fetch
        return reading.number_from(fetch, whole_chain(fetch, self.tenant, thread_id), position)

    def wait(self, thread_id: str, after: Position, timeout: float) -> Position:
        """The position of the end once it is beyond ``after``, or ``after`` when the time is over; a server that is away is waited for."""

        def grown() -> Position | None:
            end = self.end(thread_id)
            return end if end > after else None

        identity = try_parse(thread_id) or thread_id
        return following.wait(self._connections, identity, grown, timeout) or after

    def watch(self) -> Watch:
        """Tells what is committed from now on; raises UnreachableError."""
        assert self.tenant  # noqa: S101 - known from here on
        return events.PostgresWatch(self._connections)

    def end(self, thread_id: str) -> Position:
        """The position behind the last complete line."""
        chain = whole_chain(self._connections.fetch, self.tenant, thread_id)
        return Position(len(chain.stretches) - 1, chain.newest.complete)

    def segments(self, thread_id: str) -> tuple[Segment, ...]:
        """The stored files of the thread, oldest first."""
        return tuple(one.as_segment() for one in files_of(self._connections.fetch, self.tenant, thread_id))

    def raw(self, thread_id: str, rollout_id: str | None = None) -> Iterator[bytes]:
        """The exact bytes of one file, by default the newest, in blocks of about 1 MiB."""
        own = files_of(self._connections.fetch, self.tenant, thread_id)
        wanted = own[-1].rollout_id if rollout_id is None else try_parse(rollout_id)
        file = next((one for one in own if one.rollout_id == wanted), None)
        if file is None:
            raise NotFoundError(f"thread {thread_id} has no file {rollout_id}; segments() names them")
        rows = reading.physical_lines(self._connections.fetch, file, 0, file.lines)
        return (data[: file.bytes - at] for _, at, data in rows)

    def put(self, segment: Segment, blocks: Iterable[bytes], *, name: str | None = None, tags: Iterable[str] = ()) -> None:
        """Store the exact bytes of a file, its time, mode and place, in one transaction; raises ExistsError, FormatError."""
        assert self.tenant  # noqa: S101 - known from here on
        checked = checked_name(name)
        store_file(self._connections, segment, blocks, Given(checked and exact(checked), checked_tags(tags)))

    # -- finding -----------------------------------------------------------------------------------------------

    def row(self, thread_id: str) -> Thread:
        """The row of a listing for one thread. Raises NotFoundError."""
        wanted = try_parse(thread_id)
        found = one_thread(self._connections.fetch, self.tenant, wanted) if wanted else None
        if found is None:
            raise NotFoundError(f"no thread {thread_id}; list() names those that are here")
        return found

    def summary(self, thread_id: str) -> Summary:
        """The facts of the thread: kept by its writers; read from the lines where it has several files."""
        tenant, fetch = self.tenant, self._connections.fetch
        files = files_of(fetch, tenant, thread_id)
        chain = chain_of(fetch, tenant, files[-1])
        if len(files) > 1:
            return summary_of(fetch, chain, newest=False)
        return stored_summary(fetch, tenant, chain)

    def resolve(self, text: str) -> tuple[ThreadId, ...]:
        """The threads that a text means: an id in any form, a prefix of 4 or more, or a name."""
        return resolve(self._connections.fetch, self.tenant, text)

    def list(self, query: ThreadQuery) -> Page:
        """One page of threads; ``hidden`` counts what stands between its cursors."""
        return listing.page_of(self._connections.fetch, self.tenant, query)

    def search(self, text: str | SearchQuery, query: ThreadQuery) -> SearchPage:
        """Where a text occurs; the words of new lines are told first."""
        assert self.tenant  # noqa: S101 - known from here on
        return Search(self._connections, text, query).page()

    def references(self, thread_id: str) -> tuple[ThreadId, ...]:
        """The threads that build on this one by reference."""
        fetch, tenant = self._connections.fetch, self.tenant
        return tuple(map(ThreadId, building_on(fetch, tenant, files_of(fetch, tenant, thread_id))))

    # -- changing ----------------------------------------------------------------------------------------------

    def set_archived(self, thread_id: str, archived: bool) -> None:  # noqa: FBT001 - the state itself
        """Archive or unarchive every file. Idempotent. Raises BusyError, NotFoundError."""
        identity = files_of(self._connections.fetch, self.tenant, thread_id)[0].thread_id
        values: dict[str, Any] = {"tenant": self.tenant, "id": identity, "archived": archived}
        with self._leases.held(identity) as connection:
            connection.execute(
                "UPDATE rollout.segments SET archived = %(archived)s WHERE tenant = %(tenant)s AND thread_id = %(id)s"
                " AND trash IS NULL",
                values,
            )
            connection.execute(
                "UPDATE rollout.threads SET archived = %(archived)s WHERE tenant = %(tenant)s AND thread_id = %(id)s",
                values,
            )

    def set_name(self, thread_id: str, name: str) -> None:
        """Give the thread a name; raises InvalidQueryError for an empty one, NotFoundError."""
        if not name.strip():
            raise InvalidQueryError("a name cannot be empty")
        row = self.row(thread_id)._replace(name=name.strip())
        with self._connections.changing() as connection:
            rename(connection, self.tenant, row)

    def names(self) -> Mapping[str, str]:
        """The newest name of every thread that has one."""
        return all_names(self._connections.fetch, self.tenant)

    def set_tags(self, thread_id: str, add: Iterable[str] = (), remove: Iterable[str] = ()) -> tuple[str, ...]:
        """Give and take tags; raises InvalidQueryError for what is no tag, NotFoundError."""
        added, removed, identity = checked_tags(add), checked_tags(remove), self.row(thread_id).id
        with self._connections.changing() as connection:
            tags = tag(connection, self.tenant, identity, added, removed)
        if tags is None:
            raise NotFoundError(f"thread {identity} went away meanwhile; nothing was written")
        return tags

    def set_note(self, thread_id: str, note: str) -> None:
        """Write the note of a thread; raises InvalidQueryError for what cannot be kept, NotFoundError."""
        text, identity = checked_note(note), self.row(thread_id).id
        with self._connections.changing() as connection:
            if not annotate(connection, self.tenant, identity, text):
                raise NotFoundError(f"thread {identity} went away meanwhile; nothing was written")

    def labels(self) -> Mapping[str, Labels]:
        """The tags and notes of every thread that has any."""
        return all_labels(self._connections.fetch, self.tenant)

    def remove(self, thread_id: str) -> Receipt:
        """Take the thread away so that it can be restored; refuses while forks build on it."""
        assert self.tenant  # noqa: S101 - known from here on
        return trash.remove(self._connections, self._leases, thread_id)

    def removed(self) -> Sequence[Removed]:
        """Every removal that can be restored, the newest first."""
        return trash.removed(self._connections.fetch, self.tenant)

    def restore(self, receipt: Receipt) -> None:
        """Bring a removed thread back, byte for byte; raises ExistsError, NotFoundError, BusyError."""
        assert self.tenant  # noqa: S101 - known from here on
        trash.restore(self._connections, self._leases, receipt)

    def purge(self, receipt: Receipt) -> None:
        """Take a removed thread's lines away for good; raises BusyError."""
        assert self.tenant  # noqa: S101 - known from here on
        trash.purge(self._connections, self._leases, receipt)
