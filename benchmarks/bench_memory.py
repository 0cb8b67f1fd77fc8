"""Reading a thread of 4 GB from its first line to its last: how much the process grows."""

from __future__ import annotations

import shutil
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


def figures(asked: Asked) -> Iterator[Figure]:
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
