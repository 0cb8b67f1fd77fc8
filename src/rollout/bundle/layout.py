"""The layout of a bundle: one JSON object, whose stream of elements tells file after file.

::

    {"schema": "rollout.bundle/1", "stream": [
      {"bundle": {"made_by": "…", "threads": [ids], "names": {id: name}, "missing": [rollout ids]}},
      {"file": {"name", "thread_id", "rollout_id", "role": "own" | "base", "archived", "mode", "modified_ns"}},
      "text of the file, a block", {"base64": "a block that is no UTF-8"}, …
      {"end_of_file": {"bytes", "sha256"}},
      …
      {"end": {"files": 2}}
    ]}

The order of an array means something in JSON, that of an object's members does not: whatever formats, sorts or
minifies a bundle leaves it a bundle. ``mode`` is octal and ``modified_ns`` decimal text, since numbers in JSON are
not exact beyond 2⁵³. A bundle that was cut has no ``end``.
"""

from __future__ import annotations

import gzip
import json
import zlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from codecs import getincrementaldecoder
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import msgspec

from rollout.errors import FormatError
from rollout.store.base import Segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SCHEMA = "rollout.bundle/1"
_BEGIN = b'{"schema":"' + SCHEMA.encode() + b'","stream":[\n'
_END = b"\n]}\n"
_CHUNK = 1 << 20
_LONGEST_ELEMENT = 1 << 23
_MODES = 0o777  # no set-user-id from a document that came from somewhere
_DECODER = json.JSONDecoder()
_SPACE = " \t\r\n"


class Head(NamedTuple):
    """What a bundle is about; ``missing`` are rollouts that its threads build on and that could not be had."""

    threads: tuple[str, ...]
    names: dict[str, str]
    missing: tuple[str, ...] = ()


class FileHead(NamedTuple):
    """One file: whose it is, and whether the thread is meant (``own``) or only built on (``base``)."""

    thread_id: str
    role: str
    segment: Segment


class FileEnd(NamedTuple):
    """The end of a file, its length and its hash checked."""

    bytes: int


Event: TypeAlias = Head | FileHead | bytes | FileEnd


def encode_bundle(head: Head, files: Iterable[tuple[FileHead, Iterable[bytes]]], made_by: str) -> Iterator[bytes]:
    """A bundle in pieces of JSON, none much longer than the blocks that come in."""
    told = {"made_by": made_by, "threads": head.threads, "names": head.names, "missing": head.missing}
    yield _BEGIN + _json({"bundle": told})
    count = 0
    for file, blocks in files:
        count += 1
        yield b",\n" + _json({"file": _file_object(file)})
        digest, size = sha256(), 0
        for element, length in _elements(blocks, digest.update):
            size += length
            yield b",\n" + element
        yield b",\n" + _json({"end_of_file": {"bytes": size, "sha256": digest.hexdigest()}})
    yield b",\n" + _json({"end": {"files": count}}) + _END


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _file_object(file: FileHead) -> dict[str, object]:
    segment = file.segment
    return {
        "name": segment.name,
        "thread_id": file.thread_id,
        "rollout_id": segment.rollout_id,
        "role": file.role,
        "archived": segment.archived,
        "mode": f"{segment.mode & _MODES:04o}",
        "modified_ns": str(segment.modified_ns),
    }


def _elements(blocks: Iterable[bytes], saw: Any) -> Iterator[tuple[bytes, int]]:  # noqa: ANN401 - JSON as it comes
    """Blocks as elements, with the number of bytes that each stands for."""
    rest = b""
    for block in blocks:
        saw(block)
        data = rest + block
        text, rest = _text(data)
        if text is None:
            yield _json({"base64": b64encode(data).decode()}), len(data)
        elif text:
            yield msgspec.json.encode(text), len(data) - len(rest)
    if rest:
        yield _json({"base64": b64encode(rest).decode()}), len(rest)


def _text(data: bytes) -> tuple[str | None, bytes]:
    """Bytes as text, and a character at the end that was split; None when they are no text."""
    try:
        return data.decode(), b""
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            return None, b""
        return data[: error.start].decode(), data[error.start :]


def open_bundle(path: str) -> Iterator[bytes]:
    """The bytes of a bundle's file in chunks; one that gzip made is unpacked. Raises OSError, FormatError."""
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        source = gzip.GzipFile(fileobj=file) if packed else file
        try:
            while chunk := source.read(_CHUNK):
                yield chunk
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise FormatError(f"{path} is cut or broken: {error}") from None


def read_bundle(chunks: Iterable[bytes]) -> Iterator[Event]:
    """The head, then for each file its head, its bytes in blocks, and its end. Constant memory.

    Raises FormatError for anything that is no whole bundle of this schema, as soon as that is seen: what was cut
    is known only at the end, so look at all of it before anything is made of it.
    """
    elements = _stream(_Scanner(chunks))
    head = _head(next(elements, None))
    yield head
    count = 0
    for element in elements:
        if _member(element, "end") is not None:
            _check(_member(element, "end").get("files") == count, "the number of files is not what its end says")
            _check(next(elements, None) is None, "something stands behind its end")
            return
        yield _file_head(_member(element, "file"))
        yield from _file_body(elements)
        count += 1  # noqa: SIM113 - the number is needed behind the loop
    raise FormatError("the bundle was cut: its end is missing")


