from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from lifecycle.words import LATER, asked, files, keep, legacy, options, paginated
from rollout import BusyError, NotFoundError
from rollout.errors import InvalidQueryError
from rollout.journal.compression import compress_to
from rollout.lifecycle import archive, fork, plan_move, plan_rename, rename, rollback, unarchive
from rollout.testing import builders as b

if TYPE_CHECKING:
    from rollout.store.base import ThreadStore
    from rollout.store.local.store import LocalStore


def places(home: LocalStore) -> dict[str, bytes]:
    """Every rollout by its path inside the home."""
    found: dict[str, bytes] = {}
    for folder, _, names in os.walk(home.home):
        for name in names:
            if name.startswith("rollout-"):
                with open(os.path.join(folder, name), "rb") as file:
                    found[os.path.relpath(os.path.join(folder, name), home.home)] = file.read()
    return found


def test_archived_and_back_a_thread_is_where_it_was(home: LocalStore) -> None:
    """The same bytes at the original path, the folder taken from the name; in the archive it lies flat."""
    thread = keep(home, paginated())
    rollback(home, thread, options=options())
    before = places(home)

    away = archive(home, thread, options=options(LATER + 5000))
    there = places(home)
    back = unarchive(home, thread, options=options(LATER + 6000))

    assert {f"archived_sessions/{os.path.basename(path)}": data for path, data in before.items()} == there
    assert before == places(home)
    assert (True, True, 2) == (away.changed, back.changed, len(away.names))


def test_a_compressed_file_moves_as_it_is(home: LocalStore) -> None:
    """Also beside its plain twin."""
    thread = keep(home, legacy())
    path = home.find_path(thread) or ""
    compress_to(path, path + ".zst")
    before = sorted(os.path.basename(one) for one in places(home))

    archive(home, thread, options=options())

    assert [f"archived_sessions/{name}" for name in before] == sorted(places(home))


def test_to_repeat_it_changes_nothing(store: ThreadStore) -> None:
    """The answer says so."""
    thread = keep(store, legacy())
    archive(store, thread, options=options())

    again = archive(store, thread, options=options())

    assert (True, False) == (again.archived, again.changed)
    assert [True] == [segment.archived for segment in store.segments(thread)]


@pytest.mark.parametrize("step", [archive, unarchive, lambda store, thread: rename(store, thread, "new")])
def test_a_thread_in_use_stays_where_it_is(store: ThreadStore, step: Any) -> None:
    """Whoever writes it is named."""
    thread = keep(store, legacy(), archived=step is unarchive)
    before = store.segments(thread), files(store, thread), store.names()
    writer = store.open_writer(thread)
    try:
        with pytest.raises(BusyError):
            step(store, thread)
    finally:
        writer.close()

    assert before == (store.segments(thread), files(store, thread), store.names())


def test_planning_a_move_changes_nothing(store: ThreadStore) -> None:
    """It says whether there is anything to do."""
    thread = keep(store, legacy())

    planned = plan_move(store, thread, archived=True), plan_move(store, thread, archived=False)

    assert [True, False] == [one.changed for one in planned]
    assert [False] == [segment.archived for segment in store.segments(thread)]


def test_a_fork_reads_on_while_its_base_is_archived(store: ThreadStore) -> None:
    """And after the base has come back."""
    thread = keep(store, paginated())
    forked = fork(store, thread, None, options()).thread_id

    archive(store, thread, options=options())
    there = asked(store, forked)
    unarchive(store, thread, options=options())

    assert ["one", "two", "three"] == there == asked(store, forked)


def test_a_name_survives_archive_rollback_and_fork(store: ThreadStore) -> None:
    """It is found from the files alone."""
    thread = keep(store, paginated())
    rename(store, thread, "  login page ")
    archive(store, thread, options=options())
    rollback(store, thread, options=options(LATER + 5000))
    fork(store, thread, None, options(LATER + 6000))

    assert "login page" == store.names()[thread]


def test_the_answer_to_a_rename_tells_the_name_before(store: ThreadStore) -> None:
    """The newest name counts; planning gives none."""
    thread = keep(store, legacy())
    first = rename(store, thread, "one")

    planned, second = plan_rename(store, thread, "two"), rename(store, thread, "two")

    assert [None, "one", "one"] == [one.before for one in (first, planned, second)]
    assert "two" == store.names()[thread]


def test_a_name_cannot_be_empty(store: ThreadStore) -> None:
    """Nor can a thread that is not there have one."""
    thread = keep(store, legacy())

    with pytest.raises(InvalidQueryError):
        rename(store, thread, " \t")
    with pytest.raises(NotFoundError):
        rename(store, b.thread_id(9), "x")
