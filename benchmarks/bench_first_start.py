"""An index of 10,000 threads from nothing, against the first start of the real Codex 0.169.0 in the same home.

Both know every thread afterwards. Of ours the whole process is timed, Python's start included: ``rollout index rebuild``.
Of Codex it is the time from its start to its first answer to ``thread/list``, for which it takes in all rollouts.
"""

from __future__ import annotations

import glob
import os
import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any

from codex import binary, driver
from corpus import PROVIDER, write_home
from harness import Asked, Cost, Figure, at_most, both, duel, main, skipped, spawn, times

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

VERSION = "0.169.0"
TARGET = 0.2


def figures(asked: Asked) -> Iterator[Figure]:
    """One home for both."""
    threads = 2_000 if asked.quick else 10_000
    job, target = f"index of {threads:,} threads from nothing, the whole process", at_most(TARGET)
    program, driven = binary(VERSION), driver()
    if program is None or driven is None:
        yield skipped(job, target, f"no Codex {VERSION}: set CODEX_BINARIES to its folder, ROLLOUT_SHARED to its driver's")
        return
    home = os.path.join(asked.folder, "home")
    write_home(home, threads)
    driven.write_config(home, "http://127.0.0.1:9", provider=PROVIDER)
    index = os.path.join(asked.folder, "index.sqlite")
    ours = [sys.executable, "-m", "rollout", "index", "rebuild", "--home", home, "--index", index]
    found = duel(lambda: _built(ours, index), lambda: _started(driven, program, home, asked.folder), 3)
    yield Figure(
        job=job,
        ours=both(found.ours),
        baseline=f"{both(found.baseline)}, first start of Codex {VERSION} in this home, until `thread/list` is answered",
        ratio=f"{times(found.cpu_ratio)} CPU, {times(found.wall_ratio)} wall",
        target=f"{target} wall",
        met=found.wall_ratio <= TARGET,
    )


def _built(command: list[str], index: str) -> Cost:
    _forget(index)
    return spawn(command)


def _started(driven: ModuleType, program: str, home: str, folder: str) -> Cost:
    """One start without anything that an earlier one knew."""
    _forget(os.path.join(home, "state_"))
    environment = driven.clean_env(home, home=os.path.join(folder, "nobody"))
    began = perf_counter()
    with driven.CodexAppServer(program, home, env=environment, cwd=folder) as server:
        answer = server.request("thread/list", {"limit": 50}, timeout=600)
        cost = Cost(perf_counter() - began, _cpu(server))
    if not answer.get("result", answer).get("data"):
        raise RuntimeError("Codex lists no thread")
    return cost


def _cpu(server: Any) -> float:
    """What its process took so far, all threads together."""
    with open(f"/proc/{server.p.pid}/stat", encoding="ascii", errors="replace") as told:
        fields = told.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _forget(beginning: str) -> None:
    for path in glob.glob(f"{glob.escape(beginning)}*"):
        os.unlink(path)


if __name__ == "__main__":
    main(figures)
