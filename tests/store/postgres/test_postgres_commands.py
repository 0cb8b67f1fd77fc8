"""The commands with ``--store``, and copies between a home and a server, as a user would call them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from rollout.copying import copy_thread, wanted_threads
from rollout.errors import ExistsError, FormatError
from rollout.query import EVERYTHING
from rollout.store import open_store
from rollout.testing import builders as b
from rollout.testing.facts import segment
from rollout.testing.facts_reading import ODD_FILES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from postgres_server import Server
    from rollout.store.base import ThreadStore

pytestmark = pytest.mark.slow


def rollout(*argv: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run one command line in a process of its own."""
    program = "from rollout.cli.main import entry; import sys; sys.argv[0] = 'rollout'; entry()"
    environment = os.environ | {"ROLLOUT_INDEX": "off"}
    return subprocess.run(
        [sys.executable, "-c", program, *argv], input=given, capture_output=True, check=False, env=environment
    )


def odd(store: ThreadStore) -> None:
    """Every odd file as a thread, every second one archived, some with names."""
    for number, data in enumerate(ODD_FILES.values(), 1):
        data = data.replace(b.thread_id().encode(), b.thread_id(number).encode())  # noqa: PLW2901 - each its own
        store.put(segment(number, data, archived=number % 2 == 0, mode=0o640), [data])
    store.set_name(b.thread_id(3), "the third")


def digest(store: ThreadStore) -> Mapping[str, object]:
    """Everything that a copy must bring: bytes, names, times, modes, places."""
    return {
        one: [
            (found.name, found.modified_ns, found.mode, found.archived, hashlib.sha256(b"".join(store.raw(one))).hexdigest())
            for found in store.segments(one)
        ]
        for one in sorted(wanted_threads(store))
    } | {"names": dict(store.names())}


def test_files_to_the_server_and_back(server: Server, tmp_path: Path) -> None:
    """From a home to the server and into a new home everything is what it was, and a second copy writes nothing."""
    (tmp_path / "one").mkdir()
    odd(open_store(tmp_path / "one"))
    url = server.url()
    first = rollout("copy", str(tmp_path / "one"), url, "--verify", "--json")
    again = rollout("copy", str(tmp_path / "one"), url, "--json")
    back = rollout("copy", url, str(tmp_path / "two"), "--verify")
    written = [sum(len(one["written"]) for one in json.loads(run.stdout)["results"]) for run in (first, again)]

    assert (0, 0, 0, [len(ODD_FILES), 0]) == (first.returncode, again.returncode, back.returncode, written)
    store = open_store(url)
    assert digest(open_store(tmp_path / "one")) == digest(store) == digest(open_store(tmp_path / "two"))
    store.close()


def test_only_what_is_wanted_is_copied(server: Server, tmp_path: Path) -> None:
    """Ids and filters narrow a copy down; --dry-run writes nothing."""
    (tmp_path / "one").mkdir()
    odd(open_store(tmp_path / "one"))
    url = server.url()
    dry = rollout("copy", str(tmp_path / "one"), url, "--dry-run")
    one = rollout("copy", str(tmp_path / "one"), url, b.thread_id(5))
    archived = rollout("copy", str(tmp_path / "one"), url, "--archived")
    store = open_store(url)
    rows = {row.id: row.archived for row in store.list(EVERYTHING._replace(limit=100)).threads}
    store.close()

    assert (0, 0, 0) == (dry.returncode, one.returncode, archived.returncode)
    assert {b.thread_id(5): False} | {b.thread_id(n): True for n in range(2, len(ODD_FILES) + 1, 2)} == rows


def test_a_copy_never_replaces(server: Server) -> None:
    """A file that has other bytes in the target stays, and the copy says so."""
    source, target = open_store("memory:"), server.store()
    for store, text in ((source, "mine"), (target, "theirs")):
        data = b.rollout_bytes(b.thread_id(1), b.user(text))
        store.put(segment(1, data), [data])
    before = b"".join(target.raw(b.thread_id(1)))

    with pytest.raises(ExistsError):
        copy_thread(source, target, b.thread_id(1))
    assert before == b"".join(target.raw(b.thread_id(1)))
    target.close()


def test_verify_reads_both_sides(server: Server) -> None:
    """A byte that changed on the server after it was written is found."""
    source, target = open_store("memory:"), server.store()
    data = b.rollout_bytes(b.thread_id(1), b.user("whole"))
    source.put(segment(1, data), [data])

    copy_thread(source, target, b.thread_id(1))
    with server.admin() as connection:
        connection.execute("UPDATE rollout.lines SET bytes = 'x' WHERE tenant = %s AND n = 1", (target.tenant,))

    with pytest.raises((ExistsError, FormatError)):
        copy_thread(source, target, b.thread_id(1), verify=True)
    target.close()


