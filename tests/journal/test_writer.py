"""The journal writer: what append, flush and sync promise, and what each failure costs."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

import pytest

from rollout.errors import ClosedError, ReplacedError, SyncError, WriteError
from rollout.journal.filesystem import OS, Filesystem
from rollout.journal.writer import UNSYNCED_LIMIT, JournalWriter
from rollout.testing.faults import CrashingFilesystem, FaultyFilesystem, FullDisk, fail_each_call

EIO = OSError(errno.EIO, "injected")


def line(number: int, size: int = 10) -> bytes:
    """A line that tells its number."""
    return b'{"n":%d,"x":"%b"}\n' % (number, b"x" * size)


def opened(path: Path, fs: Filesystem = OS) -> JournalWriter:
    """A writer of a file that exists."""
    return JournalWriter(str(path), fs)


def created(path: Path, fs: Filesystem = OS) -> JournalWriter:
    """A writer of a new file."""
    writer = JournalWriter(str(path), fs)
    writer.create()
    return writer


def written(path: Path) -> list[bytes]:
    """The lines of a file that are whole lines of ours, fragments left out."""
    whole = {line(number) for number in range(100)}
    return [found for found in path.read_bytes().splitlines(keepends=True) if found in whole]


class TestAppendAndFlush:
    """What is accepted, and when it is in the file."""

    def test_append_writes_nothing(self, tmp_path: Path) -> None:
        """Accepted lines are not in the file before a flush."""
        writer = created(tmp_path / "a")

        accepted = writer.append(line(1), 1)

        assert (1, b"") == (accepted, (tmp_path / "a").read_bytes())

    def test_flush_writes_everything_in_order(self, tmp_path: Path) -> None:
        """A flush writes what was accepted, in order, and counts lines."""
        writer = created(tmp_path / "a")
        writer.append(line(1) + line(2), 2)
        writer.append(line(3), 1)

        flushed = writer.flush()

        assert (3, line(1) + line(2) + line(3)) == (flushed, (tmp_path / "a").read_bytes())

    def test_the_caller_may_reuse_its_buffer(self, tmp_path: Path) -> None:
        """Append copies: what the caller does with its buffer afterwards changes nothing."""
        writer, buffer = created(tmp_path / "a"), bytearray(line(1))
        writer.append(buffer, 1)
        buffer[:] = b"!" * len(buffer)
        writer.flush()

        assert line(1) == (tmp_path / "a").read_bytes()

    def test_new_files_and_folders_are_private(self, tmp_path: Path) -> None:
        """Files are made 0600, folders 0700."""
        created(tmp_path / "b" / "a")

        modes = [os.stat(tmp_path / "b" / "a").st_mode & 0o777, os.stat(tmp_path / "b").st_mode & 0o777]

        assert [0o600, 0o700] == modes

    def test_create_never_takes_a_file_that_is_there(self, tmp_path: Path) -> None:
        """A file that stands at the path is an error, and stays as it is."""
        (tmp_path / "a").write_bytes(b"old")

        with pytest.raises(FileExistsError):
            created(tmp_path / "a")

        assert b"old" == (tmp_path / "a").read_bytes()

    def test_opening_changes_nothing(self, tmp_path: Path) -> None:
        """A writer that writes nothing leaves bytes and times alone."""
        (tmp_path / "a").write_bytes(b"torn")
        before = os.stat(tmp_path / "a")
        writer = opened(tmp_path / "a")
        writer.flush()
        writer.close()

        after = os.stat(tmp_path / "a")

        assert (before.st_mtime_ns, before.st_size, before.st_ctime_ns) == (
            after.st_mtime_ns,
            after.st_size,
            after.st_ctime_ns,
        )

    def test_a_closed_writer_refuses(self, tmp_path: Path) -> None:
        """After close every call raises, and closing again does not."""
        writer = created(tmp_path / "a")
        writer.close()
        writer.close()

        with pytest.raises(ClosedError):
            writer.append(line(1), 1)


class TestTornTail:
    """A file that does not end with a newline."""

    def test_a_fragment_is_fenced(self, tmp_path: Path) -> None:
        """The next line begins behind a newline; the fragment is not cut."""
        (tmp_path / "a").write_bytes(line(1) + b'{"n":2')
        writer = opened(tmp_path / "a")
        writer.append(line(3), 1)
        writer.flush()

        assert line(1) + b'{"n":2\n' + line(3) == (tmp_path / "a").read_bytes()

    def test_a_last_line_without_newline_is_completed(self, tmp_path: Path) -> None:
        """A record that lacks only its newline becomes a line."""
        (tmp_path / "a").write_bytes(line(1)[:-1])
        writer = opened(tmp_path / "a")
        writer.append(line(2), 1)
        writer.flush()

        assert line(1) + line(2) == (tmp_path / "a").read_bytes()

    def test_a_stranger_who_appends_without_lock_is_fenced_too(self, tmp_path: Path) -> None:
        """Bytes that somebody else left behind ours do not swallow our next line."""
        writer = created(tmp_path / "a")
        writer.append(line(1), 1)
        writer.flush()
        with (tmp_path / "a").open("ab") as stranger:
            stranger.write(b"half a li")
        writer.append(line(2), 1)
        writer.flush()

        assert line(1) + b"half a li\n" + line(2) == (tmp_path / "a").read_bytes()


class TestFailures:
    """Each accepted line stands in the file exactly once, whatever fails."""

    def test_a_failed_write_is_tried_once_more(self, tmp_path: Path) -> None:
        """One error of the disk is healed without the caller's help."""
        writer = created(tmp_path / "a", FaultyFilesystem(fail_at=1, only={"write"}))
        writer.append(line(1), 1)
        writer.flush()

        assert line(1) == (tmp_path / "a").read_bytes()

    def test_a_second_failure_is_told_and_the_lines_are_kept(self, tmp_path: Path) -> None:
        """The error names the file; a later flush writes everything once."""
        fs = FaultyFilesystem(fail_at=1, only={"write"}, persistent=True)
        writer = created(tmp_path / "a", fs)
        writer.append(line(1), 1)
        with pytest.raises(WriteError) as caught:
            writer.flush()
        fs.heal()
        writer.append(line(2), 1)
        writer.flush()

        assert (str(tmp_path / "a"), line(1) + line(2)) == (caught.value.path, (tmp_path / "a").read_bytes())

    @pytest.mark.parametrize("room", range(1, 3 * len(line(1)) + 1))
    def test_a_disk_that_fills_up_costs_no_line(self, tmp_path: Path, room: int) -> None:
        """Wherever the disk is full, once there is room every line is there exactly once, in order."""
        disk = FullDisk(room)
        writer = created(tmp_path / "a", disk)
        for number in (1, 2, 3):
            writer.append(line(number), 1)
        with suppress(WriteError):
            writer.flush()
        disk.heal()
        writer.append(line(4), 1)
        writer.flush()

        found = written(tmp_path / "a")

        assert ([line(n) for n in (1, 2, 3, 4)], 4) == (found, writer.flushed)

    def test_every_call_may_fail_once(self, tmp_path: Path) -> None:
        """Whichever call of the file system fails, the lines are there exactly once after one repetition."""
        runs = iter(range(10_000))

        def scenario(fs: FaultyFilesystem) -> None:
            path = tmp_path / f"run-{next(runs)}" / "a"
            writer = JournalWriter(str(path), fs)
            patiently(writer.create)
            writer.append(line(1), 1)
            patiently(writer.flush)
            writer.append(line(2) + line(3), 2)
            patiently(writer.flush)
            patiently(writer.sync)
            writer.close()

            assert [line(1), line(2), line(3)] == path.read_bytes().splitlines(keepends=True)

        failed = fail_each_call(scenario)

        assert failed > 10

    def test_a_write_that_arrived_but_was_reported_failed_is_not_repeated(self, tmp_path: Path) -> None:
        """An error after the bytes were taken does not make a duplicate."""

        class Liar(Filesystem):
            told = False

            def write(self, fd: int, data: bytes | bytearray | memoryview) -> int:
                super().write(fd, data)
                if not self.told:
                    self.told = True
                    raise EIO
                return len(data)

        writer = created(tmp_path / "a", Liar())
        writer.append(line(1), 1)
        writer.flush()

        assert (line(1), 1) == ((tmp_path / "a").read_bytes(), writer.flushed)


