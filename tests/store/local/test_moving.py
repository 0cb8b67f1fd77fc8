"""Archive, unarchive, put, remove and restore: bytes, names, modes and times stay."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from backports import zstd

from local_homes import DAY_MS, MODIFIED_NS
from rollout.errors import BusyError, ExistsError, FormatError, NotFoundError, RolloutError, WriteError
from rollout.store.base import Receipt, Segment
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b
from rollout.testing.faults import CrashingFilesystem, FaultyFilesystem

if TYPE_CHECKING:
    from local_homes import Home

ONE = b.thread_id(1)


def picture(
    home: Home, *, but: tuple[str, ...] = ("thread-writer-locks", "session_index.jsonl.lock")
) -> dict[str, object]:
    """Every file of a home: its bytes, mode, time and inode."""
    found: dict[str, object] = {}
    for folder, _, names in os.walk(home.folder):
        for name in names:
            path = os.path.join(folder, name)
            place = os.path.relpath(path, home.folder)
            if not place.startswith(but):
                status = os.stat(path)
                with open(path, "rb") as file:
                    found[place] = (file.read(), status.st_mode, status.st_mtime_ns, status.st_ino)
    return found


def test_there_and_back(home: Home) -> None:
    """Archived, a rollout lies flat under its name; unarchived it is where its name says, with its own file time."""
    path = home.talk(1)
    before = picture(home)
    home.store.set_archived(ONE, True)
    archived = f"archived_sessions/{os.path.basename(path)}"

    assert list(picture(home)) == [archived]
    assert os.stat(home.folder / archived).st_mtime_ns == MODIFIED_NS
    home.store.set_archived(ONE, False)
    assert picture(home) == before


def test_all_files_go(home: Home) -> None:
    """Older files and compressed twins of a thread move with it."""
    path = home.talk(1)
    newer = home.talk(1, at_ms=b.START_MS + DAY_MS)
    segment = newer.replace(f"{ONE}.jsonl", f"{ONE}_{b.thread_id(7)}.jsonl")
    os.rename(newer, segment)
    home.put(f"{path}.zst", zstd.compress(b"twin"))
    home.store.set_archived(ONE, True)

    names = [os.path.basename(path), os.path.basename(segment), f"{os.path.basename(path)}.zst"]
    assert sorted(os.listdir(home.folder / "archived_sessions")) == sorted(names)


def test_a_move_never_replaces(home: Home) -> None:
    """When the name is taken on the other side nothing is moved, and the message names the file."""
    path = home.talk(1)
    home.put(f"archived_sessions/{os.path.basename(path)}", b"somebody else's")
    before = picture(home)

    with pytest.raises(ExistsError, match="archived_sessions"):
        home.store.set_archived(ONE, True)
    assert picture(home) == before


@pytest.mark.parametrize("archived", [True, False])
def test_a_move_that_was_interrupted_is_finished(home: Home, archived: bool) -> None:
    """Killed between two files, the thread is active with its newest file; the same command finishes."""
    for number in (7, 8):
        path = home.talk(1, at_ms=b.START_MS + number * DAY_MS)
        os.rename(path, path.replace(f"{ONE}.jsonl", f"{ONE}_{b.thread_id(number)}.jsonl"))
    home.store.set_archived(ONE, not archived)
    fs = FaultyFilesystem(fail_at=2, only={"rename"})
    with pytest.raises(WriteError):
        LocalStore(home.folder, fs).set_archived(ONE, archived)
    between = home.store.segments(ONE)
    home.store.set_archived(ONE, archived)

    assert (between[-1].archived, between[-1].rollout_id) == (False, b.thread_id(8))
    assert {segment.archived for segment in home.store.segments(ONE)} == {archived}


def test_put_is_exact_and_private(home: Home) -> None:
    """Bytes, time and mode are those of the segment; the folders are the user's own."""
    data = b"\0anything\n"
    segment = Segment(b.rollout_name(ONE), ONE, 0, 123_456_789_000_000_001, 0, archived=False, compressed=False)
    home.store.put(segment, iter([data[:3], data[3:]]))
    (path,) = [home.folder / place for place in picture(home)]
    status = os.stat(path)

    assert path.read_bytes() == data
    assert (status.st_mode & 0o777, status.st_mtime_ns) == (0o600, 123_456_789_000_000_001)
    assert os.stat(path.parent).st_mode & 0o777 == 0o700
    assert os.listdir(path.parent) == [path.name]


