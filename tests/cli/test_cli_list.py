"""``rollout list``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from cli.homes import thread_id, turn
from rollout.cli.table import unique_length
from rollout.cli.when import moment
from rollout.render.naming import ago
from rollout.render.safe import width
from rollout.times import parse_ms

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Rollout
    from cli.homes import Home


@pytest.fixture
def mixed(home: Home) -> Home:
    """Seven threads: of two folders, sources, providers; one archived, one named, one untitled, one unreadable."""
    home.add(1)
    home.add(2, cwd="/work/lib")
    home.add(3, source="exec")
    home.add(4, model_provider="other")
    home.add(5, archived=True)
    home.add(6, [])
    home.write(7, b"\n")
    home.name(2, "The second")
    return home


def ids(run: object) -> list[str]:
    """The ids of a JSON listing."""
    return [row["id"] for row in run.document["threads"]]  # type: ignore[attr-defined]  # JSON


def test_a_pipe_gets_one_thread_a_line(mixed: Home, rollout: Rollout) -> None:
    """Without a terminal every thread is one tab-separated line, the newest activity first."""
    run = rollout("list")

    assert run.status == 0
    assert [
        [thread_id(4), "2026-02-01T12:04:00.000Z", "/work/app", "question 4"],
        [thread_id(2), "2026-02-01T12:02:00.000Z", "/work/lib", "The second"],
        [thread_id(1), "2026-02-01T12:01:00.000Z", "/work/app", "question 1"],
    ] == [row.split("\t") for row in run.out.splitlines()]
    assert mixed.path.is_dir()


def test_what_is_hidden_is_announced(mixed: Home, rollout: Rollout) -> None:
    """A filter says how many it left out, why, and how to see them; --quiet does not."""
    assert mixed
    told = "1 archived, 1 exec, 1 no user message, 1 unreadable hidden: --all\n"

    run = rollout("list")

    assert sorted(told) == sorted(run.err)
    assert rollout("list", "--quiet").err == ""


def test_what_is_hidden_is_told_by_what_shows_it(mixed: Home, rollout: Rollout) -> None:
    """What --all shows, what a filter of the call leaves out, and which: a line each."""
    mixed.add(8, source={"subagent": "review"})
    mixed.add(9, source={"subagent": "compact"})

    assert "2 sub-agent, 1 archived, 1 exec, 1 no user message, 1 unreadable hidden: --all\n" == rollout("list").err
    filtered = rollout("list", "--cwd", "/work/lib", "--provider", "other", "--provider", "openai", "--source", "cli")
    by_all = "1 archived, 1 no user message, 1 unreadable hidden: --all\n"
    assert by_all + "2 hidden by cwd, 3 hidden by source: leave the filter out\n" == filtered.err


def test_all_hides_nothing(mixed: Home, rollout: Rollout) -> None:
    """--all lists every thread on disk, with nothing hidden."""
    assert mixed
    run = rollout("list", "--all", "--json")

    assert sorted(map(thread_id, range(1, 8))) == sorted(ids(run))
    assert ({}, True, None) == (run.document["hidden"], run.document["complete"], run.document["nextCursor"])


def test_json_rows_have_every_fact(home: Home, rollout: Rollout) -> None:
    """A row tells all that is known of a thread; times are UTC with milliseconds."""
    path = home.add(1, git={"branch": "main", "commit_hash": "5a1f"}, forked_from_id=thread_id(9))
    modified = rollout("list", "--json").document["threads"][0].pop("updatedAt")

    document = rollout("list", "--json").document

    assert document["schema"] == "rollout.list/1"
    assert [
        {
            "id": thread_id(1),
            "path": str(path),
            "name": None,
            "preview": "question 1",
            "cwd": "/work/app",
            "source": "cli",
            "modelProvider": "openai",
            "cliVersion": "0.100.0",
            "createdAt": "2026-02-01T12:01:00.000Z",
            "updatedAt": modified,
            "activeAt": "2026-02-01T12:01:00.000Z",
            "git": {"branch": "main", "commit_hash": "5a1f"},
            "archived": False,
            "era": "legacy",
            "bytes": path.stat().st_size,
            "forkedFrom": thread_id(9),
            "parent": None,
            "problem": None,
            "tags": [],
            "note": None,
        }
    ] == document["threads"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", modified)


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        (["--archived"], [5]),
        (["--cwd", "/work/lib"], [2]),
        (["--cwd", "/work/lib", "--cwd", "/work/app"], [4, 2, 1]),
        (["--source", "exec"], [3]),
        (["--source", "exec", "--source", "cli"], [4, 3, 2, 1]),
        (["--provider", "other"], [4]),
        (["--all", "--provider", "other"], [4]),
        (["--sort", "created", "--asc"], [1, 2, 4]),
        (["--sort", "name", "--asc"], [1, 4, 2]),
        (["--since", "2026-02-01T12:02:00Z"], [4, 2]),
        (["--until", "2026-02-01T12:02:00Z"], [2, 1]),
        (["--until", "2026-02-01"], [4, 2, 1]),
        (["--since", "1d"], []),
        (["--text", "TION 2"], [2]),
        (["--branch", "main"], []),
        (["--parent", thread_id(1)], []),
        (["--forked-from", thread_id(1)], []),
        (["--limit", "2"], [4, 2]),
        (["--limit", "0"], [4, 2, 1]),
    ],
)
def test_filters_and_orders(mixed: Home, rollout: Rollout, options: list[str], numbers: list[int]) -> None:
    """Each option narrows or orders as it says."""
    assert mixed
    assert [thread_id(number) for number in numbers] == ids(rollout("list", "--json", *options))


@pytest.mark.parametrize("order", ["active", "created", "updated", "name", "size", "tokens"])
@pytest.mark.parametrize("direction", [[], ["--asc"]])
@pytest.mark.parametrize("index", [[], ["--no-index"]])
def test_pages_lead_to_every_thread(
    home: Home, rollout: Rollout, order: str, direction: list[str], index: list[str]
) -> None:
    """Following the cursor lists every thread once, in the order of the whole; with an index all counts are whole."""
    for number in range(1, 8):
        home.add(number)
    whole = ids(rollout("list", "--json", "--sort", order, *direction, *index))
    walked: list[str] = []
    cursor: list[str] = []

    while True:
        run = rollout("list", "--json", "--sort", order, "--limit", "3", *direction, *index, *cursor)
        walked += ids(run)
        if run.document["nextCursor"] is None:
            break
        assert run.document["complete"] is not bool(index)
        cursor = ["--cursor", run.document["nextCursor"]]

    assert whole == walked
    assert len(set(walked)) == 7


def test_count_counts(mixed: Home, rollout: Rollout) -> None:
    """--count prints a number, or in JSON the number and what was hidden."""
    assert mixed
    assert rollout("list", "--count").out == "3\n"
    assert rollout("list", "--count", "--all", "--json").document["count"] == 7


def test_an_empty_home_has_no_threads(home: Home, rollout: Rollout) -> None:
    """A home without threads, or that does not exist yet, is no error."""
    assert home
    assert rollout("list").out == ""
    assert rollout("list", "--json").document["threads"] == []


def test_a_home_that_is_not_there_is_told(tmp_path: Path, rollout: Rollout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the environment: no threads, a line that says why, status 0; of --home: status 3."""
    nowhere = tmp_path / "nowhere"
    monkeypatch.setenv("ROLLOUT_HOME", str(nowhere))
    told = f"there is no folder {nowhere} yet: it has no threads\n"

    assert [(0, told)] * 2 == [(run.status, run.err) for run in (rollout("list"), rollout("list", "--count"))]
    assert (0, told, []) == (*(run := rollout("list", "--json"))[::2], ids(run))
    assert {told} == {line for command in ("stats", "usage") for line in rollout(command).err.splitlines(keepends=True)} - {"counted 0 threads, 0 of them with usage\n"}
    assert told in rollout("search", "x").err
    assert 3 == rollout("list", "--home", str(nowhere)).status


