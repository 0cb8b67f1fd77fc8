"""Several programs at once: every listing has every thread that was there all the time, and none that never was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cli.homes import SRC
from index_homes import walked
from rollout.query import EVERYTHING
from rollout.store.local.index_path import IndexPlace
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b

if TYPE_CHECKING:
    from pathlib import Path

    from local_homes import Home

WRITER = """
import sys, itertools, os
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b
from rollout.testing.facts import segment
home, first = sys.argv[1], int(sys.argv[2])
store, added = LocalStore(home), []
print("ready", flush=True)
for number in itertools.count(first):
    data = b.rollout_bytes(b.thread_id(number), *b.turn("q", "a"))
    store.put(segment(number, data), [data])
    added.append(number)
    store.set_archived(b.thread_id(1 + number % 3), number % 2 == 0)
    if len(added) > 5:
        store.remove(b.thread_id(added.pop(0)))
"""
READER = """
import sys, json
from rollout.query import EVERYTHING
from rollout.store.local.index_path import IndexPlace
from rollout.store.local.store import LocalStore
home, index, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = LocalStore(home, index=IndexPlace(index, False) if index else None)
for _ in range(rounds):
    page = store.list(EVERYTHING._replace(limit=10000))
    print(json.dumps([page.note, [row.id for row in page.threads]]), flush=True)
"""


def start(program: str, *argv: object) -> subprocess.Popen[str]:
    """Run a program in a process of its own."""
    command = [sys.executable, "-c", program, *map(str, argv)]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": SRC}, stdout=subprocess.PIPE, text=True)


def answers(process: subprocess.Popen[str]) -> list[tuple[str, list[str]]]:
    """What a reader has listed, to its end."""
    out, _ = process.communicate()
    assert 0 == process.returncode
    return [(note, ids) for note, ids in map(json.loads, out.splitlines())]


@pytest.mark.slow
def test_readers_beside_a_writer(home: Home, tmp_path: Path) -> None:
    """While threads are added, archived and removed, each answer has those that stay, each once; without an index too."""
    stable = [b.thread_id(number) for number in range(1, 40)]
    for number in range(1, 40):
        home.talk(number)
    index = tmp_path / "index.sqlite"
    writer = start(WRITER, home.folder, 1000)
    assert writer.stdout
    assert "ready\n" == writer.stdout.readline()
    readers = [start(READER, home.folder, place, 25) for place in (index, index, "")]
    found = [answer for reader in readers for answer in answers(reader)]
    writer.kill()
    writer.communicate()

    assert 75 == len(found)
    for note, ids in found:
        assert len(ids) == len(set(ids)), note
        assert set(stable) <= set(ids), note
        assert all(one in stable or one >= b.thread_id(1000) for one in ids)
    assert any(not note for note, _ in found)
    left = LocalStore(home.folder, index=IndexPlace(str(index), ours=False))
    assert walked(LocalStore(home.folder), EVERYTHING) == walked(left, EVERYTHING)


@pytest.mark.slow
def test_many_make_the_same_index(home: Home, tmp_path: Path) -> None:
    """Processes that all find no index make one together, and all answer right."""
    for number in range(1, 60):
        home.talk(number)
    found = [answers(start(READER, home.folder, tmp_path / "index.sqlite", 3)) for _ in range(4)]

    assert {59} == {len(ids) for answer in found for _, ids in answer}
    assert "" == found[-1][-1][0]
