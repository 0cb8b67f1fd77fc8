"""Where a command writes: data to standard output, notes and errors to standard error.

Standard output carries data only. Text of a thread must have been made safe (``rollout.render.safe``) before it
comes here; JSON is made safe here when a terminal reads it.
"""

from __future__ import annotations

import json
import os
from codecs import getincrementaldecoder
from contextlib import suppress
from stat import S_ISREG
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import TextIO

_NO_WIDTH = 80
_PIECE = 1 << 18


class Output:
    """The streams of one run, and what they can show.

    ``is_terminal`` tells whether a person reads standard output; ``colour`` whether it may have colours (a
    terminal, and NO_COLOR unset); ``width`` its columns.
    """

    def __init__(self, stdout: TextIO | None, stderr: TextIO | None, environ: Mapping[str, str]) -> None:
        """Look at the streams once; None is a stream that was closed before the program began."""
        self._stdout = stdout = stdout or _nowhere()
        self._stderr = stderr = stderr or _nowhere()
        self.encoding = stdout.encoding or "utf-8"
        self._is_watched = stderr.isatty()
        self._has_status = False
        self.quiet = False
        self.is_terminal = stdout.isatty()
        self.colour = self.is_terminal and "NO_COLOR" not in environ and environ.get("TERM") != "dumb"
        self.width = terminal_width(_fd(stdout), environ) if self.is_terminal else _NO_WIDTH
        self.user_home = environ.get("HOME", "")

    @property
    def has_watcher(self) -> bool:
        """Whether a person may see a line of progress on standard error."""
        return self._is_watched and not self.quiet

    @property
    def is_file(self) -> bool:
        """Whether standard output is a file, so that nothing but progress tells that work is done."""
        try:
            return S_ISREG(os.fstat(self._stdout.fileno()).st_mode)
        except OSError:
            return False

    def write(self, text: str) -> None:
        """Write text for people; what the terminal's encoding lacks is escaped."""
        self.write_bytes(text.encode(self.encoding, "backslashreplace"))

    def write_json(self, document: bytes | memoryview) -> None:
        """Write a JSON text or a piece of one; on a terminal no character of it acts."""
        if not self.is_terminal:
            self.write_bytes(document)
            return
        decoder = getincrementaldecoder("utf-8")()
        for start in range(0, len(document), _PIECE):
            self.write_bytes(_safe(decoder.decode(document[start : start + _PIECE])))

    def write_bytes(self, data: bytes | memoryview) -> None:
        """Write exact bytes."""
        self._stdout.buffer.write(data)

    def flush(self) -> None:
        """Hand everything written to the operating system; raises OSError when it cannot be."""
        self._stdout.flush()

    def forget(self) -> None:
        """Nobody reads standard output any more: what is buffered must not fail again at exit."""
        with suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stdout.fileno())
            os.close(null)

    def note(self, text: str) -> None:
        """Tell the person something that is no data; not with --quiet."""
        if not self.quiet:
            self.error(text)

    def error(self, text: str) -> None:
        """One line on standard error."""
        if self._has_status:
            self.status("")
        encoding = self._stderr.encoding or "utf-8"
        self._stderr.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        self._stderr.flush()

    def status(self, text: str) -> None:
        """Replace the line of progress on standard error; "" takes it away."""
        self._has_status = bool(text)
        self._stderr.write(f"\r\x1b[K{text}")
        self._stderr.flush()


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")


def terminal_width(fd: int, environ: Mapping[str, str]) -> int:
    """The columns of the terminal behind a descriptor; COLUMNS wins, and 80 is the guess."""
    told = environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return int(told)
    try:
        return os.get_terminal_size(fd).columns or _NO_WIDTH
    except OSError:
        return _NO_WIDTH


def _fd(stream: TextIO) -> int:
    try:
        return stream.fileno()
    except OSError:
        return -1


def _safe(document: str) -> bytes:
    from rollout.render.safe import safe_json  # noqa: PLC0415 - a pipe does not need it

    return safe_json(document).encode()


def to_json(value: Any) -> bytes:  # noqa: ANN401 - whatever JSON can say
    """A value as compact JSON; lone surrogates are escaped, since no encoding can write them."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


class Document:
    """One JSON object, written member by member, so that an array may be longer than memory."""

    def __init__(self, out: Output, schema: str) -> None:
        """Begin the object with its schema."""
        self._out = out
        out.write_json(b'{"schema":' + to_json(schema))

    def member(self, name: str, value: Any) -> None:  # noqa: ANN401 - whatever JSON can say
        """Write one member."""
        self._out.write_json(b"," + to_json(name) + b":" + to_json(value))

    def array(self, name: str, elements: Iterable[bytes | Iterable[bytes | memoryview]]) -> int:
        """Write an array whose elements are JSON texts, whole or in pieces; returns how many there were.

        Each is on a line of its own.
        """
        self._out.write_json(b"," + to_json(name) + b":[")
        count = 0
        for element in elements:
            count += 1
            self._out.write_json(b"\n" if count == 1 else b",\n")
            for piece in (element,) if isinstance(element, bytes) else element:
                self._out.write_json(piece)
                del piece
            del element  # one may be long: it is not held while the next one is made, as by ``enumerate`` it would be
        self._out.write_json(b"\n]" if count else b"]")
        return count

    def end(self) -> None:
        """Close the object."""
        self._out.write_json(b"}\n")
