"""SIGKILL at random points: every acknowledged line is there once and in order, and the thread goes on."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from campaign.nursery import LARGEST_BATCH
from campaign.words import SEED, begun, damage_in, go_on, numbers_in, program, scaled
from rollout.ids import ThreadId
from rollout.journal.compression import compress_to
from rollout.store.local.store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
LARGEST = 3_000_000
A_FILE = 40


class Nursery:
    """Forks writers and kills them."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        """Over a process that runs ``nursery.py``."""
        self._process = process

    def kill(self, work: str, home: Path, thread: str, chance: random.Random, **more: Any) -> int:
        """One writer, killed at a moment drawn by chance; the number up to which it had acknowledged."""
        order = {
            "work": work, "home": str(home), "thread": thread, "seed": chance.getrandbits(32), "first": 0, "acks": 0,
            "microseconds": int(chance.random() * 20_000), **more,
        }  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert signal.SIGKILL == answer["status"], order
        return int(answer["acknowledged"])


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """One for all tests here."""
    process = program("from campaign.nursery import main; main()", stdin=subprocess.PIPE)
    yield Nursery(process)
    process.communicate()


def seeds(number: int) -> list[int]:
    """One for each chance that is taken, beginning where CAMPAIGN_SEED says."""
    return [SEED + each for each in range(number)]


@pytest.mark.parametrize("seed", seeds(scaled(2, 30)))
def test_a_killed_writer_loses_nothing_that_it_acknowledged(nursery: Nursery, tmp_path: Path, seed: int) -> None:
    """At most the batch in flight is missing, no line is there twice, a torn tail costs itself alone."""
    chance = random.Random(seed)
    thread = begun(str(tmp_path))
    there = 1
    for kills in range(1, A_FILE + 1):
        acks = chance.choice((0, 1, 1, 2, 5, 20))
        wait = int(chance.random() ** 2 * (20_000 if acks == 0 else 3_000))
        promised = nursery.kill("append", tmp_path, thread, chance, first=there, acks=acks, microseconds=wait)

        found = numbers_in(str(tmp_path), thread)
        assert list(range(len(found))) == found
        assert promised <= len(found) <= promised + LARGEST_BATCH
        assert len(damage_in(str(tmp_path), thread)) <= kills
        assert LocalStore(str(tmp_path)).owner(thread) is None
        there = len(found)
        if os.path.getsize(LocalStore(str(tmp_path)).find_path(thread) or "") > LARGEST:
            thread, there = begun(str(tmp_path)), 1

    go_on(str(tmp_path), thread, there)
    assert list(range(there + 1)) == numbers_in(str(tmp_path), thread)


@pytest.mark.parametrize("seed", seeds(scaled(20, 300)))
def test_a_thread_killed_at_its_birth_is_absent_or_good(nursery: Nursery, tmp_path: Path, seed: int) -> None:
    """What ``persist`` acknowledged is there; before that the file may be absent, empty or short, never wrong."""
    chance, thread = random.Random(seed), ThreadId.new(1_770_000_000_000 + seed, seed.to_bytes(10, "big"))
    acks = chance.choice((0, 0, 1, 2))

    promised = nursery.kill("begin", tmp_path, thread, chance, acks=acks, microseconds=int(chance.random() * 25_000))

    path = LocalStore(str(tmp_path)).find_path(thread)
    found = numbers_in(str(tmp_path), thread) if path else []
    assert list(range(len(found))) == found
    assert promised <= len(found) <= max(promised + 1, 3)
    if path:
        go_on(str(tmp_path), thread, len(found))
        assert list(range(len(found) + 1)) == numbers_in(str(tmp_path), thread)


@pytest.mark.parametrize("seed", seeds(scaled(10, 150)))
def test_a_packed_thread_survives_a_kill_while_it_is_unpacked(nursery: Nursery, tmp_path: Path, seed: int) -> None:
    """Packed or plain, all of its lines are there once."""
    chance = random.Random(seed)
    thread = begun(str(tmp_path), 4_000)
    plain = LocalStore(str(tmp_path)).find_path(thread)
    assert plain is not None
    compress_to(plain, plain + ".zst")
    os.unlink(plain)
    acks, wait = chance.choice((0, 0, 0, 1)), int(chance.random() * 30_000)

    promised = nursery.kill("append", tmp_path, thread, chance, first=4_000, acks=acks, microseconds=wait)

    found = numbers_in(str(tmp_path), thread)
    assert list(range(len(found))) == found
    assert promised <= len(found) <= promised + LARGEST_BATCH
    go_on(str(tmp_path), thread, len(found))
    assert list(range(len(found) + 1)) == numbers_in(str(tmp_path), thread)
