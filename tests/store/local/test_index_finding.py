"""What a person means, and the latest thread of a folder: with an index the same answer as from the files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from index_homes import orders
from rollout.ids import ThreadId
from rollout.query import EVERYTHING, ThreadQuery
from rollout.store.local.finding import Finder
from rollout.store.local.index_path import IndexPlace
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b
from store.local.test_index_same_answers import HOMES, varied
from support import corpus_marks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local_homes import Home
    from rollout.query import Thread

NOBODY = ThreadId("019c5166-7694-7593-8030-4683b6e2f9c0")


class Blind(Finder):
    """A finder that must not be asked what a text means."""

    def resolve(self, text: str) -> tuple[ThreadId, ...]:
        """Fail."""
        raise AssertionError(f"the files were asked for {text!r}")


def both(home: Path, index: Path) -> tuple[LocalStore, LocalStore]:
    """The home from its files, and through an index that has been made and surely answers."""
    indexed = LocalStore(home, index=IndexPlace(str(index), ours=True))
    indexed.list(EVERYTHING)
    vars(indexed)["_finder"].__class__ = Blind
    return LocalStore(home), indexed


def texts(rows: list[Thread]) -> Iterator[str]:
    """Ids in all forms, beginnings of all lengths, names; and what means nobody."""
    for row in rows:
        yield from (row.id, row.id.upper(), f"{{{row.id}}}", row.id.replace("-", ""), os.path.basename(row.path)[28:64])
        yield from (row.id[:at] for at in (3, 4, 5, 8, 9, 13, 14, 20, 35))
        yield from (row.name or "no name", f" {row.name} ", row.preview[:10])
    yield from (NOBODY, NOBODY[:18], "", "zzzz", "0" * 33, "beef", "-" * 4, "\0")


def check_same(files: LocalStore, indexed: LocalStore, rows: list[Thread]) -> None:
    """Compare every answer."""
    for text in texts(rows):
        assert files.resolve(text) == indexed.resolve(text), text
    folders = {row.summary.cwd for row in rows} | {row.summary.last_cwd for row in rows} | {None, "/nowhere"}
    for at, folder in enumerate(sorted(folders, key=str)):
        for query in (ThreadQuery(), EVERYTHING):
            asked = query._replace(order=list(orders())[at % 18])
            one, other = (store.latest_for_cwd(folder, asked) for store in (files, indexed))

            assert (one and one.path) == (other and other.path), folder


def test_the_same_answer(home: Home, tmp_path: Path) -> None:
    """Ids, beginnings, names and folders of a home with something of everything."""
    varied(home)
    files, indexed = both(home.folder, tmp_path / "index")
    rows = list(files.list(EVERYTHING._replace(limit=1000)).threads)

    check_same(files, indexed, rows)


@pytest.mark.slow
@pytest.mark.parametrize("mark", corpus_marks[:1])
@pytest.mark.parametrize("folder", HOMES)
def test_the_same_answer_in_real_homes(folder: Path, mark: object, tmp_path: Path) -> None:
    """The homes that real Codex wrote, and the damaged files."""
    assert mark
    files, indexed = both(folder, tmp_path / "index")
    rows = list(files.list(EVERYTHING._replace(limit=1000)).threads)

    check_same(files, indexed, rows[::7])


def test_what_changed_since_is_seen(home: Home, tmp_path: Path) -> None:
    """New, archived, renamed, deleted: an index that is behind answers as the files do."""
    paths = {number: home.talk(number) for number in (1, 2, 3)}
    files, indexed = both(home.folder, tmp_path / "index")
    rows = list(files.list(EVERYTHING).threads)
    home.talk(4)
    home.store.set_archived(b.thread_id(2), True)
    home.store.set_name(b.thread_id(1), "now")
    os.unlink(paths[3])
    home.put(f"sessions/{os.path.basename(paths[3])}.tmp", b"no rollout")
    rows += [row for row in files.list(EVERYTHING).threads if row.id == b.thread_id(4)]

    check_same(files, indexed, rows)


def test_where_the_last_turn_was(home: Home, tmp_path: Path) -> None:
    """Elsewhere than the thread began, in the tail of a long file, or so far back that the file has to be asked."""
    long = [b.message("developer", "x" * 50_000)] * 5
    for number, items in enumerate(
        (
            [b.user("x"), b.turn_context(cwd="/a"), b.turn_context(cwd="/b")],
            [b.user("x"), b.turn_context(cwd="/old"), *long, b.turn_context(cwd="/c")],
            [b.user("x"), b.turn_context(cwd="/old"), *long, b.turn_context(cwd="/d"), *long],
        ),
        1,
    ):
        name = b.rollout_name(b.thread_id(number), b.START_MS + number * 1000)
        home.put(f"sessions/2026/02/08/{name}", b.rollout_bytes(b.thread_id(number), *items, cwd="/began"))
    stores = both(home.folder, tmp_path / "index")
    found = [{cwd: store.latest_for_cwd(cwd, ThreadQuery()) for cwd in ("/a", "/b", "/c", "/d", "/old", "/began")} for store in stores]

    assert [{"/a": None, "/b": b.thread_id(1), "/c": b.thread_id(2), "/d": b.thread_id(3), "/old": None, "/began": b.thread_id(3)}] * 2 == [
        {cwd: row and row.id for cwd, row in answers.items()} for answers in found
    ]


def test_a_bad_index_is_passed_over_and_left_where_it_is(home: Home, tmp_path: Path) -> None:
    """Who looks up a thread is answered by the files; moving the bad file aside is left to a listing, which tells."""
    home.talk(1)
    place = tmp_path / "index"
    place.write_bytes(b"garbage" * 1000)
    store = LocalStore(home.folder, index=IndexPlace(str(place), ours=True))
    latest = store.latest_for_cwd(None, ThreadQuery())

    assert (b.thread_id(1),) == store.resolve(b.thread_id(1)) == store.resolve(b.thread_id(1)[:13])
    assert latest is not None
    assert b"garbage" * 1000 == place.read_bytes()


def test_looking_up_makes_no_index(home: Home, tmp_path: Path) -> None:
    """Without an index one thread is found from the names; to make one is left to a listing."""
    home.talk(1)
    store = LocalStore(home.folder, index=IndexPlace(str(tmp_path / "index"), ours=True))

    assert (b.thread_id(1),) == store.resolve(b.thread_id(1)[:13])
    assert not (tmp_path / "index").exists()
