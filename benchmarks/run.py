"""Every benchmark, each in a process of its own: ``run.py [--quick] [--json FILE] [--write] [NAME …]``.

``--write`` puts what was measured into docs/reference/figures.md. The status is 1 when a benchmark broke, never
because a figure missed its target: a busy machine is no defect.
"""

from __future__ import annotations

import argparse
import glob
import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from harness import ROOT, Figure, write_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
    if asked.write and asked.names:
        parser.error("--write needs all benchmarks: the document is one run's")
    found, broken = measured(asked.names or everything(), quick=asked.quick)
    if asked.json:
        write_json(asked.json, [figure for _, figure in found])
    if asked.write:
        write_document(found, quick=asked.quick)
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


def write_document(found: Sequence[tuple[str, Figure]], *, quick: bool) -> None:
    """The table, what the machine is, and how to make it again."""
    rows = [_row(name, figure) for name, figure in found]
    notes = [f"- {figure.job}: {figure.note}." for _, figure in found if figure.note]
    with open(DOCUMENT, "w", encoding="utf-8") as file:
        file.write(HEAD.format(machine=_machine(), day=datetime.now(UTC).date(), quick=QUICK if quick else ""))
        file.write("| job | ours | baseline in the same run | ratio | target | met | run |\n")
        file.write("|---|---|---|---|---|---|---|\n")
        file.writelines(rows)
        file.write("\n## Notes\n\n" + "\n".join(notes) + "\n")


def _row(name: str, figure: Figure) -> str:
    met = {True: "yes", False: "**no**", None: "-"}[figure.met]
    cells = (figure.job, figure.ours, figure.baseline, figure.ratio, figure.target, met, f"`{PREFIX}{name}.py`")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _machine() -> str:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[2]
    return f"{cores} virtual cores ({platform.machine()}), {platform.system()} {platform.release().split('-')[0]}, {python}, load {load:.1f}"


QUICK = " These are from a quick run, with less data."
HEAD = """# Figures

Measured by `make bench` and written by `benchmarks/run.py --write`; do not edit the table by hand. On {machine}, {day}.{quick}

Each job is measured beside a named baseline in the same run, in turns; what stands here are medians. Times of a machine that others use
swing (the load above is of the last 15 minutes; from the number of cores on it was busy); trust the ratios and CPU times. No test and no build depends on a time.

"""


if __name__ == "__main__":
    sys.exit(main())
