"""What a copy tells of its progress while it goes on."""

from __future__ import annotations

from rollout.copying import bytes_of, copy_thread, wanted_threads
from rollout.query import EVERYTHING
from rollout.store.memory import MemoryStore
from rollout.testing import builders as b
from rollout.testing.facts import segment


def test_progress_adds_up_to_the_bytes_of_the_threads() -> None:
    """So many bytes as the listing tells are counted, those that are in the target already like the others."""
    source, target, told = MemoryStore(), MemoryStore(), list[int]()
    for number in range(1, 4):
        data = b.rollout_bytes(b.thread_id(number), *b.turn(f"question {number}", "answer"))
        source.put(segment(number, data, archived=number == 2), [data[:100], data[100:]])
    for _ in range(2):
        for thread_id in wanted_threads(source):
            copy_thread(source, target, thread_id, progress=told.append)
    whole, active = bytes_of(source), bytes_of(source, EVERYTHING._replace(archived=False))

    assert (2 * whole, True) == (sum(told), 0 < active < whole)
