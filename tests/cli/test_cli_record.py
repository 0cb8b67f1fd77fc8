"""``rollout record``."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from cli.homes import PYTHON, Run, environment, line, thread_id, turn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from cli.homes import Home, Payload

PATIENCE_S = 20


class Recording:
    """A running ``rollout record``, spoken to line by line."""

    def __init__(self, home: Path, *options: str) -> None:
        """Start it."""
        self.process = subprocess.Popen(
            [*PYTHON, "record", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment(home), cwd=home,
        )  # fmt: skip
        self.begun = self.hear()

    def say(self, data: bytes) -> None:
        """Write to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def hear(self) -> Any:
        """The next object on its standard output, {} at the end."""
        assert self.process.stdout is not None
        assert select.select([self.process.stdout], [], [], PATIENCE_S)[0], "no answer"
        return json.loads(self.process.stdout.readline() or b"{}")

    def end(self) -> Run:
        """Close its input and wait for its end."""
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return Run(self.process.returncode, out.decode(), err.decode())


@pytest.fixture
def recordings() -> Iterator[list[Recording]]:
    """Recordings that are ended when the test is over."""
    started: list[Recording] = []
    yield started
    for recording in started:
        if recording.process.poll() is None:
            recording.process.kill()
            recording.process.communicate()


def record(home: Home, data: bytes, *options: str) -> Run:
    """One recording of a whole input."""
    done = subprocess.run(
        [*PYTHON, "record", *options], input=data, env=environment(home.path), cwd=home.path, capture_output=True,
        timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    return Run(done.returncode, done.stdout.decode(), done.stderr.decode())


def items(payloads: Sequence[Payload]) -> bytes:
    """Items as JSON lines."""
    return b"".join(json.dumps({"type": kind, "payload": payload}).encode() + b"\n" for kind, payload in payloads)


def stored(run: Run) -> list[Any]:
    """The lines of the thread that a run recorded."""
    with open(run.objects[0]["path"], "rb") as file:
        return [json.loads(line) for line in file]


def test_items_become_lines(home: Home) -> None:
    """Each item is a line of the new thread, in order, and the last ack counts all of them."""
    run = record(home, items(turn("q", "a")), "--cwd", "/work/app", "--source", "exec", "--provider", "lab")

    assert (0, "") == (run.status, run.err)
    assert ["threadId", "path"] == list(run.objects[0])
    assert run.objects[-1] == {"acked": 4}
    meta, *lines = stored(run)
    assert ("/work/app", "exec", "lab") == tuple(meta["payload"][key] for key in ("cwd", "source", "model_provider"))
    assert turn("q", "a") == [(line["type"], line["payload"]) for line in lines]


def test_payloads_keep_their_bytes(home: Home) -> None:
    """Numbers, key order, spaces and unknown fields are stored as they came; whole lines are taken too."""
    payload = b'{"type":"user_message",  "z":1.0,"a":1e2, "message":"\\u00e9"}'
    run = record(home, b'{"timestamp":"x","type":"event_msg","payload":' + payload + b"}\n")

    with open(run.objects[0]["path"], "rb") as file:
        assert payload in file.read()


def test_the_provider_is_the_homes(home: Home) -> None:
    """Without --provider a new thread gets the provider of config.toml, so that Codex lists it."""
    (home.path / "config.toml").write_text('model_provider = "labmock"\n')

    assert stored(record(home, items(turn("q", "a"))))[0]["payload"]["model_provider"] == "labmock"


def test_bad_lines_are_rejected_by_number(home: Home) -> None:
    """A line that is no item is named by its number in the input, and the others are recorded."""
    good = items(turn("q", "a"))
    run = record(home, b"nonsense\n\n" + good + b'{"type":5,"payload":{}}\n\xff\xfe\n{"type":"event_msg"}')

    rejected = [fact for fact in run.objects if "rejected" in fact]
    assert run.status == 1
    assert [1, 7, 8, 9] == [fact["rejected"] for fact in rejected]
    assert all(fact["reason"] for fact in rejected)
    assert {"acked": 4} in run.objects
    assert len(stored(run)) == 5


def test_an_item_that_is_left_out_is_acked(home: Home) -> None:
    """What the policy does not keep is accepted, never rejected."""
    run = record(home, items([*turn("q", "a"), ("event_msg", {"type": "exec_command_begin"})]))

    assert (0, {"acked": 5}) == (run.status, run.objects[-1])
    assert len(stored(run)) == 5


def test_a_slow_producer_gets_an_ack_for_every_line(home: Home, recordings: list[Recording]) -> None:
    """Each line is with the operating system as soon as it was said; the first one makes the file."""
    recording = Recording(home.path)
    recordings.append(recording)
    assert not os.path.exists(recording.begun["path"])

    for count, (kind, payload) in enumerate(turn("q", "a"), 1):
        recording.say(items([(kind, payload)]))
        assert {"acked": count} == recording.hear()
        with open(recording.begun["path"], "rb") as file:
            assert count + 1 == len(file.readlines())

    assert recording.end().status == 0


def test_a_last_line_without_newline_counts(home: Home) -> None:
    """The end of the input ends its last line."""
    assert record(home, items(turn("q", "a"))[:-1]).objects[-1] == {"acked": 4}


def test_sync_acks_too(home: Home) -> None:
    """With --sync the acks come as well."""
    assert record(home, items(turn("q", "a")), "--sync").objects[-1] == {"acked": 4}


def test_deferred_threads_wait_for_a_user(home: Home, recordings: list[Recording]) -> None:
    """With --defer nothing is stored or acked before the first message of a user; then everything is."""
    recording = Recording(home.path, "--defer")
    recordings.append(recording)
    context = {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "be brief"}]}

    recording.say(items([("response_item", context)]))
    recording.say(items(turn("q", "a")[:1]))

    assert recording.hear() == {"acked": 2}
    assert recording.end().status == 0
    with open(recording.begun["path"], "rb") as file:
        assert len(file.readlines()) == 3


