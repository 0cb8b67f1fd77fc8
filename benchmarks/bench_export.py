"""Exporting a thread of 5 GB in each format, secrets left in, and one with a line of 50 MB: the peak memory of the whole process."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

from corpus import write_thread
from harness import Asked, Figure, child, main, mib, seconds, skipped, times

if TYPE_CHECKING:
    from collections.abc import Iterator

    from corpus import Thread

MOST = 256 << 20
LINE = 50 << 20
FORMATS = ("html", "md", "json", "jsonl")
RUN = """
import subprocess
quiet = subprocess.DEVNULL
made = subprocess.Popen(sys.argv[1:], stdin=quiet, stdout=quiet, stderr=quiet)
_, status, used = os.wait4(made.pid, 0)
made.returncode = os.waitstatus_to_exitcode(status)
answer(used=used.ru_maxrss * 1024, status=made.returncode, cpu_seconds=used.ru_utime + used.ru_stime)
"""


def figures(asked: Asked) -> Iterator[Figure]:
    """The long thread, then the long line."""
    size = (300 << 20) if asked.quick else (5 << 30)
    if shutil.disk_usage(asked.folder).free < 2 * size:
        yield skipped("memory of exports", f"≤ {mib(MOST)}", f"less than {mib(2 * size)} are free here")
        return
    long = os.path.join(asked.folder, "long")
    thread = write_thread(long, size)
    for kind in FORMATS:
        yield _export(long, thread, kind, f"a thread of {mib(thread.bytes)}")
    shutil.rmtree(long)
    wide = os.path.join(asked.folder, "wide")
    thread = write_thread(wide, LINE + (8 << 20), longest=LINE)
    for kind in FORMATS:
        yield _export(wide, thread, kind, f"a thread with a line of {mib(LINE)}")


def _export(home: str, thread: Thread, kind: str, what: str) -> Figure:
    words = ["export", thread.identity, "--format", kind, *(["--no-redact"] if kind in ("html", "md") else []), "--home", home]
    found = child(RUN, sys.executable, "-m", "rollout", *words)
    if found["status"]:
        raise RuntimeError(f"{' '.join(words)} ended with {found['status']:g}")
    return Figure(
        job=f"`rollout export --format {kind}` of {what}: peak memory",
        ours=mib(found["used"]),
        baseline=f"{mib(thread.bytes)}, the file",
        ratio=times(found["used"] / thread.bytes),
        target=f"≤ {mib(MOST)}",
        met=found["used"] <= MOST,
        note=f"{seconds(found['cpu_seconds'])} CPU",
    )


if __name__ == "__main__":
    main(figures)
