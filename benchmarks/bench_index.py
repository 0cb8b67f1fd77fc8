"""Making an index, catching up, listing through it: against bare walks and bare reads of the same files."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from corpus import write_home
from harness import Asked, Cost, Figure, at_most, both, duel, main, seconds, spawn, timed, times
from rollout.journal.filesystem import OS
from rollout.query import EVERYTHING, Order
from rollout.store.local.catchup import CatchUp
from rollout.store.local.clock import RealClock
from rollout.store.local.given import Given
from rollout.store.local.index import open_index, remove_index
from rollout.store.local.index_path import IndexPlace, identity_of
from rollout.store.local.store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Iterator

BUILD_S, ENUMERATE_S, START_S, WALKS = 1.5, 0.5, 0.035, 1.3


def figures(asked: Asked) -> Iterator[Figure]:
    """From nothing, with nothing to do, all rows, and the whole command."""
    threads = 2_000 if asked.quick else 10_000
    home = os.path.join(asked.folder, "home")
    write_home(home, threads)
    place = IndexPlace(os.path.join(asked.folder, "index.sqlite"), ours=False)
    found = duel(lambda: built(home, place), lambda: heads(home), asked.rounds(6))
    yield Figure(
        job=f"index of {threads:,} threads from nothing",
        ours=both(found.ours),
        baseline=f"{both(found.baseline)}, the first line of each file read and decoded",
        ratio=times(found.cpu_ratio),
        target=f"≤ {seconds(BUILD_S * threads / 10_000)}",
        met=found.ours.cpu <= BUILD_S * threads / 10_000,
    )
    many = os.path.join(asked.folder, "many")
    more = threads if asked.quick else 100_000
    write_home(many, more)
    large = IndexPlace(os.path.join(asked.folder, "many.sqlite"), ours=False)
    built(many, large)
    found = duel(lambda: caught_up(many, large), lambda: walked(many), asked.rounds(10))
    yield Figure(
        job=f"catching up with {more:,} files of which none has changed",
        ours=both(found.ours),
        baseline=f"{both(found.baseline)}, scandir and stat",
        ratio=times(found.cpu_ratio),
        target=at_most(WALKS),
        met=found.cpu_ratio <= WALKS,
    )
    found = duel(lambda: listed(home, place), lambda: walked(home), asked.rounds(10))
    yield Figure(
        job=f"all {threads:,} threads, newest activity first",
        ours=both(found.ours),
        baseline=f"{both(found.baseline)}, scandir and stat",
        ratio=times(found.cpu_ratio),
        target=f"≤ {seconds(ENUMERATE_S)}",
        met=found.ours.cpu <= ENUMERATE_S,
    )
    yield whole_command(home, place, asked)


def whole_command(home: str, place: IndexPlace, asked: Asked) -> Figure:
    """The process from its start to its end, and what it may cost."""
    ours = [sys.executable, "-m", "rollout", "list", "--limit", "50", "--home", home, "--index", place.path]
    found = duel(lambda: spawn(ours), lambda: spawn([sys.executable, "-I", "-c", "pass"]), asked.rounds(20))
    walk = sorted(walked(home).cpu for _ in range(5))[2]
    allowed = found.baseline.cpu + START_S + WALKS * walk
    return Figure(
        job="`rollout list --limit 50` with a warm index, the whole process",
        ours=both(found.ours),
        baseline=f"{both(found.baseline)}, `python -I -c pass`, and {seconds(walk)} for scandir and stat",
        ratio=f"{seconds(found.ours.cpu - found.baseline.cpu)} more",
        target=f"≤ {seconds(allowed)} CPU: {seconds(START_S)} and {WALKS:g} walks more",
        met=found.ours.cpu <= allowed,
    )


def built(home: str, place: IndexPlace) -> Cost:
    """An index from nothing."""
    remove_index(place.path)
    return caught_up(home, place)


def caught_up(home: str, place: IndexPlace) -> Cost:
    """One catching up, the opening included."""

    def run() -> None:
        with open_index(place, identity_of(home)) as index:
            CatchUp(index, home, OS, Given(home, OS), RealClock()).run()

    return timed(run)


def heads(home: str) -> Cost:
    """The least that a reader of metadata does."""

    def run() -> None:
        for folder, _, names in os.walk(os.path.join(home, "sessions")):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    json.loads(file.readline())

    return timed(run)


def walked(home: str) -> Cost:
    """Every folder and the status of every file."""
    return timed(lambda: _walk(os.path.join(home, "sessions")))


def _walk(folder: str) -> None:
    below: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                below.append(entry.path)
            else:
                entry.stat(follow_symlinks=False)
    for path in below:
        _walk(path)


def listed(home: str, place: IndexPlace) -> Cost:
    """All rows through the index."""

    def run() -> None:
        page = LocalStore(home, index=place).list(EVERYTHING._replace(order=Order("active"), limit=1 << 20))
        if page.note or page.next:
            raise RuntimeError(page.note or "not all threads were listed")

    return timed(run)


if __name__ == "__main__":
    main(figures)
