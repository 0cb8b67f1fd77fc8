"""The commands that change whole threads: fork, rollback, rename, archive, unarchive, delete, restore."""

from __future__ import annotations

import io
import os
import pty
import subprocess
from typing import TYPE_CHECKING, Any

import apsw
import pytest

from cli.homes import PYTHON, Run, environment, line, thread_id, turn
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Rollout
    from cli.homes import Home, Payload

COMMANDS = ("fork", "rollback", "archive", "unarchive", "delete")


@pytest.fixture
def three(home: Home) -> Home:
    """Three threads of two turns each; the first has a name."""
    for number in (1, 2, 3):
        home.add(number, [*turn(f"question {number}", "yes"), *turn("more", "no")])
    home.name(1, "the first")
    return home


def stored(home: Home) -> dict[str, tuple[bytes, int]]:
    """Every file but the locks', whose folder stays once it was made."""
    return {path: facts for path, facts in home.state().items() if "thread-writer-locks" not in path}


def spawned(number: int, parent: int) -> dict[str, Any]:
    """The source of a sub-agent."""
    return {"source": {"subagent": {"thread_spawn": {"parent_thread_id": thread_id(parent), "depth": number}}}}


def feed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """What stands on standard input."""
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def questions(rollout: Rollout, identity: str) -> list[str]:
    """What the model would be asked."""
    items = rollout("history", identity, "--json").document["items"]
    return [item["content"][0]["text"] for item in items if item.get("role") == "user"]


def results(run: Run) -> list[dict[str, object]]:
    """The answers of a JSON document, checked to be one of ours."""
    found: list[dict[str, object]] = run.document["results"]
    return found


@pytest.mark.parametrize("command", COMMANDS)
def test_each_has_a_dry_run_that_changes_nothing(three: Home, rollout: Rollout, command: str) -> None:
    """It says what would be done, in words and as JSON."""
    before = stored(three)

    told = rollout(command, thread_id(2), "--dry-run")
    document = rollout(command, thread_id(2), "--dry-run", "--json")

    assert (0, f"{thread_id(2)}\n") == (told.status, told.out)
    assert "would" in told.err or "already" in told.err
    assert (f"rollout.{command}/1", True) == (document.document["schema"], document.document["dryRun"])
    assert [thread_id(2)] == [one["id"] for one in results(document)]
    assert before == stored(three)


def test_renaming_and_restoring_have_one_too(three: Home, rollout: Rollout) -> None:
    """Likewise."""
    rollout("delete", thread_id(3))
    before = stored(three)

    renamed = rollout("rename", thread_id(1), "new", "--dry-run", "--json")
    restored = rollout("restore", thread_id(3), "--dry-run", "--json")

    assert [{"name": "new", "before": "the first"}] == [
        {name: one[name] for name in ("name", "before")} for one in results(renamed)
    ]
    assert [thread_id(3)] == [one["id"] for one in results(restored)]
    assert before == stored(three)


