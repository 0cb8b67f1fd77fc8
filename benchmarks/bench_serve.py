"""``rollout serve`` on a thread of 1 GiB: its end, a page in its middle, the next one, what is written meanwhile, and memory.

Each round has a server of its own that has read nothing. The baseline counts the lines of the file, as ``wc -l`` does: that much
whoever names a line by its number has to read.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
import urllib.request
from http.cookiejar import CookieJar
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from corpus import write_turns
from harness import Asked, Figure, main, mib, seconds, times
from terminals import program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from corpus import Thread

SIZE, QUICK_SIZE = 1 << 30, 1 << 26
END_S, MIDDLE_S, NEXT_S, SHOWN_S = 1.0, 2.0, 1.0, 2.0
MOST_WEIGHT, MOST_MEMORY = 1_000_000, 160 << 20
ADDED = '{{"timestamp":"2026-02-08T08:00:00.000Z","type":"event_msg","payload":{{"type":"user_message","message":"{}"}}}}\n'
PATIENCE_S = 60


class Round(NamedTuple):
    """Seconds of each page, the heaviest of them, and what the server held at most."""

    end: float
    middle: float
    following: float
    shown: float
    weight: int
    peak: int
    counting: float


class Visitor:
    """Asks one server, with its cookie."""

    def __init__(self, link: str, thread: Thread) -> None:
        """Enter."""
        self._base = link.partition("/?")[0]
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self._opener.open(link).read()
        self.thread = f"/thread/{thread.identity}"
        self.weight = 0

    def page(self, address: str) -> tuple[float, str]:
        """How long a page takes, and the page."""
        began = time.perf_counter()
        data: bytes = self._opener.open(self._base + address, timeout=PATIENCE_S).read()
        self.weight = max(self.weight, len(data))
        return time.perf_counter() - began, data.decode()

    def until_shown(self, page: str, path: str) -> float:
        """How long it takes until a page that follows has what is appended."""
        found = re.search(r'id="live" data-src="([^"]*)"', page)
        if found is None:
            raise RuntimeError("this page does not follow its thread")
        stream, told = self._opener.open(self._base + found[1].replace("&amp;", "&"), timeout=PATIENCE_S), f"written at {time.time_ns()}"
        with stream, open(path, "a", encoding="utf-8") as file:
            stream.readline()
            time.sleep(1.5)  # it has sent what stood there
            began = time.perf_counter()
            file.write(ADDED.format(told))
            file.flush()
            while told.encode() not in stream.readline():
                pass
            return time.perf_counter() - began


def figures(asked: Asked) -> Iterator[Figure]:
    """One thread, a server for each round."""
    thread = write_turns(os.path.join(asked.folder, "long"), 1_000)
    size = _grown(thread, QUICK_SIZE if asked.quick else SIZE)
    rounds = [_round(asked.folder, thread) for _ in range(asked.rounds(6))]
    counting = median(one.counting for one in rounds)
    told, of = f"`rollout serve`, a thread of {mib(size)} that nobody has looked at", f"{seconds(counting)}, lines of the file counted in blocks"
    jobs = (
        ("the last page, cold", "end", END_S), ("a page in its middle by the number of its line", "middle", MIDDLE_S),
        ("the page behind it", "following", NEXT_S), ("what is written shows on its last page", "shown", SHOWN_S),
    )  # fmt: skip
    for job, name, most in jobs:
        took = median(getattr(one, name) for one in rounds)
        yield Figure(f"{told}: {job}", seconds(took), of, times(took / counting), f"≤ {seconds(most)}", took <= most)
    weight, peak = max(one.weight for one in rounds), max(one.peak for one in rounds)
    yield Figure(f"{told}: the heaviest of those pages", f"{weight / 1e6:.2f} MB", "", "", f"≤ {MOST_WEIGHT / 1e6:g} MB", weight <= MOST_WEIGHT)
    yield Figure(f"{told}: peak memory of the server", mib(peak), "", "", f"≤ {mib(MOST_MEMORY)}", peak <= MOST_MEMORY)


def _grown(thread: Thread, size: int) -> int:
    """The turns of a thread again and again, until its file is so long; how long it is."""
    with open(thread.path, "rb") as file:
        file.readline()
        turns = file.read()
    with open(thread.path, "ab") as file:
        while file.tell() < size:
            file.write(turns)
        return file.tell()


def _round(folder: str, thread: Thread) -> Round:
    lines, counting = _counted(thread.path)
    command = [program("rollout"), "serve", "--no-index", "--home", os.path.join(folder, "long")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            visitor = Visitor(server.stdout.readline().strip() if server.stdout else "", thread)
            end, page = visitor.page(f"{visitor.thread}?turn=last")
            shown = visitor.until_shown(page, thread.path)
            middle, page = visitor.page(f"{visitor.thread}?line={lines // 2}")
            onward = re.search(r'rel="next" href="([^"]*)"', page)
            following, _ = visitor.page(onward[1].replace("&amp;", "&") if onward else "/")
            return Round(end, middle, following, shown, visitor.weight, _peak(server.pid), counting)
        finally:
            server.terminate()


def _counted(path: str) -> tuple[int, float]:
    began, lines = time.perf_counter(), 0
    with open(path, "rb", buffering=0) as file:
        while block := file.read(1 << 18):
            lines += block.count(b"\n")
    return lines, time.perf_counter() - began


def _peak(pid: int) -> int:
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        found = re.search(r"VmHWM:\s*(\d+) kB", file.read())
    return int(found[1]) * 1024 if found else 0


if __name__ == "__main__":
    main(figures)
