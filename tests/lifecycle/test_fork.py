from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from lifecycle.words import (
    LATER,
    QUESTIONS,
    asked,
    files,
    keep,
    legacy,
    legacy_turn,
    lines,
    metas,
    options,
    ordinals,
    paginated,
    paginated_turn,
    raw,
    record,
)
from rollout.codec import timestamp_text
from rollout.errors import InvalidQueryError, NotFoundError
from rollout.journal.compression import compress_to
from rollout.lifecycle import Forked, ForkParams, archive, fork, lineage, plan_fork, rename
from rollout.testing import builders as b

if TYPE_CHECKING:
    from rollout.store.base import ThreadStore
    from rollout.store.local.store import LocalStore


def forked(store: ThreadStore, thread_id: str, keep_turns: int | None = None) -> Forked:
    """A fork with the usual parameters."""
    return fork(store, thread_id, ForkParams(keep_turns=keep_turns), options())


def test_a_legacy_fork_is_its_own_metadata_before_the_bytes_of_its_source(store: ThreadStore) -> None:
    """Behind the fork's first line stands the source byte for byte; the source is not touched."""
    source = keep(store, legacy())

    made = forked(store, source)
    first, _, rest = raw(store, made.thread_id).partition(b"\n")

    assert legacy() == rest == raw(store, source)
    assert len(first) + 1 + len(rest) == made.bytes
    assert (source,) == made.plan.lineage


def test_a_fork_says_who_it_is_and_keeps_instructions_and_tools(store: ThreadStore) -> None:
    """Id, time and version are its own, folder and provider those of the source, which is named; so are instructions."""
    facts: dict[str, Any] = {
        "base_instructions": {"text": "be kind"},
        "dynamic_tools": [{"name": "t", "limit": 1.0}],
        "cwd": "/src/a",
    }
    source = keep(store, legacy(**facts))

    made = fork(store, source, ForkParams(cli_version="1.2", originator="me"), options())
    meta = metas(store, made.thread_id)[0]

    assert {
        "id": made.thread_id, "forked_from_id": source, "timestamp": timestamp_text(LATER), "originator": "me",
        "cli_version": "1.2", "source": "cli", "model_provider": "openai", **facts,
    } == meta  # fmt: skip
    assert b'"limit":1.0' in lines(store, made.thread_id)[0]


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_a_fork_at_a_turn_holds_exactly_the_turns_up_to_it(store: ThreadStore, kept: int) -> None:
    """The cut is before the first line of the next turn, and what is kept has its own timestamps."""
    source = keep(store, legacy())
    prefix = legacy(questions=QUESTIONS[:kept])

    made = forked(store, source, kept)

    assert prefix == raw(store, made.thread_id).partition(b"\n")[2]
    assert (kept, 3) == (made.plan.turns, made.plan.turns_there)


def test_a_turn_beyond_the_last_means_everything(store: ThreadStore) -> None:
    """A fork at turn 9 of 3 is a whole one; a negative turn is refused."""
    source = keep(store, legacy())

    assert legacy() == raw(store, forked(store, source, 9).thread_id).partition(b"\n")[2]
    with pytest.raises(InvalidQueryError):
        forked(store, source, -1)


def test_rolled_back_turns_are_not_counted_and_stay_where_they_are(store: ThreadStore) -> None:
    """Turns are counted as they stand; dropped ones and their markers inside the prefix are copied."""
    body = [*legacy_turn("one"), *legacy_turn("dropped"), b.rolled_back(1), *legacy_turn("two"), *legacy_turn("three")]
    source = keep(store, b.rollout_bytes(b.thread_id(), *body))

    made = forked(store, source, 2)

    assert ["one", "two"] == asked(store, made.thread_id)
    assert lines(store, source)[: -len(legacy_turn("three"))] == lines(store, made.thread_id)[1:]


@pytest.mark.parametrize("make", [legacy, paginated])
def test_a_fork_of_a_fork_works_at_once(store: ThreadStore, make: object) -> None:
    """It has the turns of both, its lineage names both, and each names the one before it."""
    data, turn = (legacy(), legacy_turn) if make is legacy else (paginated(), paginated_turn)
    source = keep(store, data)
    first = forked(store, source, 2).thread_id
    record(store, first, turn("four"))

    second = forked(store, first)
    third = forked(store, second.thread_id, 1)

    assert ["one", "two", "four"] == asked(store, second.thread_id)
    assert ["one"] == asked(store, third.thread_id)
    assert (source, first, second.thread_id) == third.plan.lineage == lineage(store, third.thread_id)
    own = metas(store, second.thread_id)[0 if make is legacy else -1]
    assert first == own["forked_from_id"]


