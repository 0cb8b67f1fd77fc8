"""Where a text occurs in the threads of a home."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rollout.query import EVERYTHING
from rollout.store.local.searching import may_hold
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


def test_bytes_tell_only_what_they_can() -> None:
    """A line is passed over only when its bytes prove that the text is not in it."""
    assert may_hold(b'{"text":"Login"}', "login")
    assert not may_hold(b'{"text":"other"}', "login")
    assert may_hold(b'{"text":"\\u006cogin"}', "login")
    assert may_hold(b"{'text':'K'}", "k")
    assert may_hold(b"other", 'with "quotes"')
