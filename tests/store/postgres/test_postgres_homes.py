"""Real homes to a server and back: every file is the same file, compressed ones too."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from rollout.cli.main import main
from support import corpus_homes, corpus_marks

if TYPE_CHECKING:
    from pathlib import Path

    from postgres_server import Server

pytestmark = [*corpus_marks, pytest.mark.slow]


def rollouts_of(home: Path) -> dict[str, tuple[bytes, int, int]]:
    """Every rollout: its place, bytes, time and mode."""
    return {
        str(path.relative_to(home)): (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode)
        for path in sorted(home.rglob("rollout-*"))
    }


def copied(capture: pytest.CaptureFixture[bytes], source: str, target: str, *more: str) -> tuple[int, int, int]:
    """The status of a copy, how many files it wrote, how many were there."""
    status = main(["copy", source, target, "--json", *more])
    results = json.loads(capture.readouterr().out)["results"]
    return status, sum(len(one["written"]) for one in results), sum(len(one["present"]) for one in results)


@pytest.mark.parametrize("original", corpus_homes(), ids=lambda path: path.name)
def test_there_and_back(original: Path, server: Server, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """From a home to the server, into a new home: all files identical; copying twice changes nothing on either side."""
    home, back, url = tmp_path / "home", tmp_path / "back", server.url()
    shutil.copytree(original, home, ignore=shutil.ignore_patterns("expected*"))
    before = rollouts_of(home)
    there = copied(capfdbinary, str(home), url, "--verify")
    here = copied(capfdbinary, url, str(back), "--verify")
    arrived = rollouts_of(back)
    again = [copied(capfdbinary, *pair) for pair in ((str(home), url), (url, str(back)))]

    count = len(before)
    assert [(0, count, 0), (0, count, 0), (0, 0, count), (0, 0, count)] == [there, here, *again]
    assert before == arrived
    assert (before, arrived) == (rollouts_of(home), rollouts_of(back))
