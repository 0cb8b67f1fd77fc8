"""Several files synced together: by the kernel's queue where there is one, by threads elsewhere."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from rollout.journal import kernel_aio
from rollout.journal.filesystem import OS, Filesystem
from rollout.journal.together import drive

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path


@pytest.fixture
def fds(tmp_path: Path) -> Iterator[list[int]]:
    """More open files than the kernel takes at once, each with something to sync."""
    opened = [os.open(tmp_path / "a", os.O_RDWR | os.O_CREAT | os.O_APPEND) for _ in range(kernel_aio.AT_ONCE + 44)]
    for fd in opened:
        os.write(fd, b"line\n")
    yield opened
    for fd in opened:
        os.close(fd)


def codes(refusals: list[OSError | None]) -> list[int]:
    """The error number of each, 0 for done."""
    return [refusal.errno or -1 if refusal else 0 for refusal in refusals]


def not_open(fds: list[int]) -> int:
    """A number that is no descriptor."""
    return max(fds) + 1_000


@pytest.mark.parametrize("fs", [OS, Filesystem()], ids=["together", "in threads"])
class TestAll:
    """Every file has its own answer, whoever syncs it."""

    def test_more_files_than_the_queue_has_places(self, fs: Filesystem, fds: list[int]) -> None:
        """Three hundred files are synced like three."""
        assert [0] * len(fds) == codes(fs.fdatasync_all(fds))

    def test_one_bad_descriptor_is_one_refusal(self, fs: Filesystem, fds: list[int]) -> None:
        """The files before and behind it are synced."""
        some = [fds[0], not_open(fds), *fds[1:5]]

        assert [0, errno.EBADF, 0, 0, 0, 0] == codes(fs.fdatasync_all(some))

    def test_what_cannot_be_synced_says_so(self, fs: Filesystem, fds: list[int]) -> None:
        """A pipe has no stable storage: EINVAL, as ``fdatasync`` answers."""
        ends = os.pipe()

        found = codes(fs.fdatasync_all([fds[0], ends[1], fds[1]]))

        for end in ends:
            os.close(end)
        assert [0, errno.EINVAL, 0] == found


def test_a_kernel_without_a_queue_is_asked_once(monkeypatch: pytest.MonkeyPatch, fds: list[int]) -> None:
    """Where a queue is refused, threads do the work, and nobody asks again."""
    asked: list[int] = []

    def refuse() -> kernel_aio.Queue:
        asked.append(1)
        raise OSError(errno.EPERM, "forbidden here")

    monkeypatch.setattr(kernel_aio, "Queue", refuse)
    monkeypatch.setattr(kernel_aio, "_offered", True)
    monkeypatch.setattr(kernel_aio, "_free", [])

    found = [codes(OS.fdatasync_all(fds[:3])) for _ in range(2)]

    assert ([[0, 0, 0]] * 2, [1]) == (found, asked)


FORKING = """
import os, sys
from rollout.journal.filesystem import OS
fds = [os.open(sys.argv[1], os.O_RDWR | os.O_CREAT | os.O_APPEND) for _ in range(3)]
assert OS.fdatasync_all(fds) == [None] * 3
child = os.fork()
if not child:
    os._exit(0 if OS.fdatasync_all(fds) == [None] * 3 else 1)
sys.exit(os.waitpid(child, 0)[1])
"""


def test_a_forked_child_has_a_queue_of_its_own(tmp_path: Path) -> None:
    """The parent's queue means nothing in the child; its files are synced all the same."""
    done = subprocess.run([sys.executable, "-c", FORKING, str(tmp_path / "a")], check=False)

    assert 0 == done.returncode


class Refusing(Filesystem):
    """Refuses the descriptors it is told to."""

    def __init__(self, *refused: int) -> None:
        """Nothing is opened: descriptors are mere numbers here."""
        self.refused = refused

    def fdatasync(self, fd: int) -> None:
        """Sync nothing."""
        if fd in self.refused:
            raise OSError(errno.EIO, "refused")


def sync(*fds: int) -> Generator[int, None, int]:
    """A sync that needs some descriptors safe, one after the other, and returns the last."""
    last = 0
    for last in fds:
        yield last
    return last


def test_each_sync_gets_its_own_answer() -> None:
    """One ends at once, one after two steps, one is refused in its second; none disturbs another."""
    answers = drive(Refusing(22).fdatasync_all, [sync(), sync(11, 12), sync(21, 22, 23), sync(31)])

    assert [0, 12, "OSError", 31] == [one if isinstance(one, int) else type(one).__name__ for one in answers]
