"""An index made anew: beside the old one, to the end, compared, then swapped in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import apsw
import pytest

from cli.homes import SRC
from index_homes import Indexed, walked
from rollout.query import EVERYTHING
from rollout.store.local.index import IndexUnusableError
from rollout.store.local.index_path import IndexPlace
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b

if TYPE_CHECKING:
    from local_homes import Home
    from rollout.store.local.index import Index
    from rollout.store.local.index_rebuild import Rebuilt


@pytest.fixture
def place(home: Home, tmp_path: Path) -> IndexPlace:
    """Where the index of a home of five threads belongs."""
    for number in range(1, 6):
        home.talk(number, "archived_sessions" if number == 2 else "")
    home.store.set_name(b.thread_id(3), "three")
    return IndexPlace(str(tmp_path / "index.sqlite"), ours=True)


def rebuilt(home: Home, place: IndexPlace) -> Rebuilt:
    """Rebuild, and compare with the files."""
    done = LocalStore(home.folder).index_rebuild(place).run()
    before = Path(place.path).read_bytes()

    assert walked(home.store, EVERYTHING) == walked(Indexed(home.folder, Path(place.path)), EVERYTHING)
    assert before == Path(place.path).read_bytes()
    assert not Path(f"{place.path}.new").exists()
    return done


def test_from_nothing(home: Home, place: IndexPlace) -> None:
    """Without an old one there is no number to compare with but that of the files."""
    assert (place.path, None, 5, 5, False, "") == tuple(rebuilt(home, place))


def test_in_place_of_an_old_one(home: Home, place: IndexPlace) -> None:
    """The old one's number is told; what is new on disk is in the new one."""
    Indexed(home.folder, Path(place.path)).list(EVERYTHING)
    home.talk(6)

    assert (5, 6, 6) == rebuilt(home, place)[1:4]


def test_in_place_of_a_bad_one(home: Home, place: IndexPlace) -> None:
    """A bad one is moved aside, never deleted."""
    Path(place.path).write_bytes(b"garbage" * 999)
    done = rebuilt(home, place)

    assert (None, 5) == done[1:3]
    assert "is damaged" in done.note
    assert [b"garbage" * 999] == [path.read_bytes() for path in Path(place.path).parent.glob("*.bad-*")]


def test_one_that_was_changed(home: Home, place: IndexPlace) -> None:
    """At a given path an index of ours that must not be believed is replaced."""
    Indexed(home.folder, Path(place.path)).list(EVERYTHING)
    db = apsw.Connection(place.path)
    db.execute("DELETE FROM thread")
    db.close()
    given = place._replace(ours=False)

    assert "was changed by another program" in LocalStore(home.folder, index=given).list(EVERYTHING).note
    assert (None, 5, 5) == rebuilt(home, given)[1:4]


def test_a_strange_file(home: Home, place: IndexPlace) -> None:
    """What is none of ours is not replaced."""
    Path(place.path).write_text("notes")
    with pytest.raises(IndexUnusableError, match="is no index of this program"):
        LocalStore(home.folder).index_rebuild(place._replace(ours=False)).run()

    assert "notes" == Path(place.path).read_text()


def test_it_goes_on(home: Home, place: IndexPlace) -> None:
    """What an interrupted rebuild has made is gone on with, unless it is bad."""
    Indexed(home.folder, Path(f"{place.path}.new")).list(EVERYTHING)

    assert rebuilt(home, place).resumed

    Path(f"{place.path}.new").write_text("half" * 5000)

    assert (5, 5, 5) == rebuilt(home, place)[1:4]


def test_the_old_one_in_use(home: Home, place: IndexPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another program writes the old one, it stays, and the new one is kept for the next try.

    A reader sees the old state to the end of its answer.
    """
    monkeypatch.setattr("rollout.store.local.index_rebuild._PATIENCE_MS", 10)
    Indexed(home.folder, Path(place.path)).list(EVERYTHING)
    other = apsw.Connection(place.path)
    other.execute("BEGIN IMMEDIATE; UPDATE home SET names = names")
    with pytest.raises(IndexUnusableError, match="in use by another program: the new one is ready"):
        LocalStore(home.folder).index_rebuild(place).run()
    other.execute("ROLLBACK; BEGIN")
    assert 5 == other.execute("SELECT count(*) FROM thread").get
    home.talk(6)

    done = rebuilt(home, place)
    assert (True, 6) == (done.resumed, done.after)
    assert 5 == other.execute("SELECT count(*) FROM thread").get
    other.close()


def test_files_that_never_agree(home: Home, place: IndexPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that does not get the number of threads that the files have is not swapped in."""
    Indexed(home.folder, Path(place.path)).list(EVERYTHING)
    old = Path(place.path).read_bytes()

    def always_four(_: Index) -> int:
        return 4

    monkeypatch.setattr("rollout.store.local.index_rebuild.threads_in", always_four)
    with pytest.raises(IndexUnusableError, match="has 4 threads and the files 5"):
        LocalStore(home.folder).index_rebuild(place).run()

    assert old == Path(place.path).read_bytes()


def test_the_first_one_goes_on_in_its_place(home: Home, place: IndexPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there was no index none is made beside it: an interrupted first one is gone on with, as by a listing."""
    monkeypatch.setattr("rollout.store.local.catchup._MANY", 2)
    monkeypatch.setattr("rollout.store.local.catchup._BATCH", 2)

    def interrupted(left: int) -> None:
        if left == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LocalStore(home.folder).index_rebuild(place).run(interrupted)

    assert (place.path, 2, 5, 5, True, "") == tuple(rebuilt(home, place))


@pytest.mark.slow
@pytest.mark.parametrize("delay_s", [0.1, 0.25, 0.4, 0.6])
def test_killed_at_any_point(home: Home, place: IndexPlace, delay_s: float) -> None:
    """A rebuild that is killed leaves an old index that answers, and the next one ends well."""
    for number in range(10, 99):
        home.talk(number)
    program = "from rollout.store.local.store import LocalStore; from rollout.store.local.index_path import IndexPlace\n"
    program += "import rollout.store.local.catchup as c; c._BATCH = 3\n"
    program += f"while True: LocalStore({str(home.folder)!r}).index_rebuild(IndexPlace({place.path!r}, True)).run()"
    process = subprocess.Popen([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": SRC})
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(delay_s)
    process.send_signal(signal.SIGKILL)
    process.wait()
    page = LocalStore(home.folder, index=place).list(EVERYTHING._replace(limit=200))

    assert (94, "") == (len(page.threads), page.note)
    assert 94 == rebuilt(home, place).after
