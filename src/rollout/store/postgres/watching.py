"""Ends connections on which a statement has waited too long for its answer.

A network that swallows everything breaks no connection, and neither does a server that hangs behind a proxy: the
driver would wait for ever, and with it the recorder (docs/decisions/0049-a-server-that-does-not-answer.md).
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import contextmanager, suppress
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Generator

_ROUNDS = 4
"""So many times within the limit it is looked: an answer is given up after at most five quarters of the limit."""

QUESTION = 10
"""A question may take so many times as long as a write."""


class Watch:
    """One thread that looks after all statements of a store, and ends when there has been none for a while."""

    def __init__(self, limit_s: float) -> None:
        """Nothing is watched."""
        self._limit_s = limit_s
        self._ends: dict[object, tuple[float, psycopg.Connection[Any]]] = {}
        self._changed = Condition()
        self._thread: Thread | None = None

    @contextmanager
    def over(self, connection: psycopg.Connection[Any], times: int = 1) -> Generator[None]:
        """End the connection when the block takes longer than so many limits; the driver then raises in the block."""
        mark = object()
        with self._changed:
            self._ends[mark] = time.monotonic() + times * self._limit_s, connection
            if self._thread is None:
                self._thread = Thread(target=self._look, name="rollout-watch", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._changed:
                del self._ends[mark]

    def _look(self) -> None:
        while True:
            with self._changed:
                self._changed.wait(self._limit_s / _ROUNDS)
                if not self._ends:
                    self._thread = None
                    return
                now = time.monotonic()
                for end, connection in self._ends.values():
                    if end < now:
                        shut(connection)


def shut(connection: psycopg.Connection[Any]) -> None:
    """End a connection in both directions, below the driver: whoever waits for an answer learns that none will come."""
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as known:
        known.shutdown(socket.SHUT_RDWR)
