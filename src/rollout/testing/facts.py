"""What every part of the conformance suite stands on: a store to test, threads to put in it, and checks."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

from rollout.lines import Damage, Found, Line
from rollout.query import EVERYTHING
from rollout.store.base import Place, Segment
from rollout.testing import builders as b

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from pathlib import Path

    from rollout.errors import RolloutError
    from rollout.ids import ThreadId
    from rollout.store.base import ThreadStore, Writer
    from rollout.store.changes import Watch

E = TypeVar("E", bound="RolloutError")

PLACE = Place(b.START_MS)
PATIENCE_S = 30.0
"""How long a test waits for what must happen; nothing that works ever takes so long."""


class Caught:
    """The error that ``refused`` caught."""

    error: Any = None


@contextmanager
def refused(*kinds: type[RolloutError]) -> Generator[Caught]:
    """Check that the block raises one of these errors."""
    caught = Caught()
    try:
        yield caught
    except kinds as error:
        caught.error = error
        return
    raise AssertionError(f"expected {' or '.join(kind.__name__ for kind in kinds)}, and nothing was raised")


def check(expected: object, actual: object, what: str = "") -> None:
    """Check that two values are equal, showing both when they are not."""
    if expected != actual:
        raise AssertionError(f"{what or 'the answer'} differs\nexpected: {expected!r}\n  actual: {actual!r}")


def datas(found: Iterable[Found]) -> list[bytes]:
    """The bytes of the good lines."""
    return [one.data for one in found if isinstance(one, Line)]


def damages(found: Iterable[Found]) -> list[Damage]:
    """What is damaged."""
    return [one for one in found if isinstance(one, Damage)]


def where(found: Iterable[Found]) -> list[tuple[object, ...]]:
    """Kind, place and length of everything found: what two readings of the same bytes must agree on."""
    return [
        ("line", one.position, one.data) if isinstance(one, Line) else ("damage", one.position, one.length, one.reason)
        for one in found
    ]


class StoreFacts:
    """The base of the conformance classes: makes stores and threads, and closes what it made."""

    _made: list[ThreadStore]
    _writers: list[Writer]
    _watches: list[Watch]

    def make_store(self, tmp_path: Path) -> ThreadStore:
        """A new and empty store; ``tmp_path`` is an empty folder that belongs to this test."""
        raise NotImplementedError(f"{type(self).__name__} must say which store it tests: define make_store")

    def setup_method(self) -> None:
        """Begin with nothing made."""
        self._made, self._writers, self._watches = [], [], []

    def teardown_method(self) -> None:
        """Close writers and watches, then stores."""
        for writer in self._writers:
            writer.close()
        for watch in self._watches:
            watch.close()
        for store in self._made:
            store.close()

    def store(self, tmp_path: Path) -> ThreadStore:
        """The store under test, closed when the test is over."""
        made = self.make_store(tmp_path)
        self._made.append(made)
        return made

    def created(self, store: ThreadStore, number: int = 1) -> Writer:
        """A writer of a new thread, not begun."""
        writer = store.create(b.thread_id(number), PLACE)
        self._writers.append(writer)
        return writer

    def begun(self, store: ThreadStore, number: int = 1) -> Writer:
        """A writer of a new thread that has its first line."""
        writer = self.created(store, number)
        writer.begin(b.meta_line(b.thread_id(number)))
        return writer

    def resumed(self, store: ThreadStore, thread_id: str, wait: float = 0.0) -> Writer:
        """A writer of an existing thread."""
        writer = store.open_writer(thread_id, wait)
        self._writers.append(writer)
        return writer

    def put(self, store: ThreadStore, data: bytes, number: int = 1, **facts: Any) -> ThreadId:  # noqa: ANN401 - JSON
        """Store a whole file as thread ``number``; ``facts`` replace those of its segment."""
        identity = b.thread_id(number)
        store.put(segment(number, data, **facts), [data])
        return identity

    def talk(self, store: ThreadStore, number: int = 1, asked: str = "", **facts: Any) -> ThreadId:  # noqa: ANN401 - JSON
        """Store a thread in which somebody asked something; ``facts`` are those of its metadata."""
        identity = b.thread_id(number)
        text = asked or f"question {number}"
        return self.put(store, b.rollout_bytes(identity, *b.turn(text, f"answer {number}"), **facts), number)

    def raw(self, store: ThreadStore, thread_id: str) -> bytes:
        """The newest file of a thread, whole."""
        return b"".join(store.raw(thread_id))

    def ids(self, store: ThreadStore) -> set[str]:
        """Every thread that the store knows of."""
        return {row.id for row in store.list(EVERYTHING._replace(limit=1000)).threads}


def segment(number: int, data: bytes, **facts: Any) -> Segment:  # noqa: ANN401 - fields of Segment
    """The segment of thread ``number``, made and modified at second ``number``."""
    identity, at_ms = b.thread_id(number), b.START_MS + number * 1000
    name = b.rollout_name(identity, at_ms)
    usual = Segment(name, identity, len(data), at_ms * 1_000_000, 0o600, archived=False, compressed=False)
    return usual._replace(**{"data_length": len(data), **facts})


class Aside(Thread):
    """Something that goes on beside the test; ``result`` waits for it, and raises what it raised."""

    def __init__(self, work: Callable[[], object]) -> None:
        """Begin at once."""
        super().__init__(daemon=True)
        self._work = work
        self._answer: object = None
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        """Do the work, keeping its answer or its error."""
        try:
            self._answer = self._work()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            self._error = error

    def result(self) -> Any:  # noqa: ANN401 - whatever the work gives
        """The answer of the work."""
        self.join(PATIENCE_S)
        if self.is_alive():
            raise AssertionError("what goes on beside the test did not end")
        if self._error is not None:
            raise self._error
        return self._answer
