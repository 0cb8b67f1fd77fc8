"""The writer: one at a time, fenced once it lost its lease, exactly once whatever becomes of acknowledgements."""

from __future__ import annotations

import asyncio
import os
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest

from rollout.errors import BusyError, FencedError, WriteError
from rollout.recorder import RolloutRecorder
from rollout.recording import CreateParams, Options
from rollout.store.postgres.store import PostgresStore
from rollout.store.postgres.target import parse
from rollout.testing import builders as b
from rollout.testing.facts import Aside, datas

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from postgres_server import Server
    from rollout.store.base import Writer
    from rollout.store.postgres.connections import Connection

from rollout.store.base import Place

PLACE = Place(b.START_MS)


def begun(store: PostgresStore, number: int = 1) -> Writer:
    """A writer of a new thread."""
    writer = store.create(b.thread_id(number), PLACE)
    writer.begin(b.meta_line(b.thread_id(number)))
    return writer


def take_over(server: Server, store: PostgresStore) -> Writer:
    """Let the lease of the thread run out, and open the thread elsewhere."""
    with server.admin() as connection:
        connection.execute(
            "UPDATE rollout.leases SET expires_at = now() - interval '1 second' WHERE tenant = %s", (store.tenant,)
        )
    other = PostgresStore(parse(server.url(store.tenant)))
    writer = other.open_writer(b.thread_id(1))
    other.close()
    return writer


def test_a_writer_that_lost_its_lease_is_fenced(server: Server) -> None:
    """After another writer took over, the first one writes nothing any more and says so for ever."""
    store = server.store()
    first = begun(store)
    first.append(b.line(b.user("late")), 1)
    second = take_over(server, store)
    for use in (first.flush, first.flush, first.sync):
        with pytest.raises(FencedError):
            use()
    second.append(b.line(b.user("mine")), 1)
    second.flush()

    assert [b.line(b.user("mine"))] == datas(store.lines(b.thread_id(1)))[1:]
    first.close()
    assert store.owner(b.thread_id(1)) is not None, "closing a fenced writer must not free the other one's lease"
    second.close()
    store.close()


@pytest.mark.slow
def test_an_idle_writer_keeps_its_lease(server: Server) -> None:
    """A lease is renewed while its writer is open, however long nothing is written."""
    store = server.store(lease="0.3")
    writer = begun(store)
    other = PostgresStore(parse(server.url(store.tenant)))

    with pytest.raises(BusyError):
        other.open_writer(b.thread_id(1), wait=1.2)
    writer.close()
    other.open_writer(b.thread_id(1)).close()
    other.close()
    store.close()


