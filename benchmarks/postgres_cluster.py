"""A PostgreSQL server for the benchmarks: the one of the tests, with the settings that make commits durable."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from harness import ROOT

if TYPE_CHECKING:
    from collections.abc import Generator

    from postgres_server import Server

SETTINGS: dict[str, Any] = {
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "maintenance_work_mem": "256MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
}


@contextmanager
def cluster(**settings: Any) -> Generator[Server]:
    """A server on a socket of its own, run by an ordinary user, which is gone afterwards."""
    sys.path.append(os.path.join(ROOT, "tests"))
    from postgres_server import Server  # noqa: PLC0415 - it stands beside the tests

    made = Server(durable=True, **{**SETTINGS, **settings})
    try:
        yield made
    finally:
        made.remove()


def missing() -> str:
    """Why there can be no server, "" when there can."""
    sys.path.append(os.path.join(ROOT, "tests"))
    try:
        from postgres_server import MISSING, binaries  # noqa: PLC0415 - it stands beside the tests
    except ImportError:
        return "the extra postgres is not installed"
    return "" if binaries() else MISSING
