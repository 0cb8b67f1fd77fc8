"""A PostgreSQL server that is killed, cut off, silent or full under load, and writers that are stopped: nothing is lost."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

pytest.importorskip("psycopg", reason="the postgres extra is not installed")

import psycopg

from campaign.postgres_words import Steps, numbered_lines, numbers, told
from campaign.words import QUIET, SEED, numbered, program, scaled
from postgres_proxy import DOWN, UP, Cut, Proxy
from postgres_server import MISSING, Server, binaries, for_tests
from rollout.errors import FencedError, WriteError
from rollout.recorder import RolloutRecorder
from rollout.recording import CreateParams
from rollout.store.base import Place
from rollout.store.postgres.store import PostgresStore
from rollout.store.postgres.target import parse
from rollout.testing import builders as b

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow
RECORDERS = 6


@pytest.fixture(scope="module", name="server")
def _server() -> Iterator[Server]:
    """A server that puts what it commits on the disk."""
    yield from for_tests(durable=True)


async def recording(store: PostgresStore, number: int, over: Event) -> int:
    """Record and flush until it is over; how many items were acknowledged, which is all of them in the end."""
    params = CreateParams(cwd="/x", thread_id=b.thread_id(number))
    recorder = await RolloutRecorder.create(store, params, QUIET)
    await until(recorder.persist)
    count = 0
    while not over.is_set():
        await recorder.record(numbered(count, 3, 200))
        count += 3
        await until(recorder.sync if count % 10 == 0 else recorder.flush)
    await until(recorder.shutdown)
    return count


async def until(barrier: Callable[[], Any]) -> None:
    """Repeat a barrier until it holds: what failed is kept, as its error says."""
    while True:
        try:
            await barrier()
        except WriteError:
            await asyncio.sleep(0.02)
            continue
        return


def under_load(url: str, inject: Callable[[], int]) -> tuple[int, list[int]]:
    """Recorders at work while faults are injected; how many faults, and what each recorder was promised."""

    async def work() -> tuple[int, list[int]]:
        over = Event()
        tasks = [asyncio.create_task(recording(store, number, over)) for number in range(1, RECORDERS + 1)]
        try:
            injected = await asyncio.to_thread(inject)
        finally:
            over.set()
        return injected, list(await asyncio.gather(*tasks))

    store = PostgresStore(parse(url))
    try:
        return asyncio.run(work())
    finally:
        store.close()


def stored(server: Server, tenant: str) -> list[list[int]]:
    """The numbers in the threads of the recorders."""
    store = server.store(tenant)
    found = [numbers(store.lines(b.thread_id(number))) for number in range(1, RECORDERS + 1)]
    store.close()
    return found


def terminate(server: Server) -> int:
    """Have the server end every connection of the recorders."""
    with server.admin() as boss:
        sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'keeper'"
        return len(boss.execute(sql).fetchall())


def crash(server: Server) -> int:
    """Kill one process of the server; it then ends all the others and recovers by itself."""
    with suppress(psycopg.OperationalError), server.admin() as boss:
        row = boss.execute("SELECT pid FROM pg_stat_activity WHERE usename = 'keeper' LIMIT 1").fetchone()
        if row is None:
            return 0
        os.kill(int(str(row[0])), signal.SIGKILL)
        while True:  # until it has noticed
            boss.execute("SELECT 1")
    server.recover()
    return 1


def restart(server: Server, end: Callable[[], None]) -> int:
    """End the server, and start it."""
    end()
    server.start()
    return 1


def test_a_server_that_is_killed_under_load(server: Server) -> None:
    """SIGKILL, fast, immediate, a crash, connections ended: every acknowledged line is there once and in order."""
    chance, tenant = random.Random(SEED), uuid4().hex
    ways = {
        "SIGKILL": lambda: restart(server, server.kill), "fast": lambda: restart(server, lambda: server.stop("fast")),
        "immediate": lambda: restart(server, lambda: server.stop("immediate")), "crash": lambda: crash(server),
        "connections": lambda: sum(terminate(server) for _ in range(scaled(3, 10))),
    }  # fmt: skip

    def inject() -> int:
        count = 0
        for _ in range(scaled(1, 25)):
            for way in chance.sample(sorted(ways), len(ways)):
                Event().wait(chance.random() / 4)
                count += ways[way]()
        return count

    injected, promised = under_load(server.url(tenant), inject)

    told("killed under load", injected)
    assert min(promised) > 0
    assert [list(range(count)) for count in promised] == stored(server, tenant)


def test_connections_cut_under_load(server: Server, proxy: Proxy) -> None:
    """Cut anywhere while many record through one store: every acknowledged line is there once and in order."""
    chance, tenant = random.Random(SEED), uuid4().hex
    wanted = scaled(40, 1000)

    def inject() -> int:
        while proxy.injected < wanted:
            proxy.arm(*(Cut(chance.choice((UP, DOWN)), int(chance.random() ** 2 * 9000), reset=True) for _ in range(20)))
            Event().wait(0.05)
        proxy.disarm()
        return proxy.injected

    injected, promised = under_load(proxy.url(tenant, lease="5"), inject)

    told("cut under load", injected)
    assert [list(range(count)) for count in promised] == stored(server, tenant)


@pytest.mark.parametrize("step", ["flush", "begin", "open", "sync"])
def test_a_network_that_swallows_everything(server: Server, proxy: Proxy, step: str) -> None:
    """A write that is not answered in time is sent again on a new connection, and stands there once."""
    chance, tenant = random.Random(SEED), uuid4().hex
    store = PostgresStore(parse(proxy.url(tenant, lease="1", answer="0.4")))
    steps = Steps(store)
    for number in range(scaled(2, 20)):
        proxy.arm(Cut(chance.choice((UP, DOWN)), int(chance.random() * 300), swallow=True))
        getattr(steps, step)(number)
        proxy.disarm()

    told(f"swallowed in {step}", proxy.injected)
    direct = server.store(tenant)
    assert proxy.injected
    assert list(range(steps.count)) == numbers(direct.lines(b.thread_id(1)))
    steps.close()
    direct.close()
    store.close()


@pytest.mark.parametrize("turns", [scaled(1, 10)])
def test_a_writer_that_the_network_cut_off(server: Server, proxy: Proxy, turns: int) -> None:
    """Cut off for longer than its lease, overtaken, and let in again: it is fenced, and not a byte of it came."""
    tenant, expected = uuid4().hex, list[bytes]()
    store = PostgresStore(parse(proxy.url(tenant, lease="0.5", answer="0.4", connect_timeout="2")))
    direct = server.store(tenant, lease="5")
    first = direct.create(b.thread_id(1), Place(b.START_MS))
    first.begin(b.meta_line(b.thread_id(1)))
    first.close()
    for turn in range(turns):
        writer = store.open_writer(b.thread_id(1), wait=30)
        proxy.swallows = True
        writer.append(b.line(b.user(f"never {turn}")), 1)
        assert refuses(writer.flush)
        second = direct.open_writer(b.thread_id(1), wait=30)
        expected.append(b.line(b.user(f"mine {turn}")))
        second.append(expected[-1], 1)
        second.flush()
        proxy.swallows = False
        with pytest.raises(FencedError):
            writer.flush()
        writer.close()
        second.close()

    told("cut off and overtaken", turns)
    assert b"".join(expected) == b"".join(direct.raw(b.thread_id(1))).partition(b"\n")[2]
    direct.close()
    store.close()


STOPPED = """
import sys
from rollout.errors import FencedError
from rollout.store.postgres.store import PostgresStore
from rollout.store.postgres.target import parse
from rollout.testing import builders as b

