"""A server that wants a password, on loopback: it lets in who has it, and nothing that is written ever tells it."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from postgres_server import Server, for_tests
from rollout.errors import RolloutError, WriteError
from rollout.query import EVERYTHING
from rollout.store import open_store
from rollout.store.base import Place
from rollout.store.postgres.store import PostgresStore
from rollout.store.postgres.target import parse
from rollout.testing import builders as b
from rollout.testing.facts import segment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
SECRET, WRONG = "s3cr3t!/@ %", "wr0ng!/@ %"


@pytest.fixture(scope="module", name="guarded")
def _guarded() -> Iterator[Server]:
    """A server of its own."""
    yield from for_tests(password=SECRET)


def url(server: Server, password: str = SECRET, database: str = "threads", user: str = "keeper") -> str:
    """The URL that has a password in it."""
    return f"postgresql://{user}:{quote(password, safe='')}@127.0.0.1:{server.port}/{database}?tenant=t"


def rollout(*argv: str, given: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run one command line in a process of its own."""
    program = "from rollout.cli.main import entry; import sys; sys.argv[0] = 'rollout'; entry()"
    known = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return subprocess.run(
        [sys.executable, "-c", program, *argv], input=given, capture_output=True, check=False, env=known | environment
    )


def leaks(*texts: str | bytes) -> list[str]:
    """The texts in which a password stands in some form."""
    forms = {form for one in (SECRET, WRONG) for form in (one, quote(one), quote(one, safe=""), one[:5])}
    shown = [one.decode() if isinstance(one, bytes) else one for one in texts]
    return [text for text in shown if any(form in text for form in forms)]


def test_the_password_by_every_way(guarded: Server, tmp_path: Path) -> None:
    """In the URL, in PGPASSWORD, in a password file."""
    plain = f"postgresql://keeper@127.0.0.1:{guarded.port}/threads?tenant=t"
    (tmp_path / "pgpass").write_text(f"127.0.0.1:*:*:keeper:{SECRET}\n")
    (tmp_path / "pgpass").chmod(0o600)
    runs = [
        rollout("list", "--store", url(guarded)),
        rollout("list", "--store", plain, PGPASSWORD=SECRET),
        rollout("list", "--store", plain, PGPASSFILE=str(tmp_path / "pgpass")),
    ]

    assert [0, 0, 0] == [run.returncode for run in runs], [run.stderr for run in runs]


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"password": WRONG}, b"password authentication failed"), ({"database": "nowhere"}, b'"nowhere" does not exist'),
        ({"user": "nobody_here"}, b"password authentication failed"), ({"database": "postgres"}, b"rollout store migrate"),
    ],
    ids=["password", "database", "role", "layout"],
)  # fmt: skip
@pytest.mark.parametrize("command", [["list"], ["list", "--json"], ["record"], ["store", "status", "--json"], ["search", "x"]], ids=" ".join)
def test_who_is_not_let_in(guarded: Server, how: dict[str, str], says: bytes, command: list[str]) -> None:
    """One line says what is wrong and where, with the status of input and output, and without the password."""
    item = b'{"type":"event_msg","payload":{"type":"user_message","message":"x"}}\n'
    run = rollout(*command, "--store", url(guarded, **how), given=item)

    if command[0] == "store" and "postgres" in how.values():
        assert (1, []) == (run.returncode, leaks(run.stdout, run.stderr))
        return
    assert (1, []) == (len(run.stderr.splitlines()), leaks(run.stdout, run.stderr))
    assert says in run.stderr, run.stderr
    assert run.returncode in (1, 5)


def test_a_server_for_clients_that_is_not_let_in(guarded: Server) -> None:
    """The app-server answers with an error, and neither its answers nor its log tell the password."""
    asked = (
        {"id": 1, "method": "initialize", "params": {"clientInfo": {"name": "x", "version": "1"}}},
        {"id": 2, "method": "thread/list", "params": {}},
        {"id": 3, "method": "thread/start", "params": {"cwd": "/x"}},
    )
    given = b"".join(json.dumps(one).encode() + b"\n" for one in asked)
    run = rollout("--store", url(guarded, WRONG), "app-server", given=given, RUST_LOG="trace")
    answers = {one.get("id"): one for one in map(json.loads, run.stdout.splitlines())}

    assert "error" in answers[2]
    assert [] == leaks(run.stdout, run.stderr)


def test_answers_do_not_tell_the_store_with_its_password(guarded: Server) -> None:
    """Documents and notes that say how to go on name the store without it."""
    store = open_store(url(guarded))
    data = b.rollout_bytes(b.thread_id(1), *b.turn("a needle", "found"))
    store.put(segment(1, data), [data])
    store.close()
    where = ("--store", url(guarded))
    runs = [
        rollout(*argv, *where)
        for argv in (
            ("search", "needle"), ("search", "needle", "--json"), ("list", "--json"), ("path", b.thread_id(1)), ("stats", "--json"),
            ("show", b.thread_id(1), "--json"), ("usage", "--json"), ("find", "--command", "x", "--json"), ("index", "status"),
            ("show", "nothing-like-it"), ("rename", b.thread_id(1), "a name"), ("store", "status"), ("fork", b.thread_id(1), "--json"),
        )
    ]  # fmt: skip
    copied = rollout("copy", url(guarded), url(guarded).replace("tenant=t", "tenant=other"), "--json", "--verify")

    assert [] == leaks(*(text for run in (*runs, copied) for text in (run.stdout, run.stderr)))
    assert 0 == copied.returncode, copied.stderr


def test_logs_and_errors_of_the_library(guarded: Server, caplog: pytest.LogCaptureFixture) -> None:
    """Not even everything that is logged, and everything that an error carries, tells the password."""
    caplog.set_level(logging.DEBUG)
    told: list[str] = [repr(parse(url(guarded))), str(parse(url(guarded)))]
    for wrong in (url(guarded, WRONG), url(guarded, database="nowhere")):
        store = open_store(wrong)
        with pytest.raises(RolloutError) as caught:
            store.list(EVERYTHING)
        told += [str(caught.value), repr(caught.value), repr(caught.value.__cause__)]
        store.close()

    assert [] == leaks(*told, caplog.text)


def test_a_password_that_changes_under_a_recorder(guarded: Server) -> None:
    """A writer that is not let in any more says why, keeps its lines, and goes on when it is let in again."""
    store = PostgresStore(parse(url(guarded)))
    writer = store.create(b.thread_id(7), Place(b.START_MS))
    writer.begin(b.meta_line(b.thread_id(7)))
    with guarded.admin() as boss:
        boss.execute(f"ALTER ROLE keeper PASSWORD '{WRONG}'".encode())
        boss.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'keeper'")
        while boss.execute("SELECT FROM pg_stat_activity WHERE usename = 'keeper'").fetchone():
            time.sleep(0.01)
    writer.append(b.line(b.user("kept")), 1)
    with pytest.raises(WriteError, match="password authentication failed") as caught:
        writer.flush()
    with guarded.admin() as boss:
        boss.execute(f"ALTER ROLE keeper PASSWORD '{SECRET}'".encode())

    assert (1, []) == (writer.flush(), leaks(str(caught.value)))
    writer.close()
    store.close()
