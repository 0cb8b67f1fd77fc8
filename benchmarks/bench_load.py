"""Loading a whole thread, against a bare loop of the JSON library over its lines."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import msgspec

from corpus import write_thread
from harness import Asked, Cost, Figure, at_most, duel, main, mib, seconds, timed, times
from rollout.loading import load_rollout_items

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET = 1.5


def figures(asked: Asked) -> Iterator[Figure]:
    """Everything is kept in a list on both sides, and the cyclic collector rests."""
    thread = write_thread(asked.folder, (30 if asked.quick else 200) << 20)
    found = duel(lambda: loaded(thread.path), lambda: decoded(thread.path), asked.rounds(8))
    yield Figure(
        job="load all items of a thread: CPU",
        ours=seconds(found.ours.cpu),
        baseline=f"{seconds(found.baseline.cpu)}, `msgspec.json.decode` of each line, collector off",
        ratio=times(found.cpu_ratio),
        target=at_most(TARGET),
        met=found.cpu_ratio <= TARGET,
        note=f"{mib(thread.bytes)}; wall {seconds(found.ours.wall)}, baseline's {seconds(found.baseline.wall)}",
    )


def loaded(path: str) -> Cost:
    """Our items."""
    return timed(lambda: load_rollout_items(path))


def decoded(path: str) -> Cost:
    """Plain objects."""
    gc.disable()
    try:
        return timed(lambda: _decode_each(path))
    finally:
        gc.enable()
        gc.collect()


def _decode_each(path: str) -> None:
    decode = msgspec.json.decode
    with open(path, "rb", buffering=1 << 18) as file:
        kept = [decode(one) for one in file]
    del kept


if __name__ == "__main__":
    main(figures)
