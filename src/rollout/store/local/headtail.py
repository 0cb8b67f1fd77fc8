"""The facts of one rollout from at most 64 KiB of its head and 64 KiB of its tail, whatever its size.

The head gives what was written once (the metadata, the first question), the tail what changes (the last
time, model, tokens). A file of up to 128 KiB is covered wholly; of a longer one ``summary.partial`` says that
an absent fact may still come. A compressed file gives its facts only as far as 128 KiB of it reach, and its
file time stands for the time of its last record, since nothing can be read from its end.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from functools import cache
from typing import TYPE_CHECKING, Any
from zlib import crc32

from rollout.journal.filesystem import OS, READ
from rollout.store.local.paths import ZST
from rollout.store.local.prefix import parse_prefix
from rollout.summary import Summary, fold, fold_question
from rollout.times import parse_ms
from rollout.tuples import NamedTuple

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from types import ModuleType

    from rollout.journal.filesystem import Filesystem

WINDOW = 64 * 1024
_TAIL_STEP = 4 * 1024
_SEAM = 256
_MOST_CANDIDATES = 16
_WINDOW_LOG = 27
_UNPACKED_MOST = 8 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_FOREIGN = b"\0 \t\r\n"
_LATEST = (b'"turn_context"', b'"token_count"')


def _refuse(word: str) -> None:
    raise ValueError(word)  # NaN and Infinity are no JSON, and damage to a reader


_decoder = json.JSONDecoder(parse_constant=_refuse)
_read_object = _decoder.raw_decode


@cache
def _telling() -> re.Pattern[bytes]:
    return re.compile(rb'"(?:session_meta|user_message|UserMessage|thread_goal_updated|turn_context)"')


class Facts(NamedTuple):
    """What was found out about one file, and what it cost: ``bytes_read`` is at most 128 KiB.

    ``active_ms`` is the time of the last record, None when none could be read. ``problem`` says in words why
    the file cannot be read as a thread. ``begun`` is what a longer file needs to be looked at again once it has
    grown, None for one that was covered wholly. ``knows_last_cwd``: the last turn is among what was read.
    """

    summary: Summary
    active_ms: int | None
    size: int
    modified_ns: int
    bytes_read: int
    problem: str | None
    begun: Begun | None = None
    knows_last_cwd: bool = True


class Begun(NamedTuple):
    """A file as it was: what its head told, its size, and a checksum of the last bytes before that size."""

    summary: Summary
    size: int
    seam: int


class _Windows(NamedTuple):
    """What was read: ``head`` from the beginning, ``tail`` behind a gap; no gap when ``whole``."""

    head: bytes
    tail: bytes
    whole: bool
    bytes_read: int
    problem: str | None = None


def read_facts(path: str, fs: Filesystem = OS, *, end: int | None = None) -> Facts:
    """The facts of the file at a path, compressed when its name says so; ``end``: of its beginning only.

    Raises FileNotFoundError when it is not there (any more); every other failure is told as ``problem``.
    """
    summary = Summary()
    try:
        status, windows = _read(path, fs, end)
    except FileNotFoundError:
        raise
    except OSError as error:
        summary.partial = True
        size, modified_ns = _status_of(path, fs)
        return Facts(summary, None, size, modified_ns, 0, f"cannot be read: {error.strerror or error}", knows_last_cwd=False)
    summary.partial = not windows.whole
    seen = _fold_head(summary, windows)
    begun = Begun(_copy(summary), status.st_size, crc32(windows.tail[-_SEAM:])) if windows.tail else None
    active, knows = _fold_latest(summary, windows, seen)
    if windows.whole:
        summary.lines = _count_lines(windows.head)
    problem = windows.problem or _problem(summary, windows)
    return Facts(summary, active, status.st_size, status.st_mtime_ns, windows.bytes_read, problem, begun, knows)


def read_grown(path: str, fs: Filesystem, begun: Begun) -> Facts | None:
    """The facts of a file that has grown since: the same as ``read_facts`` gives, from its tail alone.

    None when it is no longer the file that it was, but for what came behind. Raises FileNotFoundError, OSError.
    """
    fd = fs.open(path, READ)
    try:
        status = fs.fstat(fd)
        seam = fs.pread(fd, _SEAM, begun.size - _SEAM)
        if status.st_size <= begun.size or crc32(seam) != begun.seam:
            return None
        tail = fs.pread(fd, WINDOW, status.st_size - WINDOW)
    finally:
        fs.close(fd)
    windows = _Windows(b"", tail, whole=False, bytes_read=len(seam) + len(tail))
    summary = _copy(begun.summary)
    active, knows = _fold_latest(summary, windows, 0)
    now = Begun(begun.summary, status.st_size, crc32(tail[-_SEAM:]))
    problem = _problem(summary, windows)
    return Facts(summary, active, status.st_size, status.st_mtime_ns, windows.bytes_read, problem, now, knows)


def _status_of(path: str, fs: Filesystem) -> tuple[int, int]:
    """Size and time of a file that could not be read, as far as they can be told."""
    try:
        status = fs.stat(path)
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _copy(summary: Summary) -> Summary:
    twin = Summary()
    for name in Summary.__slots__:
        setattr(twin, name, getattr(summary, name))
    return twin


def _count_lines(data: bytes) -> int:
    """How many lines are not blank."""
    return sum(map(bool, map(bytes.strip, data.split(b"\n"))))


def _read(path: str, fs: Filesystem, end: int | None) -> tuple[os.stat_result, _Windows]:
    fd = fs.open(path, READ)
    try:
        status = fs.fstat(fd)
        if path.endswith(ZST):
            windows = _compressed_windows(fs, fd, status.st_size)
            return status, windows if end is None else windows._replace(head=windows.head[:end])
        return status, _plain_windows(fs, fd, status.st_size if end is None else min(end, status.st_size))
    finally:
        fs.close(fd)


def _plain_windows(fs: Filesystem, fd: int, size: int) -> _Windows:
    head = fs.pread(fd, min(WINDOW, size), 0)
    if size <= WINDOW:
        return _Windows(head, b"", whole=True, bytes_read=len(head))
    start = max(WINDOW, size - WINDOW)
    tail = fs.pread(fd, size - start, start)
    read = len(head) + len(tail)
    if start == WINDOW:
        return _Windows(head + tail, b"", whole=True, bytes_read=read)
    return _Windows(head, tail, whole=False, bytes_read=read)


def _compressed_windows(fs: Filesystem, fd: int, size: int) -> _Windows:
    """The beginning of what is compressed; all of it when the file is small and does not unpack to much."""
    packed = fs.pread(fd, 2 * WINDOW, 0)
    unpacked, problem, ended = _unpack(packed)
    whole = size <= len(packed) and ended and problem is None
    head = unpacked if whole else unpacked[:WINDOW]
    return _Windows(head, b"", whole=whole, bytes_read=len(packed), problem=problem)


def _unpack(packed: bytes) -> tuple[bytes, str | None, bool]:
    """All frames one after the other, up to a bound; what went wrong; and whether the end was reached."""
    zstd, out = _zstd(), bytearray()
    while packed and len(out) < _UNPACKED_MOST:
        frame = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG})
        try:
            out += frame.decompress(packed, _UNPACKED_MOST - len(out))
        except zstd.ZstdError as error:
            large = "too much memory" in str(error)
            reason = "needs a zstd window above 128 MiB" if large else "is no valid zstd file"
            return bytes(out), f"cannot be decompressed: it {reason}", False
        if not frame.eof:
            return bytes(out), None, False
        packed = frame.unused_data
    return bytes(out), None, not packed


def _zstd() -> ModuleType:
    """The standard library's module from Python 3.14, before that its backport; only compressed files pay for it."""
    return importlib.import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")


