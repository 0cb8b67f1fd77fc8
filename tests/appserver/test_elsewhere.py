"""Two servers on the same threads, a client on each: everyone hears what happened, once."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from appserver_words import BOTH, Peer, run
from local_homes import Home
from rollout.appserver.agent import echo
from rollout.lifecycle import ForkParams, fork
from rollout.store import open_store
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b
from rollout.testing.facts import segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from postgres_server import Server
    from rollout.appserver.levels import Level
    from rollout.appserver.messages import Outgoing
    from rollout.store.base import ThreadStore

pytestmark = pytest.mark.slow

ONE, TWO, LAST = b.thread_id(1), b.thread_id(2), b.thread_id(9)
PATIENCE_S = 30


@pytest.fixture(scope="module", name="server")
def _server() -> Iterator[Server]:
    """A PostgreSQL server."""
    pytest.importorskip("psycopg", reason="the postgres extra is not installed")
    from postgres_server import for_tests

    yield from for_tests()


@pytest.fixture(params=["home", pytest.param("postgres", marks=pytest.mark.slow)])
def opening(request: Any, tmp_path: Path) -> Iterator[Callable[[], ThreadStore]]:
    """How to open a store of the same threads once more; two of them are there."""
    made: list[ThreadStore] = []
    if request.param == "home":
        Home(tmp_path / "home")
        place: Callable[[], ThreadStore] = lambda: LocalStore(tmp_path / "home")  # noqa: E731 - one of two
    else:
        url = request.getfixturevalue("server").url()
        place = lambda: open_store(url)  # noqa: E731 - one of two

    def opened() -> ThreadStore:
        made.append(place())
        return made[-1]

    talk(opened(), 1)
    talk(made[0], 2)
    yield opened
    for store in made:
        store.close()


def talk(store: ThreadStore, number: int) -> str:
    """Store a thread."""
    data = b.rollout_bytes(b.thread_id(number), *b.turn(f"question {number}", "answer"))
    store.put(segment(number, data), [data])
    return b.thread_id(number)


def told(peer: Peer) -> list[tuple[str, str]]:
    """What of threads a client has heard, in order."""
    names = ("started", "name/updated", "archived", "unarchived", "deleted")
    return [
        (name, one["params"].get("threadId") or one["params"]["thread"]["id"])
        for one in peer.heard
        for name in names
        if one.get("method") == f"thread/{name}"
    ]


async def until(peer: Peer, kind: str, thread_id: str) -> None:
    """Wait until a client has heard something of a thread."""
    await news(peer, lambda: (kind, thread_id) in told(peer))


async def news(peer: Peer, there: Callable[[], bool]) -> None:
    """Wait until what a client has heard is enough."""
    async with asyncio.timeout(PATIENCE_S):
        while not there():
            peer._news.clear()  # pyright: ignore[reportPrivateUsage]  # the words of these tests
            await peer._news.wait()  # pyright: ignore[reportPrivateUsage]  # the same


def named(peer: Peer) -> set[tuple[str, str]]:
    """Which names of which threads a client has heard."""
    told = [one["params"] for one in peer.heard if one.get("method") == "thread/name/updated"]
    return {(one["threadId"], one["threadName"]) for one in told}


def names_of(peer: Peer) -> list[str]:
    """The names that a client has heard."""
    return [one["params"]["threadName"] for one in peer.heard if one.get("method") == "thread/name/updated"]


async def last_name(peer: Peer, name: str) -> None:
    """Wait until a name is the last that a client has heard."""
    await news(peer, lambda: names_of(peer)[-1:] == [name])


async def quiet(opening: Callable[[], ThreadStore], *peers: Peer) -> None:
    """Wait until clients have heard all that was done: something is done last, and heard."""
    last = talk(opening(), 9)
    for peer in peers:
        await until(peer, "started", last)


def test_the_clients_of_another_server_hear_of_it_once(opening: Callable[[], ThreadStore]) -> None:
    """Whatever a client asks for is told to those of both servers, once to each."""

    async def scenario() -> None:
        async with Peer(opening(), agent=echo()) as here, Peer(opening()) as there:
            for peer in (here, there):
                await asyncio.to_thread(heard_by, peer)
            thread = (await here.ask("thread/start", cwd="/w"))["thread"]
            await here.ask("thread/name/set", threadId=thread["id"], name="from here")
            await here.turn(thread["id"], "hello")
            await until(there, "started", thread["id"])
            await here.ask("thread/archive", threadId=ONE)
            await until(there, "archived", ONE)
            await here.ask("thread/unarchive", threadId=ONE)
            await until(there, "unarchived", ONE)
            forked = (await here.ask("thread/fork", threadId=ONE))["thread"]
            await until(there, "started", forked["id"])
            await here.ask("thread/delete", threadId=TWO)
            await until(there, "deleted", TWO)
            await quiet(opening, here, there)
            expected = Counter(
                [
                    ("started", thread["id"]), ("archived", ONE), ("unarchived", ONE), ("started", forked["id"]),
                    ("deleted", TWO), ("started", LAST),
                ]
            )  # fmt: skip
            assert expected + Counter([("name/updated", thread["id"])]) == Counter(told(here))
            assert expected == Counter(one for one in told(there) if one[0] != "name/updated")

    run(scenario())


@pytest.mark.parametrize("level", BOTH)
def test_what_no_server_did_is_told_as_the_level_has_it(opening: Callable[[], ThreadStore], level: Level) -> None:
    """A command, or Codex, on the same threads; 0.100 has no words for archives and deletions."""

    async def scenario() -> None:
        async with Peer(opening(), level) as peer:
            other = opening()
            await asyncio.to_thread(heard_by, peer)
            forked = fork(other, ONE, ForkParams(name="a fork")).thread_id
            await until(peer, "started", forked)
            other.set_name(TWO, "named elsewhere")
            await until(peer, "name/updated", TWO)
            other.set_archived(ONE, True)
            other.set_archived(TWO, True)
            other.remove(forked)
            await quiet(opening, peer)
            seed = {("started", forked), ("name/updated", TWO), ("started", LAST)}
            later = {("archived", ONE), ("archived", TWO), ("deleted", forked)}
            assert (seed | later if level.later else seed) == {*told(peer)} - {("name/updated", forked)}
            name = next(one["params"] for one in peer.heard if one.get("method") == "thread/name/updated" and one["params"]["threadId"] == TWO)
            assert {"threadId": TWO, "threadName": "named elsewhere"} == name

    run(scenario())


def heard_by(peer: Peer) -> None:
    """Wait until the server of a client watches."""
    assert peer.server.watching.wait(PATIENCE_S)


def test_acts_of_both_servers_at_once(opening: Callable[[], ThreadStore]) -> None:
    """Names given here and there in turns: each client's last is the one that stands, and none is told twice in a row."""

    async def scenario() -> None:
        async with Peer(opening()) as here, Peer(opening()) as there:
            for peer in (here, there):
                await asyncio.to_thread(heard_by, peer)
            for number in range(20):
                peer = (here, there)[number % 2]
                await peer.ask("thread/name/set", threadId=ONE, name=f"name {number}")
            await quiet(opening, here, there)
            for peer in (here, there):
                await last_name(peer, "name 19")
                names = names_of(peer)
                assert all(before != after for before, after in pairwise(names))

    run(scenario())


