"""The failing filesystems fail exactly where a test says."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from rollout.journal.filesystem import APPEND, CREATE_NEW, OS, Filesystem, write_all
from rollout.testing.faults import (
    CALLS,
    CHANGING,
    CrashingFilesystem,
    FaultyFilesystem,
    FullDisk,
    WatchedFilesystem,
    fail_each_call,
)

if TYPE_CHECKING:
    from pathlib import Path


def write_file(fs: Filesystem, path: str, data: bytes, *, sync: bool = True, flags: int = CREATE_NEW) -> None:
    """Make or extend a file, its name durable too when ``sync``."""
    fd = fs.open(path, flags | os.O_APPEND)
    try:
        write_all(fs, fd, memoryview(data))
        if sync:
            fs.fdatasync(fd)
    finally:
        fs.close(fd)
    if sync:
        sync_folder(fs, os.path.dirname(path))


def sync_folder(fs: Filesystem, path: str) -> None:
    """Put the names in a folder on stable storage."""
    fd = fs.open(path, os.O_RDONLY | os.O_DIRECTORY)
    fs.fsync(fd)
    fs.close(fd)


def test_the_calls_are_those_of_the_seam() -> None:
    """Every public method of the filesystem is watched; those that change something are told apart."""
    assert {"open", "write", "fdatasync", "rename", "scandir"} <= CALLS
    assert "write" in CHANGING
    assert "pread" not in CHANGING


def test_watching_changes_nothing(tmp_path: Path) -> None:
    """A filesystem that is only watched does what the operating system does."""
    path = str(tmp_path / "file")
    write_file(WatchedFilesystem(), path, b"hello")

    assert OS.stat(path).st_size == 5


def test_the_chosen_call_fails_and_is_not_made(tmp_path: Path) -> None:
    """The n-th call raises the error, naming the path where there is one; the calls around it are made."""
    fs = FaultyFilesystem(fail_at=2, error=OSError(errno.EACCES, "no"))
    fs.mkdir(str(tmp_path / "one"))

    with pytest.raises(PermissionError) as caught:
        fs.mkdir(str(tmp_path / "two"))
    fs.mkdir(str(tmp_path / "three"))
    assert (caught.value.filename, fs.calls, fs.failed) == (str(tmp_path / "two"), 3, ["mkdir"])
    assert sorted(os.listdir(tmp_path)) == ["one", "three"]


def test_a_fault_may_stay(tmp_path: Path) -> None:
    """A persistent fault fails every later call too, until it is healed."""
    fs = FaultyFilesystem(fail_at=1, persistent=True, only={"mkdir"})
    for _ in range(3):
        with pytest.raises(OSError, match="injected"):
            fs.mkdir(str(tmp_path / "one"))
    fs.heal()
    fs.mkdir(str(tmp_path / "one"))

    assert fs.failed == ["mkdir"] * 3


def test_only_some_calls_count(tmp_path: Path) -> None:
    """Calls that were not named are made and not counted; unknown names are refused."""
    fs = FaultyFilesystem(only={"unlink"})
    write_file(fs, str(tmp_path / "file"), b"x")

    assert fs.calls == 0
    with pytest.raises(ValueError, match="no such calls: wirte"):
        FaultyFilesystem(only={"wirte"})


def test_a_full_disk(tmp_path: Path) -> None:
    """The last write is short, then there is no space, until the disk is healed."""
    fs = FullDisk(room=7)
    fd = fs.open(str(tmp_path / "file"), CREATE_NEW)
    written = fs.write(fd, b"hello"), fs.write(fd, b"there")
    with pytest.raises(OSError, match="no space") as caught:
        fs.write(fd, b"more")
    fs.heal()
    rest = fs.write(fd, b"more")
    fs.close(fd)

    assert (written, rest, caught.value.errno) == ((5, 2), 4, errno.ENOSPC)
    assert (tmp_path / "file").read_bytes() == b"hellothmore"


def test_a_crash_takes_what_was_not_synced(tmp_path: Path) -> None:
    """Bytes behind the last sync and names whose folder was not synced are gone; the rest stays."""
    fs = CrashingFilesystem()
    kept, lost = str(tmp_path / "kept"), str(tmp_path / "lost")
    write_file(fs, kept, b"safe")
    write_file(fs, kept, b"unsafe", sync=False, flags=APPEND)
    write_file(fs, lost, b"all of it", sync=False)
    fs.crash()

    assert sorted(os.listdir(tmp_path)) == ["kept"]
    assert (tmp_path / "kept").read_bytes() == b"safe"


def test_a_file_whose_name_is_safe_may_lose_its_bytes(tmp_path: Path) -> None:
    """Syncing a folder keeps the name of a file and none of its bytes."""
    fs = CrashingFilesystem()
    write_file(fs, str(tmp_path / "file"), b"bytes", sync=False)
    sync_folder(fs, str(tmp_path))
    fs.crash()

    assert (tmp_path / "file").read_bytes() == b""


def test_a_crash_undoes_a_rename(tmp_path: Path) -> None:
    """A rename counts once its folder is synced; before, the old names come back with their bytes."""
    for synced, expected in ((False, {"a": b"new", "b": b"old"}), (True, {"b": b"new"})):
        folder = tmp_path / str(synced)
        folder.mkdir()
        fs = CrashingFilesystem()
        write_file(fs, str(folder / "a"), b"new")
        write_file(fs, str(folder / "b"), b"old")
        fs.rename(str(folder / "a"), str(folder / "b"))
        if synced:
            sync_folder(fs, str(folder))
        fs.crash()

        assert expected == {name: (folder / name).read_bytes() for name in os.listdir(folder)}


def test_a_crash_takes_new_folders(tmp_path: Path) -> None:
    """A folder whose own name was not synced goes with everything in it."""
    fs = CrashingFilesystem()
    fs.mkdir(str(tmp_path / "new"))
    write_file(fs, str(tmp_path / "new" / "file"), b"bytes")
    fs.crash()

    assert os.listdir(tmp_path) == []


def test_what_was_there_before_stays(tmp_path: Path) -> None:
    """Files from before count as synced; a second handle and a hard link tell of the same bytes."""
    (tmp_path / "old").write_bytes(b"old")
    fs = CrashingFilesystem()
    fd = fs.open(str(tmp_path / "old"), APPEND)
    copy = fs.dup(fd)
    fs.write(fd, b"+more")
    fs.fdatasync(copy)
    fs.write(fd, b"+lost")
    fs.link(str(tmp_path / "old"), str(tmp_path / "twin"))
    sync_folder(fs, str(tmp_path))
    fs.close(fd)
    fs.close(copy)
    fs.crash()

    assert (tmp_path / "twin").read_bytes() == b"old+more"


def test_each_call_is_failed_in_turn(tmp_path: Path) -> None:
    """A scenario is run once for each of its calls, and once more without a fault."""
    runs: list[list[str]] = []

    def scenario(fs: FaultyFilesystem) -> None:
        path = str(tmp_path / f"file-{len(runs)}")
        try:
            write_file(fs, path, b"x", sync=False)
        except OSError:
            assert fs.failed
        runs.append(fs.failed)

    assert fail_each_call(scenario) == 2
    assert runs == [["open"], ["write"], []]


def test_a_scenario_must_end() -> None:
    """A scenario that makes ever more calls is given up."""
    with pytest.raises(RuntimeError, match="more than 3 calls"):
        fail_each_call(lambda fs: fs.failed.append("again"), limit=3)