def _problem(summary: Summary, windows: _Windows) -> str | None:
    if windows.whole and not windows.head.strip():
        return "holds only blank lines" if windows.head else "is empty"
    if not summary.has_meta:
        return "has no session_meta" if windows.whole else "has no session_meta within its first 64 KiB"
    return None


def _fold_latest(summary: Summary, windows: _Windows, seen: int) -> tuple[int | None, bool]:
    """Fold what changes; ``seen``: as far as the head was folded.

    Returned are the time of the last record, and whether the folder of the last turn is known.
    """
    before, summary.last_cwd = summary.last_cwd, None
    rest = windows.head if windows.whole else windows.tail[windows.tail.find(b"\n") + 1 :]
    for line in _latest_lines(rest, seen if windows.whole else 0):
        _fold_line(summary, line)
    last = last_time(rest)
    if last is not None:
        summary.active_at = last
    knows = windows.whole or summary.last_cwd is not None
    summary.last_cwd = summary.last_cwd or before
    return parse_ms(last), knows


def _fold_head(summary: Summary, windows: _Windows) -> int:
    """Fold forward until everything that is written once has been seen; where that was is returned."""
    data, start = windows.head, 0
    while start < len(data) and not (summary.has_meta and summary.title):
        end = data.find(b"\n", start)
        if end < 0 and not windows.whole:
            _fold_cut(summary, data[start:])
            return len(data)
        end = len(data) if end < 0 else end
        line = data[start:end]
        if b'"payload"' not in line or _telling().search(line):
            _fold_line(summary, line)
        start = end + 1
    return start


def _fold_line(summary: Summary, line: bytes) -> None:
    """Fold one whole line; a damaged one tells nothing here, as it tells nothing to a reader."""
    found = load_line(line)
    if found is not None:
        fold(summary, found)