@pytest.mark.parametrize("command", COMMANDS)
def test_ids_come_from_standard_input(
    three: Home, rollout: Rollout, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """One a line, as list prints them; each is answered in turn."""
    assert three
    feed(monkeypatch, f"{thread_id(1)}\t2026\t/x\ttitle\n\n{thread_id(2)[:8]}\n")

    run = rollout(command, "-", "--json")

    assert 0 == run.status
    told = [one["forkedFrom"] if command == "fork" else one["id"] for one in results(run)]
    assert [thread_id(1), thread_id(2)] == told


def test_one_failure_does_not_stop_the_others(three: Home, rollout: Rollout) -> None:
    """It is told on standard error and in the document; the status is that of the first one."""
    writer = LocalStore(three.path).open_writer(thread_id(2))
    try:
        run = rollout("archive", thread_id(1), thread_id(2), "ffff", thread_id(3), "--json")
    finally:
        writer.close()

    assert 4 == run.status
    assert [None, 4, 3, None] == [one.get("status") for one in results(run)]
    assert 2 == run.err.count("rollout: ")
    assert 2 == len(os.listdir(three.path / "archived_sessions"))


@pytest.mark.parametrize("command", ["rollback", "archive", "delete"])
def test_a_thread_in_use_is_status_4_and_unchanged(three: Home, rollout: Rollout, command: str) -> None:
    """Whoever holds it is named."""
    writer = LocalStore(three.path).open_writer(thread_id(2))
    before = stored(three)
    try:
        run = rollout(command, thread_id(2))
        assert before == stored(three)
    finally:
        writer.close()

    assert 4 == run.status
    assert f"pid {os.getpid()}" in run.err


def test_an_ambiguous_name_lists_the_candidates(three: Home, rollout: Rollout) -> None:
    """Status 3, and nothing is done."""
    three.name(2, "the first")
    before = stored(three)

    run = rollout("archive", "the first")

    assert 3 == run.status
    assert thread_id(1) in run.err
    assert thread_id(2) in run.err
    assert before == stored(three)


# -- fork ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "expected"),
    [((), 2), (("--at", "1"), 1), (("--before", "2"), 1), (("--before", "1"), 0), (("--at", "9"), 2)],
)
def test_fork_prints_the_id_of_the_fork(three: Home, rollout: Rollout, options: tuple[str, ...], expected: int) -> None:
    """It holds the turns that were asked for, and the name of its source."""
    assert three
    run = rollout("fork", thread_id(1), *options)
    made = run.out.strip()

    assert ["question 1", "more"][:expected] == questions(rollout, made)
    assert f"{expected} of 2 user turns" in run.err
    assert sorted([thread_id(1), made]) == sorted(LocalStore(three.path).resolve("the first"))


def test_fork_shows_lineage(three: Home, rollout: Rollout) -> None:
    """From the oldest ancestor to the source."""
    assert three
    first = rollout("fork", thread_id(1), "--name", "").out.strip()

    again = results(rollout("fork", first, "--name", "other", "--json"))[0]

    assert ([thread_id(1), first], "other") == (again["lineage"], again["name"])


def test_a_portable_fork_says_what_it_dropped(home: Home, rollout: Rollout) -> None:
    """By kind and in bytes."""
    sealed: Payload = ("response_item", {"type": "reasoning", "summary": [], "encrypted_content": "gAAAA"})
    home.add(1, [*turn("one", "1"), sealed])

    words = rollout("fork", thread_id(1), "--portable").err
    answer = results(rollout("fork", thread_id(1), "--portable", "--json"))[0]

    assert "dropped as encrypted: 1 reasoning" in words
    assert {"reasoning": 1} == answer["dropped"]


@pytest.mark.parametrize("options", [("--at", "1", "--before", "2"), ("--before", "0"), ("--at", "x")])
def test_fork_refuses_what_makes_no_sense(three: Home, rollout: Rollout, options: tuple[str, ...]) -> None:
    """Status 2."""
    assert three

    assert 2 == rollout("fork", thread_id(1), *options).status


# -- rollback --------------------------------------------------------------------------------------------------


def test_rollback_and_undo(three: Home, rollout: Rollout) -> None:
    """The turns go and come back; what was dropped can be read in between."""
    assert three
    gone = rollout("rollback", thread_id(1))
    there = questions(rollout, thread_id(1))
    shown = rollout("rollback", thread_id(1), "--dropped").out
    dropped = rollout("rollback", thread_id(1), "--dropped", "--json").document
    back = rollout("rollback", thread_id(1), "--undo", "--json")

    assert f"dropped 1 user turn of {thread_id(1)}; 1 now stand\n" == gone.err
    assert ["question 1"] == there
    assert "> more" in shown
    assert "question" not in shown
    assert ("rollout.rollback.dropped/1", 4) == (dropped["schema"], len(dropped["lines"]))
    assert {"undo": True, "turns": 1, "turnsLeft": 2}.items() <= results(back)[0].items()
    assert ["question 1", "more"] == questions(rollout, thread_id(1))


@pytest.mark.parametrize("options", [("--turns", "3"), ("--turns", "0"), ("--undo",), ("--turns", "1", "--undo")])
def test_rollback_refuses_what_it_cannot_do(three: Home, rollout: Rollout, options: tuple[str, ...]) -> None:
    """Status 2, and nothing changes."""
    before = stored(three)

    assert 2 == rollout("rollback", thread_id(1), *options).status
    assert before == stored(three)