def test_a_turn_that_is_not_finished_is_left_out_unless_it_is_wanted(store: ThreadStore) -> None:
    """A running turn is never duplicated; the answer says that it was left out."""
    running = [b.event("task_started", turn_id="now"), b.message("user", "running"), b.user("running")]
    source = keep(store, b.rollout_bytes(b.thread_id(), *legacy_turn("one"), *running))

    without = forked(store, source)
    with_it = fork(store, source, ForkParams(keep_unfinished=True), options(LATER + 5000))

    assert (["one"], True) == (asked(store, without.thread_id), without.plan.unfinished)
    assert b"task_started" not in lines(store, without.thread_id)[-1]
    assert (["one", "running"], False) == (asked(store, with_it.thread_id), with_it.plan.unfinished)


@pytest.mark.parametrize("size", [10, 5_000_000])
def test_a_paginated_fork_is_one_small_line_whatever_the_size_of_its_source(store: ThreadStore, size: int) -> None:
    """Its only line names the prefix that it inherits; ordinals go on; the logical thread begins with the source."""
    items = [*paginated_turn("one"), b.tool_output("x" * size), *paginated_turn("two")]
    source = keep(store, b.paginated_bytes(b.thread_id(), *items))
    data = raw(store, source)

    made = forked(store, source)
    own = raw(store, made.thread_id)
    record(store, made.thread_id, paginated_turn("three"))

    assert own.count(b"\n") == 1
    assert made.bytes == len(own) < 64 * 1024
    assert {
        "thread_id": source, "end_ordinal_exclusive": data.count(b"\n"), "end_byte_offset": len(data),
    } == json.loads(own)["payload"]["history_base"]  # fmt: skip
    assert list(range(len(lines(store, made.thread_id)))) == ordinals(store, made.thread_id)
    assert data.splitlines(keepends=True) == lines(store, made.thread_id)[: data.count(b"\n")]
    assert ["one", "two", "three"] == asked(store, made.thread_id)
    assert (made.thread_id,) == store.references(source)


def test_a_paginated_fork_at_a_turn_ends_before_its_task_begins(store: ThreadStore) -> None:
    """Nothing of the next turn is inherited."""
    source = keep(store, paginated())

    made = forked(store, source, 2)

    assert paginated(questions=QUESTIONS[:2]).splitlines(keepends=True) == lines(store, made.thread_id)[:-1]
    assert metas(store, made.thread_id)[-1]["forked_from_ordinal_exclusive"] == made.plan.cut.ordinal


def test_a_paginated_fork_says_who_it_is_and_keeps_what_nobody_knows(store: ThreadStore) -> None:
    """Fields of the source survive with their bytes; what made the source a sub-agent or a fork is not the fork's."""
    facts: dict[str, Any] = {
        "future": [1.0],
        "agent_role": "helper",
        "parent_thread_id": b.thread_id(9),
        "source": {"subagent": "review"},
    }
    source = keep(store, paginated(**facts))

    made = forked(store, source)
    meta = metas(store, made.thread_id)[-1]

    assert (made.thread_id, made.thread_id, source) == (meta["id"], meta["session_id"], meta["forked_from_id"])
    assert "cli" == meta["source"]
    assert not {"agent_role", "parent_thread_id"} & set(meta)
    assert b'"future":[1.0]' in lines(store, made.thread_id)[-1]


def test_a_paginated_fork_builds_on_the_file_in_which_its_cut_lies(store: ThreadStore) -> None:
    """A cut inside what the source inherits itself names the older file; the source can then be deleted."""
    oldest = keep(store, paginated())
    source = forked(store, oldest).thread_id
    record(store, source, paginated_turn("four"))

    made = forked(store, source, 1)

    assert oldest == metas(store, made.thread_id)[-1]["history_base"]["thread_id"]
    assert ((), 2) == (store.references(source), len(store.references(oldest)))