def _fold_cut(summary: Summary, line: bytes) -> None:
    """Fold what there is of a long line; a long question stands in the message to the model before its event."""
    found = parse_prefix(line)
    if found:
        fold(summary, found)
        fold_question(summary, found)


def load_line(line: bytes) -> dict[str, Any] | None:
    """One line as a mapping; None when it is not one JSON object of valid UTF-8.

    A byte order mark and NUL bytes around it are passed over, as a reader passes over them; so is a torn record on the
    other side of NUL bytes.
    """
    if line[:1] != b"{":
        line = line.strip(_FOREIGN).removeprefix(_BOM).strip(_FOREIGN)
    found = _object(line)
    return _beside_nul(line) if found is None and b"\0" in line else found


def _beside_nul(line: bytes) -> dict[str, Any] | None:
    """The record that a reader finds in such a line; what a power cut leaves is rare, and may cost its time."""
    from rollout.journal.reader import classify  # noqa: PLC0415 - a listing needs no codec
    from rollout.lines import Line, Position  # noqa: PLC0415 - the same

    found = (thing for thing in classify(line, 0, Position(0, 0)) if isinstance(thing, Line))
    return next((_object(thing.data) for thing in found), None)


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        found = _loads(line.decode())
        if b"\\" in line and (rb"\ud" in line or rb"\uD" in line):  # to look for two bytes costs as much as to decode
            json.dumps(found, ensure_ascii=False).encode()  # a lone half of a pair cannot be encoded
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _loads(text: str) -> Any:  # noqa: ANN401 - JSON
    """JSON without its looks at what cannot be here: half the price of a short line."""
    if not text.startswith("{"):
        return _decoder.decode(text)
    found, end = _read_object(text)
    return found if end == len(text) or not text[end:].strip(" \t\r\n") else None


def _latest_lines(data: bytes, since: int) -> list[bytes]:
    """The last lines that tell model and tokens, and metadata written again behind an offset, in file order."""
    found: dict[int, bytes] = {}
    for mark in _LATEST:
        for start, line in _lines_with(data, mark):
            found[start] = line
            if b'"info":null' not in line:
                break
    found.update(_lines_with(data, b'"session_meta"', since))
    return [found[start] for start in sorted(found)]


def _lines_with(data: bytes, mark: bytes, since: int = 0) -> Iterator[tuple[int, bytes]]:
    """The last few lines of that kind behind an offset, newest first."""
    kind = b'"type":' + mark
    end = len(data)
    for _ in range(_MOST_CANDIDATES):
        at = data.rfind(kind, since, end)
        if at < 0:
            return
        start = data.rfind(b"\n", 0, at) + 1
        stop = data.find(b"\n", at)
        yield start, data[start : len(data) if stop < 0 else stop]
        end = start


def last_time(data: bytes) -> str | None:
    """The timestamp of the last record in a stretch that begins at a line; a torn line does not count."""
    end = len(data)
    while end > 0:
        start = data.rfind(b"\n", 0, end) + 1
        line = data[start:end].strip()
        time = _time_of(line) if line else None
        if time is not None:
            return time
        end = start - 1
    return None


def _time_of(line: bytes) -> str | None:
    """The timestamp of a line, which is looked at wholly: two records on one begin and end like a good one."""
    found = (load_line(line) or {}).get("timestamp")
    return found if isinstance(found, str) and found else None


def active_ms(path: str, fs: Filesystem = OS) -> int | None:
    """The time of the last record alone, the one that ``read_facts`` gives; None when it cannot be told.

    Reads 4 KiB of the tail, or as much as ``read_facts`` where those do not tell. Raises FileNotFoundError.
    """
    if path.endswith(ZST):
        return read_facts(path, fs).active_ms
    try:
        fd = fs.open(path, READ)
    except FileNotFoundError:
        raise
    except OSError:
        return None
    try:
        return _active_ms(fs, fd, fs.fstat(fd).st_size)
    except OSError:
        return None
    finally:
        fs.close(fd)


def _active_ms(fs: Filesystem, fd: int, size: int) -> int | None:
    for length in (_TAIL_STEP, 2 * WINDOW if size <= 2 * WINDOW else WINDOW):
        start = max(0, size - length)
        data = fs.pread(fd, length, start)
        time = last_time(data if start == 0 else data[data.find(b"\n") + 1 :])
        if time is not None:
            return parse_ms(time)
        if start == 0:
            break
    return None


def may_have_base(path: str, fs: Filesystem = OS) -> bool:
    """Whether a file's metadata may name a base, told from its first 64 KiB; False is certain.

    Raises OSError.
    """
    fd = fs.open(path, READ)
    try:
        head = fs.pread(fd, WINDOW, 0)
    finally:
        fs.close(fd)
    if b'"history_base"' in head or len(head) < WINDOW:
        return b'"history_base"' in head
    meta = head.find(b'"session_meta"')
    return meta < 0 or b"\n" not in head[meta:]