def test_what_happens_while_no_client_is_there(opening: Callable[[], ThreadStore]) -> None:
    """It is not remembered as told: whoever comes then hears of the next change."""

    async def scenario() -> None:
        async with Peer(opening()) as peer:
            await asyncio.to_thread(heard_by, peer)
            other = opening()
            await peer.ask("thread/archive", threadId=ONE)
            peer.connection.close()
            other.set_archived(ONE, False)
            again = await peer.another()
            await quiet(opening, again)
            for number in (7, 8):  # then all that had happened before has been looked at
                await until(again, "started", talk(other, number))
            other.set_archived(ONE, True)
            await until(again, "archived", ONE)

    run(scenario())


def test_a_burst_reaches_a_slow_client_as_its_sum(opening: Callable[[], ThreadStore]) -> None:
    """A client that does not read for a while holds nobody up; then it hears how each thread is, and not a thousand names."""

    async def scenario() -> None:
        async with Peer(opening()) as peer:
            await asyncio.to_thread(heard_by, peer)
            other, reads = opening(), asyncio.Event()
            hear = peer._hear  # pyright: ignore[reportPrivateUsage]  # the words of these tests

            async def slowly(message: Outgoing) -> None:
                await reads.wait()
                await hear(message)

            peer.connection._send = slowly  # pyright: ignore[reportPrivateUsage]  # the same
            await asyncio.to_thread(rename_a_lot, other)
            reads.set()
            await quiet(opening, peer)
            await news(peer, lambda: {(ONE, "name 498"), (TWO, "name 499")} <= named(peer))
            assert len(names_of(peer)) < 100

    run(scenario())


def rename_a_lot(store: ThreadStore) -> None:
    """Give two threads 250 names each, in turns."""
    for number in range(500):
        store.set_name((ONE, TWO)[number % 2], f"name {number}")


@pytest.mark.slow
def test_nothing_is_missed_while_the_database_was_away(server: Server) -> None:
    """Two servers lose theirs: what one does when it is back, and what was done before anybody looked, is heard on the other."""
    tenant = uuid4().hex
    url = server.url(tenant)
    stores = [open_store(url) for _ in range(3)]
    talk(stores[2], 1)
    talk(stores[2], 2)

    async def scenario() -> None:
        async with Peer(stores[0]) as here, Peer(stores[1]) as there:
            for peer in (here, there):
                await asyncio.to_thread(heard_by, peer)
            for mode in ("fast", "immediate"):
                await asyncio.to_thread(server.stop, mode)
                await asyncio.to_thread(server.start)
                archived = mode == "fast"
                with server.admin() as admin:  # before either server has found it again
                    where = "WHERE tenant = %s AND thread_id = %s"
                    admin.execute(f"UPDATE rollout.threads SET archived = {archived} {where}".encode(), (tenant, TWO))
                for peer in (here, there):
                    await until(peer, "archived" if archived else "unarchived", TWO)
                await here.ask("thread/name/set", threadId=ONE, name=mode)
                await last_name(there, mode)
            for peer in (here, there):
                assert ["fast", "immediate"] == names_of(peer)
                assert [("archived", TWO), ("unarchived", TWO)] == [one for one in told(peer) if one[1] == TWO]

    run(scenario())
    for store in stores:
        store.close()
