"""What an export holds does not grow with the thread."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cli.homes import PYTHON, environment, thread_id, turn
from render.shared_threads import HOSTILE

if TYPE_CHECKING:
    from cli.homes import Home

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="peak memory is told in kilobytes on Linux alone")]

PEAK = """
import os, subprocess, sys
made = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, used = os.wait4(made.pid, 0)
made.returncode = os.waitstatus_to_exitcode(status)
print(used.ru_maxrss if not status else sys.exit("it failed"))
"""
MORE = 6 << 10


def peak(home: Home, number: int, kind: str) -> int:
    """The most memory of one export, in KiB; started by a small process, since it begins with what its parent has."""
    words = [*PYTHON, "export", thread_id(number), "--format", kind]
    made = subprocess.run([sys.executable, "-c", PEAK, *words], env=environment(home.path), capture_output=True, text=True, check=True)
    return int(made.stdout)


@pytest.mark.parametrize("kind", ["html", "md", "json", "jsonl", "openai", "otlp"])
def test_ten_times_the_thread_is_no_more_memory(home: Home, kind: str) -> None:
    """A thread of 300 kB and one of 3 MB with the same lines, secrets looked for where that is usual."""
    question = HOSTILE[0] + "word " * 200
    for number, turns in ((1, 120), (2, 1_200)):
        home.add(number, [one for at in range(turns) for one in turn(f"{at} {question}", "answer " * 30)])
    small, large = peak(home, 1, kind), peak(home, 2, kind)

    assert large - small < MORE


@pytest.mark.parametrize("kind", ["html", "md", "json", "jsonl"])
def test_a_long_line_is_held_a_few_times_at_most(home: Home, kind: str) -> None:
    """A line of 50 MB, in the formats for people and the exact ones."""
    output = {"type": "function_call_output", "call_id": "c", "output": "<b>\x1b[2J " * 5_000_000}
    home.add(1, [*turn("q", "a"), ("response_item", output)])

    assert peak(home, 1, kind) < 256 << 10
