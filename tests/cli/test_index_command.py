"""``rollout index``, and the options that say which index is used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cli.homes import Home, thread_id

if TYPE_CHECKING:
    from cli.conftest import Rollout


@pytest.fixture
def two(home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Home:
    """Two threads, and a cache folder of their own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    home.add(1)
    home.add(2)
    return home


def test_a_listing_makes_it(two: Home, rollout: Rollout) -> None:
    """The first listing makes the index outside the home; status tells what it holds."""
    before = two.state()
    path = rollout("index", "path").out.strip()

    assert "none yet" in rollout("index", "status").out
    assert not Path(path).exists()

    rollout("list")
    told = rollout("index", "status")

    assert Path(path).exists()
    assert "/cache/rollout/" in path
    assert (0, True, True) == (told.status, "2 threads in 2 files" in told.out, "agrees with the files" in told.out)
    assert before == two.state()


def test_status_counts_what_differs(two: Home, rollout: Rollout) -> None:
    """What the next listing will take in is counted by what has become of it; looking takes nothing in."""
    rollout("list")
    two.add(3)
    two.add(1, [])
    two.name(2, "a name")
    for _ in range(2):
        document = rollout("index", "status", "--json").document

        assert {"new": 1, "changed": 1, "names": 1} == document["differs"]
        assert 2 == document["threads"]


def test_verify_names_each_row(two: Home, rollout: Rollout) -> None:
    """Each row that is not as its file has it is named, with what differs; the status is then 1."""
    rollout("list")

    run = rollout("index", "status", "--verify")
    assert (0, True) == (run.status, "verified  every row" in run.out)

    two.add(3)
    two.name(1, "a name")
    path = two.add(2)
    path.rename(two.path / "sessions" / path.name)
    run = rollout("index", "status", "--verify", "--json")
    told = {(one["kind"], one["id"]) for one in run.document["differences"]}

    assert 1 == run.status
    assert {("missing", thread_id(3)), ("stale", thread_id(1)), ("moved", thread_id(2))} == told
    assert "stale     00000001-7694-7593-8030-4683b6e2f9c0 (name)" in rollout("index", "status", "--verify").out


def test_a_long_list_is_cut(two: Home, rollout: Rollout) -> None:
    """Twenty differences are shown, and how many there are beyond; JSON has them all."""
    for number in range(3, 30):
        two.add(number)
    run = rollout("index", "status", "--verify")

    assert 20 == run.out.count("missing   ")
    assert "and 9 more; --json names them all" in run.out
    assert 29 == len(rollout("index", "status", "--verify", "--json").document["differences"])


def test_missing_threads_are_named(two: Home, rollout: Rollout) -> None:
    """A thread whose file is gone is announced by the listing and named by status."""
    rollout("list")
    path = two.add(1)
    path.unlink()

    assert "1 thread was here and its files are gone: rollout index status names them" in rollout("list").err
    assert f"missing   {thread_id(1)} question 1, noticed " in rollout("index", "status").out
    assert [str(path)] == [one["path"] for one in rollout("index", "status", "--json").document["missing"]]


def test_rebuild(two: Home, rollout: Rollout) -> None:
    """A rebuild tells the numbers before and after, and forgets what is missing."""
    rollout("list")
    two.add(2).unlink()
    rollout("list")
    two.add(3)
    document = rollout("index", "rebuild", "--json").document

    assert (1, 2, 2, False) == tuple(document[name] for name in ("before", "after", "onDisk", "resumed"))
    assert "2 threads, 2 before; 2 in the files: " in rollout("index", "rebuild").out
    assert [] == rollout("index", "status", "--json").document["missing"]


def test_which_index(two: Home, rollout: Rollout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--index names a file, before or after the command; ROLLOUT_INDEX does too; --no-index makes none."""
    given, told = tmp_path / "given.sqlite", tmp_path / "told.sqlite"

    assert rollout("--no-index", "list").out == rollout("list", "--no-index").out != ""
    assert not (tmp_path / "cache").exists()

    assert rollout("--index", str(given), "list").out == rollout("list", f"--index={given}").out
    assert given.exists()
    assert f"{given}\n" == rollout("index", "path", "--index", str(given)).out

    monkeypatch.setenv("ROLLOUT_INDEX", str(told))
    rollout("list")

    assert told.exists()
    assert not (tmp_path / "cache").exists()

    monkeypatch.setenv("ROLLOUT_INDEX", "off")

    assert 2 == rollout("index", "path").status
    assert 2 == rollout("list").out.count("\n")
    assert two.path.is_dir()


def test_why_the_index_did_not_answer(two: Home, rollout: Rollout, tmp_path: Path) -> None:
    """A bad index is one line on standard error, and the listing is whole; status says it and is 1."""
    bad = tmp_path / "notes.txt"
    bad.write_text("these are my notes\n" * 300)
    run = rollout("list", "--index", str(bad))

    assert (0, 2) == (run.status, run.out.count("\n"))
    assert f"listed from the files: the index at {bad} is damaged" in run.err
    assert 1 == rollout("index", "status", "--index", str(bad)).status
    assert 5 == rollout("index", "rebuild", "--index", str(bad)).status
    assert "these are my notes\n" * 300 == bad.read_text()
    assert two.path.is_dir()
