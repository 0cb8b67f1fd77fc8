"""``rollout usage``."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from backports import zstd

from rollout import SyncRolloutRecorder
from rollout.cli import thread_files
from rollout.items import TokenCount
from rollout.lifecycle.fork import fork
from rollout.lines import Line
from rollout.query import EVERYTHING
from rollout.store.local.store import LocalStore
from support import DATA, needs_shared, shared_path
from usage_threads import HOUR, Recording, amount, taken, wire

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Rollout
    from cli.homes import Home

PRICES = 'currency = "USD"\n["gpt-5.2-codex"]\ninput = 10\ncached = 1\noutput = 100\n'


@pytest.fixture
def used(home: Home) -> list[Recording]:
    """A parent on two days, two sub-agents of it that took the same, and a thread of another model that is archived."""
    parent = Recording(1).turn(amount(1000, 20, 400, 5))
    spawn = {"subagent": {"thread_spawn": {"parent_thread_id": parent.id, "depth": 1}}}
    children = [parent.fork(number, source=spawn).turn(amount(30, 3)) for number in (2, 3)]
    parent.now_ms += 24 * HOUR
    parent.turn(amount(2000, 1))
    other = Recording(4, cwd="/home/dev/lib", model_provider="else").turn(
        amount(7, 1), model="small", cwd="/home/dev/lib"
    )
    for one in (parent, *children):
        one.put(home.path)
    other.put(home.path, archived=True)
    return [parent, *children, other]


def sums(run: Any, *names: str) -> list[tuple[Any, ...]]:
    """Facts of each group of a JSON answer."""
    return [tuple(group[name] for name in names) for group in run.document["groups"]]


@pytest.mark.usefixtures("used")
def test_a_person_gets_a_table_with_totals(rollout: Rollout) -> None:
    """Days by default, thousands separated, and how many threads were counted."""
    run = rollout("usage")

    assert run.status == 0
    assert [
        ["DAY", "INPUT", "CACHED", "OUTPUT", "REASONING", "TOTAL", "REQUESTS"],
        ["2026-02-08", "1,067", "400", "27", "5", "1,094", "4"],
        ["2026-02-09", "2,000", "0", "1", "0", "2,001", "1"],
        ["total", "3,067", "400", "28", "5", "3,095", "5"],
    ] == [line.split() for line in run.out.splitlines()]
    assert run.err == "counted 4 threads, 4 of them with usage\n"


def test_json_tells_everything(used: list[Recording], rollout: Rollout) -> None:
    """One document; the names of the amounts are those of the protocol."""
    run = rollout("usage", "--json", "--by", "thread")
    document = run.document

    assert [(one.id, one.taken.total) for one in used] == sorted(sums(run, "thread", "totalTokens"))
    assert {
        "inputTokens": 3067, "cachedInputTokens": 400, "cacheWriteInputTokens": 0, "outputTokens": 28,
        "reasoningOutputTokens": 5, "totalTokens": 3095, "requests": 5, "cost": None,
    } == document["totals"]  # fmt: skip
    assert ("rollout.usage/1", ["thread"], "UTC", 4, 4) == tuple(
        document[name] for name in ("schema", "by", "zone", "threads", "threadsWithUsage")
    )


@pytest.mark.usefixtures("used")
@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("model", [("gpt-5.2-codex", 3087), ("small", 8)]),
        ("provider", [("openai", 3087), ("else", 8)]),
        ("cwd", [("/home/dev/app", 3087), ("/home/dev/lib", 8)]),
    ],
)
def test_sums_by_other_facts(rollout: Rollout, by: str, expected: list[tuple[str, int]]) -> None:
    """The most first."""
    assert expected == sums(rollout("usage", "--json", "--by", by), by, "totalTokens")


@pytest.mark.usefixtures("used")
def test_sums_by_several_facts(rollout: Rollout) -> None:
    """Each combination is a sum."""
    run = rollout("usage", "--json", "--by", "day", "--by", "model")

    assert [
        ("2026-02-08", "gpt-5.2-codex", 1086), ("2026-02-08", "small", 8), ("2026-02-09", "gpt-5.2-codex", 2001),
    ] == sums(run, "day", "model", "totalTokens")  # fmt: skip


def test_one_thread_and_its_sub_agents(used: list[Recording], rollout: Rollout) -> None:
    """A thread alone is its own requests; rolled up, it has those of its sub-agents, each once."""
    parent = used[0].id
    alone, family = (rollout("usage", parent, "--json", "--by", "thread", *more) for more in ((), ("--rollup",)))
    home = rollout("usage", "--json", "--by", "thread", "--rollup")

    assert [(parent, 3021)] == sums(alone, "thread", "totalTokens")
    assert [(parent, 3087)] == sums(family, "thread", "totalTokens")
    assert [1, 3] == [run.document["threads"] for run in (alone, family)]
    assert [(parent, 3087), (used[3].id, 8)] == sums(home, "thread", "totalTokens")


@pytest.mark.usefixtures("used")
def test_only_some_days(rollout: Rollout) -> None:
    """Both ends are inclusive; a thread without a request in them counts as read, not as used."""
    first = rollout("usage", "--json", "--until", "2026-02-08")
    second = rollout("usage", "--json", "--since", "2026-02-09", "--until", "2026-02-09")

    assert [1094, 2001] == [run.document["totals"]["totalTokens"] for run in (first, second)]
    assert [(4, 4), (4, 1)] == [(run.document["threads"], run.document["threadsWithUsage"]) for run in (first, second)]


@pytest.mark.usefixtures("used")
def test_days_of_the_local_zone(rollout: Rollout, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was morning in UTC was the day before in the west."""
    import time

    monkeypatch.setenv("TZ", "WEST12")
    time.tzset()
    run = rollout("usage", "--local", "--json")
    monkeypatch.undo()
    time.tzset()

    assert ["2026-02-07", "2026-02-08"] == [day for (day,) in sums(run, "day")]


