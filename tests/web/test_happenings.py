"""A list that is open hears that something happened to the threads."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

import anyio

from rollout.store.memory import MemoryStore
from rollout.testing import builders as b
from rollout.testing.facts import segment
from rollout.web.happenings import Happenings
from web.site import Site, put, turns

if TYPE_CHECKING:
    from pathlib import Path

    from rollout.store.base import ThreadStore
    from rollout.store.changes import Watch


def talk(store: ThreadStore, number: int) -> None:
    """Store a thread."""
    data = b.rollout_bytes(b.thread_id(number), *b.turn("question", "answer"))
    store.put(segment(number, data), [data])


class CountingStore(MemoryStore):
    """Counts who watches."""

    watched = 0

    def watch(self) -> Watch:
        """One more."""
        self.watched += 1
        return super().watch()


def test_a_list_hears_of_what_happens() -> None:
    """Once it is watched, and each time something is done; one that comes later hears only what comes then."""
    store, heard = MemoryStore(), list[str]()
    happenings = Happenings(store, Event())

    async def scenario() -> None:
        async for event in happenings.events(lambda: len(heard) == 3):
            if event.startswith("event"):
                heard.append(event.partition("\n")[0])
                await anyio.to_thread.run_sync(talk, store, len(heard))

    anyio.run(scenario)

    assert ["event: ready", "event: changed", "event: changed"] == heard


def test_many_lists_share_one_watch() -> None:
    """The store is asked once for all."""
    store = CountingStore()
    happenings, ready = Happenings(store, Event()), [0, 0, 0]

    async def one(number: int) -> None:
        async for event in happenings.events(lambda: all(ready)):
            ready[number] += event.startswith("event: ready")

    async def scenario() -> None:
        async with anyio.create_task_group() as lists:
            for number in range(3):
                lists.start_soon(one, number)

    anyio.run(scenario)

    assert (1, [1, 1, 1]) == (store.watched, ready)


def test_a_list_knows_where_to_hear_it(tmp_path: Path) -> None:
    """The list does; a search stands still."""
    put(tmp_path, 1, *turns(1))
    site = Site(tmp_path).enter()

    assert ('data-live="/live"' in site.page("/"), "data-live" in site.page("/search?q=x")) == (True, False)
