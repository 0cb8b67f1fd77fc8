"""The conformance suite finds stores that break the contract."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest

from rollout.errors import BusyError, RolloutError
from rollout.lines import Position
from rollout.store.base import ThreadStore, Writer
from rollout.store.memory import MemoryStore
from rollout.store.memory_writer import MemoryWriter
from rollout.testing.conformance import StoreConformance
from rollout.testing.facts import Aside, StoreFacts, check, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

FACTS = sorted(name for name in dir(StoreConformance) if name.startswith("test_"))


def holds(fact: str, store: type[MemoryStore], folder: Path) -> bool:
    """Whether a store satisfies a fact."""

    class Suite(StoreConformance):
        def make_store(self, tmp_path: Path) -> ThreadStore:
            assert tmp_path == folder
            return store()

    suite = Suite()
    suite.setup_method()
    try:
        getattr(suite, fact)(folder)
    except (AssertionError, RolloutError):
        return False
    finally:
        suite.teardown_method()
    return True


class NeverBusy(MemoryStore):
    """Lets everybody write."""

    def acquire(self, thread_id: str, wait: float = 0.0) -> None:
        """Forget who holds the lock."""
        self._owners.pop(thread_id, None)
        super().acquire(thread_id, wait)


class Forgetful(MemoryStore):
    """Renumbers from 0 wherever reading begins."""

    def lines(self, thread_id: str, start: int = 0, *, own: bool = False) -> Any:
        """Wrong numbers."""
        return (found._replace(n=at) for at, found in enumerate(super().lines(thread_id, start, own=own)))


class Overwriting(MemoryStore):
    """Replaces what is put twice."""

    def put(self, segment: Any, blocks: Iterable[bytes], **given: Any) -> None:
        """Make room first."""
        self._files.pop(segment.name, None)
        super().put(segment, blocks, **given)


class Impatient(MemoryStore):
    """Says nothing about what it hides."""

    def list(self, query: Any) -> Any:
        """Drop the counts."""
        return super().list(query)._replace(hidden={})


class Careless(MemoryStore):
    """Removes what others build on."""

    def references(self, thread_id: str) -> tuple[Any, ...]:
        """Nothing refers to anything."""
        assert thread_id
        return ()


def a_bit_off(key: Any, step: int) -> Any:
    """A sort key a little before or behind another one."""
    if isinstance(key, int):
        return key + step
    return key + "~" if step > 0 else key[:-1]


class Repeating(MemoryStore):
    """Gives the last row of a page again on the next one."""

    def list(self, query: Any) -> Any:
        """Move the cursor back by one row."""
        page = super().list(query)
        cursor = page.next and page.next._replace(key=a_bit_off(page.next.key, -1 if query.order.ascending else 1))
        return page._replace(next=cursor)


BROKEN: dict[type[MemoryStore], str] = {
    NeverBusy: "test_one_writer_a_thread",
    Forgetful: "test_lines_from_a_number_on",
    Overwriting: "test_put_never_replaces",
    Impatient: "test_what_is_hidden_is_counted",
    Careless: "test_a_base_cannot_be_removed",
    Repeating: "test_paging_yields_each_thread_once",
}


@pytest.mark.parametrize("store", BROKEN, ids=lambda store: store.__name__)
def test_a_broken_store_is_found(store: type[MemoryStore], tmp_path: Path) -> None:
    """Each breach of the contract fails the fact that is about it."""
    assert holds(BROKEN[store], MemoryStore, tmp_path)
    assert not holds(BROKEN[store], store, tmp_path)


def accepted(writer: Any) -> Any:
    """A flush that flushes nothing."""
    return writer._accepted


def nothing(_: object) -> None:
    """What was to be done is not done."""


def always_here(_: object) -> Position:
    """A position that never moves."""
    return Position(0, 0)


def first(_: object) -> int:
    """Nothing goes on."""
    return 0


@pytest.mark.parametrize(
    ("name", "broken", "fact"),
    [
        ("flush", accepted, "test_order_and_bytes_are_kept"),
        ("sync", MemoryWriter.flush, "test_append_flush_and_sync_count"),
        ("close", nothing, "test_one_writer_a_thread"),
        ("_check_open", nothing, "test_a_closed_writer_refuses"),
        ("position", property(always_here), "test_the_writer_tells_where_the_next_line_goes"),
        ("next_ordinal", property(first), "test_ordinals_go_on"),
    ],
)
def test_a_broken_writer_is_found(
    name: str, broken: Callable[..., Any], fact: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that lies, forgets or goes on after its end fails the fact that is about it."""
    monkeypatch.setattr(MemoryWriter, name, broken)

    assert not holds(fact, MemoryStore, tmp_path)


def test_every_method_is_asked() -> None:
    """No method of the contract is without a fact."""
    sources = "".join(inspect.getsource(kind) for kind in StoreConformance.__mro__ if issubclass(kind, StoreFacts))
    methods = {*ThreadStore.__abstractmethods__, *Writer.__abstractmethods__} - {"inline", "path"}

    assert {name for name in methods if f".{name}" not in sources} == set()


def test_every_fact_is_stated() -> None:
    """Each fact says in a sentence what it promises."""
    assert [fact for fact in FACTS if not (getattr(StoreConformance, fact).__doc__ or "").endswith(".")] == []
    assert len(FACTS) > 70


def test_a_suite_needs_a_store(tmp_path: Path) -> None:
    """Forgetting make_store is told."""
    with pytest.raises(NotImplementedError, match="define make_store"):
        StoreConformance().make_store(tmp_path)


def test_check_shows_both() -> None:
    """A difference is shown with what was expected and what was there."""
    check(1, 1)
    with pytest.raises(AssertionError, match=r"the count differs\nexpected: 1\n  actual: 2"):
        check(1, 2, "the count")


def test_refused_wants_its_error() -> None:
    """Only the error that was asked for counts, and there must be one."""

    def busy() -> None:
        raise BusyError("id", {})

    with refused(BusyError) as caught:
        busy()
    assert isinstance(caught.error, BusyError)
    with pytest.raises(AssertionError, match="expected BusyError"), refused(BusyError):
        pass
    with pytest.raises(RolloutError, match="other"), refused(BusyError):
        raise RolloutError("other")


def test_what_goes_on_beside_the_test() -> None:
    """Its answer, and its error, come back to the test."""
    assert Aside(lambda: 7).result() == 7
    with pytest.raises(ZeroDivisionError):
        Aside(lambda: 1 // 0).result()