def patiently(call: object) -> None:
    """Repeat a call once if it fails, as a caller would."""
    assert callable(call)
    try:
        call()
    except (OSError, WriteError):
        call()


class TestPlace:
    """The path no longer leads to the file that is being written."""

    def test_an_unlinked_file_is_made_again_whole(self, tmp_path: Path) -> None:
        """Everything written before is in the new file, and recording goes on there."""
        writer = created(tmp_path / "b" / "a")
        writer.append(line(1), 1)
        writer.flush()
        (tmp_path / "b" / "a").unlink()
        (tmp_path / "b").rmdir()
        writer.append(line(2), 1)
        writer.flush()

        assert (line(1) + line(2), ["a"]) == ((tmp_path / "b" / "a").read_bytes(), os.listdir(tmp_path / "b"))

    def test_a_moved_file_is_followed(self, tmp_path: Path) -> None:
        """Recording goes on in the moved file, and the writer tells its new path."""
        writer = created(tmp_path / "a")
        writer.append(line(1), 1)
        writer.flush()
        (tmp_path / "a").rename(tmp_path / "moved")
        writer.append(line(2), 1)
        writer.flush()

        assert (line(1) + line(2), str(tmp_path / "moved")) == ((tmp_path / "moved").read_bytes(), writer.path)

    def test_another_file_in_its_place_is_an_error_that_names_both(self, tmp_path: Path) -> None:
        """Nothing is written into a stranger's file, and nothing is lost."""
        writer = created(tmp_path / "a")
        writer.append(line(1), 1)
        writer.flush()
        (tmp_path / "a").unlink()
        (tmp_path / "a").write_bytes(b"stranger\n")
        writer.append(line(2), 1)
        with pytest.raises(ReplacedError) as caught:
            writer.flush()
        theirs = (tmp_path / "a").read_bytes()
        (tmp_path / "a").unlink()
        writer.flush()

        assert (b"stranger\n", line(1) + line(2)) == (theirs, (tmp_path / "a").read_bytes())
        assert "inode" in caught.value.ours

    def test_a_copy_that_begins_with_every_byte_of_ours_is_taken(self, tmp_path: Path) -> None:
        """A synchroniser that wrote the same content anew does no harm."""
        writer = created(tmp_path / "a")
        writer.append(line(1), 1)
        writer.flush()
        (tmp_path / "copy").write_bytes(line(1) + line(9))
        (tmp_path / "copy").rename(tmp_path / "a")
        writer.append(line(2), 1)
        writer.flush()

        assert line(1) + line(9) + line(2) == (tmp_path / "a").read_bytes()


