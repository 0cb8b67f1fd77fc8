"""The index of words: it reads only what is new, may be lost at any time, and never touches the home."""

from __future__ import annotations

import os
import tracemalloc
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import apsw
import pytest

from rollout.journal.compression import compress_to
from rollout.journal.filesystem import Filesystem
from rollout.query import EVERYTHING
from rollout.store.local.fulltext import Use, words_place
from rollout.store.local.index_path import IndexPlace
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b

if TYPE_CHECKING:
    from collections.abc import Generator

    from local_homes import Home
    from rollout.search_query import SearchQuery
    from rollout.store.base import SearchPage


class Counting(Filesystem):
    """A filesystem that knows how many bytes of rollouts were read."""

    read = 0

    def pread(self, fd: int, length: int, offset: int) -> bytes:
        data = super().pread(fd, length, offset)
        self.read += len(data)
        return data


class Words:
    """The index of words of a home, in a folder outside of it."""

    def __init__(self, home: Home, folder: Path) -> None:
        self.home, self.path, self.fs = home, folder / "cache" / "words.sqlite", Counting()
        self.use = Use(IndexPlace(str(self.path), ours=True), new=True)

    def search(self, text: str | SearchQuery, use: Use | None = None) -> SearchPage:
        """Search with the index; the answer is the one of the files."""
        store = LocalStore(self.home.folder, self.fs)
        self.fs.read = 0
        found = store.search(text, EVERYTHING, use=use or self.use)
        assert store.search(text, EVERYTHING, use=Use()).hits == found.hits
        return found

    def numbers(self, text: str) -> list[str]:
        """The threads that a search finds."""
        return sorted({hit.thread_id for hit in self.search(text).hits})

    def cost(self, text: str) -> int:
        """How many bytes of rollouts a search reads."""
        self.fs.read = 0
        LocalStore(self.home.folder, self.fs).search(text, EVERYTHING, use=self.use)
        return self.fs.read

    def told(self, sql: str) -> int:
        """One number from the database."""
        db = apsw.Connection(str(self.path))
        try:
            return int(db.execute(sql).get)
        finally:
            db.close()


@pytest.fixture
def words(home: Home, tmp_path: Path) -> Words:
    """The words of a home of three threads, taken in."""
    for number in (1, 2, 3):
        home.talk(number)
    made = Words(home, tmp_path)
    made.search("question")
    return made


def test_only_what_was_appended_is_read(words: Words) -> None:
    """A file that grew costs what it grew by; its words, numbers and turns go on."""
    padding = [b.tool_output("much " * 20_000, f"call_{at}") for at in range(10)]
    path = Path(
        words.home.put(
            "sessions/2026/02/08/" + b.rollout_name(b.thread_id(4)), b.rollout_bytes(b.thread_id(4), *padding)
        )
    )
    words.search("much")
    appended = b"".join(b.lines_of(b.turn("new needle", "done")))
    with path.open("ab") as file:
        file.write(appended)
    cost = words.cost("nothing of the kind")

    assert path.stat().st_size > 1_000_000
    assert cost <= len(appended) + 64 * 1024
    (hit,) = words.search("needle").hits
    assert (13, 1) == (hit.n, hit.turn)


def test_a_torn_tail_is_searched_and_not_taken_in_twice(words: Words) -> None:
    """An unended last line is found as it stands; once it is ended, it is taken in, once."""
    path = Path(words.home.talk(4))
    line = b.line(b.user("needle"))
    path.write_bytes(path.read_bytes() + line[:-1])

    assert 1 == len(words.search("needle").hits)
    path.write_bytes(path.read_bytes() + b"\n" + line)
    assert 2 == len(words.search("needle").hits)


def test_replaced_files_are_read_anew(words: Words) -> None:
    """Other bytes in the same file, shorter, longer or as long, are noticed by size, time or checksum."""
    path = Path(words.home.talk(4))
    old = path.read_bytes()
    for data in (
        old.replace(b"question", b"quandary"),
        old.replace(b"question", b"needle"),
        old.replace(b"question", b"haystack") + b.line(b.user("longer")),
    ):
        path.write_bytes(data)
        words.search("quandary")
        words.search("needle")
        words.search("haystack")
        assert 3 * 2 == len(words.search("question").hits) * 2