def test_requests_without_a_time_are_told_when_days_are_asked_for(home: Home, rollout: Rollout) -> None:
    """Without days they count, on an unknown day."""
    recording = Recording(1).turn(amount(5))
    path = recording.put(home.path)
    path.write_bytes(
        path.read_bytes().replace(b'"timestamp":"2026', b'"timestamp":"yesteryear 2026').replace(b"yesteryear ", b"", 1)
    )
    whole, days = rollout("usage", "--json"), rollout("usage", "--json", "--since", "2026-01-01")

    assert [(None, 15)] == sums(whole, "day", "totalTokens")
    assert (0, 1) == (days.document["totals"]["totalTokens"], days.document["undatedRequests"])
    assert "1 requests without a readable time" in rollout("usage", "--since", "2026-01-01").err


@pytest.mark.usefixtures("used")
@pytest.mark.parametrize("form", ["toml", "json"])
def test_prices_make_a_cost_and_name_the_models_they_lack(rollout: Rollout, tmp_path: Path, form: str) -> None:
    """By a table in TOML or JSON."""
    table = tmp_path / f"prices.{form}"
    as_json = '{"currency": "USD", "gpt-5.2-codex": {"input": 10, "cached": 1.0, "output": 100}}'
    table.write_text(PRICES if form == "toml" else as_json)
    run, shown = (rollout("usage", "--prices", str(table), *more) for more in (("--json",), ()))

    assert pytest.approx((2660 * 10 + 400 + 27 * 100) / 1e6) == run.document["totals"]["cost"]
    assert [{"model": "small", "totalTokens": 8}] == run.document["unpriced"]
    assert "COST USD" in shown.out.splitlines()[0]
    assert "0.0297" == shown.out.splitlines()[-1].split()[-1]
    assert "no price for: small (8 tokens)" in shown.err


@pytest.mark.parametrize(
    ("text", "told"),
    [("a = b", "Invalid value"), ("m = 3", "'m' is not a table"), ('["m"]\ninput = 1', "'output', not None")],
)
def test_a_price_table_that_cannot_be_read_is_refused(
    home: Home, rollout: Rollout, tmp_path: Path, text: str, told: str
) -> None:
    """With its path and what is wrong."""
    table = tmp_path / "prices.toml"
    table.write_text(text)
    run = rollout("usage", "--prices", str(table))

    assert home.path.is_dir()
    assert run.status == 2
    assert f"--prices {table} cannot be read" in run.err
    assert told in run.err


def test_a_price_table_that_is_not_there_is_told(home: Home, rollout: Rollout) -> None:
    """As a file that cannot be used."""
    run = rollout("usage", "--prices", str(home.path / "none.toml"))

    assert (5, True) == (run.status, "none.toml: No such file" in run.err)


def test_an_archived_twin_counts_once(home: Home, rollout: Rollout) -> None:
    """A file that stands in both folders, and a copy under another date, are the same thread; what was left out is told."""
    recording = Recording(1).turn(amount(100))
    path = recording.put(home.path)
    recording.put(home.path, archived=True)
    shutil.copy(path, path.parent.parent / path.name)
    run = rollout("usage", "--json")

    assert (110, 1) == (run.document["totals"]["totalTokens"], run.document["threads"])
    assert {"duplicate": 2} == run.document["leftOut"]
    assert "left out: 2 duplicate" in rollout("usage").err


def test_a_compressed_twin_counts_once(home: Home, rollout: Rollout) -> None:
    """A rollout and its compressed form side by side are one file; so are a plain one and a compressed one in the archive."""
    recording = Recording(1).turn(amount(100))
    path = recording.put(home.path)
    packed = zstd.compress(path.read_bytes())
    path.with_name(f"{path.name}.zst").write_bytes(packed)
    archived = recording.put(home.path, archived=True)
    archived.with_name(f"{path.name}.zst").write_bytes(packed)
    archived.unlink()
    run = rollout("usage", "--json")

    assert (110, 1) == (run.document["totals"]["totalTokens"], run.document["threads"])