def test_columns_fit_the_terminal(home: Home, terminal: Rollout) -> None:
    """On a terminal every line fits, wide characters included, and ids are short."""
    home.add(1, turn("分析" * 60, "ok"), cwd="/work/" + "深い/" * 30)
    home.add(2, turn("a " * 200, "ok"), git={"branch": "feature/long-branch"})

    run = terminal("list")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", run.out).splitlines()

    assert ["ID", "WHEN", "FOLDER", "THREAD"] == lines[0].split()
    assert len(lines) == 3
    assert all(width(line) <= 80 for line in lines)
    assert lines[1].startswith(thread_id(2)[:13] + "  ")


def test_a_page_of_several_providers_tells_them(home: Home, terminal: Rollout) -> None:
    """In a column of its own, which a page of one provider does without."""
    home.add(1)
    one = terminal("list").out
    home.add(2, model_provider="other")
    home.add(3, model_provider="a provider with a long name")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", terminal("list").out).splitlines()

    assert "PROVIDER" not in one
    assert ["ID", "WHEN", "PROVIDER", "FOLDER", "THREAD"] == lines[0].split()
    assert ["a provider …", "other", "openai"] == [line[27:41].strip() for line in lines[1:]]
    assert all(width(line) <= 80 for line in lines)


def spawned(parent: int) -> dict[str, object]:
    """The source of a sub-agent."""
    return {"subagent": {"thread_spawn": {"parent_thread_id": thread_id(parent), "depth": 1}}}


