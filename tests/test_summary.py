"""The summary: every rule by which a fact of a thread comes from its lines (spec: state-and-protocol 3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

from rollout.codec import to_object
from rollout.items import RawItem
from rollout.summary import Summary, fold
from rollout.testing import builders as b
from rollout.testing.strategies import batches, json_objects

if TYPE_CHECKING:
    from collections.abc import Iterable

ME = b.thread_id(1)
OTHER = b.thread_id(2)


def folded(data: bytes) -> Summary:
    """The facts of a whole file."""
    summary = Summary()
    for line in data.splitlines():
        value = to_object(line)
        assert isinstance(value, dict)
        assert fold(summary, value) is summary
    return summary


def facts_of(*items: RawItem, **meta: Any) -> Summary:
    """The facts of a legacy thread with these items."""
    return folded(b.rollout_bytes(ME, *items, **meta))


def state(summary: Summary) -> dict[str, Any]:
    """Everything that a summary knows."""
    return {name: getattr(summary, name) for name in Summary.__slots__}


def test_the_metadata_names_the_thread() -> None:
    """Id, times, folder, version, source, provider and git come from the first line."""
    told = facts_of(git={"branch": "main"}, forked_from_id=OTHER, memory_mode="disabled")

    assert (told.id, told.cwd, told.cli_version, told.source_key) == (ME, b.CWD, "0.100.0", "cli")
    assert (told.model_provider, told.git, told.forked_from_id) == ("openai", {"branch": "main"}, OTHER)
    assert (told.created_at, told.active_at) == ("2026-02-08T07:05:03.041Z", "2026-02-08T07:05:03.041Z")
    assert (told.memory_mode, told.originator, told.era, told.has_meta) == ("disabled", "codex_cli_rs", "legacy", True)


def test_metadata_of_others_is_ignored() -> None:
    """A fork carries the metadata of what it was copied from; the first line counts, not those."""
    told = facts_of(b.meta(OTHER, cwd="/theirs", source="exec", model_provider="theirs", git={"branch": "x"}))

    assert (told.id, told.cwd, told.source_key, told.model_provider, told.git) == (ME, b.CWD, "cli", "openai", None)


def test_own_metadata_may_come_again() -> None:
    """A later line of the same id brings folder, version, provider and git up to date, where it tells them."""
    told = facts_of(b.meta(ME, cwd="", cli_version="0.169.0", model_provider="new", git={"branch": "new"}))

    assert (told.cwd, told.cli_version, told.model_provider, told.git) == (b.CWD, "0.169.0", "new", {"branch": "new"})


def test_the_turn_context() -> None:
    """Model, effort and rules are those of the newest context; its folder counts only where there was none."""
    first = b.turn_context("/first", "old", effort="high")
    newest = b.turn_context("/newest", "new", approval_policy="never")
    told = facts_of(first, newest)
    homeless = facts_of(first, newest, cwd="")

    assert (told.cwd, told.last_cwd, homeless.cwd) == (b.CWD, "/newest", "/first")
    assert (told.model, told.effort, told.approval_policy) == ("new", None, "never")
    assert told.sandbox_policy == {"type": "read-only"}


@pytest.mark.parametrize(
    ("messages", "preview", "title"),
    [
        ([b.user("  hello\nthere ")], "hello\nthere", "hello\nthere"),
        ([b.user("one"), b.user("two")], "one", "one"),
        ([b.user("open files …\n## My request for Codex:\n do it ")], "do it", "do it"),
        ([b.user("## My request for Codex: a ## My request for Codex: b")], *["a ## My request for Codex: b"] * 2),
        ([b.user("", images=["data:,"])], "[Image]", ""),
        ([b.user("", local_images=["/a.png"]), b.user("what is it?")], "[Image]", "what is it?"),
        ([b.user(" ")], "", ""),
        ([b.user(""), b.user("late")], "late", "late"),
        ([b.user("x" * 5000)], "x" * 5000, "x" * 5000),
        ([b.agent("I said it")], "", ""),
        ([b.message("user", "not an event")], "", ""),
    ],
)
def test_what_a_person_asked(messages: list[RawItem], preview: str, title: str) -> None:
    """The first thing asked, whole, without what the editor put before it; an image alone is told as such."""
    told = facts_of(*messages)

    assert (preview, preview, title) == (told.preview, told.first_user_message, told.title)
    assert told.has_user_event == any(item.tag == "user_message" for item in messages)


def test_what_a_person_asked_in_a_paginated_thread() -> None:
    """There the question is a completed UserMessage item."""
    told = folded(b.paginated_bytes(ME, b.turn_item("Plan", "a plan"), *b.paginated_turn("what is it?", "this")))

    assert (told.preview, told.title, told.era, told.history_mode) == ("what is it?",) * 2 + ("paginated", "paginated")


def test_a_goal_is_a_preview_of_last_resort() -> None:
    """The objective of a goal is shown until somebody asks something, and stays what was shown first."""
    goal = b.event("thread_goal_updated", goal={"objective": " tidy up "})

    assert facts_of(goal).preview == "tidy up"
    assert facts_of(b.user("hello"), goal).preview == "hello"
    assert (facts_of(goal, b.user("hello")).preview, facts_of(goal, b.user("hello")).title) == ("tidy up", "hello")
    assert not facts_of(goal).has_user_event


@pytest.mark.parametrize(
    ("counts", "tokens"),
    [
        ([b.tokens(10), b.tokens(25)], 25),
        ([b.tokens(25), b.tokens(10)], 10),
        ([b.tokens(-5)], 0),
        ([b.tokens(10), b.event("token_count", info=None)], 10),
        ([b.tokens(10), b.event("token_count", info={"total_token_usage": {}})], 10),
        ([], 0),
    ],
)
def test_tokens(counts: list[RawItem], tokens: int) -> None:
    """The newest total counts, even a smaller one; an event without a total changes nothing."""
    assert tokens == facts_of(*counts).tokens


def test_the_last_record_tells_when_it_was_active() -> None:
    """Every line with a timestamp moves the time of the last activity."""
    assert facts_of(b.user("a"), b.agent("b")).active_at == "2026-02-08T07:05:05.041Z"


def test_spawned_agents() -> None:
    """Parent, nickname, role and path come from the metadata or from the source in it."""
    spawn = {"parent_thread_id": OTHER, "depth": 1, "agent_nickname": "Bob", "agent_role": "tester", "agent_path": "/b"}
    told = facts_of(source={"subagent": {"thread_spawn": spawn}})
    newer = facts_of(parent_thread_id=OTHER, agent_nickname="Eve")

    assert (told.parent_id, told.agent_nickname, told.agent_role, told.agent_path) == (OTHER, "Bob", "tester", "/b")
    assert (newer.parent_id, newer.agent_nickname, told.source_key) == (OTHER, "Eve", "subagent:thread_spawn")


def test_forks_by_reference() -> None:
    """What a file builds on is told as it stands."""
    told = folded(b.fork_bytes(ME, OTHER, b.paginated_bytes(OTHER, b.user("a"))))

    assert told.history_base is not None
    assert (told.history_base["thread_id"], told.history_base["end_ordinal_exclusive"]) == (OTHER, 2)


def test_a_thread_without_source() -> None:
    """A missing source counts as vscode."""
    line = b.rollout_bytes(ME).replace(b'"source":"cli",', b"")

    assert folded(line).source_key == "vscode"


def test_bare_files() -> None:
    """A file of early 2025: the header is the metadata, and the first message of a person the question."""
    context = b.message("user", "<environment_context>\n</environment_context>")
    told = folded(b.bare_bytes(ME, context, b.message("user", "what is it?"), b.message("assistant", "this")))

    assert (told.id, told.era, told.preview, told.has_meta) == (ME, "bare", "what is it?", True)


def test_foreign_lines_make_no_file_bare() -> None:
    """A foreign object before the metadata leaves a legacy file a legacy one."""
    told = folded(b'{"type":"note"}\n' + b.rollout_bytes(ME, b.message("user", "not an event")))

    assert (told.era, told.preview, told.id) == ("legacy", "", ME)


def test_every_line_is_counted() -> None:
    """Known or not, each folded line counts."""
    assert facts_of(RawItem("from_the_future", b"{}"), RawItem("x", b"7")).lines == 3


@given(batches, batches)
def test_folding_goes_on(one: list[RawItem], two: list[RawItem]) -> None:
    """A summary may be folded in two goes: what counts is the lines in their order."""
    whole = facts_of(*one, *two)
    again = facts_of(*one)
    for line in b.lines_of(two, step=len(one) + 1):
        fold(again, _object(line))

    assert state(whole) == state(again)


@given(batches)
def test_the_first_question_stays(items: list[RawItem]) -> None:
    """Nothing that follows takes the preview back."""
    assert facts_of(b.user("the question"), *items).preview == "the question"


@given(json_objects)
def test_no_object_breaks_it(value: dict[str, Any]) -> None:
    """Any JSON object can be folded, as a line and as the payload of each kind of line."""
    for line in _disguises(value):
        assert fold(Summary(), line).lines == 1


def _disguises(value: dict[str, Any]) -> Iterable[dict[str, Any]]:
    yield value
    for line_type in ("session_meta", "turn_context", "event_msg", "response_item"):
        yield {"timestamp": "t", "type": line_type, "payload": value}
    for tag in ("user_message", "token_count", "item_completed", "thread_goal_updated"):
        for key in ("message", "info", "item", "goal"):
            yield {"timestamp": "t", "type": "event_msg", "payload": {"type": tag, key: value}}
            yield {"timestamp": "t", "type": "event_msg", "payload": {"type": tag, key: {"content": value, **value}}}


def _object(line: bytes) -> dict[str, Any]:
    value = to_object(line)
    assert isinstance(value, dict)
    return value
