"""Backups of a PostgreSQL store, tried for real: to a moment before an accident, through a dump, through pg_upgrade."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("psycopg", reason="the postgres extra is not installed")

import psycopg

from campaign.words import QUIET
from postgres_server import MISSING, Server, binaries
from rollout.errors import WriteError
from rollout.items import AgentMessage
from rollout.lifecycle import delete
from rollout.query import EVERYTHING
from rollout.recorder_sync import SyncRolloutRecorder
from rollout.recording import CreateParams
from rollout.testing import builders as b
from rollout.testing.facts_watching import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.store.postgres.store import PostgresStore

pytestmark = pytest.mark.slow
TENANT, PORT = "kept", 5433


@pytest.fixture(name="server")
def _server() -> Iterator[Server]:
    """A server that archives its log, as one must whose owner wants to go back to any moment."""
    if binaries() is None:
        pytest.skip(MISSING)
    archive = "test ! -f ../archive/%f && cp %p ../archive/%f"
    made = Server(durable=True, wal_level="replica", archive_mode="on", archive_command=f"'{archive}'")
    as_owner(made, made.folder / "archive")
    with made.admin() as boss:
        boss.execute("CREATE ROLE backup LOGIN BYPASSRLS REPLICATION")
        boss.execute("GRANT pg_read_all_data TO backup")
    yield made
    made.remove()


def as_owner(server: Server, folder: Path) -> Path:
    """Make a folder that the server's user may write."""
    folder.mkdir()
    shutil.chown(folder, server.user)
    return folder


def talk(store: PostgresStore, count: int) -> str:
    """Record a thread with so many messages, durable when this returns."""
    recorder = SyncRolloutRecorder.create(store, CreateParams(cwd="/w"), QUIET)
    recorder.record([AgentMessage(message=f"{number} of {count}") for number in range(count)])
    recorder.persist()
    recorder.sync()
    recorder.shutdown()
    return recorder.thread_id


def whole(store: PostgresStore, threads: list[str]) -> dict[str, bytes]:
    """The bytes of threads."""
    return {one: b"".join(store.raw(one)) for one in threads}


def archived(server: Server) -> None:
    """Wait until all that was written is in the archive."""
    with server.admin() as boss:
        row = boss.execute("SELECT pg_walfile_name(pg_current_wal_lsn())").fetchone()
        assert row is not None
        boss.execute("SELECT pg_switch_wal()")
        end = time.monotonic() + 60
        while boss.execute("SELECT last_archived_wal >= %s FROM pg_stat_archiver", row).fetchone() != (True,):
            assert time.monotonic() < end, "the log was not archived"
            time.sleep(0.05)


def back_to(server: Server, base: Path, moment: str) -> None:
    """What the how-to says: the base backup as the data, where the archive is, and the moment; then start."""
    server.stop()
    with (base / "postgresql.auto.conf").open("a", encoding="utf-8") as settings:
        settings.write(f"restore_command = 'cp {server.folder}/archive/%f %p'\n")
        settings.write(f"recovery_target_time = '{moment}'\nrecovery_target_action = 'promote'\n")
    (base / "recovery.signal").touch()
    shutil.chown(base / "recovery.signal", server.user)
    server.data = base
    server.start()
    with server.admin() as boss:
        end = time.monotonic() + 60
        while boss.execute("SELECT pg_is_in_recovery()").fetchone() != (False,):
            assert time.monotonic() < end, "the recovery did not end"
            time.sleep(0.05)


def test_back_to_the_moment_before_an_accident(server: Server) -> None:
    """A thread that was destroyed is there again, one made after the base backup too, what came later is not."""
    store = server.store(TENANT)
    first = talk(store, 20)
    server.run("pg_basebackup", "-h", str(server.folder), "-U", "backup", "-D", str(server.folder / "base"), "-c", "fast")
    second = talk(store, 300)
    writer = store.open_writer(second)
    expected = whole(store, [first, second])
    with server.admin() as boss:
        row = boss.execute("SELECT clock_timestamp()::text").fetchone()
        assert row is not None
    delete(store, first, now=True)
    talk(store, 5)
    writer.append(b.line(b.user("after that moment")), 1)
    writer.flush()
    archived(server)
    back_to(server, server.folder / "base", str(row[0]))
    writer.append(b.line(b.user("on top of it")), 1)
    with pytest.raises(WriteError, match=r"the thread has [0-9]+ bytes, not"):
        writer.flush()
    writer.close()
    store.close()

    again = server.store(TENANT)
    found = whole(again, [row.id for row in again.list(EVERYTHING).threads])
    counted = again.list(EVERYTHING._replace(archived=True)).hidden
    third = talk(again, 3)
    recorder = SyncRolloutRecorder.resume(again, second, QUIET)
    recorder.record([AgentMessage(message="it goes on")])
    recorder.shutdown()
    grown = whole(again, [second, third])
    again.close()

    assert (expected, {"active": 2}) == (found, counted)
    assert grown[second].startswith(expected[second])
    assert b"it goes on" in grown[second]


def standby_of(server: Server) -> Path:
    """A standby from a base backup, on the next port; the server waits for it from now on."""
    data = server.folder / "standby"
    server.run("pg_basebackup", "-h", str(server.folder), "-U", "boss", "-D", str(data), "-R", "-c", "fast")
    start(server, data)
    with server.admin() as boss:
        boss.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        boss.execute("SELECT pg_reload_conf()")
        end = time.monotonic() + 60
        while boss.execute("SELECT sync_state FROM pg_stat_replication").fetchone() != ("sync",):
            assert time.monotonic() < end, "the standby does not follow"
            time.sleep(0.05)
    return data


