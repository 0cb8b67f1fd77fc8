"""How much a client may ask for and leave unread, and how many there may be."""

from __future__ import annotations

import resource
from contextlib import suppress
from typing import NamedTuple

_FILES = 65536


class Limits(NamedTuple):
    """The bounds of a server; sizes in bytes, times in seconds."""

    message: int = 64 << 20
    """Of one incoming message."""

    unread: int = 16 << 20
    """Of notifications that wait for a client which does not read; beyond it the client is disconnected."""

    patience: float = 0.5
    """How long turns wait for a client that falls behind."""

    reads: int = 8
    """Requests of one client that read at once."""

    ahead: int = 64
    """Messages of one client that wait to be taken; beyond it nothing more is read from it."""

    clients: int = 1000
    handshake: float = 10.0
    """For the handshake of a websocket."""

    farewell: float = 2.0
    """For writing what is left when a client or the server goes."""

    idle: float = 60.0
    """How long a thread stays loaded that nobody follows and that does nothing."""


def raise_open_files() -> None:
    """Allow as many open files as this process may allow itself: each client is one, each loaded thread two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
