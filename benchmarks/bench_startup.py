"""``rollout list --sort created`` from its start to its end, against a Python that does nothing.

The package is built and installed into a new environment, because an editable one pays for its hooks; where that
cannot be done the sources are used, and the figure says so.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

from corpus import write_home
from harness import ROOT, Asked, Figure, both, duel, main, seconds, spawn, times

if TYPE_CHECKING:
    from collections.abc import Iterator

EXTRA_S = 0.045
THREADS = 1_000


class Installed(NamedTuple):
    """How the program is started, and by which interpreter."""

    python: str
    program: tuple[str, ...]
    how: str


def figures(asked: Asked) -> Iterator[Figure]:
    """Fifty rows of a thousand threads into a pipe."""
    home = os.path.join(asked.folder, "home")
    write_home(home, THREADS)
    installed = _wheel(asked.folder) or _sources()
    ours = [*installed.program, "list", "--sort", "created", "--limit", "50", "--home", home]
    found = duel(lambda: spawn(ours), lambda: spawn([installed.python, "-I", "-c", "pass"]), asked.rounds(40))
    extra = found.ours.cpu - found.baseline.cpu
    yield Figure(
        job="`rollout list --sort created`, the whole process",
        ours=both(found.ours),
        baseline=f"{both(found.baseline)}, `python -I -c pass`",
        ratio=f"{times(found.cpu_ratio)}, {seconds(extra)} more CPU",
        target=f"≤ {seconds(EXTRA_S)} more",
        met=extra <= EXTRA_S,
        note=f"{installed.how}; 50 rows of {THREADS:,} threads",
    )


def _wheel(folder: str) -> Installed | None:
    """A new environment with the package in it; None when it cannot be made here."""
    place = os.path.join(folder, "env")
    python = os.path.join(place, "bin", "python")
    pip = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", ROOT]
    for step in ([sys.executable, "-m", "venv", place], pip):
        made = subprocess.run(step, capture_output=True, text=True, check=False)
        if made.returncode:
            print(f"          no environment of its own: {(made.stderr or made.stdout).strip().splitlines()[-1:]}")
            return None
    return Installed(python, (os.path.join(place, "bin", "rollout"),), "a wheel in an environment of its own")


def _sources() -> Installed:
    return Installed(sys.executable, (sys.executable, "-m", "rollout"), "from the sources by PYTHONPATH, no wheel")


if __name__ == "__main__":
    main(figures)
