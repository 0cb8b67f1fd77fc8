"""Reading a thread of 4 GB from its first line to its last, and commands over a home with a line of 200 MB."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

from corpus import write_thread
from harness import Asked, Figure, child, main, mib, seconds, skipped

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 32 << 20
WORDS = f"≤ {mib(LIMIT)} + 3 times the longest line"
JOB = "memory of reading all lines of a thread: growth of the peak"
LONGEST = 8 << 20
READ = """
from rollout.store.local.store import LocalStore
home, thread_id = sys.argv[1:]
store = LocalStore(home)
next(iter(store.lines(thread_id)))
before = peak("VmRSS")
lines = sum(1 for _ in store.lines(thread_id))
answer(growth=peak() - before, lines=lines)
"""


MOST = 256 << 20
HUGE = 200 << 20
LINKS = 9
COMMANDS = (
    ("list",), ("list", "--no-index"), ("index", "rebuild"), ("stats",), ("search", "zirconium", "--no-index"), ("usage",),
    ("export", "--format", "jsonl"), ("export", "--format", "md", "--no-redact"), ("export", "--format", "openai"),
    ("export", "--format", "otlp"), ("show",), ("show", "--json"), ("history",), ("history", "--json"),
    ("find", "--command", "rg", "--limit", "1"), ("search", "x{9}", "--regex", "--no-index", "--limit", "1", "--thread"),
    ("search", "zirconium", "--update-index", "--thread"),
)  # fmt: skip
OF_ONE = ("export", "show", "history", "--thread")
RUN = """
import subprocess
quiet = subprocess.DEVNULL
made = subprocess.Popen(sys.argv[1:], stdin=quiet, stdout=quiet, stderr=quiet)
_, status, used = os.wait4(made.pid, 0)
made.returncode = os.waitstatus_to_exitcode(status)
answer(used=used.ru_maxrss * 1024, status=made.returncode)
"""


def figures(asked: Asked) -> Iterator[Figure]:
    """One thread, then a home."""
    yield from _reading(asked)
    yield from _commands(asked)


def _commands(asked: Asked) -> Iterator[Figure]:
    """Each command on a home of one long thread, whose bytes stand under nine more names."""
    home, index = os.path.join(asked.folder, "huge"), os.path.join(asked.folder, "huge.sqlite")
    size = (300 << 20) if asked.quick else (1 << 30)
    if shutil.disk_usage(asked.folder).free < 2 * size:
        yield skipped("memory of whole commands", f"≤ {mib(MOST)}", f"less than {mib(2 * size)} are free here")
        return
    thread = write_thread(home, size, longest=HUGE)
    for number in range(1, 1 if asked.quick else LINKS + 1):
        name = f"{thread.path[: -len('.jsonl')][:-12]}{number:012x}.jsonl"
        os.link(thread.path, name)
    total = sum(entry.stat().st_size for entry in os.scandir(os.path.dirname(thread.path)))
    for words in COMMANDS:
        rest = [thread.identity] if set(OF_ONE).intersection(words) else []
        command = [sys.executable, "-m", "rollout", *words, *rest, "--home", home, "--index", index]
        used = _peak_of(command)
        yield Figure(
            job=f"peak memory of `rollout {' '.join(words)}` on {mib(total)} of rollouts, each with a line of {mib(HUGE)}",
            ours=mib(used),
            baseline="",
            ratio="",
            target=f"≤ {mib(MOST)}",
            met=used <= MOST,
        )


def _peak_of(command: list[str]) -> float:
    """The most memory that a process had, in bytes; started by a small one, since it begins with what its parent had."""
    found = child(RUN, *command)
    if found["status"]:
        raise RuntimeError(f"{' '.join(command)} ended with {found['status']:g}")
    return found["used"]


def _reading(asked: Asked) -> Iterator[Figure]:
    """Needs its size on the disk, and half as much again."""
    size = (400 << 20) if asked.quick else (4 << 30)
    if shutil.disk_usage(asked.folder).free < size * 3 // 2:
        yield skipped(JOB, WORDS, f"less than {mib(size * 1.5)} are free here")
        return
    thread = write_thread(asked.folder, size, longest=LONGEST)
    found, allowed = child(READ, asked.folder, thread.identity), LIMIT + 3 * thread.longest
    yield Figure(
        job=JOB,
        ours=mib(found["growth"]),
        baseline=f"{mib(thread.bytes)}, the file; its longest line {mib(thread.longest)}",
        ratio="",
        target=f"{WORDS} = {mib(allowed)}",
        met=found["growth"] <= allowed,
        note=f"{int(found['lines']):,} lines in {seconds(found['wall'])}; peak of the whole process {mib(found['peak'])}",
    )


if __name__ == "__main__":
    main(figures)
