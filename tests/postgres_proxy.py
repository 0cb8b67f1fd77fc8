"""A TCP proxy in front of a server that counts bytes, and cuts or swallows where a test says."""

from __future__ import annotations

import os
import selectors
import socket
import struct
from collections import deque
from contextlib import suppress
from threading import Lock, Thread
from typing import NamedTuple

UP, DOWN = "to the server", "to the client"
_RESET = struct.pack("ii", 1, 0)


class Cut(NamedTuple):
    """A fault: behind so many more bytes in one direction the connection ends, or swallows all from then on."""

    direction: str
    after: int
    swallow: bool = False
    reset: bool = False


class _End:
    """One side of a connection: what it says goes to ``peer``."""

    def __init__(self, sock: socket.socket, direction: str) -> None:
        self.sock, self.direction = sock, direction
        self.peer: _End
        self.dark = False


class Proxy:
    """Listens on loopback; one thread carries everything. Cuts are taken in the order in which they were armed."""

    def __init__(self, target: str) -> None:
        """In front of the server that listens on the unix socket ``target``."""
        self._target = target
        self._lock = Lock()
        self._armed: deque[Cut] = deque()
        self._left = 0
        self.passed = {UP: 0, DOWN: 0}
        self.injected = 0
        self.swallows = False
        """Whether it swallows everything, on connections to come too."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._woken, self._waker = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        for sock in (self._listener, self._woken):
            self._selector.register(sock, selectors.EVENT_READ)
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def url(self, tenant: str, **options: str) -> str:
        """The URL of a tenant behind the proxy."""
        more = "".join(f"&{name}={value}" for name, value in options.items())
        port = self._listener.getsockname()[1]
        return f"postgresql://keeper@127.0.0.1:{port}/threads?tenant={tenant}&sslmode=disable&gssencmode=disable{more}"

    def arm(self, *cuts: Cut) -> None:
        """Inject these one after another, each counted from the moment the one before has happened."""
        with self._lock:
            self._armed = deque(cuts)
            self._left = cuts[0].after if cuts else 0

    def disarm(self) -> int:
        """No more of them; how many were left."""
        with self._lock:
            left = len(self._armed)
            self._armed.clear()
        return left

    def close(self) -> None:
        """End it, and every connection."""
        self._waker.send(b"x")
        self._thread.join()

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._woken:
                    self._end_all()
                    return
                if key.fileobj is self._listener:
                    self._accept()
                elif isinstance(key.data, _End) and key.data.sock.fileno() >= 0:
                    self._carry(key.data)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(self._target)
        except OSError:
            server.close()
            client.close()
            return
        ends = _End(client, UP), _End(server, DOWN)
        ends[0].peer, ends[1].peer = ends[1], ends[0]
        for end in ends:
            self._selector.register(end.sock, selectors.EVENT_READ, end)

    def _carry(self, end: _End) -> None:
        try:
            data = end.sock.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            self._drop(end)
        elif not end.dark:
            self._pass(end, data)

    def _pass(self, end: _End, data: bytes) -> None:
        if self.swallows:
            end.dark = end.peer.dark = True
            return
        kept, cut = self._cut(end.direction, data)
        self.passed[end.direction] += len(kept)
        with suppress(OSError):
            end.peer.sock.sendall(kept)
        if cut is None:
            return
        if cut.swallow:
            end.dark = end.peer.dark = True
            return
        if cut.reset:
            with suppress(OSError):
                end.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                end.peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._drop(end)

    def _cut(self, direction: str, data: bytes) -> tuple[bytes, Cut | None]:
        """How much of the data may pass, and the fault behind it."""
        with self._lock:
            if not self._armed or self._armed[0].direction != direction:
                return data, None
            if len(data) < self._left:
                self._left -= len(data)
                return data, None
            kept, cut = data[: self._left], self._armed.popleft()
            self._left = self._armed[0].after if self._armed else 0
            self.injected += 1
            return kept, cut

    def _drop(self, end: _End) -> None:
        for one in (end, end.peer):
            with suppress(KeyError, ValueError):
                self._selector.unregister(one.sock)
            one.sock.close()

    def _end_all(self) -> None:
        for key in list(self._selector.get_map().values()):
            sock = key.fileobj
            assert isinstance(sock, socket.socket)
            sock.close()
        self._waker.close()
        self._selector.close()


def socket_of(folder: os.PathLike[str] | str) -> str:
    """The socket of a server that listens in a folder."""
    return os.path.join(folder, ".s.PGSQL.5432")
