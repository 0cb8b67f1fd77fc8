"""Compressed rollouts: every sequence of frames is read, and a cold one is written without loss."""

from __future__ import annotations

import importlib
import os
import random
import struct
import sys
import tempfile
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from rollout.errors import ExistsError, FormatError, WriteError
from rollout.journal.compression import compress_to
from rollout.journal.filesystem import Filesystem
from rollout.journal.reader import backward, complete_end, count_lines, forward, last_record, open_source
from rollout.lines import Damage, Line, Position

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

zstd: Any = importlib.import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
SKIPPABLE = struct.pack("<II", 0x184D2A50, 5) + b"hello"


def record(number: int) -> bytes:
    """A good line that compresses badly."""
    noise = random.Random(number).randbytes(200).hex()
    return b'{"timestamp":"t","type":"event_msg","payload":{"n":%d,"noise":"%s"}}\n' % (number, noise.encode())


PLAIN = b"".join(record(number) for number in range(1000))


def frame(data: bytes, **options: int) -> bytes:
    """One frame; options are named as the library names them."""
    return bytes(zstd.compress(data, options={zstd.CompressionParameter[key]: value for key, value in options.items()}))


def streamed(data: bytes) -> bytes:
    """One frame that does not tell its size."""
    coder = zstd.ZstdCompressor()
    return bytes(coder.compress(data) + coder.flush())


@pytest.fixture
def rollout(tmp_path: Path) -> Callable[[bytes], str]:
    """Write a compressed rollout; its path."""

    def write(data: bytes) -> str:
        path = tmp_path / "rollout.jsonl.zst"
        path.write_bytes(data)
        return str(path)

    return write


def a_frame_per_line(data: bytes) -> bytes:
    """Each line in a frame of its own, skippable ones between."""
    return b"".join(frame(line) + SKIPPABLE for line in data.splitlines(keepends=True))


