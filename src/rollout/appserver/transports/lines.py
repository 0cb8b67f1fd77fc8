"""Newline-delimited messages out of what arrives in pieces, however large they claim to be. Pure."""

from __future__ import annotations

from rollout.appserver.unreadable import Oversized

_EDGE = 1024


class LineSplitter:
    """Gives whole lines without their newline; of one that is too long, only its edges are kept."""

    def __init__(self, longest: int) -> None:
        """``longest``: how many bytes a line may have."""
        self._longest = longest
        self._parts: list[bytes] = []
        self._length = 0
        self._head = self._tail = b""

    def feed(self, data: bytes) -> list[bytes | Oversized]:
        """The lines that end in ``data``."""
        first, *more = data.split(b"\n")
        self._keep(first)
        found: list[bytes | Oversized] = []
        for part in more:
            found.append(self._take())
            self._keep(part)
        return found

    def end(self) -> list[bytes | Oversized]:
        """The last line, where it was not ended."""
        return [self._take()] if self._length else []

    def _keep(self, part: bytes) -> None:
        if not part:
            return
        self._length += len(part)
        if self._length <= self._longest:
            self._parts.append(part)
            return
        if self._parts or not self._head:
            whole = b"".join(self._parts) + part
            self._head, self._tail, self._parts = whole[:_EDGE], whole[-_EDGE:], []
        else:
            self._tail = (self._tail + part)[-_EDGE:]

    def _take(self) -> bytes | Oversized:
        line: bytes | Oversized = b"".join(self._parts)
        if self._length > self._longest:
            line = Oversized(self._head, self._tail, self._length)
        self._parts, self._length, self._head, self._tail = [], 0, b"", b""
        return line