def test_a_tree_has_sub_agents_under_their_threads(home: Home, rollout: Rollout, terminal: Rollout) -> None:
    """Those of those too, archived ones too; what is told so is not counted as hidden, an orphan is."""
    home.add(1)
    home.add(2)
    home.add(3, source=spawned(1))
    home.add(4, source=spawned(3), archived=True)
    home.add(5, source=spawned(9))
    plain, shown, tree = rollout("list", "--tree"), terminal("list", "--tree"), rollout("list", "--tree", "--json").document

    assert [thread_id(number) for number in (2, 1, 3, 4)] == [line[:36] for line in plain.out.splitlines()]
    assert ["└ [subagent:thread_spawn] question 3", "  └ [archived, subagent:thread_spawn] question 4"] == [line.split("\t")[3] for line in plain.out.splitlines()[2:]]
    assert "  └ [archived, sub" in shown.out
    assert [[], [[thread_id(4)]]] == [[[below["id"] for below in one["children"]] for one in row["children"]] for row in tree["threads"]]
    assert ("1 sub-agent hidden: --all\n", {"subagent": 1}) == (plain.err, tree["hidden"])


@pytest.mark.parametrize("other", ["--all", "--archived", "--count"])
def test_a_tree_is_of_what_people_started(home: Home, rollout: Rollout, other: str) -> None:
    """What lists sub-agents by themselves, or nothing, excludes it."""
    home.add(1)

    assert 2 == rollout("list", "--tree", other).status


def test_a_terminal_gets_one_page_and_how_to_go_on(home: Home, terminal: Rollout) -> None:
    """25 threads are shown, with how many there are and where the next page begins."""
    for number in range(1, 31):
        home.add(number)

    run = terminal("list")

    assert len(run.out.splitlines()) == 26
    assert "showing 25 of 30; next page: --cursor '2026-02-01T12:06:00Z|" in run.err


