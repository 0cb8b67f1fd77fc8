"""Whatever is wrong with the index, the answer is that of the files, and a line says why."""

from __future__ import annotations

import os
import random
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import apsw
import pytest

from index_homes import told, walked
from local_homes import Home
from rollout.query import EVERYTHING, ThreadQuery
from rollout.store.local.index_path import IndexPlace
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollout.query import Page

QUERY = ThreadQuery(archived=None, limit=4)


class Cached:
    """A home of seven threads and its index."""

    def __init__(self, home: Home, folder: Path, *, ours: bool = True) -> None:
        """Make the index."""
        for number in range(1, 8):
            home.talk(number, "archived_sessions" if number == 3 else "")
        home.store.set_name(b.thread_id(2), "second")
        self.home = home
        self.place = IndexPlace(str(folder / "cache" / "index.sqlite"), ours)
        self.path = Path(self.place.path)
        self.store = LocalStore(home.folder, index=self.place)
        assert not self.store.list(QUERY).note

    def same(self) -> str:
        """Compare the whole listing with that of the files; what the first page said is returned."""
        files = LocalStore(self.home.folder)
        note = self.page_of(files).note

        assert walked(files, QUERY) == walked(self.store, QUERY)
        return note

    def page_of(self, files: LocalStore) -> Page:
        """The first page, the same as that of the files."""
        page = self.store.list(QUERY)

        assert [*map(told, files.list(QUERY).threads)] == [*map(told, page.threads)]
        return page

    def change(self, sql: str) -> None:
        """Have another program change the index."""
        db = apsw.Connection(str(self.path))
        db.execute(sql)
        db.close()

    def aside(self) -> list[str]:
        """The bad indexes that were moved aside."""
        return [path.name for path in self.path.parent.iterdir() if ".bad-" in path.name and path.suffix != "-wal"]


@pytest.fixture
def cached(home: Home, tmp_path: Path) -> Cached:
    """An index at the place that the program chose."""
    return Cached(home, tmp_path)



def always(_: str) -> bool:
    """Yes."""
    return True


def garbage(path: Path) -> None:
    """Random bytes in place of the file."""
    path.write_bytes(random.Random(1).randbytes(20_000))


def cut(length: int) -> Callable[[Path], None]:
    """The file, cut."""

    def harm(path: Path) -> None:
        os.truncate(path, length)

    return harm


def blind(path: Path) -> None:
    """Pages in the middle of the file overwritten."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        for offset in range(4096, size, 4096):
            file.seek(offset)
            file.write(b"\xff" * 4096)


@pytest.mark.parametrize("harm", [garbage, cut(5000), cut(8192), cut(40_000), cut(50), blind])
def test_a_damaged_file(cached: Cached, harm: Callable[[Path], None]) -> None:
    """Garbage is moved aside, the files answer, and the next listing makes a new index."""
    harm(cached.path)
    note = cached.same()

    assert "is damaged" in note
    assert "moved to" in note
    assert len(cached.aside()) >= 1
    assert "" == cached.same()
    assert cached.path.stat().st_size > 40_000


def test_every_bad_file_is_kept(cached: Cached) -> None:
    """Bad files of one second do not replace each other; nobody else can read an index."""
    for number in range(1, 4):
        cached.path.write_bytes(b"garbage" * number * 500)
        cached.same()
        cached.same()

        assert number == len(cached.aside())
        assert 0o600 == cached.path.stat().st_mode & 0o777


@pytest.mark.parametrize("harm", [Path.unlink, cut(0)])
def test_an_empty_file_or_none(cached: Cached, harm: Callable[[Path], None]) -> None:
    """Where there is nothing, an index is made without a word."""
    harm(cached.path)

    assert "" == cached.same()
    assert [] == cached.aside()


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM thread WHERE id % 2",
        "DELETE FROM file WHERE id = 3",
        "UPDATE thread SET active = 0, fid = randomblob(16)",
        "UPDATE facts SET summary = '{}'",
        "UPDATE file SET stamp = '1:2:3:4', thread = rollout || 'x'",
        "UPDATE folder SET state = x'00'",
        "UPDATE kind SET threads = 5000, archived = archived + 7",
        "UPDATE cwd SET path = '/elsewhere'",
        "INSERT INTO thread SELECT id + 900, randomblob(16), kind, created, updated, active, title, size, tokens, cwd, last_cwd, branch, origin, parent, forked, name, claims FROM thread",
        "DELETE FROM home",
        "UPDATE home SET device = 'x'",
        "PRAGMA user_version = 99",
        "PRAGMA application_id = 1",
        "DROP TABLE facts",
        "DROP INDEX thread_active; DROP INDEX thread_created",
        "DELETE FROM facts; DELETE FROM words; DELETE FROM folder; DELETE FROM thread",
    ],
)
def test_rows_that_others_changed(cached: Cached, sql: str) -> None:
    """An index that was changed by somebody else is believed in nothing: it is moved aside and made anew."""
    cached.change(sql)
    note = cached.same()

    assert "; it was moved to" in note
    assert 1 == len(cached.aside())
    assert "" == cached.same()


def test_a_strange_file_is_left_alone(home: Home, tmp_path: Path) -> None:
    """At a path that a person gave, nothing is moved or changed: neither a text nor another program's database."""
    cached = Cached(home, tmp_path, ours=False)
    cached.path.unlink()
    cached.path.write_text("my notes\n" * 1000)

    assert "delete it, or name another file" in cached.same()
    assert cached.path.read_text() == "my notes\n" * 1000

    cached.path.unlink()
    cached.change("CREATE TABLE songs (title)")
    before = cached.path.read_bytes()

    assert "is a database of something else; delete it, or name another file" in cached.same()
    assert ([], before) == (cached.aside(), cached.path.read_bytes())


