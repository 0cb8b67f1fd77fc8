"""Search over a home: a rare word through the index, the index itself, and a rare word without it against ripgrep."""

from __future__ import annotations

import os
import shutil
from statistics import median
from typing import TYPE_CHECKING

from corpus import write_thread
from harness import Asked, Cost, Figure, at_most, child, duel, main, mib, seconds, skipped, spawn, timed, times
from rollout.journal.reader import forward, open_source
from rollout.lines import Line
from rollout.query import EVERYTHING
from rollout.search_query import search_query
from rollout.search_text import passages
from rollout.store.local import searching
from rollout.store.local.fulltext import Use
from rollout.store.local.index_path import IndexPlace
from rollout.store.local.store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Iterator

NEEDLE = "zirconium"
LINE = (
    '{"timestamp":"2026-01-01T00:00:00.000Z","type":"event_msg","payload":'
    '{"type":"user_message","message":"where is the zirconium","images":[],"local_images":[],"text_elements":[]}}\n'
)
RARE_S, COMMON_S = 0.002, 0.005
SPEED, SHARE, MEMORY, OVER_RG, OVER_PYTHON = 20.0, 0.6, 256 << 20, 1.5, 1.3
BUILD = """
from rollout.query import EVERYTHING
from rollout.store.local.fulltext import Use
from rollout.store.local.index_path import IndexPlace
from rollout.store.local.store import LocalStore
before, began = time.process_time(), time.perf_counter()
use = Use(IndexPlace(sys.argv[2], True), new=True, most=float("inf"), always=True)
LocalStore(sys.argv[1]).search("", EVERYTHING, use=use)
answer(used=time.process_time() - before, passed=time.perf_counter() - began)
"""


def figures(asked: Asked) -> Iterator[Figure]:
    """One home of many threads, in one of which the rare word stands."""
    home, place = os.path.join(asked.folder, "home"), os.path.join(asked.folder, "words.sqlite")
    size, threads = (4 << 20, 16) if asked.quick else (8 << 20, 64)
    written = [write_thread(home, size, number=number) for number in range(threads)]
    with open(written[threads // 2].path, "a", encoding="utf-8") as file:
        file.write(LINE)
    total = sum(os.path.getsize(one.path) for one in written)
    yield from _building(home, place, total, sum(map(_text_of, (one.path for one in written))))
    yield _indexed(home, place, NEEDLE, RARE_S, asked)
    yield _indexed(home, place, "cache", COMMON_S, asked)
    yield from _scanned(home, total, asked)


def _text_of(path: str) -> int:
    """The bytes of text that a search looks through."""
    with open_source(path) as source:
        lines = (found for found in forward(source) if isinstance(found, Line))
        return sum(len(one.text.encode()) for line in lines for one in passages(line.record))


def _building(home: str, place: str, total: int, text: int) -> Iterator[Figure]:
    made = child(BUILD, home, place)
    speed = total / made["used"] / 1e6
    yield Figure(
        job=f"index of words built over {total / 1e6:.0f} MB of rollouts, of which {text / 1e6:.0f} MB are text",
        ours=f"{speed:.1f} MB/s of rollouts, {text / made['used'] / 1e6:.1f} MB/s of text",
        baseline="",
        ratio="",
        target=f"≥ {SPEED:g} MB/s, in CPU time",
        met=speed >= SPEED,
    )
    kept = os.path.getsize(place)
    yield Figure(
        "size of that index",
        mib(kept),
        f"{mib(text)} of text",
        times(kept / text),
        at_most(SHARE),
        kept <= SHARE * text,
    )
    yield Figure(
        job="peak memory while building it",
        ours=mib(made["peak"]),
        baseline="",
        ratio="",
        target=f"≤ {mib(MEMORY)}",
        met=made["peak"] <= MEMORY,
    )


def _indexed(home: str, place: str, word: str, limit: float, asked: Asked) -> Figure:
    """The answer alone: looking which files changed is not counted."""
    store = LocalStore(home)
    parts = searching.Home(home, store._fs, store._given, store._finder, store._chains())  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - a benchmark looks inside
    use, query = Use(IndexPlace(place, ours=True)), EVERYTHING._replace(limit=20)
    costs: list[float] = []
    for _ in range(asked.rounds(20)):
        with searching.Search(parts, search_query(word), query, use) as search:
            search.prepare()
            costs.append(timed(search.page).wall)
    found = median(costs)
    kind = "a rare word" if word == NEEDLE else "a common word, the 20 newest lines"
    return Figure(f"{kind}, index warm, in process", seconds(found), "", "", f"≤ {seconds(limit)}", found <= limit)


def _scanned(home: str, total: int, asked: Asked) -> Iterator[Figure]:
    store, rounds = LocalStore(home), asked.rounds(10)
    job = f"a rare word in {total / 1e6:.0f} MB of rollouts without an index"
    path = os.environ.get("PATH", "")
    os.environ["PATH"] = ""  # without any, programs are looked for in the usual folders
    bare = duel(lambda: _search(store), lambda: _look(home), rounds)
    yield Figure(
        job,
        seconds(bare.ours.wall),
        f"{seconds(bare.baseline.wall)}, blocks read, made lower case and searched",
        times(bare.cpu_ratio),
        f"{at_most(OVER_PYTHON)} in CPU time",
        bare.cpu_ratio <= OVER_PYTHON,
    )
    os.environ["PATH"] = path
    program = shutil.which("rg")
    if program is None:
        yield skipped(f"{job}, with ripgrep", at_most(OVER_RG), "ripgrep is not installed")
        return
    command = [program, "--no-config", "-uuu", "-a", "-i", "-l", NEEDLE, home]
    found = duel(lambda: _search(store), lambda: spawn(command), rounds)
    yield Figure(
        f"{job}, with ripgrep",
        seconds(found.ours.wall),
        f"{seconds(found.baseline.wall)}, rg -i -l alone",
        times(found.wall_ratio),
        at_most(OVER_RG),
        found.wall_ratio <= OVER_RG,
    )


def _search(store: LocalStore) -> Cost:
    def search() -> None:
        if len(store.search(NEEDLE, EVERYTHING, use=Use()).hits) != 1:
            raise RuntimeError("the rare word was not found")

    return timed(search)


def _look(home: str) -> Cost:
    """The least that Python can do."""

    def look() -> None:
        needle, found = NEEDLE.encode(), 0
        for folder, _, names in os.walk(os.path.join(home, "sessions")):
            for name in names:
                with open(os.path.join(folder, name), "rb", buffering=0) as file:
                    while block := file.read(1 << 18):
                        found += needle in block.lower()
        if not found:
            raise RuntimeError("the rare word was not found")

    return timed(look)


if __name__ == "__main__":
    main(figures)
