"""Two processes and one thread: one writer at a time, the other is told who, and nothing is lost or mixed."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from campaign.words import answers, begun, damage_in, numbers_in, program, scaled
from rollout.store.local.store import LocalStore

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
AT_MOST_S = 0.1

RIVAL = """
import json, os, sys, time
from campaign.words import QUIET, numbered
from rollout.errors import BusyError
from rollout.recorder_sync import SyncRolloutRecorder
from rollout.store.local.store import LocalStore

home, thread, first, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
store, refused, pids, mark = LocalStore(home), [], set(), os.path.join(home, "refused")
print("ready", flush=True)
sys.stdin.readline()
while True:
    began = time.perf_counter()
    try:
        recorder = SyncRolloutRecorder.resume(store, thread, QUIET, wait=120 if len(refused) >= 5 else 0)
        break
    except BusyError as error:
        refused.append(time.perf_counter() - began)
        pids.add(error.owner["pid"])
        if len(refused) == 5:
            open(mark, "x").close()
with recorder:
    for number in range(first, first + count):
        recorder.record(numbered(number, 1, number % 300))
        recorder.flush()
    while not os.path.exists(mark):
        time.sleep(0.001)  # the winner holds the thread until the other has been refused
print(json.dumps({"pid": os.getpid(), "refused": refused, "by": sorted(filter(None, pids))}))
"""

ALTERNATING = """
import sys
from campaign.words import QUIET, numbered
from rollout.recorder_sync import SyncRolloutRecorder
from rollout.store.local.store import LocalStore

home, thread, first, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
for number in range(first, first + count):
    with SyncRolloutRecorder.resume(LocalStore(home), thread, QUIET, wait=120) as recorder:
        recorder.record(numbered(number, 1))
"""


def test_one_wins_and_the_other_is_told(tmp_path: Path) -> None:
    """The loser hears within 100 ms who holds the thread, waits, and goes on behind it: no line stands between."""
    home, count = str(tmp_path), scaled(1_000, 10_000)
    thread = begun(home, 0)
    rivals = [
        program(RIVAL, home, thread, str(first), str(count), stdin=subprocess.PIPE) for first in (0, 1_000_000)
    ]
    start_together(rivals)
    winner, loser = sorted(map(json.loads, answers(rivals)), key=lambda told: len(told["refused"]))

    found = numbers_in(home, thread)
    first, other = list(range(count)), list(range(1_000_000, 1_000_000 + count))
    assert found in (first + other, other + first)
    assert [] == damage_in(home, thread)
    assert ([], [winner["pid"]]) == (winner["refused"], loser["by"])
    assert min(loser["refused"]) < AT_MOST_S  # the quickest of several: the machine may be busy too


def start_together(rivals: list[subprocess.Popen[bytes]]) -> None:
    """Once both are ready, tell both to go."""
    for rival in rivals:
        assert rival.stdout is not None
        assert b"ready\n" == rival.stdout.readline()
    for rival in rivals:
        assert rival.stdin is not None
        rival.stdin.write(b"go\n")
        rival.stdin.flush()


def test_taking_turns_loses_nothing(tmp_path: Path) -> None:
    """Two processes open, append one line and close, each waiting for the other, again and again."""
    home, count = str(tmp_path), scaled(40, 200)
    thread = begun(home, 0)

    answers([program(ALTERNATING, home, thread, str(first), str(count)) for first in (0, 1_000_000)])

    found = numbers_in(home, thread)
    each = [[number for number in found if (number >= 1_000_000) == second] for second in (False, True)]
    assert [list(range(count)), list(range(1_000_000, 1_000_000 + count))] == each
    assert [] == damage_in(home, thread)
    assert LocalStore(home).owner(thread) is None