store = PostgresStore(parse(sys.argv[1]))
for turn in range(int(sys.argv[2])):
    writer, acknowledged = store.open_writer(b.thread_id(1), wait=60), 0
    print("open", flush=True)
    try:
        while True:
            writer.append(b.line(b.user(f"{turn} {acknowledged}")), 1)
            writer.flush()
            acknowledged += 1
            if acknowledged % 3 == 0:
                writer.sync()
    except FencedError:
        print(acknowledged, flush=True)
    writer.close()
store.close()
"""


def test_a_writer_that_is_stopped_while_another_takes_over(server: Server) -> None:
    """SIGSTOP, another one writes, SIGCONT: the first one is fenced, and not a byte of it stands behind the other's."""
    chance, tenant, turns = random.Random(SEED), uuid4().hex, scaled(4, 60)
    store = server.store(tenant, lease="0.4")
    first = store.create(b.thread_id(1), Place(b.START_MS))
    first.begin(b.meta_line(b.thread_id(1)))
    first.close()
    child = program(STOPPED, server.url(tenant, lease="0.4"), str(turns))
    assert child.stdout is not None
    expected: list[tuple[int, int]] = []
    for turn in range(turns):
        assert b"open\n" == child.stdout.readline()
        Event().wait(chance.random() / 10)
        os.kill(child.pid, signal.SIGSTOP)
        os.waitpid(child.pid, os.WUNTRACED)
        second = store.open_writer(b.thread_id(1), wait=30)
        written = second.next_n - 1 - len(expected)
        expected += [(turn, number) for number in range(written)] + [(turn, -1)]
        second.append(b.line(b.user(f"{turn} -1")), 1)
        second.flush()
        second.close()
        os.kill(child.pid, signal.SIGCONT)
        assert int(child.stdout.readline()) in (written - 1, written), "at most its last acknowledgement was on the way"

    child.communicate()
    told("stopped and overtaken", turns)
    found = [one.split(b'"message":"')[1].split(b'"')[0].split() for one in b"".join(store.raw(b.thread_id(1))).splitlines()[1:]]
    assert expected == [(int(turn), int(number)) for turn, number in found]
    store.close()