class TestReading:
    """All that a decompressor must take."""

    @pytest.mark.parametrize(
        "compress",
        [
            frame,
            streamed,
            a_frame_per_line,
            lambda data: frame(data, checksum_flag=1),
            lambda data: frame(data, window_log=27),
            lambda data: frame(data[:1234]) + frame(data[1234:]),
            lambda data: SKIPPABLE + frame(b"") + frame(data) + SKIPPABLE + frame(b""),
        ],
        ids=["one", "no size", "frame per line", "checksum", "window 27", "cut inside a line", "skippable and empty"],
    )
    def test_every_sequence_of_frames_is_one_stretch(
        self, compress: Callable[[bytes], bytes], rollout: Callable[[bytes], str]
    ) -> None:
        """Forward, backward, size, parts and blocks are those of what was compressed."""
        with open_source(rollout(compress(PLAIN))) as source:
            lines = [found for found in forward(source) if isinstance(found, Line)]
            back = [found for found in backward(source) if isinstance(found, Line)]

            assert [line.data for line in lines] == PLAIN.splitlines(keepends=True)
            assert [line._replace(n=-1) for line in lines] == back[::-1]
            assert (len(PLAIN), "") == (source.size, source.flaw)
            assert (PLAIN[5000:6000], PLAIN[-5:]) == (source.read(5000, 1000), source.read(len(PLAIN) - 5, 99))
            assert b"".join(source.blocks()) == PLAIN
            assert (1000, len(PLAIN)) == (count_lines(source), complete_end(source))

    def test_reading_goes_on_from_a_line(self, rollout: Callable[[bytes], str]) -> None:
        """A start and an end count uncompressed bytes, with and without what was decompressed before."""
        first, second, third = len(record(0)), len(record(0) + record(1)), len(record(0) + record(1) + record(2))
        path = rollout(frame(PLAIN))
        with open_source(path) as source:
            two = list(forward(source, end=second))
            middle = list(forward(source, start=Position(0, first), n=1, end=third))
            again = list(forward(source, end=second))

        assert [record(0), record(1)] == [each.data for each in two if isinstance(each, Line)]
        assert [(record(1), 1), (record(2), 2)] == [(each.data, each.n) for each in middle if isinstance(each, Line)]
        assert two == again

    def test_the_head_is_read_without_the_rest(self, rollout: Callable[[bytes], str]) -> None:
        """A look at the beginning reads one block of a large file."""
        reads: list[int] = []

        class Counting(Filesystem):
            def pread(self, fd: int, length: int, offset: int) -> bytes:
                reads.append(length)
                return super().pread(fd, length, offset)

        path = rollout(frame(random.Random(1).randbytes(3_000_000)))
        with open_source(path, Counting()) as source:
            head = source.read(0, 1000)

        assert len(head) == 1000
        assert sum(reads) < 1_000_000

    @pytest.mark.slow
    def test_memory_is_bounded(self, rollout: Callable[[bytes], str]) -> None:
        """Thirty megabytes of lines pass through buffers of a few hundred kilobytes, in both directions."""
        path = rollout(frame(PLAIN * 60))
        tracemalloc.start()
        try:
            with open_source(path) as source:
                counts = sum(1 for _ in forward(source)), sum(1 for _ in backward(source))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

        assert counts == (60_000, 60_000)
        assert peak < 3 << 20

    def test_nothing_is_written_beside_the_rollout(
        self, rollout: Callable[[bytes], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is decompressed for looking lies in an anonymous file of the system's temporary folder."""
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
        home = tmp_path / "home"
        home.mkdir()
        path = home / "rollout.jsonl.zst"
        os.rename(rollout(frame(PLAIN)), path)
        with open_source(str(path)) as source:
            newest = last_record(source)

            assert newest is not None
            assert [path.name] == os.listdir(home)
            assert os.listdir(elsewhere) == []


class TestDamage:
    """What cannot be decompressed."""

    @pytest.mark.parametrize(
        ("spoil", "reason"),
        [
            (lambda data: data[:-7], "compressed data end too early"),
            (lambda data: data[: len(data) // 2], "compressed data end too early"),
            (lambda _: b"", "compressed data end too early"),
            (lambda data: data + b"no frame at all", "broken compressed data"),
            (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "broken compressed data"),
            (lambda _: PLAIN, "broken compressed data"),
        ],
    )
    def test_good_lines_before_it_are_read(
        self, spoil: Callable[[bytes], bytes], reason: str, rollout: Callable[[bytes], str]
    ) -> None:
        """Data that are cut or broken end the lines early and are told as damage of no length."""
        path = rollout(spoil(frame(PLAIN, checksum_flag=1)))
        with open_source(path) as source:
            found = list(forward(source))
            end = source.size
            back = list(backward(source))
        *lines, last = found

        assert Damage(last.n, Position(0, end), 0, reason) == last
        assert PLAIN.startswith(b"".join(each.data for each in lines if isinstance(each, Line)))
        assert [each._replace(n=-1) for each in found] == back[::-1]

    def test_a_good_part_is_read_without_complaint(self, rollout: Callable[[bytes], str]) -> None:
        """Damage behind the end that was asked for is not told."""
        with open_source(rollout(frame(PLAIN)[:-7])) as source:
            everything = list(forward(source))
            some = list(forward(source, end=len(record(0))))

        assert isinstance(everything[-1], Damage)
        assert [record(0)] == [each.data for each in some if isinstance(each, Line)]

    @pytest.mark.parametrize("window", [28, 30])
    def test_a_window_that_is_too_large_is_refused(self, window: int, rollout: Callable[[bytes], str]) -> None:
        """More than 128 MiB is a clear error that tells the way out."""
        coder = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: window})
        path = rollout(coder.compress(PLAIN) + coder.flush())
        for look in (forward, backward):
            with open_source(path) as source, pytest.raises(FormatError, match=r"window above 128 MiB.*zstd -d --long"):
                list(look(source))


class TestColdWrite:
    """Compressing a rollout beside itself."""

    @pytest.fixture
    def plain(self, tmp_path: Path) -> Path:
        """A rollout with its own mode and time."""
        path = tmp_path / "rollout.jsonl"
        path.write_bytes(PLAIN)
        path.chmod(0o640)
        os.utime(path, ns=(1_700_000_000_123_456_789, 1_700_000_001_987_654_321))
        return path

    @staticmethod
    def target(plain: Path) -> Path:
        """Where the compressed one goes."""
        return plain.with_suffix(".jsonl.zst")

    def test_it_holds_the_same_bytes(self, plain: Path) -> None:
        """One frame with a checksum, smaller than the rollout, which stays as it is."""
        compress_to(str(plain), str(self.target(plain)))

        assert zstd.decompress(self.target(plain).read_bytes()) == PLAIN
        assert (self.target(plain).stat().st_size < len(PLAIN), PLAIN) == (True, plain.read_bytes())

    def test_it_has_the_same_time_and_mode(self, plain: Path) -> None:
        """A thread is as old as its file says, also when it is compressed."""
        compress_to(str(plain), str(self.target(plain)))
        before, after = plain.stat(), self.target(plain).stat()

        assert (before.st_mtime_ns, before.st_mode) == (after.st_mtime_ns, after.st_mode)

    def test_nothing_is_left_beside_it(self, plain: Path) -> None:
        """The temporary name is gone."""
        compress_to(str(plain), str(self.target(plain)))

        assert sorted(os.listdir(plain.parent)) == [plain.name, self.target(plain).name]

    def test_an_empty_rollout_is_a_frame_too(self, plain: Path) -> None:
        """What has no bytes reads as no bytes, without damage."""
        plain.write_bytes(b"")
        compress_to(str(plain), str(self.target(plain)))

        with open_source(str(self.target(plain))) as source:
            assert list(forward(source)) == []

    def test_nothing_is_replaced(self, plain: Path) -> None:
        """What stands at the target stays."""
        self.target(plain).write_bytes(b"of somebody else")

        with pytest.raises(ExistsError, match="exists already"):
            compress_to(str(plain), str(self.target(plain)))

        assert self.target(plain).read_bytes() == b"of somebody else"
        assert len(os.listdir(plain.parent)) == 2

    def test_a_rollout_that_grows_meanwhile_is_refused(self, plain: Path) -> None:
        """An append between reading and publishing leaves no compressed file behind."""

        class Appending(Filesystem):
            def fsync(self, fd: int) -> None:
                with plain.open("ab") as file:
                    file.write(record(1000))
                super().fsync(fd)

        with pytest.raises(WriteError, match=r"rollout\.jsonl changed while it was compressed"):
            compress_to(str(plain), str(self.target(plain)), Appending())

        assert os.listdir(plain.parent) == [plain.name]

    def test_bytes_that_do_not_decode_are_never_published(self, plain: Path) -> None:
        """A disk that changes what it is given is found out before the name appears."""

        class Lying(Filesystem):
            def write(self, fd: int, data: bytes | bytearray | memoryview) -> int:
                spoilt = bytearray(data)
                spoilt[len(spoilt) // 2] ^= 1
                return super().write(fd, spoilt)

        with pytest.raises(WriteError):
            compress_to(str(plain), str(self.target(plain)), Lying())

        assert os.listdir(plain.parent) == [plain.name]

    @pytest.mark.parametrize("call", ["open", "write", "pread", "fsync", "chmod", "utime", "link"])
    def test_a_failing_call_leaves_the_rollout_alone(self, call: str, plain: Path) -> None:
        """Whatever the system refuses reaches the caller, and nothing but the rollout is there."""

        def fail(*_: object) -> None:
            raise OSError(28, "No space left on device")

        fs = Filesystem()
        setattr(fs, call, fail)

        with pytest.raises(OSError, match="No space"):
            compress_to(str(plain), str(self.target(plain)), fs)

        assert os.listdir(plain.parent) == [plain.name]
        assert plain.read_bytes() == PLAIN
