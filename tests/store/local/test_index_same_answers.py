"""With and without an index: the same rows in the same order, for every order and every filter."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index_homes import Indexed, orders, queries, told, walked
from local_homes import MODIFIED_NS, Home
from rollout.query import EVERYTHING, Order
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b
from rollout.testing.strategies import files
from support import corpus_homes, corpus_marks, shared_path

if TYPE_CHECKING:
    from rollout.query import Thread

HOMES = [*corpus_homes(), *([shared_path("corpus", "mutants", "home")] if corpus_homes() else [])]


def same(home: Path, index: Path, limits: tuple[int, ...] = (100_000,), every: int = 1) -> list[Thread]:
    """Compare all answers; ``every``: the filters' values are taken from every so many-th row."""
    files, indexed = LocalStore(home), Indexed(home, index)
    rows = list(files.list(EVERYTHING._replace(limit=100_000)).threads)
    for at, query in enumerate(queries(rows[::every])):
        order = list(orders())[at % 18]
        for limit in limits:
            asked = query._replace(order=order, limit=limit)

            assert walked(files, asked) == walked(indexed, asked), asked
    for order in orders():
        asked = EVERYTHING._replace(order=order, limit=100_000)

        assert walked(files, asked) == walked(indexed, asked), asked
    return rows


@pytest.mark.slow
def test_every_order_and_filter(home: Home, tmp_path: Path) -> None:
    """A home with something of everything is listed alike, whole and page by page."""
    varied(home)

    assert len(same(home.folder, tmp_path / "index", (1, 3, 100))) == 11


def varied(home: Home) -> None:
    """Twelve threads: all eras, sources, states, names, lineages; copies, twins, wrong places."""
    home.talk(1)
    home.talk(2, "archived_sessions")
    home.talk(3, "sessions/elsewhere/deep")
    copy = home.talk(4)
    home.talk(5, "sessions/2026/02/09")
    os.makedirs(home.folder / "sessions/2020/01/01")
    shutil.copy(copy, home.folder / "sessions/2020/01/01")
    base = b.paginated_bytes(b.thread_id(6), *b.paginated_turn("Ünïcode 質問 of the base", "answer"))
    named(home, 6, base)
    named(home, 7, b.fork_bytes(b.thread_id(7), b.thread_id(6), base))
    parent = {"subagent": {"thread_spawn": {"parent_thread_id": b.thread_id(1), "depth": 1}}}
    named(home, 8, b.rollout_bytes(b.thread_id(8), *b.turn("sub", "x"), source=parent, git={"branch": "main", "repository_url": "git@host:us/app"}))
    named(home, 9, b.rollout_bytes(b.thread_id(9), b.tokens(70), model_provider=None, cwd=str(home.folder)))
    named(home, 10, b"garbage\n")
    named(home, 11, b.rollout_bytes(b.thread_id(1), *b.turn("claims to be the first", "x"), b.tokens(9)))
    named(home, 12, b.rollout_bytes(b.thread_id(12), *b.turn("q" * 3000, "a" * 200_000), b.tokens(12)))
    home.store.set_name(b.thread_id(1), "Émile's thread")
    home.store.set_name(b.thread_id(8), "émile")
    home.store.set_tags(b.thread_id(1), ["one", "two"])
    home.store.set_tags(b.thread_id(7), ["two"])
    home.store.set_note(b.thread_id(12), "a note \u2028 of two lines")


def named(home: Home, number: int, data: bytes) -> str:
    """Put bytes under the name of a thread."""
    name = b.rollout_name(b.thread_id(number), b.START_MS + number * 1000)
    return home.put(f"sessions/{name[8:12]}/{name[13:15]}/{name[16:18]}/{name}", data)


def test_what_is_hidden_is_the_same(home: Home, tmp_path: Path) -> None:
    """On one page that holds everything, the counts of what is hidden agree; the index's cover every page."""
    varied(home)
    indexed = Indexed(home.folder, tmp_path / "index")
    rows = list(home.store.list(EVERYTHING).threads)
    for query in queries(rows):
        asked = query._replace(order=Order("active"), limit=100)
        expected = home.store.list(asked)
        page = indexed.list(asked._replace(limit=1))

        assert (expected.hidden, True) == (page.hidden, page.complete), asked


@pytest.mark.slow
@pytest.mark.parametrize("original", HOMES, ids=lambda path: path.name)
def test_real_homes(original: Path, tmp_path: Path) -> None:
    """Real homes, and those with damaged and odd files, are listed alike."""
    rows = same(original, tmp_path / "index", every=40)
    query = EVERYTHING._replace(limit=60)

    assert walked(LocalStore(original), query) == walked(Indexed(original, tmp_path / "index"), query)
    assert len(rows) > 20


for mark in corpus_marks:
    test_real_homes = mark(test_real_homes)


@settings(max_examples=25, deadline=None)
@given(st.lists(files, min_size=1, max_size=6), st.lists(files, max_size=3))
def test_odd_bytes(tmp_path_factory: pytest.TempPathFactory, first: list[bytes], second: list[bytes]) -> None:
    """Files of odd bytes, and what is put over them afterwards, are listed alike."""
    folder = tmp_path_factory.mktemp("odd")
    home = Home(folder / "home")
    indexed = Indexed(folder / "home", folder / "index")
    for later_ns, batch in enumerate((first, second)):
        for number, data in enumerate(batch):
            os.utime(named(home, number, data), ns=(MODIFIED_NS, MODIFIED_NS + later_ns))
        for order in (Order("active"), Order("name", ascending=True), Order("tokens")):
            query = EVERYTHING._replace(order=order)

            assert [*map(told, home.store.list(query).threads)] == [*map(told, indexed.list(query).threads)]


def test_names_that_are_no_text(home: Home, tmp_path: Path) -> None:
    """Folders of odd bytes and names with lone surrogates come through."""
    home.talk(1, os.fsdecode(b"sessions/\xff\xfe"))
    path = named(home, 2, b.rollout_bytes(b.thread_id(2), *b.turn("asked", "x")))
    entry = '{"id":"' + b.thread_id(2) + '","thread_name":"lone \\ud800 half","updated_at":"2026"}\n'
    (home.folder / "session_index.jsonl").write_text(entry)

    rows = same(home.folder, tmp_path / "index", (1, 100))

    assert {path} < {row.path for row in rows}


@pytest.mark.slow
def test_more_kinds_than_one_statement_holds(home: Home, tmp_path: Path) -> None:
    """Hundreds of providers are merged as well."""
    for number in range(230):
        named(home, number, b.rollout_bytes(b.thread_id(number), *b.turn("q", "a"), model_provider=f"p{number}"))
    indexed = Indexed(home.folder, tmp_path / "index")
    for order in orders(coarse=False):
        query = EVERYTHING._replace(order=order, limit=50)

        assert walked(home.store, query) == walked(indexed, query)
