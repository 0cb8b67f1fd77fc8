"""Every call of the operating system failed in turn, once or from then on until the disk is healed.

Each scenario is played with its first call failing, then its second, and so on until it runs clean. However it
failed, each step that is repeated after the disk was healed ends with every item there exactly once.
"""

from __future__ import annotations

import asyncio
import errno
import os
from typing import TYPE_CHECKING, Any

import pytest

from campaign.words import begun, numbered, numbers_in
from recording_words import options, params
from rollout.errors import LockError, WriteError
from rollout.journal.compression import compress_to
from rollout.journal.filesystem import OS
from rollout.lines import Line
from rollout.recorder import RolloutRecorder
from rollout.store.local import locks
from rollout.store.local.store import LocalStore
from rollout.testing.builders import paginated_bytes, paginated_turn, rollout_name, thread_id
from rollout.testing.faults import CALLS, CrashingFilesystem, FaultyFilesystem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from rollout.journal.filesystem import Filesystem

    Scenario = Callable[[Path, FaultyFilesystem], Awaitable[None]]

pytestmark = pytest.mark.slow
ERRORS = (OSError(errno.EIO, "Input/output error"), OSError(errno.ENOSPC, "No space left on device"))
WRITING = frozenset({"write", "pwrite", "open", "mkdir", "link", "fdatasync", "fsync", "fstat", "ftruncate"})


@pytest.fixture(params=ERRORS, ids=["EIO", "ENOSPC"])
def error(request: pytest.FixtureRequest) -> OSError:
    """What the disk says."""
    return request.param  # type: ignore[no-any-return] # a fixture's parameter


@pytest.fixture(params=[False, True], ids=["once", "until healed"])
def lasting(request: pytest.FixtureRequest) -> bool:
    """Whether it goes on saying so."""
    return request.param  # type: ignore[no-any-return] # a fixture's parameter


def play(folder: Path, scenario: Scenario, *, inner: type[Filesystem] | None = None, **fault: Any) -> int:
    """Fail call 1, 2, 3 … of a scenario, each time in a new home; how many were failed."""
    for number in range(1, 10_000):
        home = folder / str(number)
        home.mkdir()
        fs = FaultyFilesystem(inner() if inner else OS, fail_at=number, **fault)
        asyncio.run(_within_a_minute(scenario(home, fs)))
        if not fs.failed:
            return number - 1
    raise AssertionError("the scenario never runs clean")


async def _within_a_minute(playing: Awaitable[None]) -> None:
    await asyncio.wait_for(playing, 60)


async def healed(fs: FaultyFilesystem, step: Callable[[], Awaitable[Any]]) -> Any:
    """Take a step; when it fails, heal the disk and take it once more."""
    try:
        return await step()
    except (WriteError, LockError, OSError):
        if not fs.failed:
            raise
        fs.heal()
        return await step()


async def created(home: Path, fs: Filesystem, **changes: Any) -> RolloutRecorder:
    """A recorder of a new thread; nothing is stored."""
    return await RolloutRecorder.create(LocalStore(str(home), fs=fs), params(), options(**changes))


async def resumed(home: Path, fs: FaultyFilesystem, thread: str) -> RolloutRecorder:
    """The thread again; opening may have to be repeated."""

    async def opening() -> RolloutRecorder:
        return await RolloutRecorder.resume(LocalStore(str(home), fs=fs), thread, options())

    recorder: RolloutRecorder = await healed(fs, opening)
    return recorder


def whole(home: Path, recorder: RolloutRecorder, upto: int) -> None:
    """Every number is there once, in order, and nobody holds the thread."""
    assert list(range(upto)) == numbers_in(str(home), recorder.thread_id)
    assert LocalStore(str(home)).owner(recorder.thread_id) is None


