"""Several files synced together: the steps of each writer's sync, driven side by side."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from concurrent.futures import ThreadPoolExecutor

    Steps = Generator[int, None, int]
    SyncAll = Callable[[Sequence[int]], list[OSError | None]]

WIDTH = 16


def drive(fdatasync_all: SyncAll, syncs: Sequence[Steps]) -> list[int | Exception]:
    """What each sync returns or raises, in order.

    The steps of a sync yield the descriptor whose data must be on stable storage before they go on; a refusal is
    thrown into them. All that wait are handed to ``fdatasync_all`` at once.
    """
    answers: list[int | Exception] = [0] * len(syncs)
    waiting = dict(_next_steps(enumerate([None] * len(syncs)), syncs, answers))
    while waiting:
        refusals = fdatasync_all(list(waiting.values()))
        waiting = dict(_next_steps(zip(waiting, refusals, strict=True), syncs, answers))
    return answers


def _next_steps(
    refusals: Iterable[tuple[int, OSError | None]], syncs: Sequence[Steps], answers: list[int | Exception]
) -> Iterable[tuple[int, int]]:
    """The next descriptor of each sync that goes on; the answers of those that end are noted."""
    for number, refusal in refusals:
        try:
            yield number, next(syncs[number]) if refusal is None else syncs[number].throw(refusal)
        except StopIteration as end:
            answers[number] = end.value
        except Exception as error:  # noqa: BLE001 - one file's failure is its own
            answers[number] = error


def in_threads(fds: Sequence[int], fdatasync: Callable[[int], None]) -> list[OSError | None]:
    """Sync each, up to 16 at once, each thread a share of them; the error of each or None, in order."""
    if len(fds) == 1:
        return [_refusal(fdatasync, fds[0])]
    refusals: list[OSError | None] = [None] * len(fds)

    def share(first: int) -> None:
        for number in range(first, len(fds), WIDTH):
            refusals[number] = _refusal(fdatasync, fds[number])

    for done in [_pool().submit(share, first) for first in range(min(WIDTH, len(fds)))]:
        done.result()
    return refusals


def _refusal(fdatasync: Callable[[int], None], fd: int) -> OSError | None:
    try:
        fdatasync(fd)
    except OSError as error:
        return error
    return None


_pools: list[ThreadPoolExecutor] = []


def _pool() -> ThreadPoolExecutor:
    if not _pools:
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - one file alone needs no pool

        _pools.append(ThreadPoolExecutor(WIDTH, "rollout-fdatasync"))
    return _pools[0]


os.register_at_fork(after_in_child=_pools.clear)  # a child has none of its parent's threads
