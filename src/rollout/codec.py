"""Bytes ⇄ one line of a rollout, for all three eras.

An envelope is ``{"timestamp", ["ordinal"], "type", "payload", ["metadata"]}`` in any key order, with any
further keys (spec: rollout-format 2.1, 10.19, 10.23). The bare files of 2025 have no envelope: a header
object and naked response items; they decode to the same ``Record`` so that nothing above has to know.

Strictness: ``decode`` accepts exactly one JSON object of valid UTF-8 and nothing else. The payload passes
through as bytes: numbers, key order and unknown fields survive because nobody re-encodes them.
"""

from __future__ import annotations

from codecs import getincrementaldecoder
from time import gmtime, strftime
from typing import Literal

import msgspec

from rollout.errors import FormatError

Era = Literal["bare", "legacy", "paginated"]

_MISSING = msgspec.Raw(b"")
_REASONS = (
    ("utf-8", "invalid UTF-8"),
    ("trailing characters", "two records on one line"),
    ("truncated", "torn record"),
)


class Record(msgspec.Struct, frozen=True, gc=False):
    """One decoded line: the envelope's facts, and the payload as the bytes that stand in the file.

    ``timestamp`` is "" and ``type`` is "" where the line has none; a line without an envelope that is no
    bare line either has ``type == ""`` and is carried, never interpreted.
    """

    timestamp: str = ""
    type: str = ""
    payload: msgspec.Raw = _MISSING
    ordinal: int | None = None
    metadata: msgspec.Raw = _MISSING
    bare: bool = False

    @property
    def has_payload(self) -> bool:
        """Whether the line has a payload at all."""
        return len(memoryview(self.payload)) > 0


class _Envelope(msgspec.Struct, frozen=True, gc=False):
    timestamp: str
    type: str
    payload: msgspec.Raw
    ordinal: int | None = None
    metadata: msgspec.Raw = _MISSING


class _Bare(msgspec.Struct, frozen=True, gc=False):
    type: str = ""
    record_type: str = ""
    id: str = ""
    timestamp: str = ""
    payload: msgspec.Raw = _MISSING


class _Tag(msgspec.Struct, frozen=True, gc=False):
    type: str = ""


_envelope = msgspec.json.Decoder(_Envelope)
_bare = msgspec.json.Decoder(_Bare)
_tag = msgspec.json.Decoder(_Tag)
_any = msgspec.json.Decoder()
_whole = msgspec.json.Decoder(msgspec.Raw)
_SPACE = b" \t\r\n"
_LONG = 1 << 20
_CHUNK = 1 << 12
_PLAIN_TYPES = frozenset({"session_meta", "response_item", "event_msg", "turn_context", "compacted", "world_state"})


def decode(line: bytes) -> Record:
    """Decode one line, with or without its terminator.

    Raises FormatError with a short reason ("torn record", "invalid UTF-8", …) when the bytes are not one
    JSON object. A well-formed object that is no rollout line is returned with ``type == ""``.
    """
    try:
        if not line.isascii():  # the JSON library does not look at the bytes of what it skips
            _check_utf8(line)
        found = _envelope.decode(line)
    except msgspec.ValidationError:
        return _decode_bare(line)
    except (ValueError, RecursionError) as error:
        raise FormatError(_reason(line, error)) from None
    if not found.type:
        return Record(payload=_trimmed(line))
    return Record(found.timestamp, found.type, found.payload, found.ordinal, found.metadata)


def _check_utf8(line: bytes) -> None:
    """In pieces where it is long: as one text, a single wide character would cost four times the line."""
    if len(line) < _LONG:
        line.decode()
        return
    decoder = getincrementaldecoder("utf-8")()
    for start in range(0, len(line), _LONG):
        decoder.decode(line[start : start + _LONG])
    decoder.decode(b"", final=True)


def _decode_bare(line: bytes) -> Record:
    """A line that has no envelope: a bare line of 2025, or something foreign, if it is JSON at all."""
    payload = _trimmed(line)
    try:
        _whole.decode(payload)  # a type that does not fit ends decoding early: the rest has not been looked at
        found = _bare.decode(payload) if memoryview(payload)[:1].tobytes() == b"{" else None
    except msgspec.ValidationError:
        return Record(payload=payload)
    except (ValueError, RecursionError) as error:
        raise FormatError(_reason(line, error)) from None
    if found is None:
        raise FormatError("not a JSON object")
    if memoryview(found.payload):
        return Record(payload=payload)  # an envelope that lacks something: no version writes it
    if found.type and not found.timestamp:
        return Record("", "response_item", payload, bare=True)
    if found.record_type:
        return Record("", found.record_type, payload, bare=True)
    if found.id and found.timestamp and not found.type:
        return Record(found.timestamp, "session_meta", payload, bare=True)
    return Record(payload=payload)