def test_a_deferred_thread_that_nobody_used_is_not_stored(home: Home) -> None:
    """Without a message of a user there is no file, and a note says so."""
    run = record(home, items([("event_msg", {"type": "agent_message", "message": "hello?"})]), "--defer")

    assert run.status == 0
    assert len(run.objects) == 1
    assert not os.path.exists(run.objects[0]["path"])
    assert "1 items were not stored" in run.err


def test_resume_appends(home: Home) -> None:
    """--resume goes on behind the old bytes, and finds the thread by the beginning of its id."""
    path = home.add(1)
    before = path.read_bytes()

    run = record(home, items(turn("more", "yes")), "--resume", thread_id(1)[:8])

    assert ({"threadId": thread_id(1), "path": str(path)}, {"acked": 4}) == (run.objects[0], run.objects[-1])
    assert path.read_bytes().startswith(before)
    assert len(before.splitlines()) + 4 == len(path.read_bytes().splitlines())


def test_a_held_thread_is_busy(home: Home, recordings: list[Recording]) -> None:
    """A second writer gets status 4 and is told who writes."""
    home.add(1)
    first = Recording(home.path, "--resume", thread_id(1))
    recordings.append(first)

    run = record(home, b"", "--resume", thread_id(1))

    assert (4, "") == (run.status, run.out)
    assert f"pid {first.process.pid}" in run.err
    assert run.err.count("\n") == 1
    assert first.end().status == 0


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signals_end_cleanly(home: Home, recordings: list[Recording], number: int, status: int) -> None:
    """What was said before the signal is recorded and acked; the lock is free and the last line whole."""
    recording = Recording(home.path)
    recordings.append(recording)
    recording.say(items(turn("q", "a")))
    heard = [recording.hear()]
    recording.say(items(turn("r", "b")) + b'{"type":"event_msg","pay')

    recording.process.send_signal(number)
    run = recording.end()

    heard += run.objects
    assert (status, "") == (run.status, run.err)
    assert heard[-1] == {"acked": 8}
    with open(recording.begun["path"], "rb") as file:
        assert len(file.read().splitlines()) == 9
    assert record(home, b"", "--resume", recording.begun["threadId"]).status == 0


def test_a_reader_that_goes_away_does_not_end_the_recording(home: Home) -> None:
    """Nobody reads the acks: everything is recorded all the same, quietly."""
    ours, theirs = os.pipe()
    process = subprocess.Popen(
        [*PYTHON, "record"], stdin=subprocess.PIPE, stdout=theirs, stderr=subprocess.PIPE, env=environment(home.path)
    )
    os.close(theirs)
    begun = json.loads(os.read(ours, 65536))
    os.close(ours)

    _, err = process.communicate(items(turn("q", "a")) * 1000, timeout=PATIENCE_S)

    assert (0, b"") == (process.returncode, err)
    with open(begun["path"], "rb") as file:
        assert len(file.readlines()) == 4001


def test_a_disk_that_refuses_is_told(home: Home) -> None:
    """When the file cannot be made, nothing is acked, and the status is 5 with one line."""
    (home.path / "sessions").rmdir()
    (home.path / "sessions").write_bytes(b"in the way")

    run = record(home, items(turn("q", "a")))

    assert run.status == 5
    assert len(run.objects) == 1
    assert "sessions" in run.err
    assert run.err.count("\n") == 1


def test_a_line_larger_than_a_pipe_arrives_whole(home: Home) -> None:
    """A line of several MiB is one line."""
    text = "x" * (5 << 20)
    run = record(home, items([("event_msg", {"type": "user_message", "message": text})]))

    assert text == stored(run)[1]["payload"]["message"]


@pytest.mark.parametrize(
    "options",
    [["--source", "nowhere"], ["--source", "custom:"], ["--wait", "-1"], ["--resume", "x", "--cwd", "/"]],
)
def test_bad_options_are_refused(home: Home, options: list[str]) -> None:
    """Options that cannot be honoured are status 2, and nothing is stored."""
    run = record(home, items(turn("q", "a")), *options)

    assert (2, "") == (run.status, run.out)
    assert home.state() == {}


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("vscode", "vscode"),
        ("custom:atlas", {"custom": "atlas"}),
        ("subagent:review", {"subagent": "review"}),
        ("subagent:mine", {"subagent": {"other": "mine"}}),
    ],
)
def test_sources_are_spelled_as_codex_spells_them(home: Home, kind: str, source: object) -> None:
    """--source becomes the source of the metadata."""
    assert source == stored(record(home, items(turn("q", "a")), "--source", kind))[0]["payload"]["source"]


def test_what_was_recorded_can_be_recorded_again(home: Home) -> None:
    """Whole lines of a rollout are items: a thread can be piped into another one."""
    lines = [line("2026-02-01T12:00:00.000Z", kind, payload) for kind, payload in turn("q", "a")]

    assert turn("q", "a") == [(one["type"], one["payload"]) for one in stored(record(home, b"".join(lines)))[1:]]
