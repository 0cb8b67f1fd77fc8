"""How the benchmarks measure: ours and a named baseline in the same run, in turns, medians, wall and CPU time.

A benchmark is a module with ``figures(asked)``, which yields one ``Figure`` for each thing measured, and
``harness.main(figures)`` at its end. Run one of them for its table; ``run.py`` runs all. Nothing here fails a
build: a figure that misses its target says so, and what to believe on a busy machine is its ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

TIMES = "\N{MULTIPLICATION SIGN}"
SCHEMA = "rollout.benchmarks/1"
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Asked(NamedTuple):
    """What a run is asked for: less data when ``quick``; ``folder`` is its own and is removed afterwards."""

    quick: bool
    folder: str

    def rounds(self, usual: int) -> int:
        """How often both sides take their turn."""
        return max(3, usual // 2) if self.quick else usual


class Cost(NamedTuple):
    """What one turn took, in seconds; ``peak`` is the largest resident size of a child process, in bytes."""

    wall: float
    cpu: float
    peak: int = 0


class Duel(NamedTuple):
    """Medians of both sides, and the medians of ours / baseline over the rounds."""

    ours: Cost
    baseline: Cost
    wall_ratio: float
    cpu_ratio: float


class Figure(NamedTuple):
    """One thing measured, in words and numbers; ``met`` is None where there is no target or no measurement."""

    job: str
    ours: str
    baseline: str
    ratio: str
    target: str
    met: bool | None
    note: str = ""


def skipped(job: str, target: str, why: str) -> Figure:
    """A figure that could not be had, and why."""
    return Figure(job, "not measured", "", "", target, None, why)


def timed(work: Callable[[], object]) -> Cost:
    """One turn of something."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def duel(ours: Callable[[], Cost], baseline: Callable[[], Cost], rounds: int) -> Duel:
    """Both sides in turns, the first one changing each round; one round before that is not counted."""
    ours(), baseline()
    turns: list[tuple[Cost, Cost]] = []
    for number in range(rounds):
        if number % 2:
            one, other = ours(), baseline()
        else:
            other, one = baseline(), ours()
        turns.append((one, other))
    mine, theirs = [one for one, _ in turns], [other for _, other in turns]
    wall = median(one.wall / other.wall for one, other in turns)
    cpu = median(one.cpu / other.cpu if other.cpu else 0.0 for one, other in turns)
    return Duel(middle(mine), middle(theirs), wall, cpu)


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each."""
    return Cost(
        median(one.wall for one in costs), median(one.cpu for one in costs), max((one.peak for one in costs), default=0)
    )


_UNUSUAL = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in _UNUSUAL}
"""Of every process that is measured: an installed program has its bytecode, which the round that does not count makes."""

CHILD = """
import json, os, sys, time
def peak(name="VmHWM"):
    with open("/proc/self/status") as status:
        return next(int(row.split()[1]) * 1024 for row in status if row.startswith(name + ":"))
def answer(**facts):
    print(json.dumps({"peak": peak(), **facts}))
"""


def child(program: str, *arguments: str) -> dict[str, float]:
    """Run a program in an interpreter of its own; what it gave to ``answer``, its peak and its CPU time."""
    began, before = time.perf_counter(), _cpu_of_children()
    command = [sys.executable, "-c", CHILD + program, *arguments]
    made = subprocess.run(command, stdout=subprocess.PIPE, env=ENVIRONMENT, check=True)
    facts: dict[str, float] = json.loads(made.stdout)
    facts["wall"] = time.perf_counter() - began
    facts["cpu"] = _cpu_of_children() - before
    return facts


def spawn(command: Sequence[str]) -> Cost:
    """One whole process from its start to its end; what it says is thrown away."""
    before, began = _cpu_of_children(), time.perf_counter()
    quiet = subprocess.DEVNULL
    subprocess.run(command, stdin=quiet, stdout=quiet, stderr=quiet, env=ENVIRONMENT, check=True)
    return Cost(time.perf_counter() - began, _cpu_of_children() - before)


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# -- words for numbers ---------------------------------------------------------------------------------------------


def seconds(value: float) -> str:
    """A time with three digits and a unit that fits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-6:.3g} µs"


def mib(value: float) -> str:
    """A size."""
    return f"{value / (1 << 20):.1f} MiB"


def times(ratio: float) -> str:
    """A ratio."""
    return f"{ratio:.2f}{TIMES}" if ratio >= 0.1 else f"{ratio:.2g}{TIMES}"


def at_least(ratio: float) -> str:
    """A target that is met from a ratio on."""
    return f"≥ {ratio:g}{TIMES}"


def at_most(ratio: float) -> str:
    """A target that is met up to a ratio."""
    return f"≤ {ratio:g}{TIMES}"


def both(cost: Cost) -> str:
    """CPU time, which a busy machine hardly changes, and wall time, which it does."""
    return f"{seconds(cost.cpu)} CPU, {seconds(cost.wall)} wall"


# -- running one benchmark -----------------------------------------------------------------------------------------


def main(figures: Callable[[Asked], Iterator[Figure]]) -> None:
    """Run one benchmark as a program: a table, and with ``--json`` a file of what was measured."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--quick", action="store_true", help="less data and fewer rounds; the ratios are rougher")
    parser.add_argument("--json", metavar="FILE", help="write what was measured there")
    asked = parser.parse_args()
    found: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="rollout-bench-", dir=os.environ.get("BENCH_FOLDER")) as folder:
        for figure in figures(Asked(asked.quick, folder)):
            found.append(figure)
            print(told(figure), flush=True)
    if asked.json:
        write_json(asked.json, found)


def told(figure: Figure) -> str:
    """A figure as lines for people."""
    verdict = {True: "met", False: "MISSED", None: "-"}[figure.met]
    against = f", against {figure.baseline}" if figure.baseline else ""
    ratio = f" = {figure.ratio}" if figure.ratio else ""
    note = f"\n          {figure.note}" if figure.note else ""
    return f"  {verdict:6}  {figure.job}: {figure.ours}{against}{ratio} (target {figure.target}){note}"


def write_json(path: str, figures: Sequence[Figure]) -> None:
    """What was measured, for programs."""
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"schema": SCHEMA, "figures": [one._asdict() for one in figures]}, file, indent=1, ensure_ascii=False)
        file.write("\n")
