"""Whatever happens to the files, the next answer from the index is that of the files, and it was noticed why."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from index_homes import Indexed, told, walked
from local_homes import MODIFIED_NS, Home
from rollout.journal.filesystem import Filesystem
from rollout.query import EVERYTHING, Order, ThreadQuery
from rollout.store.local.index_path import IndexPlace
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WINDOW = 64 * 1024
LATER_NS = MODIFIED_NS + 1_000_000_000


class Watched(Filesystem):
    """Counts what is read, and does something when a folder is looked at."""

    def __init__(self) -> None:
        """Nothing was read."""
        self.read = 0
        self.opened: list[str] = []
        self.at: dict[str, Callable[[], object]] = {}

    def open(self, path: str, flags: int, mode: int = 0o600) -> int:
        """Remember the path."""
        self.opened.append(path)
        return super().open(path, flags, mode)

    def pread(self, fd: int, length: int, offset: int) -> bytes:
        """Count the bytes."""
        data = super().pread(fd, length, offset)
        self.read += len(data)
        return data

    def scandir(self, path: str) -> Iterator[os.DirEntry[str]]:
        """Do what was asked for, once, before the folder is looked at."""
        self.at.pop(os.path.basename(path), lambda: None)()
        return super().scandir(path)


class Pair:
    """A home, a store on its files alone, and one with an index that has caught up once."""

    def __init__(self, home: Home, folder: Path) -> None:
        """Bring the index up to date."""
        self.home, self.fs = home, Watched()
        self.place = IndexPlace(str(folder / "index.sqlite"), ours=False)
        self.indexed = Indexed(home.folder, folder / "index.sqlite", self.fs)
        self.indexed.list(EVERYTHING)
        self.fs.read = 0
        self.fs.opened.clear()

    def check(self, **noticed: int) -> None:
        """Both answer the same, and this was noticed, beside what was new at first."""
        for order in (Order("created"), Order("active", ascending=True), Order("name")):
            query = EVERYTHING._replace(order=order, limit=3)

            assert walked(LocalStore(self.home.folder), query) == walked(self.indexed, query)
        assert noticed == {kind: times for kind, times in self.events().items() if kind in noticed or kind != "new"}

    def events(self) -> dict[str, int]:
        """What was noticed so far, how often."""
        status = self.indexed.index_status(self.place).look()
        return {} if status is None else {event.kind: event.times for event in status.events}


@pytest.fixture
def pair(home: Home, tmp_path: Path) -> Pair:
    """A home of three threads, one of them archived, and its index."""
    home.talk(1)
    home.talk(2)
    home.talk(3, "archived_sessions")
    return Pair(home, tmp_path)


def path_of(pair: Pair, number: int) -> str:
    """The path of a thread."""
    return next(row.path for row in LocalStore(pair.home.folder).list(EVERYTHING).threads if row.id == b.thread_id(number))


def append(path: str, data: bytes) -> None:
    """Append to a file, at a time of its own."""
    with Path(path).open("ab") as file:
        file.write(data)
    later(path)


def later(path: str) -> None:
    """Touch a file."""
    now = os.stat(path).st_mtime_ns + 1_000_000_000
    os.utime(path, ns=(now, now))


def test_nothing_has_changed(pair: Pair) -> None:
    """Then nothing is read but folders, and the index is not written."""
    before = Path(pair.place.path).read_bytes()
    pair.indexed.list(EVERYTHING)

    assert ([], before) == (pair.fs.opened, Path(pair.place.path).read_bytes())


def test_a_new_file_is_listed_without_a_command(pair: Pair) -> None:
    """A rollout that was put there by hand is in the next listing, wherever it was put."""
    pair.home.talk(4)
    pair.home.talk(5, "sessions/anywhere")

    pair.check(new=5)


def test_a_file_that_grew(pair: Pair) -> None:
    """What was appended is known: time, size, tokens, question."""
    append(path_of(pair, 1), b.line(b.tokens(77), 500) + b.line(b.user("more"), 501))

    pair.check(grown=1)
    assert 77 == next(row for row in pair.indexed.list(EVERYTHING).threads if row.id == b.thread_id(1)).summary.tokens


@pytest.mark.parametrize("size", [300_000, 1_500_000])
@pytest.mark.parametrize("appended", [1, 500, 70_000])
def test_only_what_was_appended_is_read(home: Home, tmp_path: Path, size: int, appended: int) -> None:
    """Of a long file that grew, at most the appended bytes and 64 KiB are read; the row is that of the whole."""
    big = b.rollout_bytes(b.thread_id(1), *b.turn("big one", "x" * size), b.tokens(5), git={"branch": "main"})
    path = home.put(f"sessions/2026/02/08/{b.rollout_name(b.thread_id(1))}", big)
    home.talk(2)
    pair = Pair(home, tmp_path)
    more = b.line(b.agent("y" * appended), 700) + b.line(b.turn_context(model="other"), 701)
    append(path, more)
    pair.indexed.list(EVERYTHING)

    assert pair.fs.read <= len(more) + WINDOW + 512
    assert [path] == pair.fs.opened
    pair.check(grown=1)


def test_a_file_that_grew_in_the_middle(home: Home, tmp_path: Path) -> None:
    """A long file that was written anew in its place, and is longer now, is read as a new one."""
    path = home.put(
        f"sessions/2026/02/08/{b.rollout_name(b.thread_id(1))}", b.rollout_bytes(b.thread_id(1), *b.turn("one", "x" * 300_000))
    )
    pair = Pair(home, tmp_path)
    Path(path).write_bytes(b.rollout_bytes(b.thread_id(1), *b.turn("quite another", "x" * 300_000)))
    later(path)

    pair.check(grown=1)


def test_a_file_that_was_replaced(pair: Pair) -> None:
    """Another file in the same place, even of the same size and time, is another one."""
    path = Path(path_of(pair, 1))
    other = path.with_name("other")
    other.write_bytes(path.read_bytes().replace(b"question 1", b"QUESTION 1"))
    os.utime(other, ns=(MODIFIED_NS, MODIFIED_NS))
    other.replace(path)

    pair.check(replaced=1)


def test_a_file_that_was_changed_in_place(pair: Pair) -> None:
    """A change that keeps the size shows in the time."""
    path = Path(path_of(pair, 1))
    path.write_bytes(path.read_bytes().replace(b"question 1", b"QUESTION 1"))
    later(str(path))

    pair.check(changed=1)


def test_archived_and_back(pair: Pair) -> None:
    """Moving to the archive and back is told apart from losing and finding."""
    store = LocalStore(pair.home.folder)
    store.set_archived(b.thread_id(1), archived=True)
    pair.check(archived=1)
    store.set_archived(b.thread_id(3), archived=False)

    pair.check(archived=1, unarchived=1)


def test_moved(pair: Pair) -> None:
    """A file that was put elsewhere, folder and all, is the same thread."""
    path = Path(path_of(pair, 1))
    shutil.move(path.parent, pair.home.folder / "sessions" / "kept")

    pair.check(moved=2)


@pytest.mark.parametrize("keep", [True, False])
def test_compressed_and_unpacked(pair: Pair, *, keep: bool) -> None:
    """A compressed twin in place of the plain file is the same thread; beside it, it is passed over."""
    zstd = pytest.importorskip("backports.zstd")
    path = Path(path_of(pair, 1))
    data = path.read_bytes()
    packed = pair.home.put(f"{path.relative_to(pair.home.folder)}.zst", zstd.compress(data))
    if keep:
        pair.check()
        return
    path.unlink()
    pair.check(compressed=1)
    Path(packed).unlink()
    path.write_bytes(data)

    pair.check(compressed=1, unpacked=1)


def test_gone(pair: Pair) -> None:
    """A thread whose files are gone is counted and named, and comes back when they do."""
    path = Path(path_of(pair, 1))
    data = path.read_bytes()
    path.unlink()
    pair.check(gone=1, missing=1)
    status = pair.indexed.index_status(pair.place).look()

    assert 1 == pair.indexed.list(ThreadQuery()).hidden["missing"]
    assert status
    assert [(b.thread_id(1), str(path), "question 1")] == [told[:3] for told in status.missing]

    path.write_bytes(data)

    assert "missing" not in pair.indexed.list(ThreadQuery()).hidden


def test_removed_is_not_missing(pair: Pair) -> None:
    """What was put into the trash is not missed."""
    LocalStore(pair.home.folder).remove(b.thread_id(1))

    pair.check(gone=1)
    assert "missing" not in pair.indexed.list(EVERYTHING).hidden


def test_every_folder_gone(pair: Pair) -> None:
    """A home without its folders has no threads."""
    shutil.rmtree(pair.home.folder / "sessions")
    shutil.rmtree(pair.home.folder / "archived_sessions")

    assert {"missing": 3} == pair.indexed.list(EVERYTHING).hidden
    pair.check(gone=3, missing=3)


def test_several_segments(pair: Pair) -> None:
    """Further files of a thread are its segments: its newest one tells, the sizes add up."""
    rollout_id = b.thread_id(50)
    first = Path(path_of(pair, 1)).read_bytes()
    name = b.rollout_name(b.thread_id(1), b.START_MS + 90_000, rollout_id)
    second = pair.home.put(
        f"sessions/2026/02/08/{name}", b.fork_bytes(b.thread_id(1), b.thread_id(1), first, *b.turn("later", "x"))
    )
    pair.check(new=4)
    append(path_of(pair, 2), b"\n")
    Path(second).unlink()

    pair.check(new=4, grown=1, gone=1)
    assert "missing" not in pair.indexed.list(EVERYTHING).hidden


def test_a_name_is_given(pair: Pair) -> None:
    """Names come from their own file; nothing else has to change for them to be known."""
    store = LocalStore(pair.home.folder)
    store.set_name(b.thread_id(1), "first")
    pair.check()
    store.set_name(b.thread_id(2), "second")
    store.set_name(b.thread_id(1), "again")
    pair.check()
    (pair.home.folder / "session_index.jsonl").unlink()

    pair.check()


def test_a_base_comes_late(pair: Pair) -> None:
    """A fork shows what its base asked, also when the base comes, grows or goes after the fork."""
    base = b.paginated_bytes(b.thread_id(6), *b.paginated_turn("asked in the base", "answer"))
    fork = b.fork_bytes(b.thread_id(7), b.thread_id(6), base)
    pair.home.put(f"sessions/2026/02/08/{b.rollout_name(b.thread_id(7))}", fork)
    pair.check()
    path = pair.home.put(f"sessions/2026/02/08/{b.rollout_name(b.thread_id(6))}", base[: len(base) // 3])
    pair.check()
    append(path, base[len(base) // 3 :])
    pair.check(grown=1)
    Path(path).unlink()

    pair.check(grown=1, gone=1, missing=1)


def test_a_claimed_id(pair: Pair) -> None:
    """A file that claims the id of another thread is a duplicate as long as that one is there."""
    name = b.rollout_name(b.thread_id(9))
    pair.home.put(f"sessions/2026/02/08/{name}", b.rollout_bytes(b.thread_id(1), *b.turn("not me", "x")))
    pair.check(new=4)

    assert {"duplicate": 1} == pair.indexed.list(EVERYTHING).hidden

    Path(path_of(pair, 1)).unlink()
    pair.check(new=4, gone=1, missing=1)


def test_odd_things_in_folders(pair: Pair) -> None:
    """Links, folders in place of files, unreadable names: counted as without an index."""
    day = pair.home.folder / "sessions/2026/02/08"
    outside = pair.home.folder / "outside"
    outside.mkdir()
    (outside / "kept.jsonl").write_bytes(b.rollout_bytes(b.thread_id(20), *b.turn("linked", "x")))
    (day / b.rollout_name(b.thread_id(20))).symlink_to(outside / "kept.jsonl")
    (day / b.rollout_name(b.thread_id(21))).symlink_to("nowhere")
    (day / b.rollout_name(b.thread_id(22))).mkdir()
    (day / "linked").symlink_to(outside)
    (day / "rollout-nobody.jsonl").write_bytes(b"{}\n")
    pair.check()
    expected = LocalStore(pair.home.folder).list(EVERYTHING).hidden

    assert expected == pair.indexed.list(EVERYTHING).hidden
    assert {"broken link": 1, "linked folder": 1, "no thread id": 1} == expected

    append(str(outside / "kept.jsonl"), b.line(b.tokens(3), 900))
    pair.check(grown=1)


def test_it_moves_behind_the_walk(pair: Pair) -> None:
    """A thread that is unarchived while the folders are walked is in neither, and is listed all the same."""
    store = LocalStore(pair.home.folder)
    query = EVERYTHING._replace(limit=10)
    for archived in (False, True, False):
        for folder in ("sessions", "archived_sessions"):
            pair.fs.at[folder] = partial(store.set_archived, b.thread_id(3), archived)
            found = [row.id for row in pair.indexed.list(query).threads]

            assert sorted(b.thread_id(number) for number in (1, 2, 3)) == sorted(found)


def test_the_time_is_over(home: Home, tmp_path: Path) -> None:
    """An index that is not complete answers nothing; each listing goes on with it, until it does."""
    for number in range(1, 9):
        home.talk(number)
    clock = Hurried()
    store = LocalStore(home.folder, clock=clock, index=IndexPlace(str(tmp_path / "index"), ours=False))
    query = EVERYTHING._replace(limit=3)
    first = store.list(query)
    clock.step = 0.0
    second = store.list(query)

    assert [*map(told, first.threads)] == [*map(told, second.threads)]
    assert "is not complete yet (8 threads are left)" in first.note
    assert "" == second.note


class Hurried:
    """A clock that is far ahead each time it is looked at."""

    step = 100.0
    time = 0.0

    def now(self) -> float:
        """Later than any budget."""
        self.time += self.step
        return self.time

    def sleep(self, seconds: float) -> None:
        """Nothing sleeps here."""
        raise AssertionError(seconds)

    def time_ns(self) -> int:
        """One moment."""
        return MODIFIED_NS


def test_looking_changes_nothing(pair: Pair) -> None:
    """Bringing the index up to date changes no byte and no time in the home."""
    before = [(path, path.stat().st_mtime_ns) for path in sorted(pair.home.folder.rglob("*"))]
    shutil.rmtree(Path(pair.place.path).parent / "none", ignore_errors=True)
    Path(pair.place.path).unlink()
    pair.indexed.list(EVERYTHING)

    assert before == [(path, path.stat().st_mtime_ns) for path in sorted(pair.home.folder.rglob("*"))]
