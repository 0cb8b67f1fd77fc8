"""Tags and notes beside the threads of a home: the file, its writers, its index."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from index_homes import Indexed
from rollout import lifecycle
from rollout.errors import LockError, WriteError
from rollout.labels import Labels
from rollout.query import EVERYTHING, ThreadQuery
from rollout.store.local.store import LocalStore
from rollout.store.local.tags import Tags
from rollout.testing import builders as b
from rollout.testing.faults import CHANGING, FaultyFilesystem
from support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from local_homes import Home

ONE, TWO = b.thread_id(1), b.thread_id(2)


def read(path: str) -> bytes:
    """A whole file."""
    with open(path, "rb") as file:
        return file.read()


def test_a_change_is_one_line(home: Home) -> None:
    """Each change is appended; what changes nothing writes nothing."""
    home.talk(1)
    home.store.set_tags(ONE, ["todo"])
    home.store.set_tags(ONE, ["todo"], ["never"])
    home.store.set_note(ONE, "über")
    path = Tags(str(home.folder)).path
    rows = [json.loads(line) for line in read(path).splitlines()]

    assert [{"add": ["todo"], "remove": []}, {"note": "über"}] == [
        {name: value for name, value in row.items() if name not in ("id", "updated_at")} for row in rows
    ]
    assert {ONE} == {row["id"] for row in rows}
    assert 0o600 == os.stat(path).st_mode & 0o777


def test_lines_fold_in_their_order(tmp_path: Path) -> None:
    """Later lines count over earlier ones; what cannot be read costs its line alone; files can be put together."""
    lines = [
        {"id": ONE, "add": ["a", "b"]}, {"id": TWO.upper(), "add": ["z"], "note": "n"}, {"id": ONE, "remove": ["a"], "add": ["c"]},
        {"id": ONE, "add": "no list", "note": 5}, {"id": "nobody", "add": ["x"]}, ["x"],
    ]  # fmt: skip
    tags = Tags(str(tmp_path))
    with open(tags.path, "wb") as file:
        file.write(b"\n".join([*(json.dumps(line).encode() for line in lines), b"\xff garbage", b'{"id":"' + ONE.encode()]))

    assert {ONE: Labels(("b", "c")), TWO: Labels(("z",), "n")} == tags.all()


def test_a_torn_line_is_ended_first(home: Home) -> None:
    """What a crash left unfinished does not swallow the next change."""
    home.talk(1)
    path = Tags(str(home.folder)).path
    with open(path, "wb") as file:
        file.write(b'{"id":"' + ONE.encode() + b'","add":["lo')
    home.store.set_tags(ONE, ["kept"])

    assert {ONE: Labels(("kept",))} == home.store.labels()


def test_deleted_for_good_nothing_of_it_is_left(home: Home) -> None:
    """No byte of the id stays in the file, a torn line included; every other byte does, and the trash had all of it."""
    home.talk(1)
    home.talk(2)
    home.store.set_tags(TWO, ["stays"])
    path = Tags(str(home.folder)).path
    before = read(path)
    home.store.set_tags(ONE, ["goes"])
    home.store.set_note(ONE, "goes, too")
    with open(path, "ab") as file:
        file.write(b'{"id":"' + ONE.encode() + b'","add":["torn')
    lifecycle.delete(home.store, ONE, now=True)
    found = subprocess.run(["grep", "-rla", ONE, home.folder], capture_output=True, check=False).stdout

    assert (before, b"") == (read(path), found)


@pytest.mark.parametrize("call", ["write", "fdatasync"])
def test_a_change_that_fails_is_told(home: Home, call: str) -> None:
    """A disk that refuses raises WriteError, and the change can be made again."""
    home.talk(1)
    store = LocalStore(home.folder, FaultyFilesystem(fail_at=1, only={call}))
    with pytest.raises(WriteError):
        store.set_tags(ONE, ["once"])
    store.set_tags(ONE, ["once"])

    assert {ONE: Labels(("once",))} == LocalStore(home.folder).labels()


@pytest.mark.parametrize("persistent", [False, True])
def test_a_failure_at_any_call(home: Home, *, persistent: bool) -> None:
    """Whichever call fails, a change is there or not, nothing of another thread is lost, and repeating it succeeds."""
    home.talk(1)
    home.talk(2)
    home.store.set_tags(TWO, ["other"])
    other = {TWO: Labels(("other",))}
    at, failed = 0, [""]
    while failed:
        at += 1
        store = LocalStore(home.folder, faulty := FaultyFilesystem(fail_at=at, only=CHANGING, persistent=persistent))
        with suppress(WriteError, LockError):
            store.set_tags(ONE, [f"tag-{at}"])
        assert home.store.labels() in (other, {**other, ONE: Labels((f"tag-{at}",))})
        home.store.set_tags(ONE, [f"tag-{at}"])
        assert {**other, ONE: Labels((f"tag-{at}",))} == home.store.labels()
        removing = FaultyFilesystem(fail_at=at, only=CHANGING, persistent=persistent)
        with suppress(WriteError, LockError):
            Tags(str(home.folder), removing).remove(ONE)
        failed = [*faulty.failed, *removing.failed]
        assert other == {key: labels for key, labels in home.store.labels().items() if key != ONE}
        Tags(str(home.folder)).remove(ONE)
        assert other == home.store.labels()

    assert at > 5


@pytest.mark.slow
def test_writers_beside_each_other(home: Home) -> None:
    """Four processes tag one thread, while another thread is deleted and restored: every tag counts, and the other's too."""
    home.talk(1)
    home.talk(2)
    home.store.set_tags(TWO, ["mine"])
    program = (
        "import sys; from rollout import open_store\nstore = open_store(sys.argv[1])\n"
        "for number in range(25): store.set_tags(sys.argv[2], [f'{sys.argv[3]}-{number}'])"
    )
    argv = [sys.executable, "-c", program, str(home.folder), ONE]
    running = [subprocess.Popen([*argv, name], env={**os.environ, "PYTHONPATH": str(ROOT / "src")}) for name in "abcd"]
    for _ in range(10):
        home.store.restore(home.store.remove(TWO))
    statuses = [process.wait() for process in running]
    wanted = tuple(sorted(f"{name}-{number}" for name in "abcd" for number in range(25)))

    assert ([0] * 4, {ONE: Labels(wanted), TWO: Labels(("mine",))}) == (statuses, home.store.labels())


