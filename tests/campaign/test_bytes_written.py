"""What recording costs the disk: hardly more than what is recorded, nothing when idle, the same for every turn."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from campaign.words import QUIET, answers, program, scaled
from rollout.history import history_back
from rollout.journal.filesystem import OS
from rollout.recorder_sync import SyncRolloutRecorder
from rollout.recording import CreateParams
from rollout.store.local.store import LocalStore
from rollout.testing.builders import compacted, message, turn
from rollout.testing.faults import WatchedFilesystem

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
EVENTS = 10_000
MUCH = 1.2

COUNTED = """
import asyncio, json, sys
from campaign.words import QUIET, numbered
from rollout.items import payload_bytes
from rollout.recorder import RolloutRecorder
from rollout.recording import CreateParams
from rollout.store.local.store import LocalStore

home, events, idle_s = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])

def io():
    with open("/proc/self/io") as counts:
        return {name: int(count) for name, count in (row.split(": ") for row in counts)}

async def main():
    recorder = await RolloutRecorder.create(LocalStore(home), CreateParams(cwd=home), QUIET)
    await recorder.persist()
    payload, before = 0, io()
    for number in range(events):
        (item,) = numbered(number, 1, 200 + number % 1500)
        payload += len(payload_bytes(item))
        await recorder.record([item])
        await recorder.flush()
    written = io()
    for _ in range(1000):
        await asyncio.sleep(0)
    await asyncio.sleep(idle_s)
    idle = io()
    await recorder.shutdown()
    print(json.dumps({
        "payload": payload,
        "handed over": written["wchar"] - before["wchar"],
        "to the disk": written["write_bytes"] - before["write_bytes"],
        "writes while idle": idle["syscw"] - written["syscw"],
        "bytes while idle": idle["wchar"] - written["wchar"],
    }))

asyncio.run(main())
"""


def has_counts() -> bool:
    """Whether this system counts what a process writes."""
    return os.access("/proc/self/io", os.R_OK)


@pytest.mark.skipif(not has_counts(), reason="this system does not count what a process writes (/proc/self/io)")
def test_little_more_is_written_than_what_is_recorded(tmp_path: Path) -> None:
    """At most 1.2 times the payloads of 10,000 events, flushed one by one; and not one write while nothing happens."""
    told = json.loads(answers([program(COUNTED, str(tmp_path), str(EVENTS), str(scaled(0, 3)))])[0])

    assert told["payload"] < told["handed over"] <= MUCH * told["payload"]
    assert told["to the disk"] <= MUCH * told["payload"]
    assert (0, 0) == (told["writes while idle"], told["bytes while idle"])


def recorded_turns(home: Path, turns: int) -> SyncRolloutRecorder:
    """A thread of so many turns, compacted after each fiftieth; shut down."""
    with SyncRolloutRecorder.create(LocalStore(str(home)), CreateParams(cwd="/work"), QUIET) as recorder:
        recorder.persist()
        for number in range(turns):
            recorder.record(turn(f"question {number:06}", "answer " * 40, turn_id=f"turn-{number:06}"))
            if number % 50 == 49:
                recorder.record([compacted("so far", [message("user", f"question {number:06}")])])
    return recorder


def stored_bytes(home: Path) -> int:
    """All bytes of all files of a home."""
    return sum(path.stat().st_size for path in home.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[Path, str]]:
    """Homes with one thread of 100, 1,000 and 10,000 turns."""
    made = {}
    for turns in (100, 1_000, 10_000):
        home = tmp_path_factory.mktemp(str(turns))
        made[turns] = (home, str(recorded_turns(home, turns).thread_id))
    return made


def test_storage_grows_with_the_turns_and_no_faster(homes: dict[int, tuple[Path, str]]) -> None:
    """A turn costs the same in a long thread as in a short one, whatever else is in the home."""
    each = {turns: stored_bytes(home) / turns for turns, (home, _) in homes.items()}

    assert abs(each[10_000] / each[1_000] - 1) < 0.01
    assert abs(each[1_000] / each[100] - 1) < 0.05


class CountingFilesystem(WatchedFilesystem):
    """Counts the bytes that are read."""

    def __init__(self) -> None:
        """In front of the real one."""
        super().__init__(OS)
        self.read = 0

    def called(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Make the call."""
        answer = super().called(name, *args, **kwargs)
        if name == "pread":
            self.read += len(answer)
        return answer


def bytes_read_to_go_on(home: Path, thread: str) -> int:
    """What it takes to open a thread, to rebuild what the model is sent, and to append."""
    fs = CountingFilesystem()
    store = LocalStore(str(home), fs=fs)
    with SyncRolloutRecorder.resume(store, thread, QUIET) as recorder:
        assert history_back(store.lines_back(thread))
        recorder.record(turn("on", "and on"))
    return fs.read


def test_going_on_reads_the_same_of_a_long_thread_as_of_a_short_one(homes: dict[int, tuple[Path, str]]) -> None:
    """Its beginning, and its end back to the last compaction; never the whole."""
    read = {turns: bytes_read_to_go_on(*homes[turns]) for turns in (1_000, 10_000)}

    assert read[10_000] <= 1.1 * read[1_000]
    assert read[10_000] < stored_bytes(homes[10_000][0]) / 10


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc/self/status")
def test_reading_a_whole_thread_streams(homes: dict[int, tuple[Path, str]]) -> None:
    """Ten times the turns, the same memory."""
    peaks = [int(answers([program(READ, str(homes[turns][0]), homes[turns][1])])[0]) for turns in (1_000, 10_000)]

    assert peaks[1] - peaks[0] < 4 << 20


READ = """
import sys
from rollout.store.local.store import LocalStore

home, thread = sys.argv[1:]
assert sum(1 for _ in LocalStore(home).lines(thread)) > 5000
with open("/proc/self/status") as status:
    print(next(int(row.split()[1]) * 1024 for row in status if row.startswith("VmHWM:")))
"""
