"""Words for faults between a store and its server: steps that are repeated until they succeed, and what must be there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.errors import ExistsError, NotFoundError, WriteError
from rollout.lines import Line
from rollout.store.base import Place
from rollout.store.postgres.connections import UnreachableError
from rollout.testing import builders as b
from rollout.testing.facts import segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rollout.errors import RolloutError
    from rollout.store.base import ThreadStore, Writer

TRIES = 30


def until_done(step: Callable[[], object], *came: type[RolloutError]) -> int:
    """Repeat a step until it succeeds, or until its refusal says that it came before; how often it failed."""
    for failures in range(TRIES):
        try:
            step()
        except came:
            assert failures, "it came the first time"
            return failures
        except (WriteError, UnreachableError):
            continue
        return failures
    raise AssertionError(f"it failed {TRIES} times")


def numbered_lines(first: int, count: int, length: int = 10) -> bytes:
    """Lines that bear the numbers from ``first`` on."""
    return b"".join(b.line(b.user(f"{number} {'x' * length}")) for number in range(first, first + count))


def numbers(found: Iterable[object]) -> list[int]:
    """The numbers of the items of a thread, in order."""
    lines = [one.data for one in found if isinstance(one, Line) and one.record.type == "event_msg"]
    return [int(data.partition(b'"message":"')[2].partition(b" ")[0]) for data in lines]


def told(what: str, injected: int) -> None:
    """Say how many faults there were (``pytest -rP`` shows it)."""
    print(f"\n{what}: {injected} faults injected")  # noqa: T201 - it is for whoever runs the campaign


class Steps:
    """Everything that changes a store, each as one step under faults, and what was promised by those that succeeded."""

    def __init__(self, store: ThreadStore) -> None:
        """A thread that is written, and one that is moved about."""
        self.store, self.count, self.made = store, 0, 0
        self.writer = self._begun()
        self.put(0)
        self.moved = b.thread_id(self.made)

    def close(self) -> None:
        """Give the thread back."""
        self.writer.close()

    def flush(self, _: int) -> None:
        """Two more lines, acknowledged."""
        self.writer.append(numbered_lines(self.count, 2), 2)
        until_done(self.writer.flush)
        self.count += 2

    def sync(self, number: int) -> None:
        """The same on stable storage."""
        self.flush(number)
        until_done(self.writer.sync)

    def begin(self, _: int) -> None:
        """A new thread."""
        self._begun().close()

    def put(self, _: int) -> None:
        """A whole file."""
        self.made += 1
        data = b.rollout_bytes(b.thread_id(self.made), *b.turn("asked", "answered"))
        until_done(lambda: self.store.put(segment(self.made, data), [data]), ExistsError)

    def archive(self, number: int) -> None:
        """To the other side of the archive."""
        until_done(lambda: self.store.set_archived(self.moved, archived=number % 2 == 0))

    def rename(self, number: int) -> None:
        """A name."""
        until_done(lambda: self.store.set_name(self.moved, f"name {number}"))

    def remove(self, number: int) -> None:
        """A whole file that is taken away again."""
        self.put(number)
        until_done(lambda: self.store.remove(b.thread_id(self.made)), NotFoundError)

    def open(self, _: int) -> None:
        """Give the thread back, and take it again."""
        self.writer.close()
        made: list[Writer] = []
        until_done(lambda: made.append(self.store.open_writer(b.thread_id(1), wait=5.0)))
        self.writer = made[0]

    def _begun(self) -> Writer:
        self.made += 1
        writer = self.store.create(b.thread_id(self.made), Place(b.START_MS))
        until_done(lambda: writer.begin(b.meta_line(writer.thread_id)))
        return writer
