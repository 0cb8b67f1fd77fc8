from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import apsw
import pytest

from lifecycle.words import LATER, keep, legacy, options, paginated
from rollout.lifecycle import archive, codex_index, delete, rename, restore, rollback, unarchive, undo
from rollout.lifecycle.codex_index import databases_of, update_row
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

COLUMNS = "id text primary key, rollout_path text not null, archived integer not null default 0, archived_at integer"


class Index:
    """Codex's database, as far as it matters here."""

    def __init__(self, folder: str, columns: str = COLUMNS + ", name text, updated_at integer") -> None:
        """Make it, with its table."""
        os.makedirs(folder, exist_ok=True)
        self.path = os.path.join(folder, "state_5.sqlite")
        self.execute(f"create table threads ({columns})")

    def execute(self, statement: str, values: Iterable[Any] = ()) -> list[Any]:
        """Run one statement."""
        connection = apsw.Connection(self.path)
        try:
            return list(connection.execute(statement, tuple(values)))
        finally:
            connection.close()

    def add(self, thread_id: str, path: str) -> None:
        """A row as Codex has it for an active thread."""
        self.execute("insert into threads (id, rollout_path, updated_at) values (?, ?, 7)", (thread_id, path))

    def row(self, thread_id: str) -> tuple[Any, ...]:
        """The columns that we may change, and one that we may not."""
        columns = "rollout_path, archived, archived_at, name, updated_at"
        (found,) = self.execute(f"select {columns} from threads where id = ?", (thread_id,))
        return tuple(found)


@pytest.fixture
def index(home: LocalStore) -> Index:
    """The database of the home."""
    return Index(home.home)


def known(home: LocalStore, index: Index, data: bytes) -> tuple[str, str]:
    """A thread that has a row: its id and its path."""
    thread = keep(home, data)
    path = home.find_path(thread) or ""
    index.add(thread, path)
    return thread, path