def test_the_commands_work_on_a_server(server: Server) -> None:
    """Record, list, show, search, name, archive, fork, delete, restore, destroy: all with --store."""
    url = server.url()
    item = b'{"type":"event_msg","payload":{"type":"user_message","message":"where is the needle"}}\n'
    recorded = rollout("record", "--store", url, given=item * 3)
    thread = json.loads(recorded.stdout.splitlines()[0])["threadId"]
    statuses = {
        " ".join(argv): rollout(*argv, "--store", url).returncode
        for argv in (
            ("list", "--all"), ("show", thread), ("search", "needle"), ("history", thread), ("usage",), ("path", thread),
            ("rename", thread, "a name"), ("archive", thread), ("unarchive", "a name"), ("export", thread, "--format", "md"),
            ("fork", thread), ("delete", thread), ("restore", "--list"), ("restore", thread), ("delete", "--now", thread),
        )
    }  # fmt: skip
    listed = json.loads(rollout("list", "--all", "--json", "--store", url).stdout)

    assert {} == {argv: status for argv, status in statuses.items() if status}
    assert 1 == len(listed["threads"]), "the fork"
    assert (2, 3) == (rollout("index", "status", "--store", url).returncode, rollout("show", thread, "--store", url).returncode)


def test_the_server_that_clients_speak_to(server: Server) -> None:
    """The app-server lists and reads the threads of a server."""
    url = server.url()
    store = open_store(url)
    data = b.rollout_bytes(b.thread_id(1), *b.turn("asked", "answered"))
    store.put(segment(1, data), [data])
    store.close()
    asked = (
        {"id": 1, "method": "initialize", "params": {"clientInfo": {"name": "x", "version": "1"}}},
        {"method": "initialized"},
        {"id": 2, "method": "thread/list", "params": {}},
        {"id": 3, "method": "thread/read", "params": {"threadId": b.thread_id(1), "includeTurns": True}},
    )
    run = rollout("--store", url, "app-server", given=b"".join(json.dumps(one).encode() + b"\n" for one in asked))
    answers = {one["id"]: one["result"] for one in map(json.loads, run.stdout.splitlines()) if "result" in one}

    assert [b.thread_id(1)] == [one["id"] for one in answers[2]["data"]]
    assert (b.thread_id(1), 1) == (answers[3]["thread"]["id"], len(answers[3]["thread"]["turns"]))


def test_a_server_that_is_away(server: Server) -> None:
    """One line, the status of input and output, and no password."""
    assert server.folder
    run = rollout("list", "--store", "postgresql://me:s3cr3t@127.0.0.1:1/threads")

    assert (5, 1, b"") == (run.returncode, len(run.stderr.splitlines()), run.stdout)
    assert b"s3cr3t" not in run.stderr


def test_the_layout_by_command(server: Server) -> None:
    """Status tells the version; migrate does nothing twice; what would drop threads needs a second word."""
    url = server.url(user="boss")
    status = rollout("store", "status", "--store", url, "--json")
    again = rollout("store", "migrate", "--store", url, "--role", "keeper", "--json")

    assert [0, 0, 2] == [status.returncode, again.returncode, rollout("store", "migrate", "--to", "0", "--store", url).returncode]
    assert ([], []) == (json.loads(status.stdout)["done"], json.loads(again.stdout)["done"])


def test_what_is_no_longer_kept_is_deleted_by_a_query(server: Server) -> None:
    """A listing up to a time, piped into delete, takes those threads away for good and leaves the others."""
    url = server.url("aged")
    store = open_store(url)
    for number in range(1, 7):
        data = b.rollout_bytes(b.thread_id(number), *b.turn("question", "answer"))
        if number % 2:
            data = data.replace(b"2026-", b"2025-")
        store.put(segment(number, data), [data])
    listed = rollout("list", "--store", url, "--all", "--until", "2025-12-31")
    gone = rollout("delete", "--store", url, "--now", "--keep-children", "-", given=listed.stdout)
    left = sorted(row.id for row in store.list(EVERYTHING).threads)
    store.close()
    with server.admin() as boss:
        lines = boss.execute("SELECT count(DISTINCT thread_id) FROM rollout.lines WHERE tenant = 'aged'").fetchone()

    assert (0, 0, 3) == (listed.returncode, gone.returncode, len(listed.stdout.splitlines()))
    assert [b.thread_id(number) for number in (2, 4, 6)] == left
    assert (3,) == lines
