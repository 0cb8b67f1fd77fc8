"""Listing real homes: nothing is missing, little is read, and nothing changes."""

from __future__ import annotations

import json
import os
import shutil
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rollout.ids import ThreadId, try_parse
from rollout.journal.filesystem import Filesystem
from rollout.query import EVERYTHING, Order, ThreadQuery
from rollout.store.local.store import LocalStore
from support import corpus_homes, corpus_marks, rollouts, shared_path

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = corpus_marks

@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A copy of the home of 0.100.0 with its file times."""
    copy = tmp_path_factory.mktemp("corpus") / "home"
    original = shared_path("corpus", "codex-0.100.0")
    shutil.copytree(original, copy, ignore=shutil.ignore_patterns("expected*"))
    times = json.loads((original / "expected" / "MTIMES.json").read_text())
    for name, modified in times.items():
        if (copy / name).exists():
            os.utime(copy / name, ns=(modified, modified))
    return str(copy)


def ids_on_disk(home: Path) -> set[ThreadId]:
    """The ids of all rollouts by their metadata, else by their names, one file after the other."""
    found: set[ThreadId] = set()
    for path in rollouts(home):
        meta: dict[str, Any] = {}
        if path.suffix == ".jsonl":
            for line in path.read_bytes().split(b"\n"):
                try:
                    record = json.loads(line)
                except ValueError:
                    continue
                if record.get("type") == "session_meta":
                    meta = record["payload"]
                    break
        thread_id = try_parse(str(meta.get("id"))) or try_parse(path.name.split(".")[0][28:64])
        if thread_id is not None:
            found.add(thread_id)
    return found


def walked(store: LocalStore, query: ThreadQuery) -> Iterator[ThreadId]:
    """The ids of every page of a query."""
    while True:
        page = store.list(query)
        yield from (row.id for row in page.threads)
        if page.next is None:
            return
        query = query._replace(cursor=page.next)


HOMES = [*corpus_homes(), *([shared_path("corpus", "mutants", "home")] if corpus_homes() else [])]


@pytest.mark.parametrize("place", HOMES, ids=lambda place: f"{place.parent.name}/{place.name}")
@pytest.mark.parametrize("key", ["active", "created", "updated"])
def test_every_thread_on_disk_is_listed_once(place: Path, key: str) -> None:
    """With everything asked for, the listed ids are the ids on disk, each once, whatever the order."""
    order = Order(key)
    listed = list(walked(LocalStore(place), EVERYTHING._replace(order=order, limit=17)))

    assert sorted(ids_on_disk(place)) == sorted(listed)


@pytest.mark.parametrize("place", HOMES, ids=lambda place: f"{place.parent.name}/{place.name}")
def test_the_lazy_walk_lists_what_the_whole_listing_lists(place: Path) -> None:
    """Active threads by creation: walking folder by folder gives the threads of the other orders."""
    query = EVERYTHING._replace(archived=False, limit=13)
    lazy = list(walked(LocalStore(place), query._replace(order=Order("created"))))
    ascending = list(walked(LocalStore(place), query._replace(order=Order("created", ascending=True))))

    assert ascending == lazy[::-1]


class CountingFilesystem(Filesystem):
    """Counts the bytes that are read of each file."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        self.read: dict[str, int] = {}
        self._paths: dict[int, str] = {}

    def open(self, path: str, flags: int, mode: int = 0o600) -> int:
        """Remember whose descriptor it is."""
        fd = super().open(path, flags, mode)
        self._paths[fd] = path
        return fd

    def pread(self, fd: int, length: int, offset: int) -> bytes:
        """Count."""
        data = super().pread(fd, length, offset)
        self.read[self._paths[fd]] = self.read.get(self._paths[fd], 0) + len(data)
        return data


@pytest.mark.parametrize("place", HOMES, ids=lambda place: f"{place.parent.name}/{place.name}")
def test_a_listing_reads_head_and_tail_alone(place: Path) -> None:
    """No rollout costs more than 64 KiB of its head and 64 KiB of its tail."""
    fs = CountingFilesystem()
    LocalStore(place, fs).list(EVERYTHING._replace(order=Order("created"), limit=1000))
    most = max(count for path, count in fs.read.items() if "rollout-" in path)

    assert most <= 128 * 1024


def state_of(home: str) -> dict[str, tuple[int, int, int, str]]:
    """Inode, mode, modification time and content of everything in a home."""
    found: dict[str, tuple[int, int, int, str]] = {}
    for folder, _, files in os.walk(home):
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            status = os.lstat(path)
            digest = "" if os.path.isdir(path) else sha256(Path(path).read_bytes()).hexdigest()
            found[path] = (status.st_ino, status.st_mode, status.st_mtime_ns, digest)
    return found


def test_looking_changes_nothing(home: str) -> None:
    """Listing, finding, reading and searching leave every byte, mode and time as it was, and make no file."""
    before = state_of(home)
    store = LocalStore(home)
    ids = list(walked(store, EVERYTHING))
    for thread_id in ids[:5]:
        list(store.lines(thread_id))
        list(store.lines_back(thread_id))
        store.summary(thread_id)
        store.resolve(thread_id[:8])
        store.owner(thread_id)
    store.search("login", EVERYTHING)
    store.latest_for_cwd("/tmp/w/web-app", ThreadQuery())

    assert before == state_of(home)
