"""Listings that keep what they have read: the same pages as from the files, and nothing is read twice."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from local_homes import Home
from rollout import lifecycle
from rollout.errors import NotFoundError
from rollout.journal.filesystem import Filesystem
from rollout.query import Order, ThreadQuery
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rollout.query import Page

QUERY = ThreadQuery(sources=(), order=Order("created"), limit=3)


class CountingFilesystem(Filesystem):
    """Counts what is opened and which folders are read."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.opened = self.scanned = 0

    def open(self, path: str, flags: int, mode: int = 0o600) -> int:
        self.opened += 1
        return super().open(path, flags, mode)

    def scandir(self, path: str) -> Iterator[os.DirEntry[str]]:
        self.scanned += 1
        return super().scandir(path)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Five threads on as many days, the folders old enough to be believed."""
    made = Home(tmp_path / "home")
    for number in range(1, 6):
        made.talk(number, at_ms=b.START_MS + number * 86_400_000)
    age(made)
    return made


def age(home: Home) -> None:
    """Let every folder be of an hour ago, as a home is that nobody has used since."""
    then = time.time_ns() - 3_600_000_000_000
    for folder, _, _ in os.walk(home.folder):
        os.utime(folder, ns=(then, then))


def facts(page: Page | None) -> object:
    """What a page tells, but for what was hidden."""
    assert page is not None
    return [(row.id, row.path, row.bytes, row.name, row.summary.title, row.modified_ms) for row in page.threads], page.next


def test_what_has_not_changed_is_not_read_again(home: Home) -> None:
    """The second answer opens no file but the names and reads no folder."""
    fs = CountingFilesystem()
    listings = LocalStore(home.folder, fs).kept()[1]
    first = facts(listings.page(QUERY))
    before = fs.opened, fs.scanned
    second = facts(listings.page(QUERY))

    assert (first, before) == (second, (fs.opened, fs.scanned))


CHANGES: list[Callable[[Home], object]] = [
    lambda home: home.talk(6, at_ms=b.START_MS + 6 * 86_400_000),
    lambda home: home.talk(7, at_ms=b.START_MS + 5 * 86_400_000 + 5),
    lambda home: lifecycle.archive(home.store, b.thread_id(5)),
    lambda home: home.store.set_name(b.thread_id(4), "four"),
    lambda home: home.store.remove(b.thread_id(4)),
    lambda home: lifecycle.fork(home.store, b.thread_id(1)),
    lambda home: append(home, 5),
]


def append(home: Home, number: int) -> None:
    """One more turn, by another process."""
    path = home.store.find_path(b.thread_id(number))
    assert path is not None
    with open(path, "ab") as file:
        file.writelines(b.lines_of(b.turn("more", "yes")))


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_shows_at_once(home: Home, change: Callable[[Home], object]) -> None:
    """Whatever another process does to the home, the next answer is the one from the files."""
    listings = home.store.kept()[1]
    listings.page(QUERY)
    change(home)

    assert facts(home.store.list(QUERY)) == facts(listings.page(QUERY))


def places(store: LocalStore) -> list[object]:
    """Where each thread is found, and how."""
    found: list[object] = []
    for number in range(1, 8):
        try:
            found.append([(part.name, part.archived, part.bytes) for part in store.segments(b.thread_id(number))])
        except NotFoundError:
            found.append(None)
    return found


def test_a_thread_that_is_looked_for_again_reads_no_folder(home: Home) -> None:
    """All names are known as long as no folder has changed."""
    fs = CountingFilesystem()
    kept = LocalStore(home.folder, fs).kept()[0]
    first = kept.segments(b.thread_id(3))
    before = fs.scanned

    assert (first, kept.segments(b.thread_id(3)), before) == (home.store.segments(b.thread_id(3)), first, fs.scanned)


@pytest.mark.parametrize("aged", [True, False])
@pytest.mark.parametrize("change", CHANGES)
def test_a_thread_is_found_where_it_is_now(home: Home, change: Callable[[Home], object], aged: bool) -> None:
    """However soon after a change, and in folders that were there before or were not."""
    if aged:
        (home.folder / "archived_sessions").mkdir()
        age(home)
    kept = home.store.kept()[0]
    places(kept)
    change(home)

    assert places(home.store) == places(kept)


def test_two_changes_within_a_tick_of_the_clock_both_show(home: Home) -> None:
    """A folder that has just changed is read again, even if its time stays as it was."""
    listings = home.store.kept()[1]
    home.talk(6, at_ms=b.START_MS + 6 * 86_400_000)
    folder = os.path.dirname(home.store.find_path(b.thread_id(6)) or "")
    time_ns = os.stat(folder).st_mtime_ns
    listings.page(QUERY)
    home.talk(7, at_ms=b.START_MS + 6 * 86_400_000 + 1)
    os.utime(folder, ns=(time_ns, time_ns))

    assert facts(home.store.list(QUERY)) == facts(listings.page(QUERY))


def test_walking_along_cursors_meets_every_thread_once(home: Home) -> None:
    """Page by page, as from the files."""
    listings, found, query = home.store.kept()[1], list[str](), QUERY
    while (page := listings.page(query)) is not None:
        found += [row.id for row in page.threads]
        if page.next is None:
            break
        query = query._replace(cursor=page.next)

    assert [b.thread_id(number) for number in (5, 4, 3, 2, 1)] == found


def test_what_other_ways_answer_better_is_left_to_them(home: Home) -> None:
    """Other orders, and a filter that hides more than it is worth to look at."""
    listings = home.store.kept()[1]
    for number in range(10, 10 + 320):
        home.put(f"sessions/2026/03/01/{b.rollout_name(b.thread_id(number), b.START_MS + number)}", b.rollout_bytes(b.thread_id(number), *b.turn("q", "a")))
    rare = QUERY._replace(providers=("nobody",), default_provider="x")

    assert (None, None) == (listings.page(QUERY._replace(order=Order("updated"))), listings.page(rare))