def _trimmed(line: bytes) -> msgspec.Raw:
    """A line without white space around it; a view, since the line may be long."""
    start = len(line) - len(line.lstrip(_SPACE))
    return msgspec.Raw(memoryview(line)[start : max(start, length_without(line, _SPACE))])


def length_without(data: bytes, behind: bytes) -> int:
    """How long data are without these bytes at their end."""
    end = len(data)
    while end:
        chunk = data[max(0, end - _CHUNK) : end]
        kept = len(chunk.rstrip(behind))
        end += kept - len(chunk)
        if kept:
            break
    return end


def why_no_record(line: bytes, end: int) -> str:
    """Why the first so many bytes of a line that is no record are none either; they are not copied, for it may be long."""
    try:
        _whole.decode(memoryview(line)[:end])
    except (ValueError, RecursionError) as error:
        return _reason(line, error)
    return "not JSON"


def _reason(line: bytes, error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if b"\0" in line:
        return "NUL bytes"
    end = length_without(line, _SPACE)
    if (b"\\ud" in line or b"\\uD" in line) and line[end - 1 : end] == b"}":
        return "lone surrogate escape"
    said = str(error).lower()
    return next((reason for mark, reason in _REASONS if mark in said), "not JSON")


def payload_tag(payload: bytes | msgspec.Raw) -> str:
    """The ``type`` inside a payload, "" when it has none or is no object.

    Raises ValueError or RecursionError when the payload is not one JSON value.
    """
    try:
        return _tag.decode(payload).type
    except msgspec.ValidationError:
        _whole.decode(payload)  # a type that does not fit ended decoding early
        return ""


def to_object(raw: bytes | msgspec.Raw) -> object:
    """A payload as plain Python values (duplicate keys: the last one counts; 1e999 is infinite)."""
    try:
        return _any.decode(raw)
    except msgspec.ValidationError:
        import json  # noqa: PLC0415 - only for numbers beyond the range of a float, which hardly anybody writes

        return json.loads(bytes(raw))


def encode(line_type: str, payload: bytes, timestamp: str, ordinal: int | None = None) -> bytes:
    """Make one canonical line, newline included, around a payload that is already JSON."""
    return line_prefix(line_type, timestamp, ordinal) + payload + b"}\n"


def encode_record(record: Record) -> bytes:
    """A decoded record as its canonical line again; the payload and the metadata keep their bytes."""
    if record.bare or not record.type:
        return bytes(record.payload) + b"\n"
    timestamp = _quoted(record.timestamp)[1:-1]
    line = line_prefix(record.type, timestamp, record.ordinal) + bytes(record.payload)
    if metadata := bytes(record.metadata):
        line += b',"metadata":' + metadata
    return line + b"}\n"


def line_prefix(line_type: str, timestamp: str, ordinal: int | None = None) -> bytes:
    """What stands before the payload; ``}`` and a newline follow it. ``timestamp`` stands as it is given."""
    numbered = "" if ordinal is None else f'"ordinal":{ordinal},'
    kind = f'"{line_type}"' if line_type in _PLAIN_TYPES else _quoted(line_type)
    return f'{{"timestamp":"{timestamp}",{numbered}"type":{kind},"payload":'.encode()


def _quoted(text: str) -> str:
    """A text as JSON."""
    return msgspec.json.encode(text).decode()


_second_of: tuple[int, str] = (-1, "")


def timestamp_text(unix_ms: int) -> str:
    """UTC, ``YYYY-MM-DDThh:mm:ss.mmmZ``; the caller truncates to milliseconds, never rounds."""
    global _second_of  # noqa: PLW0603 - one cached second makes this five times cheaper; a race only recomputes it
    seconds, millis = divmod(unix_ms, 1000)
    known, text = _second_of
    if known != seconds:
        text = strftime("%Y-%m-%dT%H:%M:%S", gmtime(seconds))
        _second_of = (seconds, text)
    return f"{text}.{millis:03d}Z"


class _ItemEnvelope(msgspec.Struct, frozen=True, gc=False):
    type: str
    payload: msgspec.Raw


_item_envelope = msgspec.json.Decoder(_ItemEnvelope)


def decode_item(line: bytes) -> tuple[str, bytes]:
    """Line type and payload of ``{"type", "payload"}`` or of a whole line; the payload keeps its bytes.

    Raises FormatError, telling what is wrong, when there is no such item in the bytes.
    """
    try:
        line.decode()
        found = _item_envelope.decode(line)
    except msgspec.ValidationError as error:
        raise FormatError(f"no item: {error}") from None
    except (ValueError, RecursionError) as error:
        raise FormatError(_reason(line, error)) from None
    return found.type, bytes(found.payload)
