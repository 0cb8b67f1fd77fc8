"""The index is told of what is recorded; the files decide, and nobody who records waits."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import apsw
import pytest

from index_homes import Indexed, walked
from rollout.items import AgentMessage
from rollout.journal.filesystem import OS
from rollout.query import EVERYTHING
from rollout.recorder_sync import SyncRolloutRecorder
from rollout.recording import CreateParams, Options
from rollout.store.local.clock import RealClock
from rollout.store.local.feeding import Feeder
from rollout.store.local.given import Given
from rollout.store.local.index_path import IndexPlace
from rollout.testing import builders as b

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_homes import Home
    from rollout.store.local.index_status import Status

PATIENCE_S = 20.0


@pytest.fixture
def place(home: Home, tmp_path: Path) -> IndexPlace:
    """The index of a home of two threads, which agrees with the files."""
    for number in (1, 2):
        home.talk(number)
    index = IndexPlace(str(tmp_path / "index.sqlite"), ours=True)
    indexed(home, index).list(EVERYTHING)
    return index


@pytest.fixture
def feeder(home: Home, place: IndexPlace) -> Feeder:
    """Who feeds that index; no thread runs while nobody leaves word."""
    return fed(home, lambda: place)


def fed(home: Home, place: Callable[[], IndexPlace | None]) -> Feeder:
    """A feeder of an index somewhere."""
    return Feeder(str(home.folder), OS, Given(str(home.folder), OS), RealClock(), place)


def indexed(home: Home, place: IndexPlace) -> Indexed:
    """A store of the home that must use the index."""
    return Indexed(home.folder, Path(place.path))


def status(home: Home, place: IndexPlace) -> Status:
    """How far the index agrees, nothing being caught up."""
    found = home.store.index_status(place).look()
    if found is None:
        raise AssertionError("there is no index")
    return found


def counts(home: Home, place: IndexPlace) -> dict[str, int]:
    """What was found to differ so far, and what was told, beyond the two threads of the beginning."""
    times = {event.kind: event.times for event in status(home, place).events}
    return {kind: number - 2 * (kind == "new") for kind, number in times.items() if number > 2 * (kind == "new")}


def test_what_is_told_stands_in_the_index(home: Home, place: IndexPlace, feeder: Feeder) -> None:
    """Rows are made by the code that a listing uses, and the next listing finds nothing to do."""
    done = feeder.feed([home.talk(3), home.talk(4)])

    assert (True, 4, {}, {"told": 2}) == (
        done, status(home, place).threads, status(home, place).differs, counts(home, place),
    )  # fmt: skip
    assert walked(home.store, EVERYTHING) == walked(indexed(home, place), EVERYTHING)


def test_what_nobody_told_was_found(home: Home, place: IndexPlace, feeder: Feeder) -> None:
    """Others' changes in the same folder are taken in too, and counted as differences that were found."""
    home.talk(4)
    feeder.feed([home.talk(3)])

    assert {"told": 1, "new": 1} == counts(home, place)


def test_a_file_that_was_archived_meanwhile(home: Home, place: IndexPlace, feeder: Feeder) -> None:
    """Word of a file that has moved on finds it where it is."""
    path = home.talk(3)
    feeder.feed([path])
    home.store.set_archived(b.thread_id(3), archived=True)
    feeder.feed([path])

    assert ({}, [b.thread_id(3)]) == (
        status(home, place).differs,
        [row.id for row in indexed(home, place).list(EVERYTHING._replace(archived=True)).threads],
    )  # fmt: skip


def test_only_the_folders_that_were_named(home: Home, place: IndexPlace, feeder: Feeder) -> None:
    """Feeding looks at no other folder: that is left to a listing."""
    home.talk(4, "sessions/elsewhere")
    feeder.feed([home.talk(3)])

    assert {"new": 1} == status(home, place).differs


@pytest.mark.parametrize("way", ["locked", "damaged", "absent", "off", "waiting"])
def test_what_is_in_the_way(home: Home, place: IndexPlace, way: str) -> None:
    """The word is dropped, nothing is made or moved aside, and the next answer is right all the same."""
    path, holder = home.talk(3), apsw.Connection(place.path)
    if way == "locked":
        holder.execute("BEGIN IMMEDIATE")
    if way == "waiting":
        holder.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
        holder.execute("INSERT INTO todo (thread) SELECT thread FROM file LIMIT 1")
    if way == "damaged":
        holder.close()
        with open(place.path, "r+b") as file:
            file.write(b"no database " * 20)
    if way == "absent":
        holder.close()
        os.unlink(place.path)
    files = os.listdir(os.path.dirname(place.path))
    done = fed(home, lambda: None if way == "off" else place).feed([path])

    assert not done
    assert sorted(files) == sorted(os.listdir(os.path.dirname(place.path)))
    holder.close()
    assert 3 == len(home.store.list(EVERYTHING).threads)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Event:
    """Set when a feeding has ended."""
    done, feed = Event(), Feeder.feed

    def watched(feeder: Feeder, written: list[str]) -> bool:
        answer = feed(feeder, written)
        done.set()
        return answer

    monkeypatch.setattr(Feeder, "feed", watched)
    return done


def test_a_recorder_that_is_closed_has_told(home: Home, place: IndexPlace, passes: Event) -> None:
    """Nobody lists: the thread stands in the index soon after its recorder has ended."""
    store = indexed(home, place)
    with SyncRolloutRecorder.create(store, CreateParams(cwd="/w"), Options(collect_git=lambda _: None)) as recorder:
        recorder.record([AgentMessage(message="one")])
        recorder.persist()
    ended = passes.wait(PATIENCE_S)
    store.close()

    assert (True, 3, {}) == (ended, status(home, place).threads, status(home, place).differs)


def test_a_writer_that_goes_on_has_told(home: Home, place: IndexPlace, passes: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is flushed is told too, while the thread is being written."""
    monkeypatch.setattr("rollout.store.local.feeding._PAUSE_S", 0.01)
    store = indexed(home, place)
    writer = store.open_writer(b.thread_id(1))
    writer.append(b.line(b.agent("more")), 1)
    writer.flush()
    ended = passes.wait(PATIENCE_S)
    store.close()
    writer.close()

    assert (True, {"told": 1}, {}) == (ended, counts(home, place), status(home, place).differs)


def test_recording_goes_on_where_no_thread_can_be_had(home: Home, place: IndexPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end of the interpreter, or beyond what the system gives, the word is lost and the line is not."""

    def refused(_: Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", refused)
    store = indexed(home, place)
    writer = store.open_writer(b.thread_id(1))
    writer.append(b.line(b.agent("more")), 1)
    flushed = writer.flush()
    writer.close()
    store.close()

    assert (1, {"changed": 1}) == (flushed, status(home, place).differs)


def test_who_writes_nothing_tells_nothing(home: Home, place: IndexPlace, passes: Event) -> None:
    """A writer that was opened and closed leaves no word."""
    store = indexed(home, place)
    store.open_writer(b.thread_id(1)).close()
    store.close()

    assert (False, {}) == (passes.is_set(), counts(home, place))
