"""How messages stand in a stream of bytes: one a line, or each in a websocket frame. No input and no output of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from rollout.appserver.transports.lines import LineSplitter

if TYPE_CHECKING:
    from rollout.appserver.transports.door import Door
    from rollout.appserver.unreadable import Oversized

_DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)


class Framing(Protocol):
    """Takes bytes apart into messages and puts messages into bytes."""

    open: bool
    """Whether messages may be sent."""

    over: bool
    """Whether nothing more will come: close once everything is written."""

    def feed(self, data: bytes) -> list[bytes | Oversized]:
        """The messages that end in what arrived."""
        ...

    def end(self) -> list[bytes | Oversized]:
        """What is left when nothing more will arrive."""
        ...

    def frame(self, data: bytes, *, first: bool, last: bool) -> bytes:
        """A piece of a message; ``last``: it ends with the newline of the message. Raises ConnectionError."""
        ...

    def owed(self) -> bytes:
        """What is to be written of its own accord."""
        ...

    def farewell(self, code: int, reason: str) -> bytes:
        """The last words."""
        ...


class LineFraming:
    """One message a line."""

    def __init__(self, longest: int) -> None:
        """``longest``: how many bytes a message may have; one that is longer is told by its edges."""
        self._splitter = LineSplitter(longest)
        self.open, self.over = True, False

    def feed(self, data: bytes) -> list[bytes | Oversized]:
        """Whole lines."""
        return self._splitter.feed(data)

    def end(self) -> list[bytes | Oversized]:
        """A last line that was not ended."""
        return self._splitter.end()

    def frame(self, data: bytes, *, first: bool, last: bool) -> bytes:  # noqa: ARG002 - a line has no frame
        """The bytes as they are."""
        return data

    def owed(self) -> bytes:
        """Nothing."""
        return b""

    def farewell(self, code: int, reason: str) -> bytes:  # noqa: ARG002 - there is no word for it
        """Nothing; the stream ends."""
        self.open, self.over = False, True
        return b""


class WebSocketFraming:
    """One message a text message of a websocket, after a handshake that the door allows."""

    def __init__(self, longest: int, door: Door) -> None:
        """A message that is longer ends the connection with 1009."""
        self._protocol = ServerProtocol(max_size=longest)
        self._door = door
        self._parts: list[bytes] = []
        self.open = self.over = False

    def feed(self, data: bytes) -> list[bytes | Oversized]:
        """Whole messages; the handshake is none."""
        if not self.over:
            self._protocol.receive_data(data)
        return self._taken()

    def end(self) -> list[bytes | Oversized]:
        """A connection that ends without a word."""
        if not self.over:
            self._protocol.receive_eof()
        return self._taken()

    def frame(self, data: bytes, *, first: bool, last: bool) -> bytes:
        """A message in one frame or in several."""
        if self._protocol.state is not State.OPEN:
            raise ConnectionError("the websocket is closed")
        piece = data.removesuffix(b"\n") if last else data
        if first:
            self._protocol.send_text(piece, fin=last)
        else:
            self._protocol.send_continuation(piece, fin=last)
        return self.owed()

    def owed(self) -> bytes:
        """Answers to handshakes, pings and closes."""
        return b"".join(self._protocol.data_to_send())

    def farewell(self, code: int, reason: str) -> bytes:
        """A close frame."""
        if self._protocol.state is State.OPEN:
            self._protocol.fail(code, reason)
        self.open, self.over = False, True
        return self.owed()

    def _taken(self) -> list[bytes | Oversized]:
        found: list[bytes | Oversized] = []
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._protocol.send_response(self._door.answer(self._protocol, event))
            elif isinstance(event, Frame) and event.opcode in _DATA and (message := self._whole(event)) is not None:
                found.append(message)
        self.open = self._protocol.state is State.OPEN
        self.over = self._protocol.state is State.CLOSED or self._protocol.close_expected()
        return found

    def _whole(self, frame: Frame) -> bytes | None:
        """The message that ends with this frame."""
        self._parts.append(bytes(frame.data))
        if not frame.fin:
            return None
        parts, self._parts = self._parts, []
        return b"".join(parts)