def test_a_thread_cannot_act_on_the_terminal(home: Home, terminal: Rollout) -> None:
    """Escape sequences in a title, a name, a folder or a branch are shown, in text and in JSON."""
    evil = "\x1b]0;x\x07\x9b2J\u202e"
    home.add(1, turn(evil, "ok"), cwd=evil, git={"branch": evil})
    home.add(2)
    home.name(2, evil)

    for options in (["list"], ["list", "--json"], ["show", thread_id(1)], ["show", "--json", thread_id(1)]):
        shown = re.sub(r"\x1b\[[0-9;]*m", "", terminal(*options).out)
        assert not set("\x1b\x07\x9b\u202e") & set(shown), options


def test_no_color_is_obeyed(home: Home, terminal: Rollout, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is colour on a terminal, and none with NO_COLOR."""
    home.add(1)
    coloured = terminal("list").out
    monkeypatch.setenv("NO_COLOR", "1")

    plain = terminal("list").out

    assert "\x1b[" in coloured
    assert "\x1b[" not in plain


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--cursor", "nonsense", "invalid cursor: nonsense"),
        ("--limit", "-1", "--limit"),
        ("--limit", "many", "not a number from 0 on: 'many'"),
        ("--sort", "colour", "invalid choice: 'colour'"),
        ("--since", "soon", "no time: 'soon'"),
        ("--cursor", f'"a"|{thread_id(1)}', "is not of a listing by active"),
        ("--source", "foo", "--source foo: no such kind"),
    ],
)
def test_bad_options_are_named(rollout: Rollout, option: str, value: str, told: str) -> None:
    """A value that cannot be honoured is one line on standard error and status 2."""
    run = rollout("list", option, value)

    assert (2, "") == (run.status, run.out)
    assert told in run.err
    assert run.err.count("\n") == 1


def test_listing_changes_nothing(mixed: Home, rollout: Rollout) -> None:
    """Looking leaves every byte and every file time alone, and makes no file."""
    before = mixed.state()

    for options in (["list"], ["list", "--all"], ["show", thread_id(1)], ["path", thread_id(5)]):
        rollout(*options)

    assert before == mixed.state()


@pytest.mark.parametrize(
    ("passed_s", "told"),
    [(0, "now"), (59, "now"), (60, "1m ago"), (3599, "59m ago"), (7200, "2h ago"), (86_400 * 3, "3d ago"), (86_400 * 8, "2026-02-01"), (-90, "2026-02-09")],
)  # fmt: skip
def test_times_are_relative_up_to_a_week(passed_s: int, told: str) -> None:
    """Recent times are told by how long ago they were, others by their date; the future is no past."""
    now_ms = parse_ms("2026-02-09T12:00:00Z")
    assert now_ms is not None

    assert told == ago(now_ms - passed_s * 1000, now_ms)


@pytest.mark.parametrize(
    ("text", "end", "told"),
    [
        ("2026-02-08", False, "2026-02-08T00:00:00Z"),
        ("2026-02-08", True, "2026-02-08T23:59:59.999Z"),
        ("2026-02-08T10:00:00+02:00", True, "2026-02-08T08:00:00Z"),
        ("90m", False, "2026-02-09T10:30:00Z"),
        ("2w", True, "2026-01-26T12:00:00Z"),
    ],
)
def test_times_that_a_person_gives(text: str, *, end: bool, told: str) -> None:
    """A day, RFC 3339, or how long ago; a day that ends something ends it with its last millisecond."""
    now_ms = parse_ms("2026-02-09T12:00:00Z")
    assert now_ms is not None

    assert parse_ms(told) == moment(text, now_ms, end=end)


def test_short_ids_tell_a_page_apart() -> None:
    """As many characters are shown as it takes, at least those of the id's time."""
    first, second = "019c5166-7694-7593-8030-4683b6e2f9c0", "019c5166-7694-7593-8030-4683b6e2f9c1"

    assert unique_length([first]) == 13
    assert unique_length([first, second]) == 36
    assert unique_length([first, first.replace("7593", "7600")]) == 16
