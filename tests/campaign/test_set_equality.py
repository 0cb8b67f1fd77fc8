"""No thread is missing from a listing: the ids that are listed are those on the disk, whatever the index is."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

import pytest

from campaign.words import scaled
from rollout.query import EVERYTHING, Cursor
from rollout.store.local.index_path import IndexPlace
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b
from support import corpus_homes, rollouts

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    Tell = Callable[[str, object], None]

pytestmark = pytest.mark.slow
THREADS = scaled(600, 12_000)
SECONDS = scaled(2, 20)
"""How long it is listed while others come and go."""
RATE = 100
"""How many threads a second the writer adds, and how many it deletes; it archives every third one."""
NOTHING: tuple[set[str], set[str], set[str]] = (set(), set(), set())
LEAST = 0.7
"""The share of that rate below which a run proves nothing."""
WRITER = """
import os, sys, time
from rollout.testing import builders as b
home, first, rate, stop = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
until_archived, until_deleted = rate // 5, rate
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
    moved, gone = number - until_archived, number - until_deleted
    if moved >= first and moved % 3 == 0:
        name = b.rollout_name(b.thread_id(moved))
        os.rename(os.path.join(folder, name), os.path.join(archive, name))
    if gone >= first:
        os.unlink(os.path.join(archive if gone % 3 == 0 else folder, b.rollout_name(b.thread_id(gone))))
    number += 1
    time.sleep(max(0.0, began + (number - first) / rate - time.monotonic()))
print((number - first) / (time.monotonic() - began))
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


def listed(store: LocalStore, limit: int = 500) -> list[str]:
    """The ids of all pages."""
    found: list[str] = []
    query = EVERYTHING._replace(limit=limit)
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


class Look(NamedTuple):
    """What a listing told while threads came and went, beside what stood on the disk before and after it."""

    gone: set[str]
    before: set[str]
    found: list[str]
    after: set[str]

    def wrong(self) -> tuple[set[str], set[str], set[str]]:
        """Threads that were there all the time and are missing, those that had gone before, and those that came twice.

        The newest one may have been an empty file: with its first record it gets its place in the order, and may come again.
        """
        found, twice = {*self.found}, {one for one, times in Counter(self.found).items() if times > 1}
        return (self.before & self.after) - found, self.gone & found, twice & self.before - {max(self.before)}


def looks(home: Path, store: LocalStore, limit: int, seconds: float = SECONDS) -> Iterator[Look]:
    """Listings, one after another, until the time is over."""
    ever, until = on_disk(home), monotonic() + seconds
    while monotonic() < until:
        before = on_disk(home)
        yield Look(ever - before, before, listed(store, limit), on_disk(home))
        ever |= before


@pytest.mark.parametrize("prepare", [None, absent, present, garbage, of_another_home])
def test_no_thread_is_missing_while_others_come_and_go(
    homes: dict[str, Path], prepare: Callable[[Path, Path], None] | None, tmp_path: Path, record_property: Tell
) -> None:
    """A process adds, archives and deletes 100 threads a second meanwhile; when it has ended, both are equal.

    From the files, and with the index absent, present, wrong and behind. What is there during a whole listing is in
    it, once; what was gone before it began is not.
    """
    home, index, limit = tmp_path / "home", tmp_path / "index.sqlite", 1_000 if prepare else 4_000
    shutil.copytree(homes["late"], home)
    if prepare is not None:
        prepare(home, index)
    store = LocalStore(home, index=None if prepare is None else IndexPlace(str(index), ours=True))
    with writer(home, tmp_path / "stop") as rate:
        wrong = [look.wrong() for look in looks(home, store, limit)]

    assert [NOTHING] * len(wrong) == wrong
    assert on_disk(home) == set(listed(store))
    record_property("threads a second", rate[0])
    assert rate[0] > RATE * LEAST


@pytest.mark.parametrize("name", [home.name for home in corpus_homes()])
def test_none_is_missing_in_a_real_home_meanwhile(homes: dict[str, Path], name: str, tmp_path: Path) -> None:
    """The same in homes that Codex wrote, in each state of the index."""
    wrong: list[tuple[set[str], set[str], set[str]]] = []
    for number, prepare in enumerate((None, absent, present, garbage, of_another_home)):
        home, index = tmp_path / str(number), tmp_path / f"{number}.sqlite"
        shutil.copytree(homes[name], home, ignore=shutil.ignore_patterns("expected*"))
        if prepare is not None:
            prepare(home, index)
        store = LocalStore(home, index=None if prepare is None else IndexPlace(str(index), ours=True))
        with writer(home, tmp_path / f"stop{number}"):
            wrong += [look.wrong() for look in looks(home, store, 50, SECONDS / 5)]
        wrong.append((on_disk(home) ^ set(listed(store)), set(), set()))

    assert [NOTHING] * len(wrong) == wrong


@contextmanager
def writer(home: Path, stop: Path) -> Generator[list[float]]:
    """A process that changes a home meanwhile; in the end its rate is told."""
    command = [sys.executable, "-c", WRITER, str(home), "900000", str(RATE), str(stop)]
    rate: list[float] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield rate
        finally:
            stop.touch()
            rate.append(float(process.communicate()[0]))
    assert process.returncode == 0
