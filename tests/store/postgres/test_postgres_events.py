"""What happens on one host is told on another: exactly, in whatever order transactions end, and after any absence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from rollout.store import open_store
from rollout.store.postgres import events
from rollout.store.postgres.connections import UnreachableError
from rollout.testing import builders as b
from rollout.testing.facts import Aside, segment
from rollout.testing.facts_watching import until

if TYPE_CHECKING:
    from postgres_server import Server
    from rollout.store.base import ThreadStore
    from rollout.store.changes import Watch

pytestmark = pytest.mark.slow
ONE = b.thread_id(1)


def talk(store: ThreadStore, number: int = 1) -> str:
    """Store a thread."""
    data = b.rollout_bytes(b.thread_id(number), *b.turn(f"question {number}", "answer"))
    store.put(segment(number, data), [data])
    return b.thread_id(number)


class Hosts:
    """Two hosts on one tenant: one acts, one watches."""

    def __init__(self, server: Server) -> None:
        """The watch begins once one thread is there."""
        self.url = server.url()
        self.acting, self.watching = open_store(self.url), open_store(self.url)
        self.tenant: str = getattr(self.acting, "tenant")  # noqa: B009 - of the store of PostgreSQL alone
        talk(self.acting)
        self.watch: Watch = self.watching.watch()

    def close(self) -> None:
        """Let go of everything."""
        self.watch.close()
        self.watching.close()
        self.acting.close()


@pytest.fixture
def hosts(server: Server) -> Hosts:
    """Two hosts, closed after the test."""
    return Hosts(server)


@pytest.fixture(autouse=True)
def _closed(hosts: Hosts) -> object:
    yield
    hosts.close()


def test_a_transaction_that_ends_late_is_told(server: Server, hosts: Hosts) -> None:
    """Though others that began after it were told before; and nothing is told twice."""
    with server.inside(hosts.tenant) as late:
        late.execute("UPDATE rollout.threads SET name = '\"late\"' WHERE thread_id = %s", (ONE,))
        two = talk(hosts.acting, 2)
        heard = [tuple(one) for one in until(hosts.watch, [(two, "added")])]
        late.commit()
        heard += [tuple(one) for one in until(hosts.watch, [(ONE, "named")])]
    heard += [tuple(one) for one in hosts.watch.wait(0.0).told]

    assert [(two, "added"), (ONE, "named")] == heard


def test_a_standby_tells_everything_once(server: Server, hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its snapshots do not say which transactions are under way: one that ends late is told all the same, and others once."""
    for name in ("_NOW", "_SINCE"):
        monkeypatch.setattr(events, name, getattr(events, name).replace("pg_is_in_recovery()", "true"))
    hosts.watch.wait(0.0)
    with server.inside(hosts.tenant) as late:
        late.execute("UPDATE rollout.threads SET name = '\"late\"' WHERE thread_id = %s", (ONE,))
        two = talk(hosts.acting, 2)
        heard = [tuple(one) for one in until(hosts.watch, [(two, "added")])]
        heard += [tuple(one) for one in hosts.watch.wait(0.2).told]
        late.commit()
        heard += [tuple(one) for one in until(hosts.watch, [(ONE, "named")])]
    heard += [tuple(one) for one in hosts.watch.wait(0.2).told]

    assert [(two, "added"), (ONE, "named")] == heard


def test_what_is_rolled_back_is_not_told(server: Server, hosts: Hosts) -> None:
    """A transaction that fails did nothing."""
    with server.inside(hosts.tenant) as failing:
        failing.execute("DELETE FROM rollout.threads WHERE thread_id = %s", (ONE,))
        failing.rollback()
    two = talk(hosts.acting, 2)

    assert [(two, "added")] == [tuple(one) for one in until(hosts.watch, [(two, "added")])]


def test_nothing_is_missed_while_the_server_was_away(server: Server, hosts: Hosts) -> None:
    """The watch goes on by itself; a wait that ends while it is away says so, and may be repeated."""
    waiting = Aside(lambda: until(hosts.watch, [(b.thread_id(3), "added"), (ONE, "archived")]))
    server.stop("fast")
    server.start()
    hosts.acting.names()  # a question is asked once more on a new connection
    talk(hosts.acting, 3)
    hosts.acting.set_archived(ONE, True)
    heard = waiting.result()
    server.stop("immediate")
    with pytest.raises(UnreachableError):
        hosts.watch.wait(0.0)
    server.start()
    hosts.acting.set_archived(ONE, False)
    heard += until(hosts.watch, [(ONE, "unarchived")])

    assert ["added", "archived", "unarchived"] == [one.what for one in heard]


def test_a_connection_cut_at_any_moment(server: Server, hosts: Hosts) -> None:
    """Whatever of the listener's is ended while a hundred names are given, the last one is heard."""
    waiting = Aside(lambda: until(hosts.watch, [(b.thread_id(9), "added")]))
    for number in range(100):
        hosts.acting.set_name(ONE, f"name {number}")
        if number % 5 == 0:
            with server.admin() as admin:
                admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
    talk(hosts.acting, 9)
    heard = waiting.result()

    assert 1 <= sum(one.what == "named" for one in heard) <= 100
    assert ["added"] == [one.what for one in heard if one.thread_id != ONE]


