"""The names that people gave to threads."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from rollout.errors import LockError
from rollout.journal.filesystem import OS
from rollout.journal.lock import try_lock
from rollout.store.local.names import Names
from rollout.testing import builders as b

if TYPE_CHECKING:
    from pathlib import Path

ONE, TWO = b.thread_id(1), b.thread_id(2)


def row(identity: str, name: str) -> bytes:
    """A line as Codex writes it."""
    return json.dumps({"id": identity, "thread_name": name, "updated_at": "2026-02-08T07:05:03Z"}).encode() + b"\n"


@pytest.fixture
def names(tmp_path: Path) -> Names:
    """The names of an empty home."""
    return Names(str(tmp_path))


def write(names: Names, data: bytes) -> None:
    """Put bytes where the names stand."""
    with open(names.path, "wb") as file:
        file.write(data)


def test_the_newest_line_wins(names: Names) -> None:
    """Of several lines of a thread the last one counts, whatever their times say; spaces around it are cut."""
    write(names, row(ONE, "old") + row(TWO, "other") + row(ONE, " new ")[:-1])

    assert (names.of(ONE), names.all()) == ("new", {TWO: "other", ONE: "new"})


def test_an_old_name_means_nobody(names: Names) -> None:
    """A name that was given and replaced no longer leads to its thread; of two bearers the last named comes first."""
    write(names, row(ONE, "old") + row(ONE, "new") + row(TWO, "new"))

    assert (names.bearers("old"), names.bearers("new"), names.bearers(" ")) == ([], [TWO, ONE], [])


def test_bad_lines_are_passed_over(names: Names) -> None:
    """Garbage, bad bytes, missing fields and carriage returns cost only their line."""
    bad = b'garbage\n\xff\n{"id":1}\n[]\n\n{"id":"' + ONE.encode() + b'","thread_name":"no time"}\n'
    write(names, row(ONE, "kept").replace(b"\n", b"\r\n") + bad)

    assert names.all() == {ONE: "kept"}


def test_no_file_means_no_names(names: Names) -> None:
    """A home without names has none."""
    assert (names.of(ONE), names.all(), names.bearers("x"), names.lines_of(ONE)) == (None, {}, [], b"")


def test_an_appended_line_is_what_codex_writes(names: Names) -> None:
    """Fields in order, time in UTC with the zeros of its fraction cut off; private to the user."""
    names.append(ONE, "fix login", now_ns=1_770_534_303_120_000_000)
    with open(names.path, "rb") as file:
        written = file.read()

    assert written == f'{{"id":"{ONE}","thread_name":"fix login","updated_at":"2026-02-08T07:05:03.12Z"}}\n'.encode()
    assert os.stat(names.path).st_mode & 0o777 == 0o600


def test_an_unfinished_line_is_ended_first(names: Names) -> None:
    """A name appended behind a torn line is not glued to it."""
    write(names, b'{"id":"torn')
    names.append(ONE, "whole", now_ns=0)

    assert names.all() == {ONE: "whole"}


def test_removal_leaves_every_other_byte(names: Names) -> None:
    """The lines of one thread go, all others stay as they are, bad ones too; they are given back."""
    write(names, row(ONE, "a") + b"garbage\r\n" + row(TWO, "b") + row(ONE, "c")[:-1])
    gone = names.remove(ONE)
    with open(names.path, "rb") as file:
        left = file.read()

    assert (gone, left) == (row(ONE, "a") + row(ONE, "c"), b"garbage\r\n" + row(TWO, "b"))
    assert not os.path.exists(f"{names.path}.tmp")


def test_removing_nothing_rewrites_nothing(names: Names) -> None:
    """Without a line of the thread the file is the same file."""
    write(names, row(TWO, "b"))
    before = os.stat(names.path).st_ino

    assert (names.remove(ONE), os.stat(names.path).st_ino) == (b"", before)


def test_both_changes_wait_for_the_lock(names: Names) -> None:
    """While another program holds the lock, nothing is written, and the message names it."""
    names = Names(os.path.dirname(names.path), patience_s=0.05)
    with try_lock(OS, f"{names.path}.lock") or pytest.fail("the lock is free"):
        with pytest.raises(LockError, match="locked by another program"):
            names.append(ONE, "x", now_ns=0)
        with pytest.raises(LockError):
            names.remove(ONE)

    assert not os.path.exists(names.path)


def test_a_change_by_others_is_seen(names: Names) -> None:
    """What another program appends is read the next time."""
    names.append(ONE, "mine", now_ns=0)
    before = names.of(ONE)
    with open(names.path, "ab") as file:
        file.write(row(ONE, "theirs"))

    assert (before, names.of(ONE)) == ("mine", "theirs")