def test_our_own_forks_count_once(home: Home, rollout: Rollout) -> None:
    """A chain of four, each with a request of its own, of one size: each thread has its own."""
    first = Recording(1).turn(amount(100))
    first.put(home.path)
    store = LocalStore(home.path)
    chained: list[str] = [first.id]
    for length in range(2, 5):
        chained.append(fork(store, chained[-1]).thread_id)
        with SyncRolloutRecorder.resume(store, chained[-1]) as recorder:
            info = {"total_token_usage": wire(amount(100 * length, 10 * length)), "last_token_usage": wire(amount(100))}
            recorder.record([TokenCount(info=info, rate_limits=None)])
    run = rollout("usage", "--json", "--by", "thread")

    assert sorted((thread, 110) for thread in chained) == sorted(sums(run, "thread", "totalTokens"))


def test_every_page_of_threads_is_read(home: Home, rollout: Rollout, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many threads there are, only a page of rows is in memory."""
    monkeypatch.setattr(thread_files, "_PAGE", 2)
    for number in range(1, 8):
        Recording(number).turn(amount(number)).put(home.path)
    run = rollout("usage", "--json")

    assert (7, 28) == (run.document["threads"], run.document["totals"]["inputTokens"])


def test_a_thread_that_moved_since_it_was_listed_is_found(home: Home) -> None:
    """It is looked for by its id then, its last line without a newline included."""
    recording = Recording(1).turn(amount(100)).request(amount(5))
    path = recording.put(home.path)
    path.write_bytes(recording.data[:-1])
    store = LocalStore(home.path)
    (row,) = store.list(EVERYTHING).threads
    (there,) = (list(found) for found, _ in thread_files.files_of(store, row))
    (moved,) = (list(found) for found, _ in thread_files.files_of(store, row._replace(path=row.path + ".gone")))

    assert there == moved
    assert amount(105, 20) == taken(b"".join(line.data for line in moved if isinstance(line, Line)))


def test_damage_is_told_and_the_rest_counts(home: Home, rollout: Rollout) -> None:
    """The status is that of a finding."""
    path = Recording(1).turn(amount(100)).put(home.path)
    with path.open("ab") as file:
        file.write(b'{"broken\n')
    run = rollout("usage")

    assert run.status == 1
    assert "110" in run.out
    assert "1 thread cannot be read wholly" in run.err


def test_an_empty_home_has_no_usage(home: Home, rollout: Rollout) -> None:
    """Nothing is nothing."""
    run = rollout("usage")

    assert home.path.is_dir()
    assert ["total", "0", "0", "0", "0", "0", "0"] == run.out.splitlines()[-1].split()
    assert run.err == "counted 0 threads, 0 of them with usage\n"


@pytest.mark.parametrize("words", [("--since", "yesterday"), ("--by", "week"), ("--until", "2026-02-30")])
def test_what_cannot_be_meant_is_refused(home: Home, rollout: Rollout, words: tuple[str, ...]) -> None:
    """As wrong usage, on one line."""
    run = rollout("usage", *words)

    assert home.path.is_dir()
    assert (2, 1) == (run.status, len(run.err.splitlines()))


def test_a_reverted_thread_counts_the_turns_that_were_dropped(home: Home, rollout: Rollout) -> None:
    """It has two files, and what was dropped was taken; looking changes nothing."""
    shutil.copytree(DATA / "codex-0.169.0", home.path, dirs_exist_ok=True)
    before = home.state()
    run = rollout("usage", "01a09f77-70d9-7070-a0c8-bb6ef8ce9794", "--json")

    assert (2224 + 607, 5) == (run.document["totals"]["totalTokens"], run.document["totals"]["requests"])
    assert before == home.state()


def test_a_terminal_gets_harmless_text(home: Home, terminal: Rollout) -> None:
    """A model's name may hold anything."""
    Recording(1).turn(amount(1), model="evil\x1b[2J\nname").put(home.path)
    run = terminal("usage", "--by", "model", "--by", "thread")

    assert run.status == 0
    assert "\x1b[2J" not in run.out
    assert "evil␛[2J name" in run.out


@needs_shared
@pytest.mark.parametrize("version", ["codex-0.169.0", "extras/v0.169.0-compressed"])
def test_compressed_rollouts_count_too(rollout: Rollout, version: str) -> None:
    """Whole real homes, one with compressed files."""
    run = rollout("usage", "--json", "--home", str(shared_path("corpus", *version.split("/"))))
    expected = {"codex-0.169.0": (545_941, 523), "extras/v0.169.0-compressed": (547_324, 524)}

    assert expected[version] == (run.document["totals"]["totalTokens"], run.document["totals"]["requests"])


@pytest.mark.usefixtures("used")
def test_bars_are_drawn_on_request(rollout: Rollout) -> None:
    """--plot draws the totals of the groups; the table in a pipe has no bars otherwise."""
    drawn = rollout("usage", "--plot").out.splitlines()

    assert [False, True, True, False] == ["█" in row for row in drawn[:4]]
    assert "█" not in rollout("usage").out