def test_the_row_follows_into_the_archive_and_back(home: LocalStore, index: Index) -> None:
    """Path, mark and time; nothing else of the row; the time of the first archiving stays."""
    thread, path = known(home, index, legacy())
    away = f"{home.home}/archived_sessions/{os.path.basename(path)}"

    told = archive(home, thread, options=options(LATER)), archive(home, thread, options=options(LATER + 9000))
    there = index.row(thread)
    unarchive(home, thread, options=options())

    assert (away, 1, LATER // 1000, None, 7) == there
    assert (path, 0, None, None, 7) == index.row(thread)
    assert {"updated"} == {one.codex.state for one in told}


def test_the_row_follows_a_paginated_rollback_and_its_undo(home: LocalStore, index: Index) -> None:
    """It names the newest file; a legacy rollback has nothing to tell."""
    thread, _ = known(home, index, paginated())
    paths = []
    for at, step in enumerate((rollback, undo)):
        made = step(home, thread, options=options(LATER + at * 1000))
        paths.append((made.codex.state, index.row(thread)[0]))
        assert made.file == os.path.basename(home.find_path(thread) or "")

        assert ("updated", home.find_path(thread)) == paths[-1]
    assert len({path for _, path in paths}) == 2
    assert "absent" == rollback(home, keep(home, legacy(2), 2), options=options()).codex.state


def test_the_name_of_a_paginated_thread_goes_into_its_row(home: LocalStore, index: Index) -> None:
    """That of a legacy thread does not: Codex takes it from the files."""
    new, _ = known(home, index, paginated())
    old = keep(home, legacy(2), 2)
    index.add(old, home.find_path(old) or "")

    states = [rename(home, one, "login").codex.state for one in (new, old)]

    assert ["updated", "absent"] == states
    assert ["login", None] == [index.row(one)[3] for one in (new, old)]


def test_to_archive_again_mends_a_row_that_was_left_behind(home: LocalStore, index: Index) -> None:
    """As after a crash between the move and the row."""
    thread, path = known(home, index, legacy())
    home.set_archived(thread, True)

    told = archive(home, thread, options=options())

    assert (False, "updated") == (told.changed, told.codex.state)
    assert f"{home.home}/archived_sessions/{os.path.basename(path)}" == index.row(thread)[0]


def test_a_restored_thread_has_its_row_again(home: LocalStore, index: Index) -> None:
    """Deleting leaves the row, which is named; restoring sets it right."""
    thread, path = known(home, index, legacy())

    gone = delete(home, thread)
    index.execute("update threads set rollout_path = 'elsewhere'")
    back = restore(home, gone.receipts[0], options=options())

    assert (index.path,) == gone.codex_keeps
    assert ("updated", path) == (back.codex.state, index.row(thread)[0])


def test_nothing_is_made_where_there_is_nothing(home: LocalStore) -> None:
    """Neither the database, nor its table, nor a row."""
    thread = keep(home, legacy())
    none = archive(home, thread, options=options()).codex.state
    before = sorted(os.listdir(home.home))
    index = Index(home.home)
    no_row = unarchive(home, thread, options=options()).codex.state
    index.execute("drop table threads")
    no_table = archive(home, thread, options=options()).codex.state

    assert ("absent", "no row", "no row") == (none, no_row, no_table)
    assert "state_5.sqlite" not in before
    assert [] == index.execute("select * from sqlite_master")


def test_it_can_be_left_as_it_is(home: LocalStore, index: Index) -> None:
    """When the caller wants that."""
    thread, path = known(home, index, paginated())

    states = [
        archive(home, thread, leave_codex_index=True).codex.state,
        unarchive(home, thread, leave_codex_index=True).codex.state,
        rename(home, thread, "x", leave_codex_index=True).codex.state,
        rollback(home, thread, leave_codex_index=True, options=options()).codex.state,
    ]

    assert ["left"] * 4 == states
    assert (path, 0, None, None, 7) == index.row(thread)


def test_a_table_of_another_shape_is_told_and_left_alone(home: LocalStore) -> None:
    """The thread is archived all the same."""
    thread = keep(home, legacy())
    index = Index(home.home, "id text primary key, rollout_path text")
    index.execute("insert into threads values (?, ?)", (thread, "old"))

    told = archive(home, thread, options=options())

    assert "failed" == told.codex.state
    assert "archived" in told.codex.note
    assert [("old",)] == index.execute("select rollout_path from threads")
    assert home.segments(thread)[0].archived


@pytest.mark.parametrize("breakage", ["locked", "no database"])
def test_a_database_that_cannot_be_changed_is_told_with_what_to_do(
    home: LocalStore, index: Index, breakage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread is archived all the same, and the answer says what Codex will not find and how to mend it."""
    monkeypatch.setattr(codex_index, "_PATIENCE_MS", 10)
    thread, _ = known(home, index, legacy())
    holder = apsw.Connection(index.path)
    if breakage == "locked":
        holder.execute("begin immediate")
    else:
        holder.close()
        with open(index.path, "wb") as file:
            file.write(b"this is no database" * 100)

    told = archive(home, thread, options=options())
    holder.close()

    assert "failed" == told.codex.state
    assert "old place" in told.codex.note
    assert "rollout archive" in told.codex.note
    assert home.segments(thread)[0].archived


@pytest.mark.slow
def test_a_writer_that_came_in_between_keeps_its_row(home: LocalStore, index: Index) -> None:
    """Whoever opens the thread between the move and the row writes the row itself."""
    thread, path = known(home, index, legacy())
    writer = home.open_writer(thread)
    try:
        told = codex_index.update_row_locked(home.home, thread, {"rollout_path": "new"})
    finally:
        writer.close()

    assert ("failed", path) == (told.state, index.row(thread)[0])


def test_the_database_may_lie_elsewhere(tmp_path: Path, home: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where config.toml says, else where the environment says, else in the home."""
    os.makedirs(home.home, exist_ok=True)
    in_home = databases_of(home.home, {})
    by_environment = databases_of(home.home, {"CODEX_SQLITE_HOME": "/there"})
    with open(f"{home.home}/config.toml", "w", encoding="utf-8") as config:
        config.write(f'sqlite_home = "{tmp_path}/db"\n')
    by_config = databases_of(home.home, {"CODEX_SQLITE_HOME": "/there"})
    monkeypatch.delenv("CODEX_SQLITE_HOME", raising=False)
    index = Index(f"{tmp_path}/db")
    thread, _ = known(home, index, legacy())

    archive(home, thread, options=options())

    assert (home.home, "/there", f"{tmp_path}/db") == (in_home, by_environment, by_config)
    assert 1 == index.row(thread)[1]


def test_a_home_that_is_reached_by_a_link_keeps_the_spelling_of_its_row(tmp_path: Path) -> None:
    """Codex resolves the link, and so does the row."""
    real = LocalStore(tmp_path / "real")
    index = Index(real.home)
    thread, path = known(real, index, legacy())
    os.symlink(real.home, tmp_path / "link")
    linked = LocalStore(tmp_path / "link")

    archive(linked, thread, options=options())

    assert f"{real.home}/archived_sessions/{os.path.basename(path)}" == index.row(thread)[0]


def test_only_the_row_of_the_thread_changes(home: LocalStore, index: Index) -> None:
    """Others stay."""
    thread, _ = known(home, index, legacy())
    index.add(b.thread_id(5), "other")

    update_row(home.home, thread, {"rollout_path": "x", "archived": 1})

    assert ("other", 0) == index.row(b.thread_id(5))[:2]
