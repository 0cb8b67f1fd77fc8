"""Kill a writing process at random points and check what was promised: ``campaign.py [--seconds N] [--seed N]``.

Each round goes on with the same thread: a process resumes it, records lines one by one and tells each that a
``flush`` has acknowledged; after a random time it is killed with SIGKILL. Then the file is read. What must hold:
nothing that was there is gone, every acknowledged line is there once and in order, at most one line that was
not acknowledged is there (whole or as a torn tail), and the lock is free.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from typing import NamedTuple

from rollout import CreateParams, Line, SyncRolloutRecorder, ThreadStore, open_store
from rollout.testing.builders import message

WRITER = """
import sys
from rollout import SyncRolloutRecorder, open_store
from rollout.testing.builders import message

home, thread, first, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
recorder = SyncRolloutRecorder.resume(open_store(home), thread)
for number in range(first, sys.maxsize):
    length = (number * 2654435761 + seed) % 40_000 if number % 7 == 0 else 40
    recorder.record([message("assistant", f"{number} " + "x" * length)])
    recorder.flush()
    if number % 50 == 0:
        recorder.sync()
    print(number, flush=True)
"""
LONGEST_S = 0.25
LARGEST = 16_000_000


class Tally(NamedTuple):
    """What a campaign has come to."""

    rounds: int = 0
    acknowledged: int = 0
    torn: int = 0


def main() -> int:
    """Play rounds until the time is over; the first broken promise ends it with status 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None, help="the chance of this campaign, to play it again")
    asked = parser.parse_args()
    seed = random.randrange(1 << 32) if asked.seed is None else asked.seed
    print(f"campaign of {asked.seconds:g} s, seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as home:
        tally = played(home, seed, time.monotonic() + asked.seconds)
    print(f"{tally.rounds} kills, {tally.acknowledged} acknowledged lines, all there; {tally.torn} torn tails fenced")
    return 0 if tally.rounds and tally.acknowledged else 1


def played(home: str, seed: int, until: float) -> Tally:
    """Rounds on one thread, until the time is over or the file is large; then a new thread."""
    chance, store, tally = random.Random(seed), open_store(home), Tally()
    while time.monotonic() < until:
        thread = begun(store)
        path, before, there = thread_path(store, thread), b"", 1
        while time.monotonic() < until and len(before) < LARGEST:
            told = killed_after(home, thread, there, seed, chance.random() * LONGEST_S)
            after = contents(path)
            there = judged(store, thread, before, after, there + told)
            tally = Tally(tally.rounds + 1, tally.acknowledged + told, tally.torn + (not after.endswith(b"\n")))
            before = after
    return tally


def begun(store: ThreadStore) -> str:
    """A new thread that holds number 0."""
    with SyncRolloutRecorder.create(store, CreateParams(originator="campaign")) as recorder:
        recorder.record([message("assistant", "0 ")])
        recorder.persist()
    return recorder.thread_id


def killed_after(home: str, thread: str, first: int, seed: int, seconds: float) -> int:
    """Let a process write from a number on, kill it; how many lines it told to be acknowledged."""
    command = [sys.executable, "-c", WRITER, home, thread, str(first), str(seed)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert writer.stdout is not None
    told = writer.stdout.readline()  # the time of its start does not count
    with suppress(subprocess.TimeoutExpired):
        writer.wait(seconds)
    writer.kill()
    rest, _ = writer.communicate()
    whole = [line for line in (told + rest).splitlines(keepends=True) if line.endswith(b"\n")]
    if not told:
        fail(f"the writer did not start: status {writer.returncode}")
    if [int(line) for line in whole] != list(range(first, first + len(whole))):
        fail("the writer told numbers out of order")
    return len(whole)


def judged(store: ThreadStore, thread: str, before: bytes, after: bytes, promised: int) -> int:
    """How many lines are in the file, after a look at each promise; ``promised`` of them were acknowledged."""
    if not after.startswith(before):
        fail("bytes that were there are gone")
    if store.owner(thread) is not None:
        fail("the lock of a killed process is still held")
    numbers = [number_of(found) for found in store.lines(thread) if isinstance(found, Line) and found.n]
    if numbers != list(range(len(numbers))):
        fail(f"lines are missing, doubled or out of order near {numbers[-3:]}")
    if not promised <= len(numbers) <= promised + 1:
        fail(f"{promised} lines were acknowledged, {len(numbers)} are there")
    return len(numbers)


def number_of(line: Line) -> int:
    """The number that a line of the campaign bears."""
    text = bytes(line.record.payload).partition(b'"text":"')[2]
    return int(text.partition(b" ")[0])


def thread_path(store: ThreadStore, thread: str) -> str:
    """Where the thread's file is."""
    writer = store.open_writer(thread)
    try:
        return writer.path
    finally:
        writer.close()


def contents(path: str) -> bytes:
    """The whole file."""
    with open(path, "rb") as file:
        return file.read()


def fail(what: str) -> None:
    """End the campaign: a promise was broken."""
    sys.exit(f"campaign: NOT KEPT: {what} (play it again with the seed above)")


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "src"))
    sys.exit(main())
