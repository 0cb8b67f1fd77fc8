"""What real Codex was asked, asked of our app-server over a home and over a PostgreSQL server that has its threads."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("psycopg", reason="the postgres extra is not installed")

from postgres_server import Server, for_tests
from rollout.copying import copy_thread, wanted_threads
from rollout.store.local.store import LocalStore
from support import corpus_marks, shared_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [*corpus_marks, pytest.mark.codex, pytest.mark.slow]
KINDS = "list,pages,read,turns,items,v1,fork,resume"


@pytest.fixture(scope="module", name="server")
def _server() -> Iterator[Server]:
    yield from for_tests()


def served_from(server: Server, original: Path, home: Path) -> str:
    """The URL of a tenant that has the threads of a corpus."""
    shutil.copytree(original, home, ignore=shutil.ignore_patterns("expected*"))
    for name, modified in json.loads((original / "expected" / "MTIMES.json").read_text()).items():
        if (home / name).exists():
            os.utime(home / name, ns=(modified, modified))
    store = server.store()
    for thread in wanted_threads(LocalStore(home)):
        copy_thread(LocalStore(home), store, thread)
    url = server.url(store.tenant)
    store.close()
    return url


def agreeing(original: Path, *where: str) -> dict[str, list[int]]:
    """How many answers of each kind agree with those of real Codex, of how many."""
    version = original.name.removeprefix("codex-").rpartition(".")[0]
    command = shlex.join([sys.executable, "-m", "rollout", *where, "app-server", "--protocol", version])
    oracle = [sys.executable, str(shared_path("oracle", "conformance.py")), "--server", command, "--home", str(original)]
    run = subprocess.run([*oracle, "--only", KINDS, "--ignore", "path"], capture_output=True, text=True, check=False)
    rows = [line.split(": ") for line in run.stdout.splitlines() if line.partition(":")[0] in KINDS.split(",")]
    assert rows, run.stdout + run.stderr
    return {kind: [int(number) for number in numbers.split(" of ")] for kind, numbers in rows}


@pytest.mark.parametrize(("corpus", "asked"), [("codex-0.100.0", 353), ("codex-0.169.0", 400)])
def test_as_many_answers_agree_as_with_files(server: Server, tmp_path: Path, corpus: str, asked: int) -> None:
    """Lists, pages, reads, turns, items, old calls, forks and resumes: of each kind as many as with files, paths aside.

    What 0.169 answers from its own database, which is no part of a thread, is left out on both sides.
    """
    original = tmp_path / corpus
    shutil.copytree(shared_path("corpus", corpus), original, ignore=shutil.ignore_patterns("*.sqlite*"))
    files = agreeing(original)
    served = agreeing(original, "--store", served_from(server, original, tmp_path / "home"))

    assert asked <= sum(number for _, number in files.values())
    assert [] == [kind for kind, (agreed, _) in files.items() if served[kind][0] < agreed], (files, served)
