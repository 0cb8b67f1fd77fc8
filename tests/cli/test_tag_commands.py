"""``rollout tag`` and ``rollout note``."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

from cli.homes import thread_id

if TYPE_CHECKING:
    from cli.conftest import Rollout
    from cli.homes import Home


@pytest.fixture
def three(home: Home) -> Home:
    """Three threads."""
    for number in (1, 2, 3):
        home.add(number)
    return home


def given(rollout: Rollout, number: int) -> tuple[list[str], str | None]:
    """The tags and the note that a listing tells of a thread."""
    rows = {row["id"]: row for row in rollout("list", "--json", "--all").document["threads"]}
    return rows[thread_id(number)]["tags"], rows[thread_id(number)]["note"]


def rollouts(home: Home) -> dict[str, tuple[bytes, int]]:
    """Every rollout with its bytes and its time."""
    return {path: state for path, state in home.state().items() if "rollout-" in path}


def test_tags_are_given_and_taken(three: Home, rollout: Rollout) -> None:
    """+x gives, -x takes, several threads at a time; the ids go on into the pipe, and no rollout changes."""
    before = rollouts(three)
    run = rollout("tag", thread_id(1)[:8], thread_id(2), "+todo", "+bug:12")
    taken = rollout("tag", thread_id(1), "-todo", "--remove", "q")

    assert (0, f"{thread_id(1)}\n{thread_id(2)}\n") == (run.status, run.out)
    assert f"{thread_id(1)} has #bug:12\n" == taken.err
    assert [(["bug:12"], None), (["bug:12", "todo"], None), ([], None)] == [given(rollout, one) for one in (1, 2, 3)]
    assert before == rollouts(three)


def test_tags_find_threads_again(three: Home, rollout: Rollout) -> None:
    """List --tag narrows, and shows the tags behind what a thread is called; --json has them."""
    assert three
    rollout("tag", thread_id(1), thread_id(2), "+a")
    rollout("tag", thread_id(2), "+b")
    run = rollout("list", "--tag", "a", "--tag", "b")

    assert [thread_id(2), "question 2", "#a #b"] == [run.out.rstrip("\n").split("\t")[at] for at in (0, 3, 4)]
    assert "2 hidden by tag: leave the filter out\n" == run.err
    assert "a\t2\nb\t1\n" == rollout("tag").out
    assert f"{thread_id(2)}\ta b\n{thread_id(3)}\t\n" == rollout("tag", thread_id(2), thread_id(3)).out
    assert {"a": 2, "b": 1} == rollout("tag", "--json").document["tags"]


def test_a_note_is_written_and_told(three: Home, rollout: Rollout) -> None:
    """TEXT writes it, nothing tells it, an empty TEXT takes it away."""
    assert three
    written = rollout("note", thread_id(1), " ask Zoë ", "--json").document["results"][0]
    told = rollout("note", thread_id(1))
    shown = rollout("show", thread_id(1)).out
    rollout("note", thread_id(1), "")

    assert ("ask Zoë", "", True) == (written["note"], written["before"], written["changed"])
    assert (f"{thread_id(1)}\task Zoë\n", "") == (told.out, told.err)
    assert "note: ask Zoë\n" in shown
    assert ([], None) == given(rollout, 1)


def test_dry_runs_change_nothing(three: Home, rollout: Rollout) -> None:
    """--dry-run says what would be, and writes no byte."""
    before = three.state()
    tagged = rollout("tag", thread_id(1), "+x", "--dry-run")
    noted = rollout("note", thread_id(1), "later", "--dry-run", "--json").document

    assert f"{thread_id(1)} would have #x\n" == tagged.err
    assert (True, "later") == (noted["dryRun"], noted["results"][0]["note"])
    assert before == three.state()


def test_many_come_on_standard_input(three: Home, rollout: Rollout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids for tags; ids with notes behind a tab for notes; one that is not there costs the others nothing."""
    assert three
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{thread_id(1)}\t2026\t/work\n{thread_id(9)}\n{thread_id(3)}\n"))
    tagged = rollout("tag", "-", "+x")
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{thread_id(1)}\tfirst\n{thread_id(3)}\t\n"))
    noted = rollout("note", "-")

    assert (3, f"{thread_id(1)}\n{thread_id(3)}\n") == (tagged.status, tagged.out)
    assert 0 == noted.status
    assert [(["x"], "first"), ([], None), (["x"], None)] == [given(rollout, one) for one in (1, 2, 3)]


def test_a_fork_is_filed_with_its_source(three: Home, rollout: Rollout) -> None:
    """A fork begins with the tags of its source, and without its note."""
    assert three
    rollout("tag", thread_id(1), "+project")
    rollout("note", thread_id(1), "about this one")
    forked = rollout("fork", thread_id(1)).out.strip()
    row = next(row for row in rollout("list", "--json").document["threads"] if row["id"] == forked)

    assert (["project"], None) == (row["tags"], row["note"])


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["tag", "+x"], "which thread?"),
        (["tag", thread_id(1), "+two words"], "is no tag"),
        (["tag", thread_id(1), "+"], "is no tag"),
        (["list", "--tag", ""], "is no tag"),
        (["note", "-", "text"], "the notes stand on standard input"),
    ],
)
def test_bad_calls_are_named(three: Home, rollout: Rollout, argv: list[str], told: str) -> None:
    """What cannot be done is one line on standard error."""
    assert three
    run = rollout(*argv)

    assert run.status in (2, 3)
    assert told in run.err
    assert 1 == run.err.count("\n")
