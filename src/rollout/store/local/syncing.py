"""Group commit: several writers synced beside each other."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollout.store.base import Writer

_AT_ONCE = 16


def sync_all(writers: Sequence[Writer]) -> None:
    """Sync every writer, up to 16 at once: syncs that wait together share one commit of the file system.

    Raises the first failure (in the order of the writers) after all have been tried.
    """
    failures: list[BaseException | None] = [None] * len(writers)
    for start in range(0, len(writers), _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, len(writers)))
        threads = [Thread(target=_sync, args=(writers[number], failures, number)) for number in numbers[1:]]
        for thread in threads:
            thread.start()
        _sync(writers[start], failures, start)
        for thread in threads:
            thread.join()
    for failure in failures:
        if failure is not None:
            raise failure


def _sync(writer: Writer, failures: list[BaseException | None], number: int) -> None:
    try:
        writer.sync()
    except BaseException as error:  # noqa: BLE001 - raised again by the caller's thread
        failures[number] = error
