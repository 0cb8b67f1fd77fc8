"""The server process: a port of loopback, a link for the browser, a clean end on SIGINT and SIGTERM."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, NamedTuple

import uvicorn

from rollout.web.app import Settings, application
from rollout.web.guard import Keys

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from rollout.web.threads import Threads

_GRACE_S = 2


class Wanted(NamedTuple):
    """How to serve. ``port`` 0 takes a free one. ``told`` gets each new link."""

    told: Callable[[str], None]
    now_ms: Callable[[], int]
    port: int = 0
    allow_changes: bool = False


class _Server(uvicorn.Server):
    """Ends the streams before it waits for them."""

    def __init__(self, config: uvicorn.Config, threads: Threads) -> None:
        super().__init__(config)
        self._threads = threads

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._threads.stopping.set()
        super().handle_exit(sig, frame)
        self._captured_signals.clear()  # a person ended it: that is no failure, and it is not raised again


def serve(threads: Threads, wanted: Wanted) -> None:
    """Serve until SIGINT or SIGTERM. Raises OSError when the port is taken."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", wanted.port))
        listening.listen(128)  # whoever is quick with the link is not refused
        port = listening.getsockname()[1]
        hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})

        def tell(token: str) -> None:
            wanted.told(f"http://127.0.0.1:{port}/?token={token}")

        keys = Keys(tell)
        app = application(threads, keys, Settings(hosts, wanted.allow_changes), wanted.now_ms)
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=_GRACE_S, lifespan="off",
        )  # fmt: skip
        tell(keys.token)
        _Server(config, threads).run([listening])
