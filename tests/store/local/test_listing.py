"""Listing a home by its files: nothing is hidden, whatever people and programs did to the folders."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from backports import zstd

from rollout.errors import BusyError, InvalidQueryError
from rollout.journal.filesystem import Filesystem
from rollout.query import EVERYTHING, Order, ThreadQuery
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b
from support import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local_homes import Home

from local_homes import DAY_MS, MODIFIED_NS

CREATED = EVERYTHING._replace(order=Order("created"))


def test_an_absent_home_is_empty(home: Home) -> None:
    """A home that does not exist has no threads, and is not made by looking."""
    page = home.store.list(CREATED)

    assert (page.threads, page.next, page.hidden, page.complete) == ((), None, {}, True)
    assert not home.folder.exists()


PLACES = [
    "sessions",
    "sessions/2020/01/01",
    "sessions/2031/12/31",
    "sessions/2026",
    "sessions/2026/02",
    "sessions/2026/02/08/deeper/and/deeper",
    "sessions/restored backup/2026/01/01",
    "sessions/2026/13/01",
    "sessions/2026/02/30",
    "sessions/99999/01/01",
    "archived_sessions",
    "archived_sessions/2026/02/08",
]


@pytest.mark.parametrize("order", ["created", "updated", "active"])
@pytest.mark.parametrize("limit", [1, 3, 100])
def test_files_in_any_folder_are_listed(home: Home, order: str, limit: int) -> None:
    """Loose files, wrong days, folders that are no dates, folders in the archive: each is listed once."""
    for number, place in enumerate(PLACES, 1):
        home.talk(number, place)
    for number in range(20, 25):
        home.talk(number, at_ms=b.START_MS - number * DAY_MS)
    expected = [*range(1, len(PLACES) + 1), *range(20, 25)]
    active = [
        number for number in expected if not (number <= len(PLACES) and PLACES[number - 1].startswith("archived"))
    ]

    assert expected == sorted(home.listed(order, limit=limit))
    assert active == sorted(home.listed(order, limit=limit, archived=False))


def test_a_loose_file_stands_where_its_time_is(home: Home) -> None:
    """A file that lies directly in ``sessions`` takes its place between those of the dated folders."""
    for number in (1, 2, 3):
        home.talk(number, at_ms=b.START_MS - number * DAY_MS)
    home.talk(4, "sessions", at_ms=b.START_MS - 2 * DAY_MS + 1000)

    assert home.listed(archived=False, limit=1) == [1, 4, 2, 3]


def test_a_misplaced_file_stands_at_the_edge_of_its_folder(home: Home) -> None:
    """A file in a folder of another day is listed with that day, so that no page jumps over it."""
    for number in (1, 2, 3):
        home.talk(number, at_ms=b.START_MS - number * DAY_MS)
    old = b.rollout_name(b.thread_id(2), b.START_MS - 2 * DAY_MS)
    home.talk(4, f"sessions/{old[8:12]}/{old[13:15]}/{old[16:18]}", at_ms=b.START_MS)

    assert home.listed(archived=False, limit=1) == [1, 4, 2, 3]


def test_names_that_do_not_parse(home: Home) -> None:
    """A rollout without date or with a second extension of its stem is known by its metadata."""
    day = "sessions/2026/02/08"
    home.put(f"{day}/rollout-{b.thread_id(1)}.jsonl", b.rollout_bytes(b.thread_id(1), b.user("no date")))
    home.put(f"{day}/rollout-mine.jsonl", b.rollout_bytes(b.thread_id(2), b.user("renamed")))
    home.put(f"{day}/rollout-nobody.jsonl", b"garbage\n")
    home.put(f"{day}/session-{b.thread_id(3)}.jsonl", b.rollout_bytes(b.thread_id(3), b.user("no rollout")))
    page = home.store.list(CREATED)

    assert {row.preview for row in page.threads} == {"no date", "renamed"}
    assert page.hidden == {"no thread id": 1}


def test_a_copy_is_no_thread_of_its_own(home: Home) -> None:
    """Copies that a file manager or a synchroniser made are counted, and the proper file is the row."""
    path = home.talk(1)
    home.put(f"{os.path.dirname(path)}/{os.path.basename(path)[:-6]} (1).jsonl", b"")
    home.put("sessions/2026/02/07/" + os.path.basename(path), b"older copy")
    for order in ("created", "updated"):
        page = home.store.list(EVERYTHING._replace(order=Order(order), archived=False))

        assert [row.path for row in page.threads] == [path]
        assert page.hidden == {"duplicate": 2}


def test_active_wins_over_archived(home: Home) -> None:
    """An id that stands on both sides is one row, the active one; the other side does not show it."""
    path = home.talk(1)
    home.talk(1, "archived_sessions", at_ms=b.START_MS + DAY_MS)
    home.talk(2, "archived_sessions")

    assert [row.path for row in home.store.list(CREATED._replace(archived=False)).threads] == [path]
    assert home.listed(archived=None) == [2, 1]
    assert home.listed(archived=True) == [2]


def test_the_other_side_is_counted(home: Home) -> None:
    """A page of one side says how many threads the other has."""
    home.talk(1)
    home.talk(2, "archived_sessions")
    home.talk(3, "archived_sessions")

    assert home.store.list(CREATED._replace(archived=False)).hidden == {"archived": 2}
    assert home.store.list(CREATED._replace(archived=True)).hidden == {"active": 1}


def revert(home: Home, number: int, at_ms: int, rollout: int) -> str:
    """A further file of a thread, as a revert of the newest version makes one."""
    base = b.paginated_bytes(b.thread_id(number), *b.paginated_turn(f"question {number}", "answer"))
    home.put(f"sessions/2026/02/08/{b.rollout_name(b.thread_id(number))}", base)
    name = b.rollout_name(b.thread_id(number), at_ms, b.thread_id(rollout))
    own = b.fork_bytes(
        b.thread_id(number), b.thread_id(number), b.first_lines(base, 4), b.turn_item("UserMessage", "new")
    )
    return home.put(f"sessions/{name[8:12]}/{name[13:15]}/{name[16:18]}/{name}", own)


def test_a_thread_of_several_files_is_one_row(home: Home) -> None:
    """It stands where its newest file stands, is listed on one page only, and tells how many files it has."""
    newest = revert(home, 1, b.START_MS + 5 * DAY_MS, 70)
    for number in (2, 3, 4):
        home.talk(number, at_ms=b.START_MS + number * DAY_MS)
    (row, *_) = home.store.list(CREATED._replace(archived=False)).threads

    assert home.listed(archived=False, limit=1) == [1, 4, 3, 2]
    assert home.listed(archived=None, limit=1) == [1, 4, 3, 2]
    assert (row.path, row.segments, row.preview) == (newest, 2, "question 1")


def test_a_plain_file_hides_its_compressed_twin(home: Home) -> None:
    """Of a rollout that stands plain and compressed, the plain file is the row; alone, the compressed one is."""
    path = home.talk(1)
    home.put(f"{path}.zst", zstd.compress(b"old"))
    both = home.store.list(CREATED).threads
    os.unlink(path)
    home.put(f"{path}.zst", zstd.compress(b.rollout_bytes(b.thread_id(1), b.user("packed"))))
    packed = home.store.list(CREATED).threads

    assert [(row.path, row.preview) for row in (*both, *packed)] == [(path, "question 1"), (f"{path}.zst", "packed")]


def test_the_metadata_name_the_thread(home: Home) -> None:
    """Where name and metadata differ the metadata win; when they name a thread that is there, it is a copy."""
    name = b.rollout_name(b.thread_id(2))
    home.put(f"sessions/2026/02/08/{name}", b.rollout_bytes(b.thread_id(1), b.user("asked")))
    alone = home.listed()
    home.talk(1)
    page = home.store.list(CREATED)

    assert alone == [1]
    assert ([row.id for row in page.threads], page.hidden) == ([b.thread_id(1)], {"duplicate": 1})


def test_links(home: Home, tmp_path: Path) -> None:
    """A link to a rollout elsewhere is a row, one to a rollout of the home is not a second one; others are counted."""
    path = home.talk(1)
    outside = tmp_path / b.rollout_name(b.thread_id(2))
    outside.write_bytes(b.rollout_bytes(b.thread_id(2), b.user("elsewhere")))
    day = os.path.dirname(path)
    os.symlink(outside, f"{day}/{outside.name}")
    os.symlink(path, f"{home.folder}/sessions/{os.path.basename(path)}")
    os.symlink("nowhere", f"{day}/{b.rollout_name(b.thread_id(3))}")
    os.symlink(day, f"{home.folder}/sessions/linked")
    page = home.store.list(CREATED)

    assert {row.preview for row in page.threads} == {"question 1", "elsewhere"}
    assert page.hidden == {"broken link": 1, "linked folder": 1}


def test_no_head_is_read_beyond_the_page_and_one(home: Home) -> None:
    """The first page by creation opens the files of the page and one more, and looks into no older folder."""
    for number in range(30):
        home.talk(number, at_ms=b.START_MS - number * DAY_MS)

    class Watched(Filesystem):
        """Counts."""

        opened = 0
        folders = 0

        def open(self, path: str, flags: int, mode: int = 0o600) -> int:
            """Count rollouts."""
            self.opened += "rollout-" in path
            return super().open(path, flags, mode)

        def scandir(self, path: str) -> Iterator[os.DirEntry[str]]:
            """Count days."""
            self.folders += 1
            return super().scandir(path)

    fs = Watched()
    LocalStore(home.folder, fs).list(CREATED._replace(archived=False, limit=5))

    assert fs.opened == 6
    assert fs.folders < 15


def test_what_a_filter_hides_is_counted_on_the_way(home: Home) -> None:
    """An unfinished walk counts what it passed; the last page of a walk from the start counts everything."""
    for number in range(1, 9):
        name = b.rollout_name(b.thread_id(number), b.START_MS + number * 1000)
        source = "exec" if number % 2 else "cli"
        home.put(f"sessions/2026/02/08/{name}", b.rollout_bytes(b.thread_id(number), b.user("x"), source=source))
    query = ThreadQuery(order=Order("created"), limit=2)
    first, whole = home.store.list(query), home.store.list(query._replace(limit=50))

    assert ([row.id for row in first.threads], first.hidden, first.complete) == (
        [b.thread_id(8), b.thread_id(6)],
        {"exec": 1},
        False,
    )
    assert (whole.next, whole.hidden, whole.complete) == (None, {"exec": 4}, True)


def test_a_default_provider_comes_from_the_configuration(home: Home) -> None:
    """A thread without a provider counts as the configured one, unless the query tells another."""
    home.put("config.toml", b'model_provider = "mine"\n')
    name = b.rollout_name(b.thread_id(1))
    home.put(f"sessions/2026/02/08/{name}", b.rollout_bytes(b.thread_id(1), b.user("x"), model_provider=None))
    query = ThreadQuery(providers=("mine",))

    assert len(home.store.list(query).threads) == 1
    assert home.store.list(query._replace(default_provider="openai")).hidden == {"provider": 1}


def test_an_unknown_order_is_refused(home: Home) -> None:
    """An order that is none says which there are."""
    with pytest.raises(InvalidQueryError, match="active, created, updated"):
        home.store.list(ThreadQuery(order=Order("colour")))


def test_times_of_a_row(home: Home) -> None:
    """Creation is the metadata's time, else the name's; change is the file's; activity the last record's."""
    good = home.talk(1)
    home.put("sessions/2026/02/08/" + b.rollout_name(b.thread_id(2)), b.meta_line(b.thread_id(2), timestamp="bad"))
    rows = {row.id: row for row in home.store.list(CREATED).threads}
    one, two = rows[b.thread_id(1)], rows[b.thread_id(2)]

    assert os.path.basename(good) in one.path
    assert (one.created_ms, one.modified_ms) == (b.START_MS, MODIFIED_NS // 1_000_000)
    assert one.active_ms > b.START_MS
    assert two.created_ms == b.START_MS // 1000 * 1000


def test_a_listing_survives_moves(home: Home) -> None:
    """While others archive and unarchive, every listing of both sides ends well and no thread appears twice."""
    for number in range(1, 13):
        home.talk(number)
    stop = threading.Event()
    failures: list[BaseException] = []

    def move(number: int) -> None:
        store = LocalStore(home.folder)
        try:
            while not stop.is_set():
                with suppress(BusyError):  # twelve movers wear out the patience for the coordination lock
                    store.set_archived(b.thread_id(number), True)
                    store.set_archived(b.thread_id(number), False)
        except BaseException as error:  # noqa: BLE001 - reported below
            failures.append(error)

    movers = [threading.Thread(target=move, args=(number,)) for number in range(1, 13)]
    for mover in movers:
        mover.start()
    try:
        for order in ("created", "updated", "active") * 5:
            listed = home.listed(order, limit=5)

            assert len(listed) == len(set(listed))
    finally:
        stop.set()
        for mover in movers:
            mover.join()
    assert failures == []
    assert sorted(home.listed()) == list(range(1, 13))


HEAVY = ("msgspec", "dataclasses", "asyncio", "tomllib", "backports", "tempfile", "threading")


def test_a_listing_imports_nothing_heavy(home: Home) -> None:
    """Listing and resolving in a fresh process load none of the modules that cost more than they do."""
    home.talk(1)
    program = (
        "from rollout.store.local.store import LocalStore; from rollout.query import EVERYTHING; import sys;"
        "store = LocalStore(sys.argv[1]); print(len(store.list(EVERYTHING).threads), store.resolve('019c'))"
    )
    command = [sys.executable, "-S", "-X", "importtime", "-c", program, str(home.folder)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT / "src")})
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in ran.stderr.splitlines()}

    assert ran.stdout.startswith("1 ")
    assert loaded.isdisjoint(HEAVY)
