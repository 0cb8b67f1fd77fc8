"""``rollout import`` restores what ``rollout export --format json`` took, into any home."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.homes import Home, thread_id

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Rollout


@pytest.fixture
def bundle(rollout: Rollout, home: Home, tmp_path: Path) -> str:
    """A compressed bundle of two threads, one archived and one with a name."""
    home.add(1)
    home.add(2, archived=True)
    home.name(1, "My thread")
    path = str(tmp_path / "two.json.gz")
    assert rollout("export", thread_id(1), thread_id(2), "-o", path).status == 0
    return path


def files(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Every rollout with its bytes, time and mode, by its place."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode)
        for path in folder.rglob("rollout-*")
    }


def test_everything_comes_back_in_an_empty_home(rollout: Rollout, home: Home, tmp_path: Path, bundle: str) -> None:
    """Bytes, places, times, modes and names; the ids are on standard output."""
    other = tmp_path / "other"
    run = rollout("import", bundle, "--home", str(other))

    assert (run.status, run.out) == (0, f"{thread_id(1)}\n{thread_id(2)}\n")
    assert files(home.path) == files(other)
    assert thread_id(1) in rollout("path", "My thread", "--home", str(other)).out


def test_again_is_nothing_new(rollout: Rollout, home: Home, bundle: str) -> None:
    """A bundle of what is there already changes nothing and says so."""
    before = home.state()
    run = rollout("import", bundle, "--json")

    assert run.status == 0
    assert run.document["results"][0]["written"] == []
    assert len(run.document["results"][0]["present"]) == 2
    assert before == home.state()


def test_nothing_is_replaced(rollout: Rollout, tmp_path: Path, bundle: str) -> None:
    """One file with other bytes stops the whole import."""
    other = Home(tmp_path / "other")
    other.add(1, [])
    before = other.state()
    run = rollout("import", bundle, "--home", str(other.path))

    assert run.status == 5
    assert "other bytes" in run.err
    assert before == other.state()


def test_a_dry_run_changes_nothing(rollout: Rollout, tmp_path: Path, bundle: str) -> None:
    """What would be imported is told, and no home is made."""
    run = rollout("import", bundle, "--dry-run", "--home", str(tmp_path / "other"))

    assert run.status == 0
    assert "would import 2 threads" in run.err
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("content", [b"", b"{}", b"hello", b"\x1f\x8b", b'{"schema":"rollout.show/1","x":[]}'])
def test_what_is_no_bundle_is_refused(rollout: Rollout, tmp_path: Path, content: bytes) -> None:
    """One line says that it is none, and the status is that of a finding."""
    path = tmp_path / "x.json"
    path.write_bytes(content)
    run = rollout("import", str(path))

    assert run.status == 1
    assert run.err.count("\n") == 1
    assert "bundle" in run.err or "cut" in run.err


def test_a_file_that_is_not_there(rollout: Rollout) -> None:
    """It is named."""
    run = rollout("import", "no-such-file.json")

    assert run.status == 5
    assert "no-such-file.json" in run.err
