"""Where a reader gets bytes from: one rollout file, plain or compressed, as one uncompressed stretch."""

from __future__ import annotations

import io
import warnings
from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Self

from rollout.journal.filesystem import OS, READ, Filesystem

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from types import TracebackType

BUFFER = 256 * 1024
LONG_LINE = 16 << 20
"""Lines from this length on are measured before they are read, so that they are in memory once."""


class Source(ABC):
    """The uncompressed bytes of one rollout file; offsets count from 0.

    Reading writes nothing, takes no lock and leaves every file time alone. A source may be read while the
    file grows. One thread at a time; a context manager.
    """

    path: str
    flaw: str = ""
    """Why the bytes end before their time; "" unless compressed data turned out to be cut or broken."""

    @property
    @abstractmethod
    def size(self) -> int:
        """How many bytes there are now; for a compressed file this decompresses all of it once."""

    @abstractmethod
    def read(self, offset: int, length: int) -> bytes:
        """Exactly ``length`` bytes from an offset, fewer only where the bytes end."""

    def lines(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The physical lines of a stretch, terminators included; the last may lack one.

        ``start`` must stand at the beginning of a line. Memory: 256 KiB and twice the longest line; a line of 16 MiB
        or more takes its own length and no more.
        """
        while (long := (yield from self._lines_up_to_long(start, end))) is not None:
            start = self._line_end(long + LONG_LINE, end)
            yield self.read(long, start - long)

    def measured(self, start: int = 0, end: int | None = None) -> Iterator[bytes | int]:
        """As ``lines``, but of a line of 16 MiB or more only how long it is: it is passed over, 256 KiB at a time."""
        while (long := (yield from self._lines_up_to_long(start, end))) is not None:
            start = self._line_end(long + LONG_LINE, end)
            yield start - long

    def _lines_up_to_long(self, start: int, end: int | None) -> Generator[bytes, None, int | None]:
        """The lines before the first long one, and where that begins; what was read of it is let go of on return."""
        reader = io.BufferedReader(self._stream(start, end), BUFFER)
        for data in iter(partial(reader.readline, LONG_LINE), b""):
            if len(data) == LONG_LINE and not data.endswith(b"\n"):
                return start
            start += len(data)
            yield data
        return None

    def _stream(self, start: int, end: int | None) -> io.RawIOBase:
        """The bytes of a stretch as a raw stream."""
        return _Stretch(self.read, start, end)

    def _line_end(self, offset: int, end: int | None) -> int:
        """The offset behind the next newline, or where the bytes end."""
        for block in self.blocks(offset, end):
            newline = block.find(b"\n")
            if newline >= 0:
                return offset + newline + 1
            offset += len(block)
        return offset

    def blocks(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes of a stretch in blocks of at most 256 KiB."""
        while block := self.read(start, BUFFER if end is None else min(BUFFER, end - start)):
            yield block
            start += len(block)

    @abstractmethod
    def close(self) -> None:
        """Give the file back; twice is once."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class OpenFile:
    """A descriptor through the seam, closed once; one that is forgotten is closed with a ResourceWarning."""

    def __init__(self, path: str, fs: Filesystem = OS) -> None:
        """Open for reading; raises OSError."""
        self.path = path
        self.fs = fs
        self._fd: int | None = fs.open(path, READ)

    @property
    def size(self) -> int:
        """The length of the file now."""
        return self.fs.fstat(self._number()).st_size

    def pread(self, length: int, offset: int) -> bytes:
        """One read at an offset; fewer bytes only at the end of the file."""
        return self.fs.pread(self._number(), length, offset)

    def close(self) -> None:
        """Close; twice is once."""
        fd, self._fd = self._fd, None
        if fd is not None:
            self.fs.close(fd)

    def _number(self) -> int:
        if self._fd is None:
            raise ValueError(f"{self.path} is closed")
        return self._fd

    def __del__(self) -> None:
        if getattr(self, "_fd", None) is not None:
            warnings.warn(f"unclosed source of {self.path}", ResourceWarning, stacklevel=2, source=self)
            self.close()


class PlainSource(Source):
    """A ``.jsonl`` file as it stands."""

    def __init__(self, path: str, fs: Filesystem = OS) -> None:
        """Open the file; raises OSError."""
        self.path = path
        self._file = OpenFile(path, fs)

    @property
    def size(self) -> int:
        """The length of the file now."""
        return self._file.size

    def read(self, offset: int, length: int) -> bytes:
        """Exactly ``length`` bytes from an offset, fewer only where the file ends."""
        data = self._file.pread(length, offset)
        if len(data) == length or not data:
            return data
        return b"".join(self._go_on(data, offset, length))

    def _go_on(self, data: bytes, offset: int, length: int) -> Iterator[bytes]:
        """The rest after a short read: one call gives at most 2 GiB, and the file may end here."""
        while data:
            yield data
            offset, length = offset + len(data), length - len(data)
            data = self._file.pread(length, offset) if length else b""

    def close(self) -> None:
        """Close the file; twice is once."""
        self._file.close()


class _Stretch(io.RawIOBase):
    """Part of a source as a raw stream: the standard buffered reader over it finds lines at C speed."""

    def __init__(self, read: Callable[[int, int], bytes], start: int, end: int | None) -> None:
        super().__init__()
        self._read = read
        self._offset = start
        self._end = end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # the buffered reader hands in a view
        wanted = len(buffer) if self._end is None else min(len(buffer), self._end - self._offset)
        data = self._read(self._offset, wanted) if wanted > 0 else b""
        buffer[: len(data)] = data
        self._offset += len(data)
        return len(data)
