"""Compressed rollouts: reading ``.jsonl.zst``, and writing one beside a cold rollout (spec: rollout-format 10.17).

Any sequence of zstd frames is read as one stretch of bytes: several frames, frames that end inside a line,
skippable ones, with or without sizes and checksums, windows up to 128 MiB.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
import tempfile
from stat import S_IMODE
from typing import TYPE_CHECKING, Any

from rollout.errors import ExistsError, FormatError, WriteError
from rollout.journal.filesystem import CREATE_NEW, OS, Filesystem, sync_folder, write_all
from rollout.journal.source import BUFFER, OpenFile, PlainSource, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

LEVEL = 3
WINDOW_LOG = 27
CUT = "compressed data end too early"
BROKEN = "broken compressed data"

_BLOCK = 64 * 1024


class ZstdSource(Source):
    """A ``.jsonl.zst`` file as the bytes that were compressed.

    ``lines`` and ``blocks`` from the beginning decompress on the way. Whatever needs an offset or the size
    decompresses into an anonymous temporary file (outside the home), only as far as is asked for. Data that
    are cut or broken end the bytes early and are told in ``flaw``. Raises FormatError where a frame needs a
    window above 128 MiB.
    """

    def __init__(self, path: str, fs: Filesystem = OS) -> None:
        """Open the file; raises OSError."""
        self.path = path
        self._file = OpenFile(path, fs)
        self._spool: _Spool | None = None

    @property
    def size(self) -> int:
        """The uncompressed length; decompresses everything once."""
        return self._spooled().reach(None)

    def read(self, offset: int, length: int) -> bytes:
        """Exactly ``length`` uncompressed bytes from an offset, fewer only where they end."""
        return self._spooled().read(offset, length)

    def _stream(self, start: int, end: int | None) -> io.RawIOBase:
        """From the beginning the bytes are decompressed on the way; a long line sends its reader to the spool."""
        if start or self._spool:
            return super()._stream(start, end)
        return _Pipe(self._decompress(), end)

    def blocks(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The uncompressed bytes of a stretch in blocks of at most 256 KiB."""
        if start or end is not None or self._spool:
            return super().blocks(start, end)
        return self._decompress()

    def close(self) -> None:
        """Close the file and drop what was decompressed; twice is once."""
        if self._spool:
            self._spool.close()
        self._file.close()

    def _spooled(self) -> _Spool:
        if self._spool is None:
            self._spool = _Spool(self._decompress())
        return self._spool

    def _decompress(self) -> Iterator[bytes]:
        zstd = _zstd()
        try:
            yield from self._frames(zstd)
        except zstd.ZstdError as error:
            if "too much memory" in str(error):
                raise FormatError(
                    f"{self.path} was compressed with a window above 128 MiB, which Codex cannot read either;"
                    " decompress it with `zstd -d --long=31` and use the result"
                ) from None
            self.flaw = BROKEN

    def _frames(self, zstd: ModuleType) -> Iterator[bytes]:
        decoder, offset = _decoder(zstd), 0
        while block := self._file.pread(_BLOCK, offset):
            offset += len(block)
            while block:
                if decoder.eof:
                    decoder = _decoder(zstd)
                yield from _drain(decoder, block)
                block = decoder.unused_data if decoder.eof else b""
        if not decoder.eof:
            self.flaw = CUT


def _zstd() -> ModuleType:
    """The standard library's module from Python 3.14, before that its backport; imported when first needed."""
    return importlib.import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")


def _decoder(zstd: ModuleType) -> Any:  # noqa: ANN401 - the module has two names, so its classes have none
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: WINDOW_LOG})


def _drain(decoder: Any, block: bytes) -> Iterator[bytes]:  # noqa: ANN401 - as above
    """All that one block of compressed data gives, in pieces of at most 256 KiB."""
    while True:
        if piece := decoder.decompress(block, BUFFER):
            yield piece
        if decoder.eof or decoder.needs_input:
            return
        block = b""


class _Pipe(io.RawIOBase):
    """Blocks as a raw stream, up to an end."""

    def __init__(self, blocks: Iterator[bytes], end: int | None) -> None:
        super().__init__()
        self._blocks = blocks
        self._left = end
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # the buffered reader hands in a view
        if self._left == 0:
            return 0
        if not self._rest:
            self._rest = memoryview(next(self._blocks, b""))
        given = self._rest[: len(buffer) if self._left is None else min(len(buffer), self._left)]
        buffer[: len(given)] = given
        self._rest = self._rest[len(given) :]
        if self._left is not None:
            self._left -= len(given)
        return len(given)


