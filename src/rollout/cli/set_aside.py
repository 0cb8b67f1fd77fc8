"""Long strings that wait in a temporary file until they are written, so that none of them is in memory whole.

What takes lines apart gets them with a mark where a string's middle was; what is written has the bytes of the line there
again. So JSON that is made of a line of any length has all of it.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from typing import TYPE_CHECKING

from rollout.lines import Line
from rollout.long_lines import LONG, boundary, shorter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import IO, Self

    from rollout.lines import Found
    from rollout.long_lines import Gap

_BLOCK = 1 << 18
_LONGEST_PAIR = 12
_WRAPPED = rb'{\"output\"'


class SetAside:
    """The strings of one command. A context manager: the file has no name and goes with it."""

    def __init__(self) -> None:
        """Nothing is set aside, and there is no file yet."""
        self._file: IO[bytes] | None = None
        self._places: list[tuple[int, int]] = []
        self._word = f"rollout-{os.urandom(12).hex()}-".encode()
        self._mark = re.compile(re.escape(self._word) + rb'(\\+)"(\d+);')

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def brief(self, found: Iterable[Found]) -> Iterator[Found]:
        """The same lines, long strings of long ones set aside."""
        for thing in found:
            yield self._shorter(thing) if isinstance(thing, Line) and len(thing.data) >= LONG else thing
            del thing  # it is not held while the next one is read

    def whole(self, document: bytes) -> Iterator[bytes]:
        """A JSON text in pieces, with everything that its marks stand for."""
        at = 0
        for mark in self._mark.finditer(document) if self._places else ():
            yield document[at : mark.start()]
            blocks = self._blocks(int(mark[2]))
            depth = (len(mark[1]) + 1).bit_length() - 1  # of JSON inside of JSON: each level escapes the quote again
            yield from blocks if depth == 1 else _encoded_again(blocks, depth)
            at = mark.end()
        yield document[at:]

    def _shorter(self, line: Line) -> Line:
        # The result of a shell that is wrapped in JSON is looked into, and no mark may stand there
        return line if _WRAPPED in line.data else shorter(line, self._put)

    def _put(self, line: bytes, gap: Gap) -> bytes:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed on leaving
        self._places.append((self._file.seek(0, os.SEEK_END), gap.end - gap.start))
        self._file.write(memoryview(line)[gap.start : gap.end])
        return self._word + rb'\"%d;' % (len(self._places) - 1)

    def _blocks(self, number: int) -> Iterator[bytes]:
        """The bytes of one string."""
        start, left = self._places[number]
        if self._file is None:
            return
        self._file.seek(start)
        while left and (block := self._file.read(min(_BLOCK, left))):
            left -= len(block)
            yield block


def _encoded_again(blocks: Iterable[bytes], depth: int) -> Iterator[bytes]:
    """The same text as it is written inside of so many JSON strings; no character is split between two pieces."""
    rest = b""
    for block in blocks:
        rest += block
        cut = boundary(rest, max(0, len(rest) - _LONGEST_PAIR), 0)
        yield _encoded(rest[:cut], depth)
        rest = rest[cut:]
    yield _encoded(rest, depth)


def _encoded(inner: bytes, depth: int) -> bytes:
    text: str = json.loads(b'"' + inner + b'"')
    for _ in range(depth):
        text = json.dumps(text, ensure_ascii=False)[1:-1]
    return text.encode("utf-8", "backslashreplace")
