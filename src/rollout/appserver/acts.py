"""What this server does to threads itself, and what clients were told last of each.

A request tells what it does, right behind its answer. The watch of the store tells it as well, and must not be believed
twice; but what others did must be told. So of each thread it is remembered what was told last, and what is being done.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Generator

_REMEMBERED = 10_000
_ACTS_TAKE_S = 5.0


class Act(NamedTuple):
    """What this server did to a thread: which facts of it are others now."""

    thread_id: str
    about: tuple[str, ...]


class Acts:
    """The acts of one server; on its event loop alone, but for ``taken``."""

    def __init__(self) -> None:
        """Nothing was told, and nothing is done."""
        self._told: OrderedDict[tuple[str, str], object] = OrderedDict()
        self._acting: Counter[str] = Counter()
        self._calm = asyncio.Event()
        self._done: deque[Act] = deque()
        self._reading, self._disturbed = "", False

    def known(self, thread_id: str, **facts: object) -> None:
        """Clients know this of a thread, or are about to be told; the oldest is forgotten."""
        for fact, value in facts.items():
            self._told[thread_id, fact] = value
            self._told.move_to_end((thread_id, fact))
        while len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)

    def is_known(self, thread_id: str, fact: str, value: object) -> bool:
        """Whether that is what was told last."""
        return (thread_id, fact) in self._told and self._told[thread_id, fact] == value

    def forget(self, thread_id: str, *about: str) -> None:
        """Nobody was told."""
        for fact in about:
            self._told.pop((thread_id, fact), None)

    @contextmanager
    def acting(self, thread_id: str = "", **facts: object) -> Generator[None]:
        """What the block makes of a thread is told by the request at hand; "" stands for a thread that has no id yet."""
        self._acting[thread_id] += 1
        self._disturbed = self._disturbed or thread_id == self._reading
        self.known(thread_id, **facts)
        try:
            yield
            self.done(thread_id, **facts)
        except BaseException:
            self.forget(thread_id, *facts)
            raise
        finally:
            self._acting[thread_id] -= 1
            self._acting += Counter()  # without those that are over
            self._calm.set()

    def done(self, thread_id: str, **facts: object) -> None:
        """This server made this of a thread; whether others undid it at once will be looked at."""
        self.known(thread_id, **facts)
        if facts:
            self._done.append(Act(thread_id, tuple(facts)))

    def taken(self) -> list[Act]:
        """What was done since this was asked last; from any thread."""
        return [self._done.popleft() for _ in range(len(self._done))]

    def give_back(self, acts: list[Act]) -> None:
        """They are still to be looked at; from any thread."""
        self._done.extend(acts)

    @contextmanager
    def reading(self, thread_id: str) -> Generator[None]:
        """A thread is read in the block; ``was_disturbed`` tells whether it was changed meanwhile."""
        self._reading, self._disturbed = thread_id, False
        try:
            yield
        finally:
            self._reading = ""

    @property
    def was_disturbed(self) -> bool:
        """Whether this server began to change what was being read."""
        return self._disturbed

    async def until_calm(self, thread_id: str) -> None:
        """Wait until this server does nothing to a thread, but not for ever."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_ACTS_TAKE_S):
                while self._acting[thread_id]:
                    self._calm.clear()
                    await self._calm.wait()
