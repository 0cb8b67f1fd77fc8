"""Copies between a home and a PostgreSQL server that are killed in the middle, again and again, until one comes through."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from threading import Event
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("psycopg", reason="the postgres extra is not installed")

from campaign.postgres_words import told
from campaign.words import SEED, scaled
from rollout.store import open_store
from rollout.testing import builders as b
from rollout.testing.facts import segment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postgres_server import Server

pytestmark = pytest.mark.slow
THREADS = scaled(30, 200)


def filled(home: Path) -> None:
    """Threads of all sizes, some archived, some compressed, some named."""
    home.mkdir()
    store = open_store(home)
    for number in range(1, THREADS + 1):
        turns = [item for turn in range(number * 7 % 40) for item in b.turn(f"question {turn}", "answer " * number)]
        data = b.rollout_bytes(b.thread_id(number), *turns)
        store.put(segment(number, data, archived=number % 5 == 0, compressed=number % 7 == 0), [data])
    store.set_name(b.thread_id(3), "the third")


def files_of(home: Path) -> dict[str, tuple[bytes, int, int]]:
    """Every rollout: its bytes, time and mode; and nothing that a killed copy left in the way."""
    found = {
        str(path.relative_to(home)): (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode)
        for path in home.rglob("rollout-*")
    }
    return {name: file for name, file in found.items() if not name.endswith(".tmp")}


def copying(source: str, target: str) -> subprocess.Popen[bytes]:
    """A copy in a process of its own."""
    program = "from rollout.cli.main import entry; import sys; sys.argv[0] = 'rollout'; entry()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", program, "copy", source, target], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def killed_until_through(source: str, target: str, chance: random.Random, most: int) -> int:
    """Copy and kill, up to so many times, then let one come through; how many were killed at work."""
    kills = 0
    for _ in range(most):
        process = copying(source, target)
        assert process.stdout is not None
        process.stdout.readline()  # it is at work
        Event().wait(chance.random() * scaled(10, 40) / 100)
        kills += process.poll() is None
        process.kill()
        process.communicate()
    last = copying(source, target)
    last.communicate()
    assert 0 == last.returncode
    return kills


def test_killed_copies(server: Server, tmp_path: Path) -> None:
    """Whatever was killed, in the end every file is there once and identical, there and back; once more writes nothing."""
    chance, url = random.Random(SEED), server.url()
    filled(tmp_path / "home")
    kills = killed_until_through(str(tmp_path / "home"), url, chance, scaled(3, 30))
    kills += killed_until_through(url, str(tmp_path / "back"), chance, scaled(3, 30))
    program = "from rollout.cli.main import entry; import sys; sys.argv[0] = 'rollout'; entry()"
    again = subprocess.run(
        [sys.executable, "-c", program, "copy", str(tmp_path / "home"), url, "--verify", "--json"], capture_output=True, check=True
    )
    with server.admin() as boss:
        lines = boss.execute("SELECT count(*), count(DISTINCT (thread_id, segment, n)) FROM rollout.lines").fetchone()

    told("copies killed", kills)
    assert files_of(tmp_path / "home") == files_of(tmp_path / "back")
    assert [] == [one for one in json.loads(again.stdout)["results"] if one["written"]]
    assert dict(open_store(tmp_path / "home").names()) == dict(open_store(tmp_path / "back").names())
    assert lines is not None
    assert lines[0] == lines[1] == sum(data.count(b"\n") for data in plain(tmp_path / "home"))


def plain(home: Path) -> Iterator[bytes]:
    """The uncompressed bytes of every thread."""
    store = open_store(home)
    for number in range(1, THREADS + 1):
        yield b"".join(store.raw(b.thread_id(number)))