def test_an_index_of_another_home(home: Home, tmp_path: Path) -> None:
    """An index that was given for another home is left to that one."""
    cached = Cached(home, tmp_path, ours=False)
    other = Home(tmp_path / "other")
    other.talk(8)
    store = LocalStore(other.folder, index=cached.place)
    page = store.list(EVERYTHING)

    assert [b.thread_id(8)] == [row.id for row in page.threads]
    assert "is of another home; `rollout index rebuild` replaces it" in page.note
    assert "" == cached.same()


def test_a_home_in_the_place_of_another(home: Home, tmp_path: Path) -> None:
    """Another folder under the same path is another home."""
    cached = Cached(home, tmp_path)
    home.folder.rename(tmp_path / "old")
    Home(home.folder).talk(9)

    assert "is of another home" in cached.same()
    assert "" == cached.same()


@pytest.mark.parametrize("begin", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE", "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE"])
def test_a_locked_index(cached: Cached, begin: str) -> None:
    """While another program holds the lock, listing does not wait for it; without anything new it needs no lock."""
    db = apsw.Connection(str(cached.path))
    db.execute(begin).fetchall()
    db.execute("UPDATE home SET names = names")
    if "locking_mode" not in begin:
        assert "" == cached.same()
    cached.home.talk(8)
    began = monotonic()
    note = cached.store.list(QUERY).note
    passed = monotonic() - began

    assert "is in use by another program" in note
    assert passed < 2
    assert "is in use" in cached.same()

    db.execute("ROLLBACK")
    db.close()

    assert "" == cached.same()


def test_a_place_that_cannot_be_written(home: Home, tmp_path: Path) -> None:
    """A cache folder that cannot be made, or a folder in the file's place, costs nothing but a line."""
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    home.talk(1)
    for path in (tmp_path / "file" / "index", tmp_path / "folder"):
        page = LocalStore(home.folder, index=IndexPlace(str(path), ours=True)).list(EVERYTHING)

        assert [b.thread_id(1)] == [row.id for row in page.threads]
        assert "cannot be used" in page.note


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everything")
def test_an_index_that_may_not_be_written(cached: Cached) -> None:
    """One that is right is used all the same; as soon as something is new the files answer."""
    cached.path.chmod(0o400)
    cached.home.talk(8)

    assert "cannot be used" in cached.same()


def test_no_index_at_all(cached: Cached) -> None:
    """Without an index nothing is said and nothing is made."""
    page = LocalStore(cached.home.folder).list(QUERY)

    assert ("", 4) == (page.note, len(page.threads))


def test_a_rollback_journal_serves_as_well(cached: Cached, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a network file system the index shares no memory: its journal is a file that is rolled back."""
    monkeypatch.setattr("rollout.store.local.index.is_remote", always)
    cached.path.unlink()

    assert "" == cached.same()
    cached.home.talk(8)
    assert "" == cached.same()
    db = apsw.Connection(str(cached.path))
    assert "delete" == db.execute("PRAGMA journal_mode").get
    db.close()
