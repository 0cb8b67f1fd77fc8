"""Following a rollout while it grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rollout.errors import FormatError
from rollout.journal.compression import compress_to
from rollout.journal.reader import follow, open_source
from rollout.lines import Damage, Line, Position

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def record(text: str) -> bytes:
    """A good line."""
    return b'{"timestamp":"t","type":"event_msg","payload":"%s"}\n' % text.encode()


class Story:
    """What happens to a file between the looks at it; the waiting ends when the story does."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        """Take the steps, one a wait."""
        self._steps = list(steps)

    def wait(self) -> bool:
        """Do the next step; False behind the last one."""
        if not self._steps:
            return False
        self._steps.pop(0)()
        return True


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A rollout with one line."""
    path = tmp_path / "rollout.jsonl"
    path.write_bytes(record("one"))
    return path


def appending(path: Path, data: bytes) -> Callable[[], object]:
    """A step that appends bytes."""

    def step() -> None:
        with path.open("ab") as file:
            file.write(data)

    return step


def told(path: Path, story: Story) -> list[object]:
    """What a follower of the file is told: bytes and number of lines, reasons of damage."""
    found = follow(lambda: open_source(str(path)), story.wait)
    return [(each.data, each.n) if isinstance(each, Line) else each.reason for each in found]


def test_lines_come_as_they_are_appended(path: Path) -> None:
    """First what is there, then what is appended, numbered through."""
    story = Story(appending(path, record("two")), lambda: None, appending(path, b"\n" + record("three")))

    assert told(path, story) == [(record("one"), 0), (record("two"), 1), (record("three"), 3)]


def test_an_unfinished_line_is_not_yet(path: Path) -> None:
    """A line without its newline is neither damage nor a line; it comes once, when it is finished."""
    two = record("two")
    story = Story(appending(path, two[:9]), appending(path, two[9:-1]), appending(path, two[-1:]))

    assert told(path, story) == [(record("one"), 0), (two, 1)]


def test_damage_is_told_when_its_line_is_finished(path: Path) -> None:
    """A torn record that another writer fenced is damage from then on."""
    story = Story(appending(path, b'{"torn'), appending(path, b"\n" + record("two")))

    assert told(path, story) == [(record("one"), 0), "torn record", (record("two"), 2)]


def test_following_may_begin_anywhere(path: Path) -> None:
    """From the beginning of a line on, with its number and segment."""
    appending(path, record("two"))()
    start = Position(2, len(record("one")))

    (found,) = follow(lambda: open_source(str(path)), lambda: False, start=start, n=9)

    assert not isinstance(found, Damage)
    assert (record("two"), 9, start) == found[:3]


def test_a_rollout_that_moves_is_followed(path: Path) -> None:
    """Each look opens the file anew, so one that was compressed meanwhile goes on without a gap."""
    packed = path.with_suffix(".jsonl.zst")

    def pack() -> None:
        appending(path, record("two"))()
        compress_to(str(path), str(packed))
        path.unlink()

    found = follow(lambda: open_source(str(path if path.exists() else packed)), Story(pack).wait)

    assert [record("one"), record("two")] == [each.data for each in found if isinstance(each, Line)]


def test_a_file_that_shrinks_is_refused(path: Path) -> None:
    """A file shorter than what was read of it is another file: going on would skip lines."""
    story = Story(lambda: path.write_bytes(b""))

    with pytest.raises(FormatError, match=r"rollout\.jsonl became shorter"):
        told(path, story)
