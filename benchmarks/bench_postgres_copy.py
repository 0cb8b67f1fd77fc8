"""A big home copied into PostgreSQL and out again with ``rollout copy``, each in a process of its own."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from corpus import START_MS, TURN_MS, line, meta, turn_lines
from harness import Asked, Figure, child, main, mib, seconds, skipped
from postgres_cluster import cluster, missing
from rollout.ids import ThreadId
from rollout.store.base import Place
from rollout.store.local.paths import new_rollout_path

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_MEMORY = 256 << 20
COPY = """
from rollout.cli.main import main
import sys
sys.stdout = sys.stderr = open(os.devnull, "w")
status = main(["copy", *sys.argv[1:]])
sys.stdout = sys.__stdout__
assert status == 0, status
answer()
"""


def figures(asked: Asked) -> Iterator[Figure]:
    """There, and back."""
    threads = 500 if asked.quick else 10_000
    job = f"`rollout copy` of {threads:,} threads"
    if why := missing():
        yield skipped(job, f"≤ {mib(MOST_MEMORY)}", why)
        return
    source, back = os.path.join(asked.folder, "source"), os.path.join(asked.folder, "back")
    size = write(source, threads)
    with cluster() as server:
        url = server.url("copied")
        yield told(f"{job} from files into PostgreSQL", size, child(COPY, source, url))
        yield told(f"{job} from files into PostgreSQL again: all is there", size, child(COPY, source, url))
        yield told(f"{job} from PostgreSQL into files", size, child(COPY, url, back))
    assert sums(source) == sums(back), "the copy differs"


def write(home: str, threads: int) -> int:
    """A home of threads of about 100 KB; its size."""
    size = 0
    for number in range(threads):
        at = START_MS + number * TURN_MS
        identity = ThreadId.new(at, number.to_bytes(10, "big"))
        path = new_rollout_path(home, identity, Place(at))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(line(meta(identity)))
            file.writelines(turn_lines(number, 3))
            size += file.tell()
    return size


def told(job: str, size: int, facts: dict[str, float]) -> Figure:
    """One way."""
    return Figure(
        job=job,
        ours=f"{size / facts['wall'] / 1e6:.1f} MB/s, peak {mib(facts['peak'])}",
        baseline=f"{mib(size)} in {seconds(facts['wall'])}",
        ratio="",
        target=f"peak ≤ {mib(MOST_MEMORY)}",
        met=facts["peak"] <= MOST_MEMORY,
        note=f"our CPU {seconds(facts['cpu'])}; every byte compared at the end",
    )


def sums(home: str) -> dict[str, str]:
    """Every rollout by its name and the sum of its bytes."""
    found: dict[str, str] = {}
    for folder, _, names in os.walk(home):
        for name in names:
            if name.startswith("rollout-"):
                with open(os.path.join(folder, name), "rb") as file:
                    found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


if __name__ == "__main__":
    main(figures)
