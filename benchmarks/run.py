"""Every benchmark, each in a process of its own: ``run.py [--quick] [--json FILE] [--write] [NAME …]``.

``--write`` puts what was measured into docs/reference/figures.md; rows of benchmarks that were not run stay. The status is 1 when a benchmark broke, never
because a figure missed its target: a busy machine is no defect.
"""

from __future__ import annotations

import argparse
import glob
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from harness import ROOT, Figure, write_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

HERE = os.path.dirname(os.path.abspath(__file__))
DOCUMENT = os.path.join(ROOT, "docs", "reference", "figures.md")
PREFIX = "bench_"


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these: {', '.join(everything())}")
    parser.add_argument("--quick", action="store_true", help="less data and fewer rounds")
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    parser.add_argument("--write", action="store_true", help="write all figures into docs/reference/figures.md")
    asked = parser.parse_args()
    if unknown := set(asked.names).difference(everything()):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    found, broken = measured(asked.names or everything(), quick=asked.quick)
    if asked.json:
        write_json(asked.json, [figure for _, figure in found])
    if asked.write:
        write_document(found)
    if broken:
        print(f"broken: {', '.join(broken)}", file=sys.stderr)
    return 1 if broken else 0


def everything() -> list[str]:
    """The names of all benchmarks."""
    return sorted(
        os.path.basename(path)[len(PREFIX) : -len(".py")] for path in glob.glob(os.path.join(HERE, f"{PREFIX}*.py"))
    )


def measured(names: Iterable[str], *, quick: bool) -> tuple[list[tuple[str, Figure]], list[str]]:
    """Run benchmarks one after the other; the figures with the name of each, and the names of those that broke."""
    found: list[tuple[str, Figure]] = []
    broken: list[str] = []
    for name in names:
        print(f"== {name}", flush=True)
        with tempfile.NamedTemporaryFile(suffix=".json") as result:
            command = [sys.executable, script(name), "--json", result.name, *(["--quick"] if quick else [])]
            if subprocess.run(command, check=False).returncode:
                broken.append(name)
                continue
            found += [(name, Figure(**one)) for one in json.load(result)["figures"]]
    return found, broken


def script(name: str) -> str:
    """Where a benchmark stands."""
    return os.path.join(HERE, f"{PREFIX}{name}.py")


def write_document(found: Sequence[tuple[str, Figure]]) -> None:
    """The table: what was measured now, and the rows of benchmarks that were not run, in the order of their names."""
    when = f"{datetime.now(UTC).date()}, {os.getloadavg()[2]:.1f}"
    measured_now = {name for name, _ in found}
    rows = [(name, row) for name, row in _kept_rows() if name not in measured_now]
    rows += [(name, _row(name, figure, when)) for name, figure in found]
    with open(DOCUMENT, "w", encoding="utf-8") as file:
        file.write(HEAD.format(machine=_machine()))
        file.writelines(row for _, row in sorted(rows, key=lambda each: each[0]))


def _kept_rows() -> Iterator[tuple[str, str]]:
    """The rows of the document as it stands, each with the name of its benchmark."""
    with open(DOCUMENT, encoding="utf-8") as file:
        for line in file:
            if found := re.search(rf"`{PREFIX}(\w+)\.py`", line):
                yield found[1], line


def _row(name: str, figure: Figure, when: str) -> str:
    met = {True: "yes", False: "**no**", None: "-"}[figure.met]
    job = f"{figure.job} ({figure.note})" if figure.note else figure.job
    cells = (job, figure.ours, figure.baseline, figure.ratio, figure.target, met, f"`{PREFIX}{name}.py`", when)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _machine() -> str:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    cores = len(os.sched_getaffinity(0))
    return f"{cores} virtual cores ({platform.machine()}), {platform.system()} {platform.release().split('-')[0]}, {python}"


HEAD = """# Figures

Measured by `make bench` and written by `benchmarks/run.py --write`; do not edit the table by hand. On {machine}.

Each job is measured beside a named baseline in the same run, in turns; what stands here are medians. Times of a machine that others use
swing; trust the ratios and CPU times. The last column tells the day and the load of the 15 minutes before: from the number of cores on, the
machine was busy. No test and no build depends on a time.

| job | ours | baseline in the same run | ratio | target | met | run | day, load |
|---|---|---|---|---|---|---|---|
"""


if __name__ == "__main__":
    sys.exit(main())
