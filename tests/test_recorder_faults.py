"""What a recorder does when the disk, the file or the caller fails: nothing accepted is lost or doubled."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from recording_words import messages, options, params, run, said, store
from rollout.errors import LockError, ReplacedError, SyncError, WriteError
from rollout.recorder import RolloutRecorder
from rollout.recorder_sync import SyncRolloutRecorder
from rollout.testing.faults import FaultyFilesystem, FullDisk, fail_each_call


async def recording(home: Path, fs: Any, **changes: Any) -> RolloutRecorder:
    """A recorder of a new thread that is persisted."""
    recorder = await RolloutRecorder.create(store(home, fs), params(), options(**changes))
    await recorder.persist()
    return recorder


class TestFullDisk:
    """ENOSPC."""

    @pytest.mark.parametrize("room", [0, 1, 120, 300, 301, 350, 420, 500])
    def test_persist_tells_and_may_be_repeated(self, tmp_path: Path, room: int) -> None:
        """Wherever the disk fills up, a later persist writes everything once."""

        async def scenario() -> list[str]:
            disk = FullDisk(room)
            recorder = await RolloutRecorder.create(store(tmp_path, disk), params(), options())
            await recorder.record([said("a" * 50), said("b" * 50)])
            with suppress(WriteError, LockError):
                await recorder.persist()
            disk.heal()
            await recorder.persist()
            await recorder.record([said("c")])
            await recorder.shutdown()
            return [text[0] for text in messages_of(recorder.path)]

        assert ["a", "b", "c"] == run(scenario())

    def test_recording_goes_on_when_there_is_room_again(self, tmp_path: Path) -> None:
        """The barrier reports file and cause; after healing there is neither gap nor duplicate."""

        async def scenario() -> tuple[str, list[str]]:
            disk = FullDisk(2_000)
            recorder = await recording(tmp_path, disk)
            for number in range(50):
                await recorder.record([said(f"{number}")])
                await asyncio.sleep(0)
            with pytest.raises(WriteError) as caught:
                await recorder.flush()
            disk.heal()
            for number in range(50, 60):
                await recorder.record([said(f"{number}")])
            await recorder.shutdown()
            assert caught.value.path == recorder.path
            return str(caught.value), messages_of(recorder.path)

        told, found = run(scenario())

        assert [str(number) for number in range(60)] == found
        assert "no space left" in told

    def test_over_budget_a_recorder_waits_and_drops_nothing(self, tmp_path: Path) -> None:
        """Memory stays bounded: record waits until the disk takes bytes again."""

        async def scenario() -> tuple[int, list[str]]:
            disk = FullDisk(1_000)
            recorder = await recording(tmp_path, disk, budget=4_000)
            accepted = 0

            async def producer() -> None:
                nonlocal accepted
                for number in range(200):
                    await recorder.record([said(f"{number}")])
                    accepted += 1
                    await asyncio.sleep(0)

            producing = asyncio.ensure_future(producer())
            while recorder.statistics().pending_bytes < 4_000:
                await asyncio.sleep(0)
            stuck_at = accepted
            largest = recorder.statistics().pending_bytes
            disk.heal()
            await producing
            await recorder.shutdown()
            assert stuck_at < 200
            return largest, messages_of(recorder.path)

        largest, found = run(scenario())

        assert [str(number) for number in range(200)] == found
        assert largest < 4_500

    def test_a_cancelled_record_was_not_accepted_and_an_accepted_one_is_kept(self, tmp_path: Path) -> None:
        """Cancelling a caller that waits for room loses nothing that it was told was accepted."""

        async def scenario() -> list[str]:
            disk = FullDisk(500)
            recorder = await recording(tmp_path, disk, budget=300)
            told: list[str] = []
            tasks = [asyncio.ensure_future(tell(recorder, str(number), told)) for number in range(10)]
            while not told:
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            disk.heal()
            await recorder.shutdown()
            assert len(told) < 10
            assert told == messages_of(recorder.path)
            return told

        assert run(scenario())

    def test_a_failed_shutdown_leaves_the_recorder_alive(self, tmp_path: Path) -> None:
        """The error is told, and shutdown may be called again."""

        async def scenario() -> list[str]:
            disk = FullDisk(100_000)
            recorder = await recording(tmp_path, disk)
            disk.room = 0
            await recorder.record([said("a")])
            with pytest.raises(WriteError):
                await recorder.shutdown()
            disk.heal()
            await recorder.record([said("b")])
            await recorder.shutdown()
            return messages_of(recorder.path)

        assert ["a", "b"] == run(scenario())


async def tell(recorder: RolloutRecorder, text: str, told: list[str]) -> None:
    """Record one thing, and note that it was accepted."""
    await recorder.record([said(text)])
    told.append(text)


def messages_of(path: str) -> list[str]:
    """The messages of a file that may hold fenced fragments."""
    whole = b"".join(line for line in Path(path).read_bytes().splitlines(keepends=True) if line.endswith(b"}}\n"))
    clean = Path(path + ".whole")
    clean.write_bytes(whole)
    return messages(str(clean))


class TestEveryCall:
    """Fail call N, for N = 1, 2, 3 … until clean."""

    def test_record_persist_and_sync(self, tmp_path: Path) -> None:
        """Whichever call fails, each barrier that is repeated ends with every item there once."""
        runs = iter(range(10_000))

        def scenario(fs: FaultyFilesystem) -> None:
            run(one_life(tmp_path / str(next(runs)), fs))

        assert fail_each_call(scenario) > 20

    def test_the_synchronous_twin_keeps_the_same_promises(self, tmp_path: Path) -> None:
        """The same life, without a loop."""
        runs = iter(range(10_000))

        def scenario(fs: FaultyFilesystem) -> None:
            home = tmp_path / str(next(runs))
            recorder = SyncRolloutRecorder.create(store(home, fs), params(), options())
            recorder.record([said("a")])
            twice(recorder.persist)
            recorder.record([said("b")])
            twice(recorder.sync)
            recorder.record([said("c")])
            twice(recorder.shutdown)

            assert ["a", "b", "c"] == messages_of(recorder.path)

        assert fail_each_call(scenario) > 20


async def one_life(home: Path, fs: FaultyFilesystem) -> None:
    """Create, record, persist, record, sync, shut down, resume, record, shut down; each step tried twice."""
    recorder = await RolloutRecorder.create(store(home, fs), params(), options())
    await recorder.record([said("a")])
    await twice_async(recorder.persist)
    await recorder.record([said("b"), said("c")])
    await twice_async(recorder.sync)
    await recorder.record([said("d")])
    await twice_async(recorder.shutdown)

    async def resume() -> RolloutRecorder:
        return await RolloutRecorder.resume(store(home, fs), recorder.thread_id, options())

    again = await twice_async(resume)
    await again.record([said("e")])
    await twice_async(again.shutdown)

    assert ["a", "b", "c", "d", "e"] == messages_of(recorder.path)


async def twice_async(call: Any) -> Any:
    """Do something, and once more when it fails in a way that may be repeated."""
    try:
        return await call()
    except (WriteError, LockError, OSError):
        return await call()


def twice(call: Any) -> Any:
    """The same without a loop."""
    try:
        return call()
    except (WriteError, LockError, OSError):
        return call()


def test_a_refused_sync_is_told_and_healed_by_writing_anew(tmp_path: Path) -> None:
    """SyncError names the file; the next sync makes the same lines safe."""

    async def scenario() -> tuple[str, int]:
        fs = FaultyFilesystem(fail_at=1, only={"fdatasync"})
        recorder = await recording(tmp_path, fs)
        await recorder.record([said("a")])
        with pytest.raises(SyncError) as caught:
            await recorder.sync()
        await recorder.sync()
        await recorder.shutdown()
        return caught.value.path, recorder.statistics().synced

    path, synced = run(scenario())

    assert (True, 1) == (path.endswith(".jsonl"), synced)


def test_a_file_unlinked_under_us_is_whole_again(tmp_path: Path) -> None:
    """The next write makes it anew, with everything."""

    async def scenario() -> list[str]:
        async with await recording(tmp_path, FaultyFilesystem()) as recorder:
            await recorder.record([said("a")])
            await recorder.flush()
            os.unlink(recorder.path)
            await recorder.record([said("b")])
        return messages(recorder.path)

    assert ["a", "b"] == run(scenario())


def test_a_file_archived_by_a_program_without_locks_is_followed(tmp_path: Path) -> None:
    """Recording goes on in the archive, and the path tells so."""

    async def scenario() -> tuple[str, list[str]]:
        async with await recording(tmp_path, FaultyFilesystem()) as recorder:
            await recorder.record([said("a")])
            await recorder.flush()
            archive = tmp_path / "archived_sessions"
            archive.mkdir()
            os.rename(recorder.path, archive / os.path.basename(recorder.path))
            await recorder.record([said("b")])
        return os.path.relpath(recorder.path, tmp_path), messages(recorder.path)

    path, found = run(scenario())

    assert (True, ["a", "b"]) == (path.startswith("archived_sessions/"), found)


def test_a_stranger_in_the_files_place_is_reported_and_spared(tmp_path: Path) -> None:
    """The typed error reaches the caller; once the stranger is gone nothing is missing."""

    async def scenario() -> list[str]:
        recorder = await recording(tmp_path, FaultyFilesystem())
        await recorder.record([said("a")])
        await recorder.flush()
        os.unlink(recorder.path)
        Path(recorder.path).write_bytes(b"stranger\n")
        await recorder.record([said("b")])
        with pytest.raises(ReplacedError):
            await recorder.flush()
        os.unlink(recorder.path)
        await recorder.shutdown()
        return messages(recorder.path)

    assert ["a", "b"] == run(scenario())


KILLED = """
import asyncio, sys
sys.path[:0] = {path!r}
from rollout.recorder import RolloutRecorder
from rollout.items import AgentMessage
from rollout.recording import CreateParams
from rollout.store.local.store import LocalStore

async def main():
    recorder = await RolloutRecorder.create(LocalStore({home!r}), CreateParams(cwd="/"))
    await recorder.persist()
    print(recorder.path, flush=True)
    number = 0
    while True:
        await recorder.record([AgentMessage(message=str(number))])
        await recorder.flush()
        number += 1
        print(number, flush=True)

asyncio.run(main())
"""


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    """SIGKILL in the middle: every acknowledged line is there, whole and in order, and resume goes on."""
    program = KILLED.format(path=sys.path, home=str(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert process.stdout is not None
    path = process.stdout.readline().decode().strip()
    acked = [int(process.stdout.readline()) for _ in range(50)]
    process.send_signal(signal.SIGKILL)
    acked += [int(word) for word in process.communicate()[0].split()]
    survived = messages_of(path)

    async def resume() -> None:
        async with await RolloutRecorder.resume(store(tmp_path), path, options()) as recorder:
            await recorder.record([said("resumed")])

    run(resume())

    assert [str(number) for number in range(len(survived))] == survived
    assert acked[-1] <= len(survived) <= acked[-1] + 1
    assert [*survived, "resumed"] == messages_of(path)
