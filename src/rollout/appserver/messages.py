"""JSON-RPC as the app-server speaks it: one JSON object a line and no ``jsonrpc`` member (spec: state-and-protocol 6.1).

Pure: bytes in, values out, and back. A result may hold one ``Stream``, whose elements are encoded one by one, so
that an answer can be larger than memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL = -32603

RequestId = str | int


class RpcError(Exception):
    """An error that the client is told: code, message, and further data."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:  # noqa: ANN401 - JSON as it comes
        """Keep all three."""
        self.code, self.message, self.data = code, message, data
        super().__init__(message)


def invalid(message: str) -> RpcError:
    """The client asked for something that cannot be."""
    return RpcError(INVALID_REQUEST, message)


class Request(NamedTuple):
    """A call that wants an answer; ``params`` is None when the member is missing."""

    id: RequestId
    method: str
    params: Any


class Notification(NamedTuple):
    """A message that wants none; from the server, ``params`` is always an object."""

    method: str
    params: Any


class Response(NamedTuple):
    """What a client answers to a request of the server's."""

    id: RequestId
    result: Any
    error: Any


Incoming = Request | Notification | Response


class Stream:
    """An array in a result that is made while it is written; it can be read once."""

    __slots__ = ("elements",)

    def __init__(self, elements: Iterable[Any]) -> None:
        """``elements`` are asked for one by one, by whoever writes the answer."""
        self.elements = elements


def decode(line: bytes) -> Incoming | None:
    """The message on a line; None for anything that is none, which is to be passed over."""
    try:
        found = _decoder.decode(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    identity, method = _request_id(found.get("id")), found.get("method")
    if isinstance(method, str):
        if identity is not None:
            return Request(identity, method, found.get("params"))
        return Notification(method, found.get("params")) if "id" not in found else None
    if identity is not None and ("result" in found or "error" in found):
        return Response(identity, found.get("result"), found.get("error"))
    return None


def _request_id(value: object) -> RequestId | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value if -(1 << 63) <= value < 1 << 63 else None
    return value if isinstance(value, str) else None


def encode(message: dict[str, Any]) -> Iterator[bytes]:
    """A message as the bytes of its line, in blocks; a ``Stream`` in it is read as they are taken."""
    streams: list[Stream] = []

    def place(value: object) -> object:
        if not isinstance(value, Stream):
            return str(value) if isinstance(value, str) else list(value)  # type: ignore[call-overload]  # JSON is a text, a list or a mapping here
        streams.append(value)
        return _HERE

    data = msgspec.json.encode(message, enc_hook=place)
    if not streams:
        yield data + b"\n"
        return
    head, _, tail = data.partition(_MARK)
    yield head + b"["
    for number, element in enumerate(streams[0].elements):
        yield (b"," if number else b"") + _encoder.encode(element)
    yield b"]" + tail + b"\n"


class Outgoing:
    """A message on its way to clients: what all of them are told is encoded once."""

    __slots__ = ("_line", "message")

    def __init__(self, message: dict[str, Any]) -> None:
        """Nothing is encoded yet."""
        self.message = message
        self._line: bytes | None = None

    @property
    def is_answer(self) -> bool:
        """Whether it answers a request of the client's."""
        return "method" not in self.message

    @property
    def line(self) -> bytes:
        """The whole line; kept, so that it is made once."""
        if self._line is None:
            self._line = b"".join(encode(self.message))
        return self._line

    def blocks(self) -> Iterator[bytes]:
        """The line in blocks, the last of which ends with a newline and no other does; for one client alone."""
        return encode(self.message)


def answer(request: Request, result: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON as it comes
    """The answer to a request."""
    return {"id": request.id, "result": result}


def refusal(request: Request, error: RpcError) -> dict[str, Any]:
    """The answer to a request that failed."""
    told: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        told["data"] = error.data
    return {"id": request.id, "error": told}


_HERE = "\ue000rollout: a stream stands here\ue000"
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()
_MARK = _encoder.encode(_HERE)