def test_an_index_follows_the_file(home: Home, tmp_path: Path) -> None:
    """Given, changed, taken, or another file in its place: the index lists what the file tells."""
    for number in (1, 2, 3):
        home.talk(number)
    indexed = Indexed(home.folder, tmp_path / "index")
    path = Tags(str(home.folder)).path
    found = [listed(indexed)]
    home.store.set_tags(ONE, ["a", "b"])
    home.store.set_note(TWO, "noted é")
    found.append(listed(indexed))
    home.store.set_tags(ONE, ["c"], ["a"])
    home.store.set_note(TWO, "")
    found.append(listed(indexed))
    os.unlink(path)
    found.append(listed(indexed))

    assert [
        {}, {ONE: (("a", "b"), ""), TWO: ((), "noted é")}, {ONE: (("b", "c"), "")}, {},
    ] == found  # fmt: skip


def test_an_index_filters_by_tags(home: Home, tmp_path: Path) -> None:
    """Tags narrow one after the other, and what they leave out is counted."""
    for number in (1, 2, 3):
        home.talk(number)
    home.store.set_tags(ONE, ["a", "b"])
    home.store.set_tags(TWO, ["a"])
    pages = [store.list(ThreadQuery(tags=("a", "b"))) for store in (home.store, Indexed(home.folder, tmp_path / "index"))]

    assert [([ONE], {"tag": 2})] * 2 == [([row.id for row in page.threads], page.hidden) for page in pages]


def listed(store: LocalStore) -> dict[str, tuple[tuple[str, ...], str]]:
    """Tags and note of each thread that has any."""
    return {row.id: (row.tags, row.note) for row in store.list(EVERYTHING).threads if row.tags or row.note}