class TestRecording:
    """Batches of all sizes."""

    def test_batches_between_barriers(self, tmp_path: Path, error: OSError, lasting: bool) -> None:
        """Several batches wait together, some written by a tick of the loop that nobody waits for."""

        async def scenario(home: Path, fs: FaultyFilesystem) -> None:
            recorder = await created(home, fs)
            await recorder.record(numbered(0, 3))
            await healed(fs, recorder.persist)
            for first in range(3, 12, 3):
                await recorder.record(numbered(first, 2))
                await asyncio.sleep(0)
                await recorder.record(numbered(first + 2, 1))
            await healed(fs, recorder.flush)
            await recorder.record(numbered(12, 3, 30_000))
            await healed(fs, recorder.shutdown)
            whole(home, recorder, 15)

        assert play(tmp_path, scenario, error=error, persistent=lasting) > 20

    def test_large_batches_off_the_loop(self, tmp_path: Path, error: OSError, lasting: bool) -> None:
        """A batch above a mebibyte is written by a thread, while small ones queue up behind it."""

        async def scenario(home: Path, fs: FaultyFilesystem) -> None:
            recorder = await created(home, fs)
            await healed(fs, recorder.persist)
            await recorder.record(numbered(0, 30, 40_000))
            await recorder.record(numbered(30, 5))
            await healed(fs, recorder.flush)
            await recorder.record(numbered(35, 30, 40_000))
            await asyncio.sleep(0)
            await recorder.record(numbered(65, 5))
            await healed(fs, recorder.flush)
            await healed(fs, recorder.shutdown)
            whole(home, recorder, 70)

        assert play(tmp_path, scenario, error=error, persistent=lasting, only=WRITING) > 10

    def test_more_than_can_be_written_anew(self, tmp_path: Path, error: OSError, lasting: bool) -> None:
        """A large unsynced batch is safe with the next ``sync`` when anything but its own bytes was refused."""

        async def scenario(home: Path, fs: FaultyFilesystem) -> None:
            recorder = await created(home, fs)
            await healed(fs, recorder.persist)
            await recorder.record(numbered(0, 60, 40_000))
            await healed(fs, recorder.sync)
            assert 60 == recorder.statistics().synced
            await healed(fs, recorder.shutdown)
            whole(home, recorder, 60)

        assert play(tmp_path, scenario, error=error, persistent=lasting, only={"dup", "fsync", "open", "write"}) > 8

    def test_a_full_budget(self, tmp_path: Path, error: OSError) -> None:
        """Callers wait while the disk is gone, and none of their items is lost or doubled when it is back."""

        async def scenario(home: Path, fs: FaultyFilesystem) -> None:
            recorder = await created(home, fs, budget=2_000)
            await healed(fs, recorder.persist)
            producing = asyncio.ensure_future(producer(recorder, 40))
            while not producing.done() and recorder.statistics().last_error is None:
                await asyncio.sleep(0)
            for _ in range(50):
                await asyncio.sleep(0)  # the budget fills
            assert recorder.statistics().pending_bytes < 2_500
            fs.heal()
            await producing
            await healed(fs, recorder.shutdown)
            whole(home, recorder, 40)

        assert play(tmp_path, scenario, error=error, persistent=True, only={"write"}) > 5

    def test_recorders_beside_each_other(self, tmp_path: Path, error: OSError, lasting: bool) -> None:
        """A failure in one thread's file costs the others nothing, and each caller hears of its own."""

        async def scenario(home: Path, fs: FaultyFilesystem) -> None:
            recorders = [await created(home, fs) for _ in range(3)]
            for recorder in recorders:
                await recorder.record(numbered(0, 2))
                await healed(fs, recorder.persist)
            for recorder in recorders:
                await recorder.record(numbered(2, 2))
            done = await asyncio.gather(*(recorder.sync() for recorder in recorders), return_exceptions=True)
            assert all(fs.failed and isinstance(one, WriteError) for one in done if one is not None)
            for recorder in recorders:
                await healed(fs, recorder.sync)
                await healed(fs, recorder.shutdown)
                whole(home, recorder, 4)

        assert play(tmp_path, scenario, error=error, persistent=lasting, only=WRITING) > 20


async def producer(recorder: RolloutRecorder, number: int) -> None:
    """Items one after the other, each as soon as the one before is accepted."""
    for each in range(number):
        await recorder.record(numbered(each, 1, 60))
        await asyncio.sleep(0)