def _file_body(elements: Iterator[object]) -> Iterator[bytes | FileEnd]:
    digest, size = sha256(), 0
    for element in elements:
        end = _member(element, "end_of_file")
        if end is not None:
            _check(end.get("bytes") == size and end.get("sha256") == digest.hexdigest(), "a file is not as it was")
            yield FileEnd(size)
            return
        block = _block(element)
        digest.update(block)
        size += len(block)
        yield block
    raise FormatError("the bundle was cut in the middle of a file")


def _block(element: object) -> bytes:
    try:
        if isinstance(element, str):
            return element.encode()
        if isinstance(element, dict) and isinstance(element.get("base64"), str):
            return b64decode(element["base64"], validate=True)
    except (UnicodeEncodeError, Base64Error):
        pass
    raise FormatError("not a bundle: a block of a file is neither text nor base64")


def _head(element: object) -> Head:
    told = _member(element, "bundle")
    _check(told is not None, "it does not begin with what it is about")
    names, threads, missing = told.get("names"), told.get("threads"), told.get("missing", [])
    named = isinstance(names, dict) and all(isinstance(name, str) for name in names.values())
    listed = isinstance(threads, list) and isinstance(missing, list)
    _check(named and listed, "it does not tell its threads")
    return Head(tuple(map(str, threads)), dict(names), tuple(map(str, missing)))


def _file_head(told: Any) -> FileHead:  # noqa: ANN401 - JSON as it comes
    try:
        _check(told["role"] in ("own", "base"), "a file has no role")
        segment = Segment(
            name=str(told["name"]),
            rollout_id=str(told["rollout_id"]),
            bytes=-1,
            modified_ns=int(told["modified_ns"]),
            mode=int(told["mode"], 8) & _MODES,
            archived=told["archived"] is True,
            compressed=False,
        )
        return FileHead(str(told["thread_id"]), told["role"], segment)
    except (KeyError, TypeError, ValueError):
        raise FormatError("not a bundle: a file lacks its name, time, mode or place") from None


def _member(element: object, name: str) -> Any:  # noqa: ANN401 - JSON as it comes
    """The object under a name in an element; None when the element is something else."""
    found = element.get(name) if isinstance(element, dict) else None
    return found if isinstance(found, dict) else None


def _check(holds: bool, complaint: str) -> None:  # noqa: FBT001 - a state, not a switch
    if not holds:
        raise FormatError(f"not a bundle, or not as it was made: {complaint}")


def _stream(scanner: _Scanner) -> Iterator[object]:
    """The elements of the member ``stream``, once the schema has been seen."""
    scanner.take("{")
    _check(scanner.value() == "schema", 'it does not begin with {"schema"')
    scanner.take(":")
    schema = scanner.value()
    if schema != SCHEMA:
        raise FormatError(f"a bundle of schema {str(schema)[:60]!r}; this version reads {SCHEMA}")
    scanner.take(",")
    _check(scanner.value() == "stream", "behind the schema stands no stream")
    scanner.take(":")
    scanner.take("[")
    while scanner.peek() != "]":
        yield scanner.value()
        if scanner.peek() != "]":
            scanner.take(",")
    scanner.take("]")
    scanner.take("}")
    _check(not scanner.peek(), "something stands behind it")


class _Scanner:
    """Takes JSON apart piece by piece, holding no more than one value and one chunk."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._decoder = getincrementaldecoder("utf-8")()
        self._text = ""
        self._at = 0

    def peek(self) -> str:
        """The next character that is no white space; "" at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._fill():
                return ""

    def take(self, wanted: str) -> None:
        """Pass over one character, which must be this one."""
        found = self.peek()
        if found != wanted:
            told = f"{wanted!r} was expected and {found!r} found" if found else "it was cut"
            raise FormatError(f"not a bundle: {told}")
        self._at += 1

    def value(self) -> object:
        """The next string or object."""
        _check(self.peek() in ('"', "{"), "a text or an object was expected")
        while True:
            try:
                value, self._at = _DECODER.raw_decode(self._text, self._at)
            except (ValueError, RecursionError) as error:
                if len(self._text) - self._at > _LONGEST_ELEMENT or not self._fill():
                    raise FormatError(f"not a bundle, or it was cut: {error}") from None
            else:
                return value

    def _fill(self) -> bool:
        """Get the next chunk; False at the end."""
        for chunk in self._chunks:
            try:
                self._text = self._text[self._at :] + self._decoder.decode(chunk)
            except UnicodeDecodeError as error:
                raise FormatError(f"not a bundle: {error}") from None
            self._at = 0
            return True
        return False