def test_moved_files_keep_their_words(words: Words) -> None:
    """Archiving reads nothing anew, and removing a thread forgets its words."""
    lines = words.told("SELECT count(*) FROM line")
    words.home.store.set_archived(b.thread_id(2), True)
    words.search("question")
    assert lines == words.told("SELECT count(*) FROM line")
    assert lines == words.told("SELECT max(id) FROM line")

    words.home.store.remove(b.thread_id(3))
    assert [b.thread_id(1), b.thread_id(2)] == words.numbers("question")
    assert 2 == words.told("SELECT count(*) FROM file")
    assert lines * 2 // 3 == words.told("SELECT count(*) FROM line")


def test_compressed_files(words: Words) -> None:
    """A compressed thread is taken in like any other."""
    path = words.home.talk(4)
    compress_to(path, path + ".zst")
    os.unlink(path)

    assert b.thread_id(4) in words.numbers("question")
    assert 1 == words.told("SELECT count(*) FROM file WHERE CAST(path AS TEXT) LIKE '%zst'")


def test_the_index_may_be_deleted(words: Words) -> None:
    """Deleting it loses nothing, between two searches and under one that is open."""
    for name in os.listdir(words.path.parent):
        (words.path.parent / name).unlink()

    assert 3 == len(words.numbers("question"))
    assert words.path.exists()


@pytest.mark.parametrize("damage", [b"", b"garbage" * 1000, None])
def test_a_damaged_index_is_moved_aside(words: Words, damage: bytes | None) -> None:
    """The files answer, a note says what happened, and the next search has a new index."""
    data = words.path.read_bytes()
    for name in os.listdir(words.path.parent):
        (words.path.parent / name).unlink()
    words.path.write_bytes(data[:8192] + b"\xff" * (len(data) - 8192) if damage is None else damage)
    first = words.search("question")
    second = words.search("question")

    assert 3 == len({hit.thread_id for hit in first.hits})
    assert damage == b"" or "damaged" in first.note
    assert "" == second.note


def test_an_index_of_another_home_is_not_asked(words: Words, tmp_path: Path) -> None:
    """Its answer would be about other files."""
    other = Words(type(words.home)(tmp_path / "other"), tmp_path)
    other.home.talk(7)
    page = other.search("question")

    assert [b.thread_id(7)] == [hit.thread_id for hit in page.hits]
    assert "another home" in page.note


@contextmanager
def locked(words: Words) -> Generator[None]:
    """Another process is writing."""
    db = apsw.Connection(str(words.path))
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        db.execute("ROLLBACK")
        db.close()


def test_while_another_process_writes(words: Words) -> None:
    """What is known is asked of the index, what is new of the files, and the note says why."""
    words.home.talk(4)
    with locked(words):
        page = words.search("question")

    assert 4 == len({hit.thread_id for hit in page.hits})
    assert "in use" in page.note
    assert "" == words.search("question").note


def test_a_place_that_cannot_be_written(words: Words, tmp_path: Path) -> None:
    """Then the files answer, and a note says why."""
    (tmp_path / "file").write_bytes(b"")
    use = Use(IndexPlace(str(tmp_path / "file" / "words.sqlite"), ours=True), new=True)
    page = words.search("question", use)

    assert 3 == len(page.hits)
    assert "cannot be used" in page.note


def test_no_index_is_made_unasked(words: Words, tmp_path: Path) -> None:
    """Without ``new`` only an index that is there is used."""
    place = IndexPlace(str(tmp_path / "none" / "words.sqlite"), ours=True)

    assert 3 == len(words.search("question", Use(place)).hits)
    assert not (tmp_path / "none").exists()


def test_a_bound_on_what_is_taken_in(words: Words) -> None:
    """What is beyond the bound is searched in its files and told; without a bound it is taken in."""
    words.home.talk(4)
    bounded = words.search("question", words.use._replace(most=0))

    assert 4 == len(bounded.hits)
    assert "1 files" in bounded.note
    assert "--update-index" in bounded.note
    assert "" == words.search("", words.use._replace(always=True)).note
    assert "" == words.search("question", words.use._replace(most=0)).note