class Disk:
    """The folder of a server, with a way to fill it: to the last bytes of a small tmpfs, else by a limit of files."""

    def __init__(self, folder: Path) -> None:
        """Mount it where that may be done."""
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(folder)], check=False, capture_output=True)
        self.folder, self.is_small = folder, mount.returncode == 0
        self._ballast = folder / "ballast"

    def fill(self, server: Server, left: int, limit: int) -> None:
        """Leave room for so many bytes; or let no file grow beyond ``limit``."""
        if not self.is_small:
            server.limit_files(str(limit))
            return
        with self._ballast.open("wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, max(1, shutil.disk_usage(self.folder).free - left))

    def empty(self, server: Server) -> None:
        """There is room again."""
        if not self.is_small:
            server.limit_files("unlimited")
        self._ballast.unlink(missing_ok=True)

    def close(self) -> None:
        """Unmount it."""
        if self.is_small:
            subprocess.run(["umount", str(self.folder)], check=True)
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def full() -> Iterator[tuple[Server, Disk]]:
    """A server of its own on a disk that can be full."""
    if binaries() is None:
        pytest.skip(MISSING)
    disk = Disk(Path(tempfile.mkdtemp(prefix="rollout-disk-")))
    try:
        if not disk.is_small and not shutil.which("prlimit"):
            pytest.skip("neither a tmpfs can be mounted nor the files of a running server be limited (prlimit) here")
        server = Server(folder=disk.folder, max_wal_size="'32MB'", min_wal_size="'32MB'")
        yield server, disk
        server.remove()
    finally:
        disk.close()


@pytest.mark.parametrize(("left", "limit"), [(300_000, 17 << 20), (0, 1 << 16)], ids=["tables", "log"])
def test_a_server_whose_disk_is_full(full: tuple[Server, Disk], left: int, limit: int) -> None:
    """Appends that do not fit are refused and stay pending; with room again they are there once.

    Where its log has no room either the server ends, and is started again.
    """
    server, disk = full
    tenant, count, refusals = uuid4().hex, 0, 0
    store = server.store(tenant)
    writer = store.create(b.thread_id(1), Place(b.START_MS))
    writer.begin(b.meta_line(b.thread_id(1)))
    for number in range(scaled(3, 60)):
        disk.fill(server, left, limit + number * (1 << 20))
        while not (refused := refuses(writer.flush)):
            writer.append(numbered_lines(count, 50, 10_000), 50)
            count += 50
        refusals += refused + refuses(writer.flush)
        disk.empty(server)
        server.recover()
        writer.flush()

    told(f"refused by a full disk ({'tmpfs' if disk.is_small else 'limit of files'}, {left} bytes left)", refusals)
    assert list(range(count)) == numbers(store.lines(b.thread_id(1)))
    writer.close()
    store.close()


def refuses(barrier: Callable[[], object]) -> bool:
    """Whether a barrier fails."""
    try:
        barrier()
    except WriteError:
        return True
    return False
