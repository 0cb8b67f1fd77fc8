"""The clock and new ids."""

from __future__ import annotations

import os
import time

from rollout.ids import ThreadId


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """A new id, sorted by its time."""
    return str(ThreadId.new(now_ms(), os.urandom(10)))
