"""A locked index is in nobody's way: threads are recorded, and listed from the files."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import apsw

from rollout.items import AgentMessage
from rollout.query import EVERYTHING
from rollout.recorder_sync import SyncRolloutRecorder
from rollout.recording import CreateParams, Options
from rollout.store.local.index_path import IndexPlace
from rollout.store.local.store import LocalStore

if TYPE_CHECKING:
    from pathlib import Path

ITEMS = 500
PATIENCE_S = 5.0


def test_recording_goes_on_while_the_index_is_locked(tmp_path: Path) -> None:
    """Every item is stored, in much less time than one wait for the lock an item would take."""
    home, index = tmp_path / "home", tmp_path / "index.sqlite"
    home.mkdir()
    store = LocalStore(home, index=IndexPlace(str(index), ours=False))
    store.list(EVERYTHING)
    holder = apsw.Connection(str(index))
    holder.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()
    with SyncRolloutRecorder.create(store, CreateParams(cwd=str(home)), Options(collect_git=lambda _: None)) as recorder:
        for number in range(ITEMS):
            recorder.record([AgentMessage(message=f"{number}")])
            recorder.persist()
            recorder.flush()
    took = time.monotonic() - began
    lines = sum(1 for _ in store.lines(recorder.thread_id))
    page = store.list(EVERYTHING)
    holder.execute("ROLLBACK")
    holder.close()

    assert (ITEMS + 1, [recorder.thread_id], True, True) == (
        lines, [row.id for row in page.threads], bool(page.note), took < PATIENCE_S,
    )  # fmt: skip
