"""The history agrees with what the real codex sent to the model when it resumed a thread."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from rollout.codec import to_object
from rollout.history import history, history_back, rules_for
from rollout.journal.reader import backward, forward, open_source
from rollout.lines import Line
from support import corpus_marks, rollouts, shared_path

if TYPE_CHECKING:
    from pathlib import Path

    from rollout.lines import Found

Json = dict[str, Any]

pytestmark = corpus_marks
homes = pytest.mark.parametrize(("home", "threads"), [("codex-0.100.0", 217), ("codex-0.169.0", 183)])
# What the recorded comparison leaves out: notes of the program, ids, and explicit nulls.
IGNORED = ("internal_chat_message_metadata_passthrough", "id")


def clean(items: list[Json]) -> list[Json]:
    """Items as the comparison sees them."""
    return [{key: value for key, value in each.items() if key not in IGNORED and value is not None} for each in items]


def agrees(recorded: Json, given: list[Json]) -> bool:
    """Whether a history is the recorded one.

    An old compaction begins with the context of the session that resumed, which a history alone has not; context
    at the very end of a file may count as the file's or as the resuming session's.
    """
    wanted, got, after = clean(recorded["history"]), clean(given), clean(recorded["after"])
    if after and wanted[: len(after)] == after:
        wanted = wanted[len(after) :]
    rest = got[len(wanted) :]
    return got[: len(wanted)] == wanted and rest == after[: len(rest)]


class Home:
    """The rollouts of a recorded home."""

    def __init__(self, *folder: str) -> None:
        """Name the home below the corpus."""
        self.files = list(rollouts(shared_path("corpus", *folder)))
        inputs = shared_path("corpus", *folder, "expected", "input")
        self.recorded: list[Json] = [json.loads(path.read_text("utf-8")) for path in sorted(inputs.glob("*.json"))]

    def file(self, thread_id: str) -> Path:
        """The newest file of a thread."""
        return max((path for path in self.files if path.name[28:64] == thread_id), key=lambda path: path.name)

    def lines(self, path: Path, end: int | None = None) -> list[Found]:
        """A file's lines behind those of the file that it builds on."""
        with open_source(str(path)) as source:
            own = list(forward(source, end=end))
        base = history_base(own)
        if base is None:
            return own
        built_on = next(file for file in self.files if file.stem.endswith(base["thread_id"]))
        return [*self.lines(built_on, base["end_byte_offset"]), *own]


def history_base(lines: list[Found]) -> Json | None:
    """What a file's first line says that it builds on."""
    first = lines[0]
    assert isinstance(first, Line)
    meta = to_object(first.record.payload)
    assert isinstance(meta, dict)
    return meta.get("history_base")


@homes
def test_every_history_is_what_the_model_was_sent(home: str, threads: int) -> None:
    """All recorded threads agree: compaction, rollback, forks, a crash, sub-agents, patches."""
    recorded = Home(home)
    differing = [
        (each["thread"], each["label"])
        for each in recorded.recorded
        if not agrees(each, history(recorded.lines(recorded.file(each["thread"]))))
    ]

    assert [] == differing
    assert threads == len(recorded.recorded)


@homes
def test_an_old_compaction_begins_with_the_context_that_is_given(home: str, threads: int) -> None:
    """With the resuming session's context the recorded histories are met whole, item by item."""
    recorded = Home(home)
    exact = 0
    for each in recorded.recorded:
        given = history(recorded.lines(recorded.file(each["thread"])), each["after"])
        wanted = clean(each["history"])
        exact += wanted == clean(given)[: len(wanted)]

    assert threads == exact


@homes
def test_reading_a_file_from_its_end_gives_the_same(home: str, threads: int) -> None:
    """For every recorded thread that builds on no other file."""
    recorded = Home(home)
    alone = 0
    for each in recorded.recorded:
        with open_source(str(recorded.file(each["thread"]))) as source:
            lines = list(forward(source))
            if history_base(lines) is None:
                assert history(lines) == history_back(backward(source))
                alone += 1

    assert 0 < alone <= threads


def test_a_thread_that_codex_migrated_keeps_its_history() -> None:
    """A legacy thread and its paginated twin give the same items by the same rules."""
    before, after = Home("codex-0.100.0"), Home("extras", "v0.169.0-migrated-from-v0.100.0")
    rules = rules_for("legacy")
    for path in after.files:
        legacy = before.lines(before.file(path.name[28:64]))

        assert clean(history(legacy, (), rules)) == clean(history(after.lines(path), (), rules))
