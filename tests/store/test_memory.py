"""What the reference store does beyond the contract, and how stores are opened."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

import pytest

from rollout.errors import BusyError, ExistsError, FormatError, RolloutError
from rollout.query import EVERYTHING
from rollout.store import open_store
from rollout.store.base import Place, Segment
from rollout.store.memory import MemoryStore
from rollout.testing import builders as b

if TYPE_CHECKING:
    from pathlib import Path

HOUR_S = 3600


def segment(name: str) -> Segment:
    """A segment that only has a name."""
    return Segment(name, "", 0, 0, 0o600, archived=False, compressed=False)


def test_names_are_local_time() -> None:
    """A new file is named by the local time of its creation, as Codex names it."""
    store = MemoryStore()
    writer = store.create(b.thread_id(), Place(b.START_MS, 9 * HOUR_S))
    writer.begin(b.meta_line(b.thread_id()))

    assert [f"rollout-2026-02-08T16-05-03-{b.thread_id()}.jsonl"] == [one.name for one in store.segments(b.thread_id())]


def test_the_clock_is_an_argument() -> None:
    """File times and the owner's start come from the store's clock."""
    store = MemoryStore(clock=lambda: b.START_MS * 1_000_000, program="a test")
    writer = store.create(b.thread_id(), Place(b.START_MS))
    writer.begin(b.meta_line(b.thread_id()))
    owner = store.owner(b.thread_id())

    assert [b.START_MS * 1_000_000] == [one.modified_ns for one in store.segments(b.thread_id())]
    assert owner is not None
    assert (owner.program, owner.started) == ("a test", "2026-02-08T07:05:03Z")


def test_many_writers_at_once() -> None:
    """Writers of many threads may work at the same time; nothing is lost or mixed up."""
    store = MemoryStore()

    def record(number: int) -> None:
        writer = store.create(b.thread_id(number), Place(b.START_MS))
        writer.begin(b.meta_line(b.thread_id(number)))
        for step in range(50):
            writer.append(b.line(b.user(f"{number}"), step), 1)
            writer.flush()
        writer.close()

    workers = [Thread(target=record, args=(number,)) for number in range(1, 9)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    rows = store.list(EVERYTHING._replace(limit=100)).threads

    assert {(str(number), 51) for number in range(1, 9)} == {(row.preview, row.summary.lines) for row in rows}


def test_only_one_of_many_opens_a_thread() -> None:
    """Of writers that open one thread at the same time exactly one succeeds."""
    store = MemoryStore()
    data = b.rollout_bytes(b.thread_id())
    store.put(segment(b.rollout_name(b.thread_id())), [data])
    opened: list[bool] = []

    def attempt() -> None:
        try:
            store.open_writer(b.thread_id())
        except BusyError:
            opened.append(False)
        else:
            opened.append(True)

    workers = [Thread(target=attempt) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert (8, 1) == (len(opened), sum(opened))


@pytest.mark.parametrize(
    "name",
    [
        "", "notes.txt", "rollout-.jsonl", f"rollout-{b.thread_id()}.jsonl", f"rollout-2026-02-08T07-05-03-{b.thread_id()}",
        f"rollout-2026-02-08T07-05-03-{b.thread_id()}_.zst", f"rollout-2026-02-30T07-05-03-{b.thread_id()}.jsonl",
        f"rollout-2026-02-08T07-05-03-{b.thread_id()}_nothing.jsonl", "rollout-2026-02-08T07-05-03-nobody.jsonl",
    ],
)  # fmt: skip
def test_names_of_rollouts(name: str) -> None:
    """A file that is not named like a rollout is refused."""
    with pytest.raises(FormatError, match="not the name of a rollout"):
        MemoryStore().put(segment(name), [])


def test_two_files_of_one_name() -> None:
    """A failed put and a failed begin leave the thread free."""
    store = MemoryStore()
    store.put(segment(b.rollout_name(b.thread_id())), [b"x\n"])
    writer = store.create(b.thread_id(), Place(b.START_MS))

    with pytest.raises(ExistsError):
        writer.begin(b.meta_line(b.thread_id()))
    assert store.owner(b.thread_id()) is None


def test_open_store() -> None:
    """``memory:`` is a new store in memory each time."""
    one, two = open_store("memory:"), open_store("memory://")

    assert isinstance(one, MemoryStore)
    assert one is not two


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("postgresql://localhost:none/rollouts", "no URL of a server"),
        ("postgres://localhost/rollouts?lease=soon", "lease=soon"),
        ("redis://localhost", "no store is known by redis:"),
        ("memory:name", "has no name"),
        ("file://elsewhere/home", "folder of this machine"),
    ],
)
def test_stores_that_there_are_not(where: str, said: str) -> None:
    """What cannot be opened is refused with the forms that can."""
    with pytest.raises(RolloutError, match=said):
        open_store(where)


def test_a_home_is_a_path_or_a_file_url(tmp_path: Path) -> None:
    """A folder is opened by its path or its URL; a name with a colon in it is a path."""
    home = tmp_path / "a home:1"
    homes = (home, str(home), f"file://{home}".replace(" ", "%20"), f"file:{home}", f"file://localhost{home}")
    data = b.rollout_bytes(b.thread_id(), b.user("hello"))
    with_one = open_store(home)
    with_one.put(segment(b.rollout_name(b.thread_id())), [data])

    assert [(b.thread_id(),)] * 5 == [open_store(one).resolve(b.thread_id()) for one in homes]