def test_a_lost_acknowledgement_never_duplicates(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the answer to a batch is lost the batch is sent again, and stands there once."""
    import psycopg

    store = server.store()
    writer = begun(store)
    execute, lost = psycopg.Connection.execute, iter((True, True, False))

    def losing(self: Connection, query: str | bytes, *rest: Any, **more: Any) -> object:
        answer = execute(self, query.encode() if isinstance(query, str) else query, *rest, **more)
        if "rollout.append" in str(query) and next(lost, False):
            self.close()
            raise psycopg.OperationalError("the connection broke after the commit")
        return answer

    monkeypatch.setattr(psycopg.Connection, "execute", losing)
    writer.append(b.line(b.user("one")) + b.line(b.user("two")), 2)
    with pytest.raises(WriteError):
        writer.flush()
    pending = writer.pending_bytes > 0

    assert (True, 2, 0) == (pending, writer.flush(), writer.pending_bytes)
    assert [b.line(b.user("one")), b.line(b.user("two"))] == datas(store.lines(b.thread_id(1)))[1:]
    writer.close()
    store.close()


def test_begin_may_be_repeated_after_a_lost_acknowledgement(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A begin whose commit came and whose answer was lost is the same begin when it is repeated."""
    from rollout.store.postgres.connections import Connections

    store = server.store()
    writer = store.create(b.thread_id(1), PLACE)
    changing, lost = Connections.changing, iter((True,))

    from contextlib import contextmanager

    @contextmanager
    def losing(self: Connections, **how: bool):  # type: ignore[no-untyped-def] # noqa: ANN202 - a double
        with changing(self, **how) as connection:
            yield connection
        if next(lost, False):
            raise self.unreachable(OSError("the answer was lost"))

    monkeypatch.setattr(Connections, "changing", losing)
    with pytest.raises(WriteError):
        writer.begin(b.meta_line(b.thread_id(1)))
    writer.begin(b.meta_line(b.thread_id(1)))

    assert b.meta_line(b.thread_id(1)) == b"".join(store.raw(b.thread_id(1)))
    writer.close()
    store.close()


def test_large_batches_go_in_pieces(server: Server) -> None:
    """More than a batch is sent in several, in order, a line longer than a batch whole."""
    store = server.store()
    writer = begun(store)
    lines = [b.line(b.user(f"{number} {'x' * size}")) for number, size in enumerate((10, 1_500_000, 5, 700_000, 700_000, 1))]
    writer.append(b"".join(lines), len(lines))

    assert (6, 0) == (writer.flush(), writer.pending_bytes)
    assert lines == datas(store.lines(b.thread_id(1)))[1:]
    writer.close()
    store.close()


def test_followers_are_told_across_stores(server: Server) -> None:
    """Who waits in one store wakes when a writer of another one has flushed."""
    store = server.store()
    writer = begun(store)
    other = PostgresStore(parse(server.url(store.tenant)))
    end = other.end(b.thread_id(1))
    waiting = Aside(lambda: other.wait(b.thread_id(1), end, 20.0))
    writer.append(b.line(b.user("news")), 1)
    writer.flush()

    assert writer.position == waiting.result()
    writer.close()
    other.close()
    store.close()


def refusal(store: PostgresStore) -> tuple[object, float]:
    """Who is told to have the thread, and after how many seconds."""
    began = monotonic()
    with pytest.raises(BusyError) as caught:
        store.open_writer(b.thread_id(1))
    return caught.value.owner["pid"], monotonic() - began


def test_busy_while_the_owner_is_writing(server: Server) -> None:
    """Who asks for a thread whose lease is locked by a write in the middle is told of its owner within 100 ms."""
    store = server.store()
    writer = begun(store)
    other = PostgresStore(parse(server.url(store.tenant)))
    assert other.owner(b.thread_id(1)) is not None
    with server.admin() as holding, holding.transaction():
        holding.execute("SELECT FROM rollout.leases WHERE tenant = %s FOR UPDATE", (store.tenant,))
        told = [refusal(other) for _ in range(5)]

    assert {os.getpid()} == {owner for owner, _ in told}
    assert min(took for _, took in told) < 0.1
    writer.close()
    other.close()
    store.close()


@pytest.mark.slow
def test_one_locked_lease_does_not_end_the_others(server: Server) -> None:
    """While one writer is in a long write the leases of the others are kept alive."""
    store = server.store(lease="0.3")
    writers = [begun(store, number) for number in (1, 2)]
    other = PostgresStore(parse(server.url(store.tenant)))
    with server.admin() as holding, holding.transaction():
        holding.execute(
            "SELECT FROM rollout.leases WHERE tenant = %s AND thread_id = %s FOR UPDATE", (store.tenant, b.thread_id(1))
        )
        with pytest.raises(BusyError):
            other.open_writer(b.thread_id(2), wait=1.0)

    for writer in writers:
        writer.close()
    other.close()
    store.close()


@pytest.mark.slow
def test_leases_are_kept_after_an_error_of_any_kind(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A renewal that the server refuses is tried again: it never ends the one who renews."""
    from rollout.store.postgres import leases

    store, tried, many = server.store(lease="0.3"), Event(), leases.Leases._many  # pyright: ignore[reportPrivateUsage] - to see that it is renewed
    monkeypatch.setattr(leases, "_KEEP", "SELECT 1 / 0")

    def telling(*given: Any) -> object:
        tried.set()
        return many(*given)

    monkeypatch.setattr(leases.Leases, "_many", telling)
    writer = begun(store)
    assert tried.wait(30)
    monkeypatch.undo()
    other = PostgresStore(parse(server.url(store.tenant)))

    with pytest.raises(BusyError):
        other.open_writer(b.thread_id(1), wait=1.0)
    writer.close()
    other.close()
    store.close()


def test_a_group_is_synced_with_one_commit(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many writers cost one transaction; one that was fenced is told so, and the others are safe."""
    from rollout.store.postgres.connections import Connections

    store, changing = server.store(), Connections.changing
    groups: list[Connections] = []

    def counted(self: Connections, **how: bool) -> AbstractContextManager[Connection]:
        groups.append(self)
        return changing(self, **how)

    writers = [begun(store, number) for number in (1, 2, 3)]
    for writer in writers:
        writer.append(b.line(b.user("safe")), 1)
        writer.flush()
    second = take_over(server, store)
    monkeypatch.setattr(Connections, "changing", counted)
    failures = [type(one) for one in type(writers[0]).sync_together(writers)]
    monkeypatch.undo()

    assert ([FencedError, type(None), type(None)], 1) == (failures, len(groups))
    with pytest.raises(FencedError):
        writers[0].flush()
    for writer in (*writers, second):
        writer.close()
    store.close()


@pytest.mark.slow
def test_a_recorder_outlives_its_server(server: Server) -> None:
    """While the server is away items are buffered within the budget and barriers tell; afterwards all is there once."""

    async def record() -> list[str]:
        recorder = await RolloutRecorder.create(store, CreateParams(cwd="/x", thread_id=b.thread_id(1)), Options(budget=4000))
        await recorder.record([b.user("before")])
        await recorder.persist()
        server.stop("fast")
        await recorder.record([b.user("while it is away")])
        with pytest.raises(WriteError) as caught:
            await recorder.flush()
        full = asyncio.create_task(recorder.record([b.user("x" * 4000)]))
        after = asyncio.create_task(recorder.record([b.user("it waits for room")]))
        await asyncio.sleep(0.1)
        waited = not after.done()
        await asyncio.to_thread(server.start)
        await asyncio.gather(full, after)
        await recorder.sync()
        assert recorder.statistics().last_error is None
        await recorder.shutdown()
        return [str(caught.value), str(waited)]

    store = server.store()
    told, waited = asyncio.run(record())

    assert ("True", True) == (waited, "keeper" not in told or "password" not in told)
    assert 5 == len(datas(store.lines(b.thread_id(1))))
    store.close()


@pytest.mark.slow
def test_a_recorder_goes_on_by_itself(server: Server) -> None:
    """What was recorded while the server was away is stored once it is back, though nobody records or waits any more."""

    async def record() -> str:
        recorder = await RolloutRecorder.create(store, CreateParams(cwd="/x", thread_id=b.thread_id(1)))
        await recorder.persist()
        server.stop("immediate")
        await recorder.record([b.user("while it is away")])
        while recorder.statistics().last_error is None:
            await asyncio.sleep(0.01)
        told = str(recorder.statistics().last_error)
        await asyncio.to_thread(server.start)
        while recorder.statistics().flushed == 0:
            await asyncio.sleep(0.01)
        stored = datas(store.lines(b.thread_id(1)))
        assert len(stored) == 2
        await recorder.shutdown()
        return told

    store = server.store()

    assert "postgresql:rollout-" in asyncio.run(record())
    store.close()


@pytest.mark.slow
def test_a_recorder_that_was_fenced_never_waits_for_room(server: Server) -> None:
    """Another writer took over: there will be no room again, and whoever records is told so instead of waiting."""

    async def record() -> str:
        recorder = await RolloutRecorder.create(store, CreateParams(cwd="/x", thread_id=b.thread_id(1)), Options(budget=2000))
        await recorder.persist()
        second = await asyncio.to_thread(take_over, server, store)
        await recorder.record([b.user("x" * 3000)])
        with pytest.raises(FencedError) as caught:
            await recorder.record([b.user("there is no room")])
        with pytest.raises(FencedError):
            await recorder.flush()
        second.close()
        return str(caught.value)

    store = server.store()

    assert "another one took over" in asyncio.run(record())
    store.close()


@pytest.mark.parametrize("word", ["off", "local", "on"])
def test_durability_is_a_word_of_the_url(server: Server, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    """A flush commits as ``flush=`` says, a sync always with all that the server waits for."""
    from rollout.store.postgres import leases

    store = server.store(flush=word)
    writer, seen, confirm = begun(store), list[str](), leases.Leases.confirm

    def telling(self: leases.Leases, connection: Connection, wanted: Any) -> set[str]:
        row = connection.execute("SHOW synchronous_commit").fetchone()
        seen.append(row[0] if row else "")
        return confirm(self, connection, wanted)

    monkeypatch.setattr(leases.Leases, "confirm", telling)
    writer.sync()
    with store._connections.use() as connection:  # pyright: ignore[reportPrivateUsage] - what its connections are set to
        row = connection.execute("SHOW synchronous_commit").fetchone()

    assert ((word,), ["on"]) == (row, seen)
    writer.close()
    store.close()
