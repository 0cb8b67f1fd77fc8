"""``rollout show``, ``history`` and ``path``."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from cli.homes import PYTHON, environment, line, thread_id, turn
from rollout.render.shown import compact

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Rollout
    from cli.homes import Home

PATIENCE_S = 20
STAMP = "2026-02-01T12:30:00.000Z"


def said(text: str) -> list[str]:
    """The lines of a transcript that are not empty."""
    return [row for row in text.splitlines() if row.strip()]


def test_a_transcript_has_every_turn(home: Home, rollout: Rollout) -> None:
    """Who asked what, and what was answered, in order."""
    home.add(1, [*turn("first", "one"), *turn("second", "two")])

    run = rollout("show", thread_id(1))

    assert (0, "") == (run.status, run.err)
    assert ["> first", "one", "> second", "two"] == [row for row in said(run.out)[2:] if not row.startswith("──")]


@pytest.mark.parametrize(
    "text", [thread_id(1), thread_id(1).upper(), thread_id(1).replace("-", ""), "0000000100", "The name"]
)
def test_threads_are_found_by_id_beginning_or_name(home: Home, rollout: Rollout, text: str) -> None:
    """Any spelling of the id, a beginning that fits one thread only, or the name."""
    path = home.add(1)
    home.add(20)
    home.name(1, "The name")
    if text == "0000000100":
        text = "00000001"

    assert f"{path}\n" == rollout("path", text).out


def test_an_unknown_thread_is_status_3(rollout: Rollout) -> None:
    """One line says that there is none."""
    run = rollout("show", "deadbeef")

    assert (3, "") == (run.status, run.out)
    assert "no thread 'deadbeef'" in run.err
    assert run.err.count("\n") == 1


def test_an_ambiguous_beginning_lists_the_candidates(home: Home, rollout: Rollout) -> None:
    """Several threads answer: all are named, nothing is shown."""
    home.add(1)
    home.add(2)

    run = rollout("show", "000000")

    assert (3, "") == (run.status, run.out)
    assert thread_id(1) in run.err
    assert thread_id(2) in run.err


def test_json_has_every_line_with_its_bytes(home: Home, rollout: Rollout) -> None:
    """The document has the thread, each line with its number and exact payload, and no damage."""
    odd = b'{"timestamp":"x","ordinal":7,"type":"hologram","payload":{"z":1.0,  "a":1e2},"metadata":{"m":1}}\n'
    path = home.add(1)
    with path.open("ab") as file:
        file.write(odd)

    run = rollout("show", thread_id(1), "--json")

    document = run.document
    assert ("rollout.show/1", thread_id(1), []) == (document["schema"], document["thread"]["id"], document["damage"])
    assert list(range(6)) == [one["n"] for one in document["lines"]]
    assert (
        b'{"n":5,"timestamp":"x","ordinal":7,"type":"hologram","payload":{"z":1.0,  "a":1e2},"metadata":{"m":1}}'
        in run.out.encode()
    )


def test_damage_costs_one_line(home: Home, rollout: Rollout) -> None:
    """The good lines are shown, the damage stands between them, one line on standard error says so, status 1."""
    path = home.add(1)
    path.write_bytes(
        path.read_bytes() + b'{"torn\n' + line(STAMP, "event_msg", {"type": "agent_message", "message": "after"})
    )
    offset = path.read_bytes().index(b'{"torn')

    run = rollout("show", thread_id(1))
    document = rollout("show", thread_id(1), "--json").document

    assert run.status == 1
    assert run.out.index("answer 1") < run.out.index("⚠ 7 bytes") < run.out.index("after")
    assert f"thread {thread_id(1)} is damaged: 1 stretch, 7 bytes, first at offset {offset}" in run.err
    assert run.err.count("\n") == 1
    assert [(5, 0, offset, 7)] == [
        (one["n"], one["segment"], one["offset"], one["length"]) for one in document["damage"]
    ]
    assert len(document["lines"]) == 6


def test_a_missing_base_costs_only_itself(home: Home, rollout: Rollout) -> None:
    """A fork by reference whose base is gone shows its own lines, says what is missing, and is status 1."""
    base = {"thread_id": thread_id(50), "end_ordinal_exclusive": 9, "end_byte_offset": 900}
    home.add(1, history_mode="paginated", history_base=base)

    for form in ([], ["--json"]):
        run = rollout("show", thread_id(1), *form)
        assert run.status == 1
        assert "answer 1" in run.out
        assert thread_id(50) in run.err
        assert run.err.count("\n") == 1


def test_raw_is_the_file(home: Home, rollout: Rollout) -> None:
    """--raw gives the bytes of the file, damage included."""
    path = home.add(1)
    path.write_bytes(path.read_bytes() + b"\0\0 no record")

    run = rollout("show", thread_id(1), "--raw")

    assert (0, path.read_bytes().decode()) == (run.status, run.out)
    assert run.out == rollout("show", thread_id(1), "--raw", "--segment", "all").out
    assert run.out == rollout("show", thread_id(1), "--raw", "--segment", "0").out


def test_raw_resolved_is_the_thread(home: Home, rollout: Rollout) -> None:
    """--resolved gives every line of the thread, and says when something is no line."""
    path = home.add(1)
    whole = path.read_bytes()
    path.write_bytes(whole + b"no record\n")

    run = rollout("show", thread_id(1), "--raw", "--resolved")

    assert (1, whole.decode()) == (run.status, run.out)


@pytest.mark.parametrize(
    "options",
    [
        ["--segment", "0"],
        ["--resolved"],
        ["--raw", "--json"],
        ["--raw", "--tail", "1"],
        ["--raw", "--follow"],
        ["--raw", "--resolved", "--segment", "0"],
        ["--raw", "--segment", "5"],
        ["--tail", "x"],
        ["--turn", "1", "--json"],
        ["--turn", "1", "--tail", "2"],
        ["--only", "wishes"],
        ["--since", "yesterday"],
    ],
)
def test_contradictions_are_usage_errors(home: Home, rollout: Rollout, options: list[str]) -> None:
    """Options that exclude each other, and values that mean nothing, are status 2."""
    home.add(1)

    run = rollout("show", thread_id(1), *options)

    assert (2, "", 1) == (run.status, run.out, run.err.count("\n"))


@pytest.mark.parametrize(
    ("wanted", "shown"), [(0, []), (1, ["two"]), (2, ["> second", "two"]), (4, ["> first", "one", "> second", "two"])]
)
def test_tail_shows_the_last_entries(home: Home, rollout: Rollout, wanted: int, shown: list[str]) -> None:
    """The last N things that were said, whatever lines they take."""
    noise: list[Any] = [("event_msg", {"type": "token_count", "info": None})] * 50
    home.add(1, [*turn("first", "one"), *noise, *turn("second", "two"), *noise])

    run = rollout("show", thread_id(1), "--tail", str(wanted))

    assert shown == [row for row in said(run.out) if not row.startswith("──")]


def test_tail_counts_lines_in_json(home: Home, rollout: Rollout) -> None:
    """With --json the last N lines; their numbers are not known without reading the whole thread."""
    home.add(1)

    lines = rollout("show", thread_id(1), "--json", "--tail", "2").document["lines"]

    assert turn("question 1", "answer 1")[-2:] == [(one["type"], one["payload"]) for one in lines]
    assert [None, None] == [one["n"] for one in lines]


def test_rolled_back_turns_are_marked(home: Home, rollout: Rollout) -> None:
    """A rollback at the end leaves out the turns before it and says so; on request they are marked, in the tail too."""
    home.add(
        1, [*turn("kept", "1"), *turn("dropped", "2"), ("event_msg", {"type": "thread_rolled_back", "num_turns": 1})]
    )

    run = rollout("show", thread_id(1))
    assert "> dropped" not in run.out
    assert "1 turn left out here, rolled back: --rolled-back shows them" in run.out
    for options in ([], ["--tail", "4"]):
        run = rollout("show", thread_id(1), "--rolled-back", *options)
        assert "┊ > dropped" in run.out
        assert "┊ > kept" not in run.out


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_follow_shows_what_is_appended(home: Home, form: list[str]) -> None:
    """--follow shows what was there, then each line as it comes; an interrupt ends it with a whole document."""
    path = home.add(1)
    process = subprocess.Popen(
        [*PYTHON, "show", thread_id(1), "--follow", *form],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(home.path),
    )  # fmt: skip
    try:
        heard = _hear(process, b"answer 1")
        with path.open("ab") as file:
            file.write(line(STAMP, "event_msg", {"type": "agent_message", "message": "came later"}))
        heard += _hear(process, b"came later")
        process.send_signal(signal.SIGINT)
        rest, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()

    assert process.returncode == 130
    assert err.count(b"\n") <= 1
    assert heard.count(b"came later") == 1
    if form:
        document = json.loads(heard + rest)
        assert document["lines"][-1]["payload"]["message"] == "came later"


def _hear(process: subprocess.Popen[bytes], wanted: bytes) -> bytes:
    """What a process says, up to these bytes."""
    assert process.stdout is not None
    heard = b""
    while wanted not in heard:
        assert select.select([process.stdout], [], [], PATIENCE_S)[0], f"no {wanted!r} in {heard!r}"
        block = os.read(process.stdout.fileno(), 65536)
        assert block, f"ended before {wanted!r}: {heard!r}"
        heard += block
    return heard


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="no /proc tells the memory of a process")
@pytest.mark.parametrize("form", [[], ["--json"], ["--raw"], ["--tail", "3"]])
def test_a_large_thread_is_shown_in_little_memory(home: Home, form: list[str]) -> None:
    """A thread of 60 MB takes far less memory than that to show, rollbacks and all."""
    path = home.add(1, turn("q", "a"))
    output = {"type": "function_call_output", "call_id": "c", "output": "z" * 20_000}
    with path.open("ab") as file:
        for _ in range(3000):
            file.write(line(STAMP, "response_item", output))
        file.write(line(STAMP, "event_msg", {"type": "thread_rolled_back", "num_turns": 1}))
    script = (
        "import sys; from rollout.cli.main import main; status = main(sys.argv[1:]);"
        "peak = next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM'));"
        "print(status, peak, file=sys.stderr)"
    )

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, "show", thread_id(1), *form],
        env=environment(home.path), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True,
    )  # fmt: skip

    status, kilobytes = map(int, done.stderr.split())
    assert status == 0
    assert kilobytes < 40_000


def test_a_reader_that_goes_away_is_no_error(home: Home) -> None:
    """``rollout show … | head -1`` is quiet."""
    home.add(1, turn("q", "a" * 100) * 3000)
    process = subprocess.Popen(
        [*PYTHON, "show", thread_id(1)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(home.path)
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()

    assert (0, b"") == (process.wait(PATIENCE_S), process.stderr.read())
    process.stderr.close()


def test_history_is_what_the_model_gets(home: Home, rollout: Rollout) -> None:
    """The model's items without events, and without what was rolled back."""
    rolled: list[Any] = [*turn("gone", "away"), ("event_msg", {"type": "thread_rolled_back", "num_turns": 1})]
    home.add(1, [*turn("q", "a"), *rolled])

    document = rollout("history", thread_id(1), "--json").document
    text = rollout("history", thread_id(1)).out

    kept = [payload for kind, payload in turn("q", "a") if kind == "response_item"]
    assert ("rollout.history/1", kept) == (document["schema"], document["items"])
    assert ["> q", "a"] == [row for row in said(text) if not row.startswith("──")]
    for rules in ("0.100", "0.169"):
        assert kept == rollout("history", thread_id(1), "--json", "--as", rules).document["items"]


def test_path_tells_where_a_thread_is(home: Home, rollout: Rollout) -> None:
    """The path of an archived thread too; in JSON with its state."""
    path = home.add(1, archived=True)

    assert f"{path}\n" == rollout("path", thread_id(1)).out
    document = rollout("path", thread_id(1), "--json").document
    assert {"schema": "rollout.path/1", "id": thread_id(1), "path": str(path), "archived": True} == document


def test_what_is_no_text_is_told_as_json() -> None:
    """A value of any shape has a text."""
    assert compact({"a": [1, None]}) == '{"a": [1, null]}'


def test_files_outside_are_left_alone(home: Home, rollout: Rollout, tmp_path: Path) -> None:
    """Showing makes no file anywhere near."""
    home.add(1)
    before = sorted(tmp_path.rglob("*"))

    rollout("show", thread_id(1))

    assert before == sorted(tmp_path.rglob("*"))