def test_searching_changes_nothing_in_the_home(words: Words) -> None:
    """No byte, no time and no new file; what is kept elsewhere is for its owner alone."""
    before = state(words.home.folder)
    words.home.talk(4)
    after = state(words.home.folder)
    words.search("question")

    assert after == state(words.home.folder)
    assert after != before
    assert 0o600 == words.path.stat().st_mode & 0o777
    assert 0o700 == words.path.parent.stat().st_mode & 0o777


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file of a folder with its bytes and its time."""
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def test_forks_by_reference_are_numbered_in_the_whole(words: Words) -> None:
    """What stands in a base is found there; the fork's own lines have the numbers of the whole thread."""
    base = b.paginated_bytes(b.thread_id(5), *b.paginated_turn("needle", "needle"))
    fork = b.fork_bytes(b.thread_id(6), b.thread_id(5), base, *b.paginated_turn("needle", "no"))
    words.home.put(f"sessions/2026/02/08/{b.rollout_name(b.thread_id(5))}", base)
    words.home.put(f"sessions/2026/02/08/{b.rollout_name(b.thread_id(6))}", fork)
    found = {(hit.thread_id, hit.n, hit.turn) for hit in words.search("needle").hits}

    assert {(b.thread_id(5), 3, 1), (b.thread_id(5), 6, 1), (b.thread_id(6), 11, 2)} == found


def test_where_it_lies() -> None:
    """Beside the index of threads, under a name of its own."""
    assert "/c/k/words-2.sqlite" == words_place(IndexPlace("/c/k/index-1.sqlite", ours=True)).path
    assert "/own/index.words-2" == words_place(IndexPlace("/own/index", ours=False)).path


def test_an_index_of_the_store_is_used(words: Words, tmp_path: Path) -> None:
    """A store that has an index keeps words beside it; one without keeps none."""
    index = IndexPlace(str(tmp_path / "mine" / "index-1.sqlite"), ours=True)

    assert 3 == len(LocalStore(words.home.folder).search("question", EVERYTHING).hits)
    assert not (tmp_path / "mine").exists()
    assert 3 == len(LocalStore(words.home.folder, index=index).search("question", EVERYTHING).hits)
    assert (tmp_path / "mine" / "words-2.sqlite").exists()


@pytest.mark.slow
def test_a_very_long_line_is_not_held_to_take_in_where_it_stands(home: Home, words: Words) -> None:
    """Taking in a home costs no memory in proportion to its longest line, as long as no person speaks in it."""
    long = b.rollout_bytes(b.thread_id(4), b.tool_output("x" * (64 << 20)), b.user("needle"))
    home.put("sessions/2026/02/08/" + b.rollout_name(b.thread_id(4)), long)
    del long
    tracemalloc.start()
    try:
        hits = LocalStore(home.folder).search("needle", EVERYTHING, use=words.use._replace(most=1 << 40)).hits
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert [(2, 1)] == [(hit.n, hit.turn) for hit in hits]
    assert 1 == words.told("SELECT count(*) FROM long")
    assert peak < 48 << 20


@pytest.mark.slow
def test_a_long_file_is_taken_in_piece_by_piece(words: Words, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is interrupted in a long file loses the last piece; the next goes on there."""
    from rollout.store.local import filling

    monkeypatch.setattr(filling, "AT_ONCE", 100_000)
    monkeypatch.setattr(filling, "_BATCH", 20_000)
    items = [b.tool_output(f"needle{at} {'x ' * 500}", f"call_{at}") for at in range(400)]
    words.home.put("sessions/2026/02/08/" + b.rollout_name(b.thread_id(4)), b.rollout_bytes(b.thread_id(4), *items))

    def stop(_: int, seen: list[int] = []) -> None:  # noqa: B006 - never changed
        seen.append(1)
        if len(seen) == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        words.search("needle399", words.use._replace(progress=stop))
    done = words.told("SELECT done FROM file WHERE size = -1")

    assert 100_000 < done < 400_000
    assert 1 == len(words.search("needle399").hits)
    assert 1 == len(words.search("needle3").hits)
    assert 400 + 9 == words.told("SELECT count(*) FROM line") - 3