def test_put_never_replaces(home: Home) -> None:
    """A name that is taken, on either side, plain or compressed, is left alone; a name of no rollout is refused."""
    path = home.talk(1)
    segment = Segment(os.path.basename(path), ONE, 0, 0, 0o600, archived=True, compressed=False)
    with pytest.raises(ExistsError):
        home.store.put(segment, [b"x"])
    os.rename(path, f"{path}.zst")
    with pytest.raises(ExistsError):
        home.store.put(segment, [b"x"])
    for name in ("../rollout.jsonl", "notes.jsonl", f"{segment.name}.zst"):
        with pytest.raises(FormatError):
            home.store.put(segment._replace(name=name), [b"x"])


def test_a_put_that_fails_leaves_nothing(home: Home) -> None:
    """When the bytes end in an error, no file appears under the name."""

    def broken() -> object:
        yield b"half"
        raise OSError(5, "the other side broke")

    segment = Segment(b.rollout_name(ONE), ONE, 0, 0, 0o600, archived=False, compressed=False)
    with pytest.raises(WriteError):
        home.store.put(segment, broken())  # type: ignore[arg-type]  # raises
    assert picture(home) == {}


def test_removed_and_restored_to_the_byte(home: Home) -> None:
    """What comes back are the same files: bytes, modes, times, inodes, names; nothing is left in the trash."""
    path = home.talk(1)
    os.chmod(path, 0o640)
    home.put(f"{path}.zst", zstd.compress(b"twin"))
    home.talk(2)
    home.store.set_name(ONE, "fix login")
    home.store.set_name(b.thread_id(2), "other")
    before = picture(home, but=("thread-writer-locks", "session_index"))
    receipt = home.store.remove(ONE)
    gone = [place for place in picture(home) if "rollout-" in place]
    names = dict(home.store.names())
    home.store.restore(receipt)

    assert len(gone) == 1
    assert names == {b.thread_id(2): "other"}
    assert picture(home, but=("thread-writer-locks", "session_index")) == before
    assert home.store.names() == {b.thread_id(2): "other", ONE: "fix login"}
    assert [path for path in (home.folder / "trash").rglob("*") if path.name != ".underway"] == []


def test_a_thread_can_be_removed_twice(home: Home) -> None:
    """Each removal has its own place in the trash, and each can be undone."""
    home.talk(1)
    first = home.store.remove(ONE)
    home.talk(1, at_ms=b.START_MS + DAY_MS)
    second = home.store.remove(ONE)
    home.store.restore(first)
    home.store.restore(second)

    assert first.token != second.token
    assert sum(ONE in place for place in picture(home)) == 2


def test_a_receipt_leads_nowhere_else(home: Home) -> None:
    """Tokens that leave the trash, and manifests that name other places, are refused."""
    home.talk(1)
    receipt = home.store.remove(ONE)
    manifest = home.folder / "trash" / receipt.token / "manifest.json"
    told = json.loads(manifest.read_text())
    told["files"] = [["../outside", "0.kept"]]
    manifest.write_text(json.dumps(told))

    with pytest.raises(FormatError, match="outside"):
        home.store.restore(receipt)
    for token in ("..", "../sessions", ""):
        with pytest.raises(FormatError):
            home.store.restore(Receipt(ONE, token, (), 0))
    with pytest.raises(NotFoundError):
        home.store.restore(Receipt(ONE, "absent", (), 0))


def test_a_base_stays(home: Home) -> None:
    """A thread on which another builds is not removed, and the message names the other."""
    base = b.paginated_bytes(ONE, b.user("x"))
    home.put(f"sessions/2026/02/08/{b.rollout_name(ONE)}", base)
    home.put(f"sessions/2026/02/08/{b.rollout_name(b.thread_id(2))}", b.fork_bytes(b.thread_id(2), ONE, base))
    before = picture(home)

    with pytest.raises(RolloutError, match=b.thread_id(2)):
        home.store.remove(ONE)
    assert picture(home) == before


def test_what_is_written_is_not_moved(home: Home) -> None:
    """While a writer holds the thread, moves are refused at once."""
    home.talk(1)
    writer = home.store.open_writer(ONE)
    try:
        with pytest.raises(BusyError):
            home.store.set_archived(ONE, True)
        with pytest.raises(BusyError):
            home.store.remove(ONE)
    finally:
        writer.close()


def test_moves_survive_the_machine(home: Home) -> None:
    """What a move promised stands after a crash of the machine."""
    path = home.talk(1)
    fs = CrashingFilesystem()
    LocalStore(home.folder, fs).set_archived(ONE, True)
    fs.crash()

    assert not os.path.exists(path)
    assert [segment.archived for segment in home.store.segments(ONE)] == [True]
