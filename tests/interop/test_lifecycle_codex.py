"""What real Codex makes of threads that we forked, rolled back, archived, renamed, deleted and restored."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import apsw
import pytest

from interop.lab import ANSWER
from interop.threads import seen
from rollout import BusyError
from rollout.lifecycle import (
    ForkParams,
    archive,
    delete,
    fork,
    rename,
    restore,
    rollback,
    unarchive,
    undo,
)
from support import corpus_marks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from interop.lab import Lab, Server, Turn

pytestmark = [*corpus_marks, pytest.mark.codex]
ASKED = ("one", "two", "three")


class Way(NamedTuple):
    """Who writes the thread, who looks afterwards, whether there is a database, and whether Codex runs meanwhile."""

    writer: str
    reader: str
    database: bool
    running: bool

    def __str__(self) -> str:
        told = f"{self.writer} read by {self.reader}, {'with' if self.database else 'without'} database"
        return f"{told}, {'running' if self.running else 'stopped'}"


WAYS = [
    *(Way("0.100.0", "0.100.0", database, running) for database, running in product((False, True), (False, True))),
    *(
        Way(writer, "0.169.0", database, running)
        for writer, (database, running) in product(
            ("0.100.0", "0.169.0"), ((True, False), (True, True), (False, False))
        )
    ),
]
"""Without a database there is no running 0.169.0: it makes one when it starts. 0.100.0 makes one if it is told to."""


def said(*questions: str) -> list[Turn]:
    """The turns of these questions."""
    return seen(*((question, ANSWER) for question in questions))


@contextmanager
def running(lab: Lab, version: str) -> Iterator[Server]:
    """A Codex whose pipes are closed at the end: these tests start hundreds."""
    with lab.codex(version) as server:
        driver = server.driver
        try:
            yield server
        finally:
            driver.close()
            driver.reader.join(10)
            driver.p.stdout.close()


def keep_a_database(lab: Lab) -> None:
    """Switch on the feature with which 0.100.0 has a database and believes it."""
    config = lab.home / "config.toml"
    told = config.read_text(encoding="utf-8")
    config.write_text(told.replace("[features]\n", "[features]\nsqlite = true\n"), encoding="utf-8")


class Stage:
    """A home with one thread of three turns, which the reader knows if there is a database."""

    def __init__(self, lab: Lab, way: Way) -> None:
        """Have the thread written and read."""
        self.lab, self.way = lab, way
        if way.database and way.reader == "0.100.0":
            keep_a_database(lab)
        with running(lab, way.writer) as codex:
            self.thread = codex.start(lab.project, *ASKED)
        if way.database:
            with running(lab, way.reader) as codex:
                codex.listed()
                codex.read(self.thread)
        else:
            for database in lab.home.glob("state_5.sqlite*"):
                database.unlink()
        self.store = lab.store

    def codex(self) -> AbstractContextManager[Server]:
        """The one who looks."""
        return running(self.lab, self.way.reader)

    def after(self, *steps: Callable[[], Any], look: Callable[[Server], Any]) -> Any:
        """Take steps, while Codex runs if that is the way, and then let it look."""
        if not self.way.running:
            for step in steps:
                step()
        with self.codex() as codex:
            if self.way.running:
                codex.listed()
                codex.driver.try_request("thread/read", {"threadId": self.thread, "includeTurns": True})
                for step in steps:
                    step()
            return look(codex)


@pytest.fixture(params=WAYS, ids=str)
def stage(request: pytest.FixtureRequest, lab: Lab) -> Stage:
    """Every way."""
    return Stage(lab, request.param)


def goes_on(thread_id: str) -> Callable[[Server], tuple[bool, list[Turn], list[Turn]]]:
    """Listed; the turns when it is resumed; the turns when it is read after one more."""

    def look(codex: Server) -> tuple[bool, list[Turn], list[Turn]]:
        listed = thread_id in codex.listed()
        resumed = codex.resume(thread_id)
        codex.turn(thread_id, "more")
        return listed, resumed, codex.read(thread_id)

    return look


@pytest.mark.parametrize("kept", [None, 2])
def test_a_fork_is_listed_read_resumed_and_gone_on_with(stage: Stage, kept: int | None) -> None:
    """With exactly its turns; so is a fork of the fork; the source keeps its own."""
    made: list[str] = []

    def step() -> None:
        made.append(fork(stage.store, stage.thread, ForkParams(keep_turns=kept)).thread_id)
        made.append(fork(stage.store, made[0]).thread_id)

    def look(codex: Server) -> Any:
        return [goes_on(one)(codex) for one in made], codex.resume(stage.thread)

    found, source = stage.after(step, look=look)

    assert [(True, said(*ASKED[:kept]), said(*ASKED[:kept], "more"))] * 2 == found
    assert said(*ASKED) == source


def test_a_portable_fork_is_listed_resumed_and_gone_on_with(stage: Stage) -> None:
    """A full copy in either era, that the model is not sent anything sealed of."""
    stage.lab.model.script([[{"think": "Let me see", "raw": "hm"}, {"say": ANSWER}]])
    with running(stage.lab, stage.way.writer) as codex:
        codex.resume(stage.thread)
        codex.turn(stage.thread, "four")
    made: list[Any] = []

    found = stage.after(
        lambda: made.append(fork(stage.store, stage.thread, ForkParams(portable=True))),
        look=lambda codex: goes_on(made[0].thread_id)(codex),  # noqa: PLW0108 - made is filled by the step
    )

    assert {"reasoning": 1} == made[0].dropped
    assert (True, [*ASKED, "four"], [*ASKED, "four", "more"]) == (found[0], *(questions(turns) for turns in found[1:]))
    assert "encrypted_content" not in str(stage.lab.model.last_request["input"])


def questions(turns: list[Turn]) -> list[str]:
    """What was asked."""
    return [text for turn in turns for kind, text in turn if kind == "user"]


def sent(lab: Lab) -> list[str]:
    """What the model was sent last, as far as it is what was asked."""
    texts = [
        "".join(part.get("text", "") for part in item.get("content") or []) for item in lab.model.last_request["input"]
    ]
    return [text for text in texts if text in (*ASKED, "more")]


def test_a_rollback_is_followed(stage: Stage) -> None:
    """In its turns and in what the model is sent."""
    found = stage.after(lambda: rollback(stage.store, stage.thread, 2), look=goes_on(stage.thread))

    assert (True, said("one"), said("one", "more")) == found
    assert ["one", "more"] == sent(stage.lab)


def test_an_undo_is_followed(stage: Stage) -> None:
    """In its turns and in what the model is sent; also the second of two."""
    steps = [lambda: rollback(stage.store, stage.thread), lambda: rollback(stage.store, stage.thread)]
    backs = [lambda: undo(stage.store, stage.thread)] * 2

    found = stage.after(*steps, *backs, look=goes_on(stage.thread))

    assert (True, said(*ASKED), said(*ASKED, "more")) == found
    assert [*ASKED, "more"] == sent(stage.lab)


def test_a_rollback_of_what_codex_went_on_with_is_followed(stage: Stage) -> None:
    """Codex appends to our rollback, we roll that back and undo it."""
    stage.after(lambda: rollback(stage.store, stage.thread), look=goes_on(stage.thread))

    found = stage.after(
        lambda: rollback(stage.store, stage.thread, 2),
        lambda: undo(stage.store, stage.thread),
        lambda: rollback(stage.store, stage.thread),
        look=goes_on(stage.thread),
    )

    assert (True, said("one", "two"), said("one", "two", "more")) == found


def test_an_archived_thread_is_archived_for_codex(stage: Stage) -> None:
    """Not in its list, not resumed, and unarchived by Codex it is whole."""

    def look(codex: Server) -> Any:
        listed = stage.thread in codex.listed()
        refused = codex.refusal("thread/resume", stage.thread)
        codex.driver.request("thread/unarchive", {"threadId": stage.thread})
        return listed, bool(refused), goes_on(stage.thread)(codex)

    found = stage.after(lambda: archive(stage.store, stage.thread), look=look)

    assert (False, True, (True, said(*ASKED), said(*ASKED, "more"))) == found


def test_a_thread_that_codex_archived_is_unarchived_for_codex(stage: Stage) -> None:
    """Listed, read and resumed again."""
    with stage.codex() as codex:
        codex.driver.request("thread/archive", {"threadId": stage.thread})

    found = stage.after(lambda: unarchive(stage.store, stage.thread), look=goes_on(stage.thread))

    assert (True, said(*ASKED), said(*ASKED, "more")) == found


def test_a_rolled_back_thread_is_archived_with_all_its_files(stage: Stage) -> None:
    """And comes back whole."""
    steps = (
        lambda: rollback(stage.store, stage.thread),
        lambda: archive(stage.store, stage.thread),
        lambda: unarchive(stage.store, stage.thread),
    )

    found = stage.after(*steps, look=goes_on(stage.thread))

    assert (True, said("one", "two"), said("one", "two", "more")) == found


def test_a_name_is_shown_by_codex(stage: Stage) -> None:
    """0.169.0 shows it in its list and when it reads, also after it has gone on.

    0.100.0 shows no names over its protocol; 0.169.0 knows those of paginated threads from its database alone, so
    without one they are given again once Codex has made it.
    """
    if stage.way.reader == "0.100.0":
        rename(stage.store, stage.thread, "login page")

        assert "login page" == stage.store.names()[stage.thread]
        return
    if stage.way.writer == "0.169.0" and not stage.way.database:
        with stage.codex() as codex:
            codex.resume(stage.thread)

    def names(codex: Server) -> list[Any]:
        page = codex.driver.request("thread/list", {"limit": 100, "modelProviders": []})["data"]
        read = codex.driver.request("thread/read", {"threadId": stage.thread})["thread"]
        return [*(one["name"] for one in page if one["id"] == stage.thread), read["name"]]

    def look(codex: Server) -> list[Any]:
        before = names(codex)
        goes_on(stage.thread)(codex)
        return before + names(codex)

    assert ["login page"] * 4 == stage.after(lambda: rename(stage.store, stage.thread, "login page"), look=look)


def test_a_deleted_thread_is_gone_for_codex_and_a_restored_one_is_back(stage: Stage) -> None:
    """Not listed and not resumed; then as if nothing had been."""
    receipts: list[Any] = []

    def look(codex: Server) -> tuple[bool, bool]:
        return stage.thread in codex.listed(), bool(codex.refusal("thread/resume", stage.thread))

    gone = stage.after(lambda: receipts.extend(delete(stage.store, stage.thread).receipts), look=look)
    back = stage.after(lambda: restore(stage.store, receipts[0]), look=goes_on(stage.thread))

    assert (False, True) == gone
    assert (True, said(*ASKED), said(*ASKED, "more")) == back


def state(home: Path) -> dict[str, bytes]:
    """Every rollout and the names, by path."""
    kept = [*home.rglob("rollout-*"), *home.glob("session_index.jsonl")]
    return {str(path.relative_to(home)): path.read_bytes() for path in kept}


def row(home: Path, thread_id: str) -> Any:
    """Codex's row of a thread."""
    connection = apsw.Connection(str(home / "state_5.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return connection.execute("select * from threads where id = ?", (thread_id,)).fetchone()
    finally:
        connection.close()


@pytest.mark.parametrize("writer", ["0.100.0", "0.169.0"])
def test_what_codex_has_loaded_is_left_as_it_is(lab: Lab, writer: str) -> None:
    """Each change is refused with Codex's pid, and no byte, name or row is touched; a fork is no change."""
    with running(lab, writer) as codex:
        thread = codex.start(lab.project, *ASKED)
    rollback(lab.store, thread)
    steps: list[Callable[[], Any]] = [
        lambda: archive(lab.store, thread),
        lambda: unarchive(lab.store, thread),
        lambda: rename(lab.store, thread, "x"),
        lambda: rollback(lab.store, thread),
        lambda: undo(lab.store, thread),
        lambda: delete(lab.store, thread),
    ]
    with running(lab, "0.169.0") as codex:
        codex.resume(thread)
        before = state(lab.home), row(lab.home, thread)
        owners: list[object] = []
        for step in steps:
            with pytest.raises(BusyError) as refused:
                step()
            owners.append(refused.value.owner["pid"])
        after = state(lab.home), row(lab.home, thread)
        made = fork(lab.store, thread).thread_id
        forked = codex.resume(made)

    assert [codex.pid] * len(steps) == owners
    assert before == after
    assert said("one", "two") == forked


@pytest.mark.parametrize("writer", ["0.100.0", "0.169.0"])
def test_each_command_says_who_has_it_loaded(lab: Lab, writer: str) -> None:
    """Status 4, one line with Codex's pid, and no byte and no row is touched; a fork is made, and a tag is given."""
    with running(lab, writer) as codex:
        thread = codex.start(lab.project, *ASKED)
    commands = [
        ("archive", thread), ("unarchive", thread), ("rename", thread, "x"), ("rollback", thread),
        ("delete", thread), ("delete", thread, "--now"),
    ]  # fmt: skip
    with running(lab, "0.169.0") as codex:
        codex.resume(thread)
        before = state(lab.home), row(lab.home, thread)
        runs = [rollout(lab, *command) for command in commands]
        after = state(lab.home), row(lab.home, thread)
        allowed = [rollout(lab, "fork", thread).returncode, rollout(lab, "tag", thread, "+todo").returncode]

    assert [4] * len(commands) == [run.returncode for run in runs]
    assert [(1, True)] * len(commands) == [(run.stderr.count("\n"), f"pid {codex.pid}" in run.stderr) for run in runs]
    assert before == after
    assert [0, 0] == allowed


def rollout(lab: Lab, *argv: str) -> subprocess.CompletedProcess[str]:
    """One command line on the lab's home."""
    environment = os.environ | {"CODEX_HOME": str(lab.home), "ROLLOUT_INDEX": "off"}
    return subprocess.run(
        [sys.executable, "-m", "rollout", *argv], capture_output=True, text=True, check=False, env=environment
    )


@pytest.mark.parametrize("writer", ["0.100.0", "0.169.0"])
def test_what_codex_itself_still_holds_of_a_deleted_thread_is_named(lab: Lab, writer: str) -> None:
    """Outside of the trash the id stands in those files that the answer names, and in no other."""
    with running(lab, writer) as codex:
        thread = codex.start(lab.project, *ASKED)
    with running(lab, "0.169.0") as codex:
        codex.resume(thread)
    rename(lab.store, thread, "login")

    gone = delete(lab.store, thread, now=True)

    kept = [path for path in lab.home.rglob("*") if path.is_file() and thread.encode() in path.read_bytes()]
    assert sorted(map(str, kept)) == sorted(gone.codex_keeps)
    assert any(one.startswith(str(lab.home / "state_5.sqlite")) for one in gone.codex_keeps)  # or still in its log alone


@pytest.mark.parametrize("writer", ["0.100.0", "0.169.0"])
def test_a_row_that_was_left_is_mended_by_the_same_command(lab: Lab, writer: str) -> None:
    """Codex does not find what was archived behind its back; to archive it again is enough."""
    with running(lab, writer) as codex:
        thread = codex.start(lab.project, *ASKED)
    with running(lab, "0.169.0") as codex:
        codex.listed()
        codex.read(thread)
    archive(lab.store, thread, leave_codex_index=True)
    with running(lab, "0.169.0") as codex:
        lost = codex.refusal("thread/unarchive", thread)
    again = archive(lab.store, thread)
    with running(lab, "0.169.0") as codex:
        found = codex.refusal("thread/unarchive", thread)
        resumed = codex.resume(thread)

    assert ("updated", "") == again.codex
    assert (writer == "0.100.0" or bool(lost), "") == (True, found)
    assert said(*ASKED) == resumed


def test_the_database_of_0_100_follows_too(lab: Lab) -> None:
    """With its feature on, 0.100.0 believes its database: archived and back, the thread is where it says."""
    keep_a_database(lab)
    with running(lab, "0.100.0") as codex:
        thread = codex.start(lab.project, *ASKED)
    states = [archive(lab.store, thread).codex.state]
    with running(lab, "0.100.0") as codex:
        away = thread in codex.listed()
    states.append(unarchive(lab.store, thread).codex.state)
    with running(lab, "0.100.0") as codex:
        found = goes_on(thread)(codex)

    assert ["updated", "updated"] == states
    assert not away
    assert (True, said(*ASKED), said(*ASKED, "more")) == found


def test_a_revert_of_codex_itself_can_be_undone(lab: Lab) -> None:
    """What 0.169.0 dropped on its own is read and brought back like what we dropped."""
    with running(lab, "0.169.0") as codex:
        thread = codex.start(lab.project, *ASKED)
        turns = codex.driver.request("thread/read", {"threadId": thread, "includeTurns": True})["thread"]["turns"]
        codex.driver.request("thread/revert", {"threadId": thread, "beforeTurnId": turns[1]["id"]})
    undo(lab.store, thread)
    with running(lab, "0.169.0") as codex:
        found = goes_on(thread)(codex)

    assert (True, said(*ASKED), said(*ASKED, "more")) == found


def test_a_rollback_of_codex_itself_can_be_undone(lab: Lab) -> None:
    """The same for the marker of 0.100.0."""
    with running(lab, "0.100.0") as codex:
        thread = codex.start(lab.project, *ASKED)
        codex.driver.request("thread/rollback", {"threadId": thread, "numTurns": 2})
    undo(lab.store, thread)
    with running(lab, "0.100.0") as codex:
        found = goes_on(thread)(codex)

    assert (True, said(*ASKED), said(*ASKED, "more")) == found
