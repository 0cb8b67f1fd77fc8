"""Where a text occurs in the threads of a home."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import pytest

from rollout.errors import InvalidQueryError, NotFoundError
from rollout.query import EVERYTHING, Order
from rollout.search_query import SearchQuery
from rollout.store.local.ripgrep import LARGEST, are_large, files_that_may_hold, find_ripgrep
from rollout.testing import builders as b

if TYPE_CHECKING:
    from local_homes import Home


def test_what_forks_share_is_found_once(home: Home) -> None:
    """A text in a base is a hit of the base, not of the forks that build on it; own older files count."""
    base = b.paginated_bytes(b.thread_id(1), b.turn_item("UserMessage", "needle one"))
    home.put(f"sessions/2026/02/08/{b.rollout_name(b.thread_id(1))}", base)
    home.put(
        f"sessions/2026/02/08/{b.rollout_name(b.thread_id(2))}",
        b.fork_bytes(b.thread_id(2), b.thread_id(1), base, b.turn_item("UserMessage", "needle two")),
    )
    again = b.fork_bytes(b.thread_id(1), b.thread_id(1), base, b.turn_item("UserMessage", "needle three"))
    home.put(f"sessions/2026/02/08/{b.rollout_name(b.thread_id(1), b.START_MS + 9000, b.thread_id(7))}", again)
    hits = home.store.search("NEEDLE", EVERYTHING).hits

    assert sorted((hit.thread_id, hit.n, hit.position.segment) for hit in hits) == [
        (b.thread_id(1), 1, 0),
        (b.thread_id(1), 3, 1),
        (b.thread_id(2), 3, 1),
    ]


@pytest.mark.parametrize(
    "said", ["Größe", "STRASSE", "straße", 'a "quote"', "back\\slash", "two\nlines", "naïve ✓", "a/b"]
)
def test_any_text_is_found_whatever_its_case(home: Home, said: str) -> None:
    """Letters of any script, quotes, backslashes and line breaks are found as they are meant."""
    data = b.rollout_bytes(b.thread_id(1), b.user(f"before {said} after"))
    home.put(f"sessions/2026/02/08/{b.rollout_name(b.thread_id(1))}", data)

    assert len(home.store.search(said.upper(), EVERYTHING).hits) == 1
    assert home.store.search("", EVERYTHING).hits == ()


def test_within_one_thread(home: Home) -> None:
    """One thread can be asked alone, whatever filters say; one that is not there is told."""
    for number in (1, 2):
        home.talk(number, "archived_sessions")
    query = EVERYTHING._replace(archived=False)
    hits = home.store.search(SearchQuery("question", thread_id=b.thread_id(2)), query).hits

    assert {b.thread_id(2)} == {hit.thread_id for hit in hits}
    with pytest.raises(NotFoundError):
        home.store.search(SearchQuery("question", thread_id=b.thread_id(9)), query)


def test_newest_first(home: Home) -> None:
    """Threads in the query's order, the lines of each newest first; the item and the event of a message are one."""
    for number in (1, 2):
        items = [*b.turn("needle one", "needle two"), *b.turn("needle three", "done")]
        home.put(
            f"sessions/2026/02/08/{b.rollout_name(b.thread_id(number), b.START_MS + number * 1000)}",
            b.rollout_bytes(b.thread_id(number), *items),
        )
    found = home.store.search("needle", EVERYTHING._replace(order=Order("created"))).hits

    assert [(b.thread_id(number), n) for number in (2, 1) for n in (10, 6, 3)] == [
        (hit.thread_id, hit.n) for hit in found
    ]
    assert [2, 1, 1] == [hit.turn for hit in found[:3]]


def test_what_cannot_be_read_is_told(home: Home) -> None:
    """A thread that cannot be read costs its own hits, and the answer says that it is not whole."""
    home.talk(1)
    home.put(f"sessions/2026/02/08/{b.rollout_name(b.thread_id(2))}.zst", b"\x28\xb5\x2f\xfd\xa4" + b"\xff" * 40)
    page = home.store.search("question", EVERYTHING)

    assert {b.thread_id(1)} == {hit.thread_id for hit in page.hits}
    assert not page.complete or not page.note


def test_many_ways_to_say_where_it_ends(home: Home) -> None:
    """A page that is cut says where the next one begins; the last page says that it is the last."""
    home.talk(1)
    home.talk(2)
    first = home.store.search("question", EVERYTHING._replace(limit=1))
    second = home.store.search(SearchQuery("question", cursor=first.next), EVERYTHING._replace(limit=1))

    with pytest.raises(InvalidQueryError, match="another order"):
        home.store.search(SearchQuery("question", cursor=first.next), EVERYTHING._replace(order=Order("name")))
    assert (False, True) == (first.complete, second.complete)
    assert second.next is None
    assert {b.thread_id(1), b.thread_id(2)} == {hit.thread_id for hit in first.hits + second.hits}


@pytest.mark.parametrize("before", [0, 1, (1 << 18) - 9, (1 << 18) - 300, 1 << 18, 700_000])
def test_a_text_in_a_long_line_is_found_wherever_it_stands(home: Home, before: int) -> None:
    """Lines that are longer than what is read at once are looked through in pieces that overlap."""
    said = [b.user("needle one"), b.user("x" * before + " needle two " + "x" * 600_000), b.user("needle three")]
    home.put(f"sessions/2026/02/08/{b.rollout_name(b.thread_id(1))}", b.rollout_bytes(b.thread_id(1), *said))

    assert [3, 2, 1] == [hit.n for hit in home.store.search("needle", EVERYTHING).hits]
    assert [2] == [hit.n for hit in home.store.search("needle two", EVERYTHING).hits]


def test_long_lines_without_a_match_are_never_held(home: Home) -> None:
    """A search takes no more memory for them than for short ones."""
    long = b.rollout_bytes(b.thread_id(1), b.user("needle"), b.tool_output("x" * (24 << 20)))
    home.put(f"sessions/2026/02/08/{b.rollout_name(b.thread_id(1))}", long)
    tracemalloc.start()
    try:
        hits = home.store.search("needle", EVERYTHING).hits
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert [1] == [hit.n for hit in hits]
    assert peak < 8 << 20


@pytest.mark.skipif(find_ripgrep() is None, reason="ripgrep is not installed")
def test_files_that_are_too_large_for_ripgrep_are_looked_through(home: Home) -> None:
    """It is not asked about them, and they are found all the same."""
    for number, size in ((1, 10), (2, LARGEST)):
        said = b.rollout_bytes(b.thread_id(number), b.user("needle"), b.tool_output("x" * size))
        home.put(f"sessions/2026/02/08/{b.rollout_name(b.thread_id(number))}", said)

    hits = home.store.search("needle", EVERYTHING).hits

    assert {b.thread_id(1), b.thread_id(2)} == {hit.thread_id for hit in hits}


@pytest.mark.skipif(find_ripgrep() is None, reason="ripgrep is not installed")
def test_mapped_files_are_told_like_read_ones(home: Home) -> None:
    """Large files are mapped into memory, small ones read; what ripgrep names is the same."""
    paths = [home.talk(number) for number in (1, 2)]
    large = home.put("sessions/rollout-large.jsonl", b.line(b.user("needle " + "x" * 600_000)))
    home.put("sessions/rollout-empty.jsonl", b"")
    found = [files_that_may_hold(find_ripgrep() or "", str(home.folder), "needle|question 2", mapped=way) for way in (False, True)]

    assert [{paths[1], large}] * 2 == found
    assert [False, True, False] == [are_large(paths), are_large([paths[0], large]), are_large([])]