class TestResuming:
    """Files that are there already."""

    def test_a_plain_file(self, tmp_path: Path, error: OSError, lasting: bool) -> None:
        """Opened, appended to and closed, twice."""

        async def scenario(home: Path, fs: FaultyFilesystem) -> None:
            thread = begun(str(home), 3)
            for first in (3, 5):
                recorder = await resumed(home, fs, thread)
                await recorder.record(numbered(first, 2))
                await healed(fs, recorder.shutdown)
            whole(home, recorder, 7)

        assert play(tmp_path, scenario, error=error, persistent=lasting) > 20

    def test_a_compressed_file(self, tmp_path: Path, error: OSError, lasting: bool) -> None:
        """It becomes a plain one with the first write; the packed one goes only when the plain one stands."""

        async def scenario(home: Path, fs: FaultyFilesystem) -> None:
            thread = begun(str(home), 50)
            pack(home, thread)
            recorder = await resumed(home, fs, thread)
            await recorder.record(numbered(50, 2))
            await healed(fs, recorder.flush)
            await recorder.record(numbered(52, 1))
            await healed(fs, recorder.shutdown)
            whole(home, recorder, 53)

        assert play(tmp_path, scenario, error=error, persistent=lasting) > 20

    def test_a_torn_file(self, tmp_path: Path, error: OSError, lasting: bool) -> None:
        """The fragment is fenced once, whatever fails meanwhile."""

        async def scenario(home: Path, fs: FaultyFilesystem) -> None:
            thread = begun(str(home), 3)
            tear(home, thread)
            recorder = await resumed(home, fs, thread)
            await recorder.record(numbered(2, 2))
            await healed(fs, recorder.shutdown)
            whole(home, recorder, 4)

        assert play(tmp_path, scenario, error=error, persistent=lasting) > 20

    def test_a_paginated_file(self, tmp_path: Path, error: OSError, lasting: bool) -> None:
        """Ordinals go on without a gap and without a double."""

        async def scenario(home: Path, fs: FaultyFilesystem) -> None:
            path = paginated_file(home)
            recorder = await resumed(home, fs, path)
            await recorder.record(numbered_items(0, 2))
            await healed(fs, recorder.flush)
            await recorder.record(numbered_items(2, 2))
            await healed(fs, recorder.shutdown)
            assert list(range(12)) == ordinals(home, recorder.thread_id)

        assert play(tmp_path, scenario, error=error, persistent=lasting) > 15


def test_a_sync_that_returned_survives_a_power_cut(tmp_path: Path, error: OSError, lasting: bool) -> None:
    """After any failure, a ``sync`` that returns has told the truth: all that was not synced is taken away."""

    async def scenario(home: Path, fs: FaultyFilesystem) -> None:
        recorder = await created(home, fs)
        await recorder.record(numbered(0, 2))
        await healed(fs, recorder.persist)
        await healed(fs, recorder.sync)
        await recorder.record(numbered(2, 2))
        await healed(fs, recorder.sync)
        await recorder.record(numbered(4, 2))
        await healed(fs, recorder.shutdown)
        assert isinstance(fs.inner, CrashingFilesystem)
        fs.inner.crash()
        survived = numbers_in(str(home), recorder.thread_id)
        assert [0, 1, 2, 3] == survived[:4]
        assert list(range(len(survived))) == survived

    assert play(tmp_path, scenario, inner=CrashingFilesystem, error=error, persistent=lasting) > 30


def test_a_close_that_fails_is_no_loss(tmp_path: Path, error: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was flushed is there; at worst a descriptor is not given back."""
    monkeypatch.setattr(locks, "_LONG_PATIENCE", 0.05)  # a lock whose close failed will not come

    async def scenario(home: Path, fs: FaultyFilesystem) -> None:
        recorder = await RolloutRecorder.create(LocalStore(str(home), fs=fs), params(), options())
        await recorder.record(numbered(0, 2))
        await healed(fs, recorder.persist)
        await recorder.record(numbered(2, 2))
        await healed(fs, recorder.sync)
        await healed(fs, recorder.shutdown)
        assert list(range(4)) == numbers_in(str(home), recorder.thread_id)

    assert play(tmp_path, scenario, error=error, only={"close"}) > 2


def test_every_call_is_among_those_that_fail() -> None:
    """A new call of the operating system takes part in the campaign by itself."""
    assert FaultyFilesystem().only == CALLS - {"close"}


# -- files as they may stand there ---------------------------------------------------------------------------------


def path_of(home: Path, thread: str) -> str:
    """Where a thread is."""
    path = LocalStore(str(home)).find_path(thread)
    assert path is not None
    return path


def pack(home: Path, thread: str) -> None:
    """Leave the thread as a compressed file only."""
    path = path_of(home, thread)
    compress_to(path, path + ".zst")
    os.unlink(path)


def tear(home: Path, thread: str) -> None:
    """Take the last bytes of the file away, as a crash does."""
    path = path_of(home, thread)
    os.truncate(path, os.path.getsize(path) - 7)


def paginated_file(home: Path) -> str:
    """A thread of the paginated era with the ordinals below 8."""
    path = home / "sessions" / "2026" / "02" / "08" / rollout_name(thread_id(1))
    path.parent.mkdir(parents=True)
    path.write_bytes(paginated_bytes(thread_id(1), *paginated_turn("a", "b")))
    return str(path)


def numbered_items(first: int, count: int) -> list[dict[str, Any]]:
    """Items that the paginated policy keeps."""
    payloads = ({"type": "reasoning", "summary": [], "n": number} for number in range(first, first + count))
    return [{"type": "response_item", "payload": payload} for payload in payloads]


def ordinals(home: Path, thread: str) -> list[int | None]:
    """The ordinals of the good lines of a thread."""
    return [found.record.ordinal for found in LocalStore(str(home)).lines(thread) if isinstance(found, Line)]
