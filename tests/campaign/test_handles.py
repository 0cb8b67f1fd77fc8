"""A ``sync`` works on the handle that was there when it began, whatever becomes of the writer meanwhile."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from rollout.journal.writer import JournalWriter
from rollout.testing.faults import WatchedFilesystem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class BusyFilesystem(WatchedFilesystem):
    """Does something in the middle of each fdatasync, as another thread might."""

    def __init__(self) -> None:
        """Nothing yet."""
        super().__init__()
        self.meanwhile: Callable[[], object] = int
        self.synced: list[int] = []

    def called(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Make the call."""
        if name == "fdatasync":
            self.meanwhile()
            self.synced.append(args[0])
        return super().called(name, *args, **kwargs)


def writer(folder: Path, fs: BusyFilesystem) -> JournalWriter:
    """A writer with one line flushed."""
    made = JournalWriter(str(folder / "thread.jsonl"), fs)
    made.create()
    made.append(b"{}\n", 1)
    made.flush()
    return made


def is_open(fd: int) -> bool:
    """Whether a descriptor is in use."""
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def test_closing_waits_for_it(tmp_path: Path) -> None:
    """The handle is given back by the sync, once."""
    fs = BusyFilesystem()
    one = writer(tmp_path, fs)
    fs.meanwhile = one.close

    assert 1 == one.sync()
    assert [False] == [is_open(fd) for fd in fs.synced]


def test_a_file_made_anew_meanwhile_is_synced_too(tmp_path: Path) -> None:
    """What counts is the file that stands there at the end; the handle of the old one is given back."""
    fs = BusyFilesystem()
    one = writer(tmp_path, fs)

    def replaced() -> None:
        fs.meanwhile = int
        os.unlink(one.path)
        one.append(b"[]\n", 1)
        one.flush()

    fs.meanwhile = replaced

    assert 2 == one.sync()
    assert [False, True] == [is_open(fd) for fd in fs.synced]
    one.close()
    assert b"{}\n[]\n" == (tmp_path / "thread.jsonl").read_bytes()


@pytest.mark.parametrize("rounds", [1, 3])
def test_a_handle_that_nobody_uses_is_given_back_at_once(tmp_path: Path, rounds: int) -> None:
    """After any number of syncs."""
    fs = BusyFilesystem()
    one = writer(tmp_path, fs)
    for _ in range(rounds):
        one.append(b"{}\n", 1)
        one.flush()
        one.sync()

    one.close()

    assert {False} == {is_open(fd) for fd in fs.synced}
