"""Watching a home: what other processes do to its files."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local_homes import Home
from rollout.journal.filesystem import OperatingSystem
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b
from rollout.testing.facts import Aside
from rollout.testing.facts_watching import until

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from rollout.store.changes import Watch

ONE, TWO = b.thread_id(1), b.thread_id(2)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with two threads."""
    made = Home(tmp_path / "home")
    made.talk(1)
    made.talk(2)
    return made


def told(watch: Watch) -> list[tuple[str, str]]:
    """What one look tells."""
    return [(one.thread_id, one.what) for one in watch.wait(0.0).told]


def test_another_process_s_acts_are_told(home: Home) -> None:
    """A second store on the same files is as good as another process."""
    watch, other = home.store.watch(), LocalStore(home.store.home)
    other.set_archived(ONE, True)
    other.set_name(TWO, "named elsewhere")
    receipt = other.remove(TWO)

    assert [(TWO, "removed"), (ONE, "archived")] == told(watch)
    other.restore(receipt)
    assert [(TWO, "added"), (TWO, "named")] == told(watch)
    assert [] == told(watch)


def test_files_that_come_and_go_by_hand(home: Home) -> None:
    """A folder that is moved away takes its threads along; back again, they are added; one look tells all."""
    watch = home.store.watch()
    sessions = Path(home.store.home) / "sessions"
    sessions.rename(sessions.with_name("elsewhere"))
    gone = told(watch)
    sessions.with_name("elsewhere").rename(sessions)

    assert [(ONE, "removed"), (TWO, "removed")] == gone
    assert [(ONE, "added"), (TWO, "added")] == told(watch)


def test_what_changes_no_thread_is_not_told(home: Home) -> None:
    """A file that is compressed, moved within its side, copied, or grows; a file that is no rollout."""
    watch = home.store.watch()
    path = Path(home.store.row(ONE).path)
    path.rename(path.with_name(path.name + ".zst"))
    deeper = path.parent / "deeper"
    deeper.mkdir()
    (path.parent / (path.name + ".zst")).rename(deeper / path.name)
    shutil.copy(deeper / path.name, path)
    (path.parent / "notes.txt").write_text("no rollout")
    with Path(home.store.row(TWO).path).open("ab") as grown:
        grown.write(b.line(b.user("more")))

    assert [] == told(watch)


class SickDisk(OperatingSystem):
    """A disk whose folders cannot be read while it is sick."""

    sick = False

    def scandir(self, path: str) -> Iterator[os.DirEntry[str]]:
        """Refused while it is sick."""
        if self.sick:
            raise PermissionError(path)
        return super().scandir(path)


def test_a_folder_that_cannot_be_read_now_is_as_it_was(home: Home) -> None:
    """Nothing counts as removed because a disk did not answer."""
    disk = SickDisk()
    watch = LocalStore(home.store.home, disk).watch()
    disk.sick = True
    home.talk(3)
    while_sick = told(watch)
    disk.sick = False

    assert ([], [(b.thread_id(3), "added")]) == (while_sick, told(watch))


def test_a_thread_that_is_moved_to_and_fro_is_never_removed(home: Home) -> None:
    """However quickly others archive it and bring it back."""
    watch, other = home.store.watch(), LocalStore(home.store.home)

    def move() -> None:
        for _ in range(100):
            other.set_archived(ONE, True)
            other.set_archived(ONE, False)
        other.set_name(TWO, "the end")

    moving = Aside(move)
    heard = until(watch, [(TWO, "named")])
    moving.result()

    assert {"archived", "unarchived", "named"} >= {one.what for one in heard}


def test_a_home_that_is_not_there_yet(tmp_path: Path) -> None:
    """It is watched all the same, and its first thread is told."""
    watch = LocalStore(tmp_path / "home").watch()
    Home(tmp_path / "home").talk(1)

    assert [(ONE, "added")] == told(watch)
