"""From what a person says to threads and files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from local_homes import DAY_MS
from rollout.errors import NotFoundError
from rollout.query import ThreadQuery
from rollout.store.local.store import open_rollout
from rollout.testing import builders as b

if TYPE_CHECKING:
    from pathlib import Path

    from local_homes import Home


def test_an_id_is_found_at_any_depth(home: Home) -> None:
    """The exact walk finds a rollout wherever it lies, on the side that is asked for."""
    active = home.talk(1, "sessions/backup/of/2025")
    archived = home.talk(2, "archived_sessions/2026/02/08")

    assert home.store.find_path(b.thread_id(1).upper()) == active
    assert home.store.find_path(b.thread_id(2), archived=True) == archived
    assert home.store.find_path(b.thread_id(1), archived=True) is None
    assert home.store.find_path("no id") is None


def test_an_id_that_only_the_metadata_tell(home: Home) -> None:
    """A file whose name bears another id is found by the id in it, and can be read by it."""
    data = b.rollout_bytes(b.thread_id(1), b.user("asked"))
    path = home.put(f"sessions/2026/02/08/{b.rollout_name(b.thread_id(2))}", data)

    assert home.store.resolve(b.thread_id(1)) == (b.thread_id(1),)
    assert home.store.find_path(b.thread_id(1)) == path
    assert b"".join(home.store.raw(b.thread_id(1))) == data


def test_a_prefix_with_or_without_hyphens(home: Home) -> None:
    """A beginning of an id means it, as it is printed or without its hyphens."""
    home.talk(1)
    identity = b.thread_id(1)

    assert home.store.resolve(identity[:13]) == (identity,)
    assert home.store.resolve(identity.replace("-", "")[:13].upper()) == (identity,)
    assert home.store.resolve(identity[:3]) == ()


def test_a_name_of_a_thread_that_is_gone(home: Home) -> None:
    """A name in the index whose rollout is not there means nobody."""
    path = home.talk(1)
    home.store.set_name(b.thread_id(1), "fix login")
    named = home.store.resolve("fix login")
    os.unlink(path)

    assert (named, home.store.resolve("fix login")) == ((b.thread_id(1),), ())


def test_the_latest_of_a_folder(home: Home) -> None:
    """The newest thread that began in a folder or whose last turn was there; without a folder the newest of all."""
    last = [b.user("x"), b.turn_context(cwd="/a"), b.turn_context(cwd="/b")]
    for number, (cwd, items) in enumerate([("/b", [b.user("x")]), ("/c", last), ("/d", [b.user("x")])], 1):
        data = b.rollout_bytes(b.thread_id(number), *items, cwd=cwd)
        home.put(f"sessions/2026/02/08/{b.rollout_name(b.thread_id(number), b.START_MS + number * 1000)}", data)
    found = {cwd: home.store.latest_for_cwd(cwd, ThreadQuery()) for cwd in ("/b", "/c", "/a", "/d/", None)}

    assert {cwd: row and row.id for cwd, row in found.items()} == {
        "/b": b.thread_id(2),
        "/c": b.thread_id(2),
        "/a": None,
        "/d/": b.thread_id(3),
        None: b.thread_id(2),
    }


def test_the_last_turn_far_back(home: Home) -> None:
    """In a long file the last turn's folder is found behind what the tail shows."""
    noise = [b.message("developer", "x" * 50_000)] * 5
    data = b.rollout_bytes(
        b.thread_id(1), b.user("x"), b.turn_context(cwd="/old"), *noise, b.turn_context(cwd="/b"), *noise
    )
    home.put(f"sessions/2026/02/08/{b.rollout_name(b.thread_id(1))}", data)

    assert home.store.latest_for_cwd("/b", ThreadQuery()) is not None
    assert home.store.latest_for_cwd("/old", ThreadQuery()) is None


def test_a_writer_of_a_path(home: Home, tmp_path: Path) -> None:
    """A rollout can be opened by its path, in a home or elsewhere; its name or its metadata tell whose it is."""
    inside = home.talk(1)
    outside = tmp_path / "elsewhere" / "rollout-copy.jsonl"
    outside.parent.mkdir()
    outside.write_bytes(b.rollout_bytes(b.thread_id(2)))
    for path, number in ((inside, 1), (str(outside), 2)):
        writer = open_rollout(path)

        assert (writer.thread_id, writer.path) == (b.thread_id(number), path)
        writer.close()
    with pytest.raises(NotFoundError):
        open_rollout(tmp_path / "nothing.jsonl")


def test_a_base_that_was_archived_or_compressed_is_found(home: Home) -> None:
    """A rollout id leads to its file wherever it is, far from the day of its birth too."""
    base = b.paginated_bytes(b.thread_id(1), b.turn_item("UserMessage", "base"))
    fork = b.fork_bytes(b.thread_id(2), b.thread_id(1), base)
    home.put(f"sessions/2026/02/08/{b.rollout_name(b.thread_id(2))}", fork)
    for place in ("archived_sessions", "sessions/2020/01/01", "sessions"):
        path = home.put(f"{place}/{b.rollout_name(b.thread_id(1), b.START_MS - 900 * DAY_MS)}", base)

        assert [line.n for line in home.store.lines(b.thread_id(2))] == [0, 1, 2]
        os.unlink(path)