def start(server: Server, data: Path) -> None:
    """Start the standby."""
    server.run("pg_ctl", "-D", str(data), "-l", str(server.folder / "log2"), "-o", f"-p {PORT}", "-w", "start")


def test_a_sync_waits_for_the_standby_and_a_flush_does_not(server: Server) -> None:
    """While the standby is away a flush returns, a sync waits for it; what was synced is there after a take-over."""
    data = standby_of(server)
    store = server.store(TENANT)
    identity = talk(store, 10)
    writer = store.open_writer(identity)
    server.run("pg_ctl", "-D", str(data), "-m", "fast", "-w", "stop")
    writer.append(b.line(b.user("is it safe?")), 1)
    flushed = writer.flush()
    waiting = Thread(target=writer.sync)
    waiting.start()
    waiting.join(1)
    waited = waiting.is_alive()
    start(server, data)
    waiting.join(60)
    writer.close()
    expected = whole(store, [identity])
    store.close()
    other = server.store(TENANT, port=str(PORT))
    read = [row.id for row in other.list(EVERYTHING).threads], [hit.thread_id for hit in other.search("safe", EVERYTHING).hits]
    server.stop("immediate")
    server.run("pg_ctl", "-D", str(data), "-w", "promote")
    found = whole(other, [identity])
    other.close()
    server.run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")

    assert (1, True, False) == (flushed, waited, waiting.is_alive())
    assert ([identity], [identity]) == read, "from the standby, which takes no writes"
    assert expected == found
    assert b"is it safe?" in found[identity]


def test_a_watch_of_a_standby(server: Server) -> None:
    """It tells what the primary's writers do, each act once, in whatever order they end; and goes on when it takes over."""
    data = standby_of(server)
    store, other = server.store(TENANT), server.store(TENANT, port=str(PORT))
    first, second = talk(store, 1), talk(store, 1)
    until_there(other, second)
    watch = other.watch()
    with psycopg.connect(f"host={server.folder} dbname=threads user=keeper") as late:
        late.execute("SELECT set_config('rollout.tenant', %s, false)", (TENANT,))
        late.execute("UPDATE rollout.threads SET archived = true WHERE thread_id = %s", (first,))
        store.set_name(second, "told early")
        heard = until(watch, [(second, "named")])
        late.commit()
        heard += until(watch, [(first, "archived")])
    heard += watch.wait(0.5).told
    store.close()
    server.stop("immediate")
    server.run("pg_ctl", "-D", str(data), "-w", "promote")
    other.names()
    other.set_archived(first, archived=False)
    heard += until(watch, [(first, "unarchived")])
    watch.close()
    other.close()
    server.run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")

    assert [(second, "named"), (first, "archived"), (first, "unarchived")] == [tuple(one) for one in heard]


def until_there(store: PostgresStore, thread_id: str) -> None:
    """Wait until a standby has a thread."""
    end = time.monotonic() + 60
    while not store.resolve(thread_id):
        assert time.monotonic() < end, "the standby does not follow"


def dumped(server: Server, user: str, file: Path) -> subprocess.CompletedProcess[str]:
    """Dump the database in the custom form."""
    command = [str(server.binaries / "pg_dump"), "-h", str(server.folder), "-U", user, "-Fc", "-f", str(file), "threads"]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_a_dump_needs_a_role_that_no_policy_binds(server: Server, tmp_path: Path) -> None:
    """An ordinary role gets an error instead of a dump without rows; a dump with BYPASSRLS, restored, has every byte."""
    store = server.store(TENANT)
    threads = [talk(store, 30), talk(store, 40)]
    expected = whole(store, threads)
    store.close()
    refused = dumped(server, "keeper", tmp_path / "keeper.dump")
    done = dumped(server, "backup", tmp_path / "backup.dump")
    with server.admin("postgres") as boss:
        boss.execute("DROP DATABASE threads WITH (FORCE)")
        boss.execute("CREATE DATABASE threads")
    restore = [str(server.binaries / "pg_restore"), "-h", str(server.folder), "-U", "boss", "-d", "threads", "-e"]
    subprocess.run([*restore, str(tmp_path / "backup.dump")], check=True)
    again = server.store(TENANT)
    found, hidden = whole(again, threads), again.list(EVERYTHING._replace(archived=True)).hidden
    talk(again, 1)
    again.close()

    assert 1 == refused.returncode
    assert "row-level security" in refused.stderr or "permission denied" in refused.stderr
    assert (0, expected, {"active": 2}) == (done.returncode, found, hidden)


def test_pg_upgrade_keeps_everything(server: Server) -> None:
    """pg_upgrade takes the layout and every byte over; both sides have the version that is installed here."""
    store = server.store(TENANT)
    threads = [talk(store, 30)]
    expected = whole(store, threads)
    store.close()
    server.stop("fast")
    old, new = server.data, server.folder / "new"
    server.run("initdb", "-D", str(new), "-U", "boss", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
    tools = str(server.binaries)
    server.run("pg_upgrade", "-b", tools, "-B", tools, "-d", str(old), "-D", str(new), "-U", "boss", "-s", str(server.folder))
    shutil.copy(old / "postgresql.conf", new / "postgresql.conf")
    server.data = new
    server.start()
    again = server.store(TENANT)
    found = whole(again, threads)
    talk(again, 2)
    again.close()

    assert expected == found