class TestSync:
    """Stable storage."""

    def test_what_was_synced_survives_a_power_cut(self, tmp_path: Path) -> None:
        """After sync the lines and the names of new folders survive; what came later may not."""
        fs = CrashingFilesystem()
        writer = created(tmp_path / "x" / "y" / "a", fs)
        writer.append(line(1), 1)
        writer.flush()
        writer.sync()
        writer.append(line(2), 1)
        writer.flush()
        fs.crash()

        assert line(1) == (tmp_path / "x" / "y" / "a").read_bytes()

    def test_a_refused_sync_stays_refused_until_written_anew(self, tmp_path: Path) -> None:
        """A second fdatasync alone is not believed: the bytes are written again first."""
        fs = Recording({"fdatasync": 1})
        writer = created(tmp_path / "a", fs)
        writer.append(line(1), 1)
        writer.flush()
        with pytest.raises(SyncError):
            writer.sync()
        fs.seen.clear()
        synced = writer.sync()

        assert (1, True) == (synced, fs.seen.index("pwrite") < fs.seen.index("fdatasync"))
        assert line(1) == (tmp_path / "a").read_bytes()

    def test_bytes_that_are_no_longer_at_hand_stay_unsafe(self, tmp_path: Path) -> None:
        """Beyond what is kept in memory a refusal is final."""
        fs = Recording({"fdatasync": 1})
        writer = created(tmp_path / "a", fs)
        writer.append(line(1, UNSYNCED_LIMIT + 1), 1)
        writer.flush()
        for _ in range(2):
            with pytest.raises(SyncError):
                writer.sync()

        assert 0 == writer.synced

    def test_nothing_new_costs_nothing(self, tmp_path: Path) -> None:
        """A sync with nothing to do makes no call."""
        fs = Recording({})
        writer = created(tmp_path / "a", fs)
        writer.append(line(1), 1)
        writer.flush()
        writer.sync()
        fs.seen.clear()

        assert (1, []) == (writer.sync(), fs.seen)


class Recording(Filesystem):
    """Notes the names of the calls that matter to sync, and fails the first ones as told."""

    def __init__(self, failures: dict[str, int]) -> None:
        self.failures, self.seen = failures, list[str]()

    def _note(self, name: str) -> None:
        self.seen.append(name)
        if self.failures.get(name, 0):
            self.failures[name] -= 1
            raise EIO

    def fdatasync(self, fd: int) -> None:
        self._note("fdatasync")
        super().fdatasync(fd)

    def pwrite(self, fd: int, data: bytes | bytearray | memoryview, offset: int) -> int:
        self._note("pwrite")
        return super().pwrite(fd, data, offset)

    def fsync(self, fd: int) -> None:
        self._note("fsync")
        super().fsync(fd)


def test_a_forked_child_does_not_write(tmp_path: Path) -> None:
    """The child's copy is closed at once; the parent writes on."""
    writer = created(tmp_path / "a")
    writer.append(line(1), 1)
    writer.flush()
    pid = os.fork()
    if pid == 0:
        try:
            writer.append(line(2), 1)
        except ClosedError:
            os._exit(7)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    writer.append(line(3), 1)
    writer.flush()

    assert (7, line(1) + line(3)) == (status, (tmp_path / "a").read_bytes())
