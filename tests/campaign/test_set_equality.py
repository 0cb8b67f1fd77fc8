"""No thread is missing from a listing: the ids that are listed are those on the disk, whatever the index is."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from campaign.words import scaled
from rollout.query import EVERYTHING, Cursor
from rollout.store.local.index_path import IndexPlace
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b
from support import corpus_homes, rollouts

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

pytestmark = pytest.mark.slow
THREADS = scaled(600, 12_000)
STEADY_ROUNDS = scaled(4, 40)
WRITER = """
import os, sys, time
from rollout.testing import builders as b
home, first, stop = sys.argv[1], int(sys.argv[2]), sys.argv[3]
folder, archive = os.path.join(home, "sessions/2026/03/01"), os.path.join(home, "archived_sessions")
os.makedirs(folder, exist_ok=True)
os.makedirs(archive, exist_ok=True)
number, began = first, time.monotonic()
print("begun", flush=True)
while not os.path.exists(stop):
    name = b.rollout_name(b.thread_id(number))
    path = os.path.join(folder, name)
    with open(path, "xb") as file:
        file.write(b.rollout_bytes(b.thread_id(number), b.user("passing by")))
    if number % 3 == 0:
        os.rename(path, os.path.join(archive, name))
    if number >= first + 50:
        gone = b.rollout_name(b.thread_id(number - 50))
        os.unlink(os.path.join(archive if (number - 50) % 3 == 0 else folder, gone))
    number += 1
    time.sleep(max(0.0, began + (number - first) / 100 - time.monotonic()))
"""


def late_home(home: Path) -> None:
    """Threads whose first message stands behind more than a look at a file's head reads, a few of them archived."""
    context = b.message("developer", "x" * 3_000)
    for number in range(1, THREADS + 1):
        folder = home / ("archived_sessions" if number % 11 == 0 else f"sessions/2026/02/{1 + number % 28:02d}")
        folder.mkdir(parents=True, exist_ok=True)
        late = [context] * (30 if number % 4 == 0 else 0)
        data = b.rollout_bytes(b.thread_id(number), *late, b.user(f"question {number}"))
        (folder / b.rollout_name(b.thread_id(number))).write_bytes(data)


def on_disk(home: Path) -> set[str]:
    """The ids in the names of all rollouts."""
    return {path.name.split(".")[0][28:64] for path in rollouts(home)}


def listed(store: LocalStore) -> list[str]:
    """The ids of all pages."""
    found: list[str] = []
    query = EVERYTHING._replace(limit=500)
    while True:
        page = store.list(query)
        found += [str(row.id) for row in page.threads]
        if page.next is None:
            return found
        query = query._replace(cursor=Cursor.parse(str(page.next)))


def absent(_: Path, __: Path) -> None:
    """No index was ever made."""


def present(home: Path, index: Path) -> None:
    """It was made."""
    listed(LocalStore(home, index=IndexPlace(str(index), ours=True)))


def garbage(_: Path, index: Path) -> None:
    """What lies there is no index."""
    index.write_bytes(b"no database" * 1_000)


def of_another_home(home: Path, index: Path) -> None:
    """It was made for a home that is no longer what it was."""
    present(home, index)
    moved = sorted(path for path in home.rglob("rollout-*") if path.suffix == ".jsonl")[::7]
    archive = home / "archived_sessions"
    archive.mkdir(exist_ok=True)
    for path in moved:
        path.rename(archive / path.name)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The homes of the corpus, and one of many threads."""
    made = tmp_path_factory.mktemp("late") / "late"
    late_home(made)
    return {home.name: home for home in (*corpus_homes(), made)}


@pytest.mark.parametrize("prepare", [absent, present, garbage, of_another_home])
def test_the_ids_listed_are_those_on_the_disk(
    homes: dict[str, Path], prepare: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    """Each once, with the index absent, present, wrong, and behind the files."""
    differences: list[str] = []
    for name, original in homes.items():
        home, index = tmp_path / name, tmp_path / f"{name}.sqlite"
        shutil.copytree(original, home, ignore=shutil.ignore_patterns("expected*"))
        prepare(home, index)
        found = listed(LocalStore(home, index=IndexPlace(str(index), ours=True)))
        if on_disk(home) != set(found) or len(found) != len(set(found)):
            differences.append(name)

    assert [] == differences


@pytest.mark.parametrize("indexed", [True, False])
def test_no_thread_that_stays_is_missing_while_others_come_and_go(
    homes: dict[str, Path], indexed: bool, tmp_path: Path
) -> None:
    """A process adds, archives and deletes 100 threads a second meanwhile; when it has ended, both are equal."""
    home, index, stop = tmp_path / "home", tmp_path / "index.sqlite", tmp_path / "stop"
    shutil.copytree(homes["late"], home)
    steady = on_disk(home)
    place = IndexPlace(str(index), ours=True) if indexed else None
    store = LocalStore(home, index=place)
    with writer(home, stop):
        missing = [steady.difference(listed(store)) for _ in range(STEADY_ROUNDS)]

    assert ([set()] * STEADY_ROUNDS, on_disk(home)) == (missing, set(listed(store)))


@contextmanager
def writer(home: Path, stop: Path) -> Generator[None]:
    """A process that changes a home meanwhile."""
    command = [sys.executable, "-c", WRITER, str(home), "900000", str(stop)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            stop.touch()
            process.communicate()
    assert process.returncode == 0