def test_a_bare_thread_is_forked_in_its_own_form(store: ThreadStore) -> None:
    """The fork of a file of early 2025 begins with a header like its source's, and is read as one."""
    source = keep(store, b.bare_bytes(b.thread_id(), b.message("user", "one"), b.message("assistant", "1")))

    made = forked(store, source)
    summary = store.summary(made.thread_id)

    assert raw(store, source) == raw(store, made.thread_id).partition(b"\n")[2]
    assert ("bare", "one", source) == (summary.era, summary.preview, summary.forked_from_id)


def test_a_torn_tail_is_not_copied_and_a_whole_record_without_newline_is(store: ThreadStore) -> None:
    """What is no record stays behind; a last record that only lacks its newline is kept, and ended."""
    torn = keep(store, legacy() + b'{"timestamp":"2026')
    whole = keep(store, legacy(2).removesuffix(b"\n"), 2)

    assert legacy() == raw(store, forked(store, torn).thread_id).partition(b"\n")[2]
    copy = fork(store, whole, None, options(LATER + 9000))
    assert legacy(2) == raw(store, copy.thread_id).partition(b"\n")[2]


@pytest.mark.parametrize("make", [legacy, paginated])
def test_a_thread_in_use_can_be_forked(store: ThreadStore, make: object) -> None:
    """Its writer goes on undisturbed, and the fork has what was written."""
    source = keep(store, legacy() if make is legacy else paginated())
    writer = store.open_writer(source)
    try:
        made = forked(store, source)
        writer.append(b.line(b.rolled_back(1), ordinal=writer.next_ordinal), 1)
        writer.flush()
    finally:
        writer.close()

    assert list(QUESTIONS) == asked(store, made.thread_id)


def test_a_fork_has_the_name_of_its_source_unless_it_gets_another(store: ThreadStore) -> None:
    """The name goes with the conversation; "" leaves it out."""
    source = keep(store, legacy())
    rename(store, source, "login")
    wanted: list[str | None] = [None, " other ", ""]

    made = [fork(store, source, ForkParams(name=name), options(LATER + at * 1000)) for at, name in enumerate(wanted)]

    assert ["login", "other", None] == [one.name for one in made]
    assert ["login", "other", None] == [store.names().get(one.thread_id) for one in made]
    assert "login" == store.names()[source]


def test_an_archived_thread_is_forked_into_the_active_ones(store: ThreadStore) -> None:
    """The fork is for going on with."""
    source = keep(store, legacy())
    archive(store, source, options=options())

    made = forked(store, source)

    assert [False] == [segment.archived for segment in store.segments(made.thread_id)]


def test_planning_a_fork_changes_nothing(store: ThreadStore) -> None:
    """The plan tells the turns; no thread comes into being."""
    source = keep(store, legacy())
    before = files(store, source)

    plan = plan_fork(store, source, ForkParams(keep_turns=1))

    assert (1, 3, "legacy") == (plan.turns, plan.turns_there, plan.era)
    assert before == files(store, source)
    assert (source,) == store.resolve(source[:4])


def test_a_thread_that_is_not_there_cannot_be_forked(store: ThreadStore) -> None:
    """It is told as not found."""
    with pytest.raises(NotFoundError):
        forked(store, b.thread_id(7))


def test_a_compressed_thread_is_forked_by_its_decompressed_bytes(home: LocalStore) -> None:
    """The fork is plain, its source stays compressed."""
    source = keep(home, legacy())
    path = home.find_path(source) or ""
    compress_to(path, path + ".zst")
    os.unlink(path)

    made = forked(home, source, 2)

    assert legacy(questions=QUESTIONS[:2]) == raw(home, made.thread_id).partition(b"\n")[2]
    assert os.path.exists(path + ".zst")
    assert not os.path.exists(path)


def test_a_fork_lies_where_its_time_and_its_name_say(home: LocalStore) -> None:
    """Folder, name and metadata tell one instant; the file is private."""
    source = keep(home, legacy())

    made = forked(home, source)
    path = home.find_path(made.thread_id) or ""

    assert f"{home.home}/sessions/2026/02/09/{made.file}" == path
    assert timestamp_text(LATER)[:19].replace(":", "-") == made.file[8:27]
    assert 0o600 == os.stat(path).st_mode & 0o777