# -- names, archive --------------------------------------------------------------------------------------------


def test_rename(three: Home, rollout: Rollout, monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread, or many from standard input; the new names are found at once."""
    assert three
    one = rollout("rename", thread_id(1)[:8], " login  page ")
    feed(monkeypatch, f"{thread_id(2)}\tsecond\n{thread_id(3)}\tthird\n")
    many = rollout("rename", "-")

    assert (0, 0) == (one.status, many.status)
    for number, name in ((1, "login  page"), (2, "second"), (3, "third")):
        assert thread_id(number) in rollout("path", name).out
    assert "was 'the first'" in one.err


@pytest.mark.parametrize("words", [("x",), ("-", "name"), (thread_id(1), " ")])
def test_rename_needs_a_name(three: Home, rollout: Rollout, words: tuple[str, ...]) -> None:
    """Status 2."""
    assert three

    assert 2 == rollout("rename", *words).status


def test_archive_and_unarchive_bring_a_thread_back_where_it_was(three: Home, rollout: Rollout) -> None:
    """Found by its name all the time; to repeat it says that it is done."""
    before = stored(three)

    rollout("archive", "the first")
    hidden = thread_id(1) not in rollout("list").out
    again = rollout("archive", "the first")
    rollout("unarchive", "the first")

    assert hidden
    assert "archived already" in again.err
    assert before == stored(three)


def test_what_codex_will_not_find_is_told_and_the_command_succeeds(three: Home, rollout: Rollout) -> None:
    """On standard error, also with --quiet, and in the document."""
    (three.path / "state_5.sqlite").write_bytes(b"no database" * 1000)

    run = rollout("archive", thread_id(1), "--json", "--quiet")

    assert 0 == run.status
    assert "old place" in run.err
    assert "failed" == results(run)[0]["codexIndex"]["state"]  # type: ignore[index]  # JSON


def test_the_row_of_codex_can_be_left_alone(three: Home, rollout: Rollout) -> None:
    """With --leave-codex-index."""
    connection = apsw.Connection(str(three.path / "state_5.sqlite"))
    connection.execute("create table threads (id, rollout_path, archived, archived_at)")
    connection.execute("insert into threads values (?, 'old', 0, null)", (thread_id(1),))

    rollout("archive", thread_id(1), "--leave-codex-index")
    left = list(connection.execute("select rollout_path from threads"))
    rollout("archive", thread_id(1))

    assert [("old",)] == left != list(connection.execute("select rollout_path from threads"))


# -- delete, restore -------------------------------------------------------------------------------------------


def test_delete_and_restore(three: Home, rollout: Rollout) -> None:
    """Into the trash, listed there, and back as it was, name and file time included."""
    before = stored(three)

    gone = results(rollout("delete", "the first", "--json"))[0]
    listed = rollout("restore", "--list", "--json").document["removed"]
    not_found = rollout("path", thread_id(1)).status
    back = rollout("restore", thread_id(1)[:8])

    assert gone["tokens"] == [one["token"] for one in listed]
    assert (3, 0) == (not_found, back.status)
    files = {path: facts for path, facts in stored(three).items() if "/sessions/" in path}
    assert {path: facts for path, facts in before.items() if "/sessions/" in path} == files
    assert [thread_id(1)] == list(LocalStore(three.path).resolve("the first"))


def test_delete_for_good(three: Home, rollout: Rollout) -> None:
    """Nothing is left to restore."""
    assert three

    rollout("list")
    assert 0 == rollout("delete", thread_id(1), "--now").status
    assert "gone" not in rollout("list").err  # it is not missed
    assert "" == rollout("restore", "--list").out
    assert 3 == rollout("restore", thread_id(1)).status


def test_a_dry_run_names_what_is_in_the_trash_already(home: Home, rollout: Rollout) -> None:
    """A sub-agent that would be destroyed with its thread, also when that is in the trash itself; nothing is done."""
    home.add(1)
    home.add(2, **spawned(2, 1))
    rollout("delete", thread_id(2))
    wanted = ("delete", thread_id(1), "--now", "--with-children", "--dry-run")
    told, facts = rollout(*wanted), results(rollout(*wanted, "--json"))[0]
    rollout("delete", thread_id(1))
    both = results(rollout(*wanted, "--json"))[0]

    assert "with 1 sub-agent, 1 of them in the trash already, (2 files" in told.err
    assert ([thread_id(2), thread_id(1)], [thread_id(2)]) == (facts["threads"], facts["inTrash"])
    assert ([thread_id(2), thread_id(1)],) * 2 == (both["threads"], both["inTrash"])
    assert 2 == len(rollout("restore", "--list", "--json").document["removed"])


def test_what_was_called_wrongly_is_told_before_anything_is_said(
    three: Home, rollout: Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status 2 and no half of a document; also when standard input is closed that was to be read."""
    assert three

    monkeypatch.setattr("sys.stdin", None)
    unread = (("delete", "-"), ("archive", "-"), ("rename", "-"), ("note", "-"))
    wrongly = (("rename", thread_id(1)), ("rename", "-", "a name"), ("note", "-", "a note"), ("tag", "+x"), ("rollback", thread_id(1), "--turns", "x"))
    for wrong in (*unread, *wrongly):
        run = rollout(*wrong, "--json")
        assert (2, "") == (run.status, run.out), wrong


def test_a_store_that_is_no_folder_is_told(rollout: Rollout, tmp_path: Path) -> None:
    """As a home is that --home names."""
    run = rollout("archive", thread_id(1), "--store", str(tmp_path / "nowhere"))

    assert (3, True) == (run.status, "there is no folder" in run.err)


def test_restore_needs_to_know_what(three: Home, rollout: Rollout) -> None:
    """Status 2 without an id."""
    assert three

    assert 2 == rollout("restore").status


def test_a_base_of_forks_is_status_4(home: Home, rollout: Rollout) -> None:
    """The forks are named."""
    data = b.paginated_bytes(thread_id(1), *b.paginated_turn("one", "1"))
    home.write(1, data)
    fork = rollout("fork", thread_id(1)).out.strip()

    run = rollout("delete", thread_id(1))

    assert 4 == run.status
    assert fork in run.err


def test_children_need_a_decision_where_nobody_can_be_asked(home: Home, rollout: Rollout) -> None:
    """Status 2 without one; either option is one, both are none."""
    home.add(1)
    home.add(2, **spawned(2, 1))
    undecided, both = (
        rollout("delete", thread_id(1)),
        rollout("delete", thread_id(1), "--with-children", "--keep-children"),
    )
    kept = results(rollout("delete", thread_id(1), "--keep-children", "--dry-run", "--json"))[0]
    gone = results(rollout("delete", thread_id(1), "--with-children", "--json"))[0]

    assert (2, 2) == (undecided.status, both.status)
    assert thread_id(2) in undecided.err
    assert [thread_id(2)] == kept["keptChildren"]
    assert [thread_id(2), thread_id(1)] == gone["threads"]


@pytest.mark.parametrize(
    ("said", "status", "left"), [("w\n", 0, []), ("k\n", 0, [2]), ("n\n", 2, [1, 2]), ("\n", 2, [1, 2])]
)
def test_on_a_terminal_it_asks(home: Home, said: str, status: int, left: list[int]) -> None:
    """With it, keep them, or nothing; anything else is nothing."""
    home.add(1)
    home.add(2, **spawned(2, 1))
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*PYTHON, "delete", thread_id(1)],
        stdin=theirs,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env=environment(home.path),
    )
    os.write(ours, said.encode())
    ended = process.wait(30)
    os.close(theirs)
    os.close(ours)

    assert status == ended
    assert left == [number for number in (1, 2) if LocalStore(home.path).resolve(thread_id(number))]


def test_a_terminal_gets_sentences(three: Home, terminal: Rollout) -> None:
    """On standard output, with what acts made visible."""
    three.write(4, line("2026-02-01T12:04:00.000Z", "session_meta", {"id": thread_id(4)}))

    run = terminal("rename", thread_id(4), "bell\x07")

    assert f"renamed {thread_id(4)} to 'bell\\x07'\n" == run.out
    assert "" == run.err