def test_a_burst_is_told_whole(hosts: Hosts) -> None:
    """A thousand acts come as what they are, each thread's in order; a watch that nobody asks costs nothing."""
    for number in range(500):
        hosts.acting.set_tags(ONE, [f"t{number}"])
        hosts.acting.set_name(ONE, f"n{number}")
    heard = [one.what for one in hosts.watch.wait(0.0).told]

    assert (["labelled", "named"] * 500) == heard


def test_too_much_is_said_to_be_too_much(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit is not told; whoever hears that lists anew, and the watch goes on from there."""
    monkeypatch.setattr(events, "MOST_CHANGES", 5)
    for number in range(9):
        hosts.acting.set_name(ONE, f"n{number}")
    first = hosts.watch.wait(0.0)
    hosts.acting.set_archived(ONE, True)
    second = hosts.watch.wait(0.0)

    assert (5, False) == (len(first.told), first.complete)
    assert ([(ONE, "archived")], True) == ([tuple(one) for one in second.told], second.complete)


def test_an_absence_that_was_too_long_is_said(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an hour rows may have been forgotten."""
    monkeypatch.setattr(events, "_KEPT_S", -1.0)

    assert not hosts.watch.wait(0.0).complete


def test_old_rows_are_forgotten(server: Server, hosts: Hosts) -> None:
    """By those who write new ones."""
    with server.admin() as admin:
        admin.execute("UPDATE rollout.events SET made_at = now() - interval '3 hours' WHERE tenant = %s", (hosts.tenant,))
    for number in range(400):
        hosts.acting.set_name(ONE, f"n{number}")
    with server.admin() as admin:
        old = admin.execute(
            "SELECT count(*) FROM rollout.events WHERE tenant = %s AND made_at < now() - interval '2 hours'", (hosts.tenant,)
        ).fetchone()

    assert (0,) == old


def test_no_event_crosses_tenants(server: Server, hosts: Hosts) -> None:
    """Neither by a look nor by a notification: another tenant's channel cannot be known, and acts say nothing on it."""
    other = server.store()
    stranger = other.watch()
    try:
        stranger.wait(0.0)
        hosts.watch.wait(0.0)
        with server.inside(other.tenant, autocommit=True) as spy:
            channels = spy.execute("SELECT channel FROM rollout.followers").fetchall()
            for (channel,) in channels:
                spy.execute(f'LISTEN "{channel}"'.encode())
            talk(hosts.acting, 2)
            until(hosts.watch, [(b.thread_id(2), "added")])
            overheard = list(spy.notifies(timeout=0.2))
        assert ((), [], 1) == (stranger.wait(0.0).told, overheard, len(channels))
    finally:
        stranger.close()
        other.close()


def test_a_burst_notifies_once(server: Server, hosts: Hosts) -> None:
    """NOTIFY takes a lock that commits wait for: so only the first act does, until whoever watches arms the tenant again."""
    hosts.watch.wait(0.0)
    with server.inside(hosts.tenant, autocommit=True) as spy:
        (channel,) = spy.execute("SELECT channel FROM rollout.followers").fetchall()[0]
        spy.execute(f'LISTEN "{channel}"'.encode())
        for number in range(50):
            hosts.acting.set_name(ONE, f"n{number}")
        overheard = list(spy.notifies(timeout=0.2))

    assert (1, 50) == (len(overheard), len(hosts.watch.wait(0.0).told))


def test_a_role_that_may_only_read_watches(server: Server, hosts: Hosts) -> None:
    """It hears what the others do."""
    reader = open_store(server.url(getattr(hosts.acting, "tenant"), user="looker"))  # noqa: B009 - see above
    watch = reader.watch()
    talk(hosts.acting, 2)
    heard = until(watch, [(b.thread_id(2), "added")])
    watch.close()
    reader.close()

    assert ["added"] == [one.what for one in heard]


LISTENER = """
import sys
from rollout.store import open_store
watch = open_store(sys.argv[1]).watch()
print("ready", flush=True)
while True:
    for one in watch.wait(5.0).told:
        print(one.thread_id, one.what, flush=True)
"""


def test_a_listener_that_was_stopped(hosts: Hosts) -> None:
    """Nobody waits for a process that is stopped; when it goes on it hears everything, each once."""
    process = subprocess.Popen([sys.executable, "-c", LISTENER, hosts.url], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert "ready\n" == process.stdout.readline()
        os.kill(process.pid, signal.SIGSTOP)
        for number in range(2, 42):
            talk(hosts.acting, number)
        os.kill(process.pid, signal.SIGCONT)
        heard = [process.stdout.readline().split() for _ in range(40)]
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.communicate()

    assert [[b.thread_id(number), "added"] for number in range(2, 42)] == heard


def test_appends_make_no_events(server: Server, hosts: Hosts) -> None:
    """What is written all the time neither leaves a row nor notifies."""
    writer = hosts.acting.open_writer(ONE)
    for _ in range(5):
        writer.append(b.line(b.user(uuid4().hex)), 1)
        writer.flush()
    writer.close()

    assert () == hosts.watch.wait(0.0).told
    assert server.folder.is_dir()
