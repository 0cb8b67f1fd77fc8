"""Commands on a thread with a line of more than 16 MiB: views leave out its middle and say so, exact forms have it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cli.homes import line, thread_id, turn
from rollout.cli import set_aside

if TYPE_CHECKING:
    from cli.conftest import Rollout
    from cli.homes import Home

pytestmark = pytest.mark.slow
STAMP = "2026-02-01T12:30:00.000Z"
TEXT = 'the "beginning" \\ of it\n' + "größe ☃ 🙂 \\n\n" * (1 << 20) + "and its end"
CALL = {"type": "function_call", "name": "shell", "arguments": '{"command":["cat"]}', "call_id": "call_1"}


@pytest.fixture
def long_home(home: Home) -> Home:
    """A thread whose second turn holds two long lines: an output, and what was asked."""
    said = {"type": "function_call_output", "call_id": "call_1", "output": TEXT}
    home.add(1, [*turn("before", "one"), ("response_item", CALL), ("response_item", said), *turn(TEXT, "two")])
    return home


def without_setting_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no line count as long, so that every one is taken apart whole."""
    monkeypatch.setattr(set_aside, "LONG", 1 << 40)


@pytest.mark.parametrize("words", [("show",), ("show", "--tail", "5"), ("show", "--full"), ("history", "--full")])
def test_views_leave_out_the_middle_and_say_so(long_home: Home, rollout: Rollout, words: tuple[str, ...]) -> None:
    """How much is missing stands in its place, with the command that shows it."""
    del long_home
    run = rollout(*words, thread_id(1))

    assert (0, True, True) == (run.status, len(run.out) < 3 << 20, "MiB left out here, rollout show --raw shows them" in run.out)


def test_show_json_has_every_byte_of_the_payload(long_home: Home, rollout: Rollout) -> None:
    """Nothing of it is shortened."""
    stored = next(long_home.path.rglob("*.jsonl")).read_bytes().splitlines()

    shown = rollout("show", thread_id(1), "--json").document["lines"]

    assert [json.loads(line)["payload"] for line in stored] == [line["payload"] for line in shown]


@pytest.mark.parametrize(
    "words",
    [
        ("history", "--json"), ("history", "--json", "--as", "0.169"), ("export", "--format", "openai"),
        ("export", "--format", "otlp"),
    ],
)  # fmt: skip
def test_exact_forms_are_the_same_as_without_setting_aside(
    long_home: Home, rollout: Rollout, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """What was set aside is in its place again, also where JSON stands inside of JSON."""
    del long_home
    found: Any = rollout(*words, thread_id(1)).document
    without_setting_aside(monkeypatch)
    expected = rollout(*words, thread_id(1)).document

    assert expected == found


def test_a_wrapped_result_is_unwrapped_though_it_is_long(home: Home, rollout: Rollout) -> None:
    """The history shows what a shell gave, as Codex 0.100 does, whatever its length."""
    wrapped = json.dumps({"output": TEXT, "metadata": {"exit_code": 0, "duration_seconds": 1.5}})
    said = {"type": "function_call_output", "call_id": "call_1", "output": wrapped}
    home.write(1, b"".join(line(STAMP, "response_item", one) for one in (CALL, said)))

    items = rollout("history", "--json", thread_id(1)).document["items"]

    assert f"Exit code: 0\nWall time: 1.5 seconds\nOutput:\n{TEXT}" == items[1]["output"]


def test_find_says_that_it_looked_at_a_long_line_in_part(long_home: Home, rollout: Rollout) -> None:
    """Only how its texts begin and end was looked at."""
    del long_home
    run = rollout("find", "--command", "cat", "--json")

    assert (1, 3) == (len(run.document["threads"]), run.document["scanned"]["longLinesInPart"])
