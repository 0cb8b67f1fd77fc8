"""The family of a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout import lineage as module
from rollout.lineage import lineage
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b
from web.site import put

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def home(folder: Path, forked_from: dict[int, int]) -> LocalStore:
    """Threads, each forked from another; 0 is from none."""
    for number, source in forked_from.items():
        facts = {"forked_from_id": b.thread_id(source)} if source else {}
        put(folder, number).write_bytes(b.rollout_bytes(b.thread_id(number), *b.turn("a", "b"), **facts))
    return LocalStore(folder)


def names(found: module.Lineage) -> dict[int, list[int]]:
    """The tree in the numbers of the threads."""
    return {number_of(above): [number_of(one.id) for one in below] for above, below in found.below.items() if below}


def number_of(identity: str) -> int:
    """The number that a thread's id was made of."""
    return int(identity[-12:], 16)


def test_the_whole_family_is_found_from_any_of_its_threads(tmp_path: Path) -> None:
    """Up to the oldest, then down, the oldest child first."""
    store = home(tmp_path, {1: 0, 2: 1, 3: 2, 4: 1, 5: 0})
    found = [lineage(store, b.thread_id(number)) for number in (1, 3, 4)]

    assert [(number_of(one.top.id), names(one), one.complete, one.size) for one in found] == [(1, {1: [2, 4], 2: [3]}, True, 4)] * 3


def test_what_is_missing_above_is_named(tmp_path: Path) -> None:
    """The tree begins with the oldest that is there."""
    found = lineage(home(tmp_path, {2: 9, 3: 2}), b.thread_id(3))

    assert (number_of(found.top.id), found.missing) == (2, b.thread_id(9))


def test_a_circle_ends(tmp_path: Path) -> None:
    """Two threads that name each other are shown once each."""
    found = lineage(home(tmp_path, {1: 2, 2: 1}), b.thread_id(1))

    assert found.size == 2


def test_a_family_that_is_too_large_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read is shown."""
    monkeypatch.setattr(module, "MOST", 3)
    found = lineage(home(tmp_path, {1: 0, **dict.fromkeys(range(2, 8), 1)}), b.thread_id(1))

    assert (found.complete, found.size) == (False, 7)
