"""``rollout search``, and opening what it finds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from cli.homes import Payload, thread_id, turn

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Rollout
    from cli.homes import Home


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("ROLLOUT_INDEX", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def talks(home: Home) -> Home:
    """Three threads; the needle is in the first and in the archived third."""
    call = {"type": "function_call", "name": "shell", "arguments": '{"command":["cat","needle.py"]}', "call_id": "c"}
    output = {"type": "function_call_output", "call_id": "c", "output": "\x1b]0;needle\x07 = 1"}
    tools: list[Payload] = [("response_item", call), ("response_item", output)]
    home.add(1, [*turn("where is the needle", "in the hay"), *tools])
    home.add(2)
    home.add(3, [*turn("needles", "Needle again")], archived=True)
    return home


@pytest.mark.usefixtures("talks")
def test_into_a_pipe(rollout: Rollout) -> None:
    """One hit a line, the newest first: id, line, turn, role, time, text, command; control characters are shown."""
    run = rollout("search", "needle")
    rows = [line.split("\t") for line in run.out.splitlines()]

    assert [(3, 4, 1, "agent"), (1, 6, 1, "tool"), (1, 5, 1, "tool"), (1, 2, 1, "user")] == [
        (int(row[0][:8], 16), int(row[1]), int(row[2]), row[3]) for row in rows
    ]
    assert f"rollout show {thread_id(1)} --from 5" == rows[2][6]
    assert "\x1b" not in run.out
    assert "␛]0;needle␇" in rows[1][5]
    assert 0 == run.status


@pytest.mark.usefixtures("talks")
def test_the_command_of_a_hit_opens_it(rollout: Rollout) -> None:
    """What a hit tells to run shows the thread from that line on, as text and as JSON."""
    command = rollout("search", "needle").out.splitlines()[2].split("\t")[6].split()[1:]

    assert "cat needle.py" in rollout(*command).out
    assert "where is" not in rollout(*command).out
    assert [5, 6] == [line["n"] for line in rollout(*command, "--json").document["lines"]]
    assert 2 == rollout(*command, "--tail", "1").status
    assert 2 == rollout(*command, "--raw").status


@pytest.mark.usefixtures("talks")
def test_json(rollout: Rollout) -> None:
    """Hits with places, then the threads that they are in, and where the next page begins."""
    found = rollout("search", "needle", "--json", "--limit", "2").document

    assert "rollout.search/1" == found["schema"]
    assert [4, 6] == [hit["n"] for hit in found["hits"]]
    hit = found["hits"][0]
    start = hit["match"]["start"]
    assert "Needle" == hit["snippet"][start : start + hit["match"]["length"]]
    assert [thread_id(3), thread_id(1)] == [thread["id"] for thread in found["threads"]]
    assert found["complete"] is False
    rest = rollout("search", "needle", "--json", "--cursor", found["nextCursor"]).document
    assert [5, 2] == [hit["n"] for hit in rest["hits"]]
    assert (None, True) == (rest["nextCursor"], rest["complete"])
    assert [] == rollout("search", "nothing of the kind", "--json").document["hits"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["needle", "--prefix"], 5), (["needle where", "--words"], 1), (["ne+dle", "--regex"], 5), (["needle", "--active"], 3),
        (["needle", "--archived"], 1), (["needle", "--role", "tool"], 2), (["needle", "--thread", "00000003"], 1),
        (["needle", "--since", "2026-02-01T12:02:00Z"], 1), (["needle", "--until", "2026-01-31"], 0),
        (["needle", "--until", "2026-02-01"], 4), (["needle", "--source", "exec"], 0), (["needle", "--cwd", "/work/app"], 4),
        (["needle", "--provider", "other"], 0), (["needle", "--ranked", "--limit", "1"], 1), (["needle", "--limit", "0"], 4),
        (["0.100.0", "--context"], 3), (["0.100.0"], 0), (["needle", "--sort", "created", "--asc"], 4),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("talks")
def test_options(rollout: Rollout, options: list[str], found: int) -> None:
    """Each way to look and each filter does what it says, with the index and without."""
    with_index = rollout("search", *options)

    assert found == len(with_index.out.splitlines()), with_index.err
    assert with_index.out == rollout("search", *options, "--no-index").out


def test_the_index_is_made_by_searching(rollout: Rollout, talks: Home, cache: Path) -> None:
    """A small home is taken in by the way; ``--update-index`` does it alone; ``--no-index`` leaves the cache alone."""
    before = talks.state()
    assert 0 == rollout("search", "needle", "--no-index").status
    assert not cache.exists()
    assert 0 == rollout("search", "--update-index").status
    assert 1 == len(list(cache.rglob("words-*.sqlite")))
    assert 4 == len(rollout("search", "needle").out.splitlines())
    assert before == talks.state()


@pytest.mark.usefixtures("talks")
def test_notes(rollout: Rollout) -> None:
    """What is missing is told: nothing found and what looks wider, the next page, an index that could not be used."""
    assert "nothing found; --prefix" in rollout("search", "needl").err
    assert "" == rollout("search", "needl", "-q").err
    assert "next page: --cursor" in rollout("search", "needle", "--limit", "1").err


@pytest.mark.parametrize(
    "options", [[], [" "], ["(", "--regex"], ["a", "--prefix", "--words"], ["a", "--cursor", "x"], ["a", "--role", "cat"],
                ["a", "--since", "soon"], ["--update-index", "--no-index"]],
)  # fmt: skip
@pytest.mark.usefixtures("talks")
def test_what_cannot_be_understood(rollout: Rollout, options: list[str]) -> None:
    """One line on standard error, and status 2."""
    run = rollout("search", *options)

    assert (2, "", 1) == (run.status, run.out, len(run.err.splitlines()))


@pytest.mark.usefixtures("talks")
def test_a_thread_that_is_not_there(rollout: Rollout) -> None:
    """Asking one thread needs that thread."""
    assert 3 == rollout("search", "needle", "--thread", "ffff0000").status


@pytest.mark.slow
@pytest.mark.usefixtures("talks")
def test_on_a_terminal(terminal: Rollout) -> None:
    """Hits stand below their thread, with the words around them and the command; nothing is wider than the screen."""
    shown = terminal("search", "needle").out
    plain = shown.replace("\x1b[0m", "").replace("\x1b[1;33m", "").replace("\x1b[1m", "").replace("\x1b[2m", "")

    assert f"  agent, turn 1, 2026-02-01 12:03  rollout show {thread_id(3)[:13]} --from 4" in plain
    assert "    Needle again" in plain.splitlines()
    assert "\x1b[1;33mNeedle\x1b[0m again" in shown
    assert "␛]0;needle␇" in plain
    assert 80 >= max(map(len, plain.splitlines()))


def test_a_home_that_is_named_is_named_again(rollout: Rollout, talks: Home) -> None:
    """The command of a hit asks the home that was asked."""
    line = rollout("search", "needle", "--home", str(talks.path)).out.splitlines()[0]

    assert f"rollout show --home {talks.path} {thread_id(3)} --from 4" in line
    assert json.loads(rollout("search", "needle", "--home", str(talks.path), "--json").out)
