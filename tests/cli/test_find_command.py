"""``rollout find``: the threads that made a commit, touched a file, ran a command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cli.homes import thread_id, turn
from rollout.cli.clues import may_hold

if TYPE_CHECKING:
    from cli.conftest import Rollout
    from cli.homes import Home, Run

SHA = "a961de0938c8930a4ab8742e77108f6a0387a22e"


def ran(command: str, output: str = "") -> list[tuple[str, dict[str, Any]]]:
    """A command and what it printed."""
    call = {"type": "function_call", "name": "exec_command", "arguments": json.dumps({"cmd": command}), "call_id": command}
    return [("response_item", call), ("response_item", {"type": "function_call_output", "call_id": command, "output": output})]


def patched(path: str) -> tuple[str, dict[str, Any]]:
    """A patch as the model writes it."""
    text = f"*** Begin Patch\n*** Update File: {path}\n@@\n-a\n+b\n*** End Patch"
    return "response_item", {"type": "custom_tool_call", "name": "apply_patch", "input": text, "call_id": path}


def changed(path: str) -> tuple[str, dict[str, Any]]:
    """A change of files as events tell it."""
    changes = {path: {"type": "update", "unified_diff": "@@\n-a\n+b\n", "move_path": "/work/app/moved.py"}}
    return "event_msg", {"type": "patch_apply_end", "call_id": path, "changes": changes, "success": True}


def hits(run: Run) -> list[tuple[str, ...]]:
    """Thread, kind, and whether it fits exactly, of each line of a pipe."""
    return [(row[0], row[1], row[5]) for row in (line.split("\t") for line in run.out.splitlines())]


@pytest.mark.parametrize("sha", [SHA, SHA[:7], SHA[:7].upper()])
def test_a_commit_finds_where_work_began_and_what_made_it(home: Home, rollout: Rollout, sha: str) -> None:
    """The recorded git state and what git prints when it commits; the newest activity first; several is said."""
    home.add(1, git={"commit_hash": SHA, "branch": "main"})
    home.add(2, [*turn("commit it", "done"), *ran("git commit -am x", f"[main {SHA[:7]}] Mend it\n 1 file changed\n")])
    home.add(3, ran("git log", f"{SHA} was long ago\n"))

    run = rollout("find", "--commit", sha)

    assert 0 == run.status
    assert [(thread_id(2), "commit", "exact"), (thread_id(1), "commit", "exact")] == hits(run)
    assert "2 threads fit" in run.err
    assert "looked through 3 threads" in run.err


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/work/app/src/a.py", [(2, "exact"), (1, "exact")]),
        ("src/a.py", [(2, "similar"), (1, "similar")]),
        ("a.py", [(2, "similar"), (1, "similar")]),
        ("/work/app/moved.py", [(2, "exact")]),
        ("/else/src/a.py", []),
        ("b.py", []),
    ],
)
def test_a_file_finds_the_patches_that_touched_it(
    home: Home, rollout: Rollout, path: str, found: list[tuple[int, str]]
) -> None:
    """Relative paths belong to the thread's folder; where only the end fits, that is said."""
    home.add(1, [*turn("q", "a"), patched("src/a.py")])
    home.add(2, [changed("/work/app/src/a.py")])
    home.add(3, turn("what of src/a.py and moved.py?", "nothing"))

    run = rollout("find", "--file", path)

    assert [(thread_id(number), "file", exact) for number, exact in found] == hits(run)
    assert (0 if found else 3) == run.status


def test_a_command_finds_who_ran_it(home: Home, rollout: Rollout) -> None:
    """A part of the command is enough; what was only talked about does not count."""
    home.add(1, [*turn("q", "a"), *ran('grep -n "total sum" app.py')])
    home.add(2, turn('run grep -n "total sum" app.py', "no"))

    assert [(thread_id(1), "command", "exact")] == hits(rollout("find", "--command", '"total sum"'))


def test_what_a_fork_copied_is_marked(home: Home, rollout: Rollout) -> None:
    """Only the thread that made it is meant; a fork's own work is its own."""
    source = home.add(1, ran("make it", "ok")).read_bytes().splitlines(keepends=True)
    fork = home.add(5, ran("git push", "ok"), forked_from_id=thread_id(1))
    own_meta, *own = fork.read_bytes().splitlines(keepends=True)
    fork.write_bytes(b"".join([own_meta, *source, *own]))
    runs = [rollout("find", "--command", command) for command in ("make it", "git push")]

    assert [[(row.split("\t")[0], row.split("\t")[7]) for row in run.out.splitlines()] for run in runs] == [
        [(thread_id(5), "copied"), (thread_id(1), "own")], [(thread_id(5), "own")],
    ]  # fmt: skip
    assert "all except one only hold copies" in runs[0].err
    assert rollout("find", "--command", "make it", "--json").document["ambiguous"] is False


def test_several_options_must_all_fit(home: Home, rollout: Rollout) -> None:
    """A thread that fits only one of them is not found."""
    home.add(1, [patched("a.py"), *ran("make")])
    home.add(2, [*ran("make")])

    assert {thread_id(1)} == {thread for thread, *_ in hits(rollout("find", "--file", "a.py", "--command", "make"))}


def test_json_tells_all(home: Home, rollout: Rollout) -> None:
    """Threads with their clues, whether several fit, what was scanned, and whether that was all."""
    first = home.add(1, ran("make"), archived=True)
    second = home.add(2, ran("make test"))

    document = rollout("find", "--command", "make", "--json").document
    limited = rollout("find", "--command", "make", "--json", "--limit", "1").document

    assert ("rollout.find/1", True, True) == (document["schema"], document["ambiguous"], document["complete"])
    sizes = first.stat().st_size + second.stat().st_size
    assert {"threads": 2, "bytes": sizes, "longLinesInPart": 0} == document["scanned"]
    assert ["make test", "make"] == [thread["clues"][0]["text"] for thread in document["threads"]]
    assert (1, False) == (len(limited["threads"]), limited["complete"])


@pytest.mark.parametrize("options", [[], ["--commit", "xyz"], ["--commit", "abc"]])
def test_what_cannot_be_looked_for_is_refused(rollout: Rollout, options: list[str]) -> None:
    """Nothing to find, or no commit, is status 2."""
    assert 2 == rollout("find", *options).status


def test_a_person_sees_the_command_that_opens_it(home: Home, terminal: Rollout) -> None:
    """On a terminal: the thread, its clues, how to read the turn; hostile text cannot act."""
    home.add(1, [*turn("q", "a"), *ran("make \x1b]0;x\x07")])

    run = terminal("find", "--command", "make")

    assert f"rollout show {thread_id(1)} --turn 1" in run.out
    assert "\x1b" not in run.out


def test_words_are_found_across_blocks() -> None:
    """A word that is cut by the end of a block is seen, and nothing is read behind the last that was missing."""
    assert (True, 10) == may_hold([b"one mak", b"e; ", b"more"], [b"make", b"one"])
    assert (False, 14) == may_hold([b"one mak", b"e; ", b"more"], [b"made"])
    assert (True, 0) == may_hold([], [])