class _Spool:
    """What was decompressed so far, in an anonymous temporary file."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed with the source
        self._length = 0

    def reach(self, end: int | None) -> int:
        """Decompress up to an offset, or everything; the length so far."""
        while end is None or self._length < end:
            block = next(self._blocks, None)
            if block is None:
                break
            write_all(OS, self._file.fileno(), memoryview(block))
            self._length += len(block)
        return self._length

    def read(self, offset: int, length: int) -> bytes:
        """Bytes from an offset, fewer only where they end."""
        length = min(length, self.reach(offset + length) - offset)
        return os.pread(self._file.fileno(), length, offset) if length > 0 else b""

    def close(self) -> None:
        self._file.close()


def compress_to(source_path: str, target_path: str, fs: Filesystem = OS) -> None:
    """Write a rollout that nobody appends to as one zstd frame under another name; the source stays.

    The new file appears whole or not at all: it is written under a temporary name beside the target, decoded
    and compared with the source, given the source's mode and file times, put on stable storage and linked
    into place. Raises ExistsError when the target exists, WriteError when the source changed meanwhile or
    the result does not decode to it, OSError as the system does. Memory is bounded.
    """
    folder = os.path.dirname(target_path) or "."
    temporary = os.path.join(folder, f"rollout-compress-{os.getpid()}-{os.urandom(4).hex()}.tmp")
    before = fs.stat(source_path)
    with PlainSource(source_path, fs) as source:
        fd = fs.open(temporary, CREATE_NEW)
        try:
            _write(source, before.st_size, fd, fs)
            _dress(temporary, fd, before, fs)
            if not _holds(temporary, source, fs) or _identity(fs.stat(source_path)) != _identity(before):
                raise WriteError(target_path, f"{source_path} changed while it was compressed")
            _publish(temporary, target_path, fs)
        finally:
            fs.close(fd)
            fs.unlink(temporary)
    sync_folder(fs, folder)


def compressed(blocks: Iterable[bytes], size: int = -1) -> Iterator[bytes]:
    """The bytes in the form in which Codex stores a cold rollout; ``size`` of them, which that form tells (-1: unknown).

    Raises FormatError when there are more or fewer.
    """
    zstd = _zstd()
    coder = zstd.ZstdCompressor(options={zstd.CompressionParameter.compression_level: LEVEL})
    if size >= 0:
        coder.set_pledged_input_size(size)
    try:
        for block in blocks:
            yield coder.compress(block)
        yield coder.flush()
    except zstd.ZstdError as error:
        raise FormatError(f"not {size} bytes: {error}") from None


def _write(source: Source, size: int, fd: int, fs: Filesystem) -> None:
    zstd = _zstd()
    names = zstd.CompressionParameter
    coder = zstd.ZstdCompressor(options={names.compression_level: LEVEL, names.checksum_flag: 1})
    for block in source.blocks(0, size):
        write_all(fs, fd, memoryview(coder.compress(block)))
    write_all(fs, fd, memoryview(coder.flush()))


def _dress(path: str, fd: int, like: os.stat_result, fs: Filesystem) -> None:
    """Mode and times belong to the rollout: a thread's ``updatedAt`` is its file time."""
    fs.chmod(path, S_IMODE(like.st_mode))
    fs.utime(path, (like.st_atime_ns, like.st_mtime_ns))
    fs.fsync(fd)


def _holds(path: str, source: Source, fs: Filesystem) -> bool:
    """Whether a compressed file decodes to exactly what the source holds."""
    offset = 0
    with ZstdSource(path, fs) as written:
        for block in written.blocks():
            if source.read(offset, len(block)) != block:
                return False
            offset += len(block)
        return not written.flaw and offset == source.size


def _identity(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, S_IMODE(found.st_mode)


def _publish(temporary: str, target: str, fs: Filesystem) -> None:
    """A link, because a rename would replace what another process has put there."""
    try:
        fs.link(temporary, target)
    except FileExistsError:
        raise ExistsError(f"{target} exists already; nothing was replaced") from None
