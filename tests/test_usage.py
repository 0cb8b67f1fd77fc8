"""What requests took, each token once: over repetitions, forks, sub-agents, resumed threads, lost lines."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from rollout.codec import timestamp_text
from rollout.journal.reader import forward, open_source
from rollout.lines import Damage
from rollout.query import EVERYTHING, Order
from rollout.store.local.store import LocalStore
from rollout.testing.builders import CWD, START_MS
from rollout.usage import ZERO, Tally, Tokens, Use, roots, uses
from support import DATA, needs_shared, rollouts, shared_path
from usage_threads import HOUR, MODEL, Known, Recording, amount, counted, found_in, taken, wire

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollout.lines import Found

THREE = (amount(100, 20, 50, 5), amount(300, 30), amount(700, 5, 600))
ALL_THREE = Tokens(1100, 650, 0, 55, 5)


def test_a_total_that_is_told_again_adds_nothing() -> None:
    """Codex tells the old total before each request: every request still counts once."""
    recording = Recording().turn(*THREE[:2]).turn(THREE[2])

    assert list(THREE) == [use.tokens for use in counted(recording)]
    assert taken(recording) == ALL_THREE


def test_a_use_knows_where_it_belongs() -> None:
    """Model and folder are those of the request, the rest the thread's."""
    recording = Recording().turn(THREE[0]).turn(THREE[1], model="small", cwd="/home/dev/lib")
    first, second = counted(recording)

    assert Use(recording.id, START_MS + HOUR + 5000, MODEL, CWD, "openai", THREE[0]) == first
    assert ("small", "/home/dev/lib") == (second.model, second.cwd)


def test_settings_name_model_folder_and_provider() -> None:
    """Settings that are applied count as a turn's context does, and tell the provider too."""
    settings = {"model": "small", "model_provider_id": "other", "cwd": "/home/dev/lib"}
    recording = Recording().add("event_msg", {"type": "thread_settings_applied", "thread_settings": settings})
    (use,) = counted(recording.request(THREE[0]))

    assert ("small", "/home/dev/lib", "other") == (use.model, use.cwd, use.provider)


def test_an_estimate_is_no_usage() -> None:
    """After a compaction or a rollback the last request is an estimate beside an unchanged total."""
    recording = Recording().turn(THREE[0])
    recording.count(last=Tokens()).add("event_msg", {"type": "thread_rolled_back", "num_turns": 1}).turn(THREE[1])

    assert THREE[0].plus(THREE[1]) == taken(recording)


def test_a_full_context_window_is_no_usage() -> None:
    """Codex then sets the total to the size of the window and nothing else; the next requests count."""
    recording = Recording().turn(THREE[0])
    recording.total = ZERO
    recording.count(last=ZERO).turn(THREE[1])

    assert THREE[0].plus(THREE[1]) == taken(recording)


def test_counts_without_totals_are_none() -> None:
    """A count may only tell rate limits."""
    recording = Recording().add("event_msg", {"type": "token_count", "info": None, "rate_limits": {}})

    assert counted(recording) == []


def test_lost_lines_are_made_up_for() -> None:
    """When a count was lost, the next total tells what it held."""
    recording = Recording().turn(*THREE)
    lost = [entry for entry in recording.entries if f'"input_tokens": {400}' not in str(entry).replace("'", '"')]
    recording.entries = lost

    assert [THREE[0], THREE[1].plus(THREE[2])] == [use.tokens for use in counted(recording)]


def test_two_writers_that_go_on_from_one_total_both_count() -> None:
    """Two programs that resumed the same thread know nothing of each other's requests."""
    recording = Recording().turn(amount(100))
    resumed = recording.total, recording.last
    recording.turn(amount(300))
    first = recording.total, recording.last
    recording.total, recording.last = resumed
    recording.request(amount(700, 90))
    recording.total, recording.last = first
    recording.request(amount(7))

    assert [100, 300, 700, 7] == [use.tokens.input for use in counted(recording)]


def test_totals_that_begin_anew_count_from_there() -> None:
    """A writer that does not know the total begins at zero, even if its first request is larger than all before."""
    for requests in (1, 100):
        recording = Recording().turn(*[amount(20)] * requests)
        recording.total, recording.last = ZERO, None
        recording.turn(amount(5000, 5000), amount(3))

        assert recording.taken == taken(recording)


def test_a_resumed_thread_goes_on() -> None:
    """Resuming tells the old total again, days later."""
    recording = Recording().turn(THREE[0])
    recording.now_ms += 48 * HOUR
    recording.turn(THREE[1])

    assert [2, 48 * HOUR] == [len(counted(recording)), _pause(counted(recording)) // HOUR * HOUR]


def _pause(found: list[Use]) -> int:
    return (found[1].at_ms or 0) - (found[0].at_ms or 0)


def chain(number: int = 4, *, turn_ids: bool = True, codex: bool = True, pause_ms: int = 5000) -> list[Recording]:
    """A thread, a fork of it, a fork of the fork, …; each takes two turns of its own, its source goes on."""
    chained = [Recording(1, turn_ids=turn_ids).turn(amount(100)).turn(amount(200))]
    for one in range(2, number + 1):
        forked = chained[-1].fork(one, codex=codex, pause_ms=pause_ms)
        forked.turn(amount(1000 * one, one)).turn(amount(1000 * one, one))
        chained[-1].now_ms = forked.now_ms
        chained[-1].turn(amount(1000 * one, one))
        chained.append(forked)
    return chained


def test_a_chain_of_forks_counts_each_token_once() -> None:
    """Copies belong to their source, whoever copied them and however the copies are dated."""
    for codex in (True, False):
        chained = chain(codex=codex)

        assert [one.taken for one in chained] == [taken(one) for one in chained]


def test_forks_without_turn_ids_are_told_by_their_source() -> None:
    """Before February 2026 turns had no ids: the copy ends where the source ended when it was forked."""
    chained = chain(turn_ids=False, pause_ms=0)

    assert [one.taken for one in chained] == [taken(one, Known(*chained)) for one in chained]


def test_forks_without_turn_ids_and_source_are_told_by_time() -> None:
    """When the source is gone too, what was written at the moment of the fork is the copy."""
    chained = chain(turn_ids=False)

    assert [one.taken for one in chained] == [taken(one) for one in chained]


def test_copies_that_kept_their_times_may_have_pauses() -> None:
    """Whatever happened between the turns of the source: what is older than the fork is a copy."""
    source = Recording(1, turn_ids=False).turn(amount(100))
    source.now_ms += HOUR // 2
    forked = source.turn(amount(200)).fork(2, codex=False, pause_ms=0).turn(amount(50))

    assert amount(50) == taken(forked)


def test_an_early_fork_takes_the_same_turn_again() -> None:
    """A fork that repeats a turn of its source with the same amounts has taken them itself."""
    for codex, turn_ids in ((True, True), (False, True), (False, False), (True, False)):
        source = Recording(1, turn_ids=turn_ids).turn(amount(100))
        kept = len(source.entries)
        source.turn(amount(200))
        forked = source.fork(2, keep=kept, codex=codex, pause_ms=5000 if codex else 0).turn(amount(200))

        assert amount(200) == taken(forked, Known(source))


def test_a_source_is_asked_only_when_the_file_does_not_tell() -> None:
    """Dates and turn ids are enough."""
    source = Recording().turn(amount(100))
    known = Known(source)
    taken(source.fork(2).turn(amount(1)), known)
    taken(source.fork(3, codex=False).turn(amount(1)), known)

    assert known.asked == []


def test_a_hundred_children_stay_apart() -> None:
    """Sub-agents that inherited the same history and took the same amounts each count; their parent counts once."""
    parent = Recording(1).turn(amount(5000, 100))
    spawn = {"subagent": {"thread_spawn": {"parent_thread_id": parent.id, "depth": 1}}}
    children = [parent.fork(number, source=spawn).turn(amount(50, 1)) for number in range(2, 102)]
    tally = Tally(["thread"], _day)
    for one in (parent, *children):
        for use in counted(one):
            tally.add(use)

    assert {one.id: one.taken for one in (parent, *children)} == {key[0]: cell.tokens for key, cell in tally.rows()}
    assert Tokens(10_000, 0, 0, 200, 0) == tally.total.tokens


def test_a_child_that_begins_at_zero_behind_a_copy_counts_from_zero() -> None:
    """A sub-agent may have its parent's history and not its total."""
    child = Recording(1).turn(amount(100)).fork(2)
    child.total, child.last = ZERO, None
    child.turn(amount(5000), amount(20))

    assert amount(5000).plus(amount(20)) == taken(child)


def test_metadata_may_tell_where_a_child_begins() -> None:
    """The ordinal of its first own line decides where nothing else can."""
    parent = Recording(1, turn_ids=False).turn(amount(100)).turn(amount(200))
    child = parent.fork(2, pause_ms=0, subagent_history_start_ordinal=len(parent.entries) + 1)
    child.paginated = True
    child.turn(amount(50))

    assert amount(50) == taken(child)


def test_a_copy_without_a_declared_source_is_known_by_its_metadata() -> None:
    """The metadata of another thread behind one's own begin a copy of that thread."""
    forked = Recording(1).turn(amount(100)).fork(2).turn(amount(7))
    del forked.meta["forked_from_id"]

    assert amount(7) == taken(forked)


def test_named_requests_belong_to_the_thread_that_they_name() -> None:
    """Later files name each request and its thread; the total behind it is its echo."""
    source = Recording(1, named=True).turn(*THREE)
    forked = source.fork(2).turn(amount(7))

    assert [ALL_THREE, amount(7)] == [taken(source), taken(forked)]


def test_a_named_request_may_name_its_model() -> None:
    """It counts for that request alone."""
    recording = Recording(1, named=True).turn(*THREE[:2])
    next(payload for _, kind, payload in recording.entries if kind == "token_usage_record")["model"] = "small"

    assert ["small", MODEL] == [use.model for use in counted(recording)]


def test_a_named_request_counts_without_its_echo() -> None:
    """A writer that was killed between the two lines goes on from the older total; nothing is counted twice."""
    recording = Recording(1, named=True).turn(THREE[0])
    start = recording.total, recording.last
    recording.request(THREE[1])
    del recording.entries[-1]
    recording.total, recording.last = start
    recording.turn(THREE[2])

    assert ALL_THREE == taken(recording)


def test_a_thread_that_begins_without_names_and_goes_on_with_them() -> None:
    """A legacy thread that a later Codex resumed has both kinds of lines."""
    recording = Recording().turn(THREE[0])
    recording.named = True

    assert ALL_THREE == taken(recording.turn(*THREE[1:]))


def reference(source: Recording, number: int) -> Recording:
    """A fork by reference: nothing is copied, the total goes on."""
    forked = source.fork(number, keep=0, history_base={"thread_id": source.id, "end_byte_offset": len(source.data)})
    forked.total, forked.last = source.total, source.last
    return forked


def test_a_fork_by_reference_may_tell_the_inherited_total_first() -> None:
    """Its base tells which total it goes on from; it is asked once, and only then."""
    source = Recording(1).turn(*THREE)
    forked = reference(source, 2).turn(amount(7), amount(8))
    known = Known(base=source.data)

    assert [amount(7), amount(8)] == [use.tokens for use in counted(forked, known)]
    assert ["base"] == known.asked


def test_the_first_total_of_a_fork_may_be_a_request_of_its_own() -> None:
    """Without the repetition in front, the base tells that the total is new."""
    source = Recording(1).turn(*THREE)
    forked = reference(source, 2).request(amount(7))

    assert [(amount(7), MODEL)] == [(use.tokens, use.model) for use in counted(forked, Known(base=source.data))]


def test_without_the_base_the_first_total_is_taken_for_the_inherited_one() -> None:
    """Nobody can tell any more, and Codex does repeat it."""
    forked = reference(Recording(1).turn(*THREE), 2).turn(amount(7), amount(8))

    assert amount(15, 20) == taken(forked, Known())


def test_damage_is_passed_on_and_costs_one_line() -> None:
    """What cannot be read is told as damage, a count that is none included."""
    recording = Recording().turn(THREE[0])
    broken = recording.add("event_msg", {"type": "token_count", "info": {"total_token_usage": "many"}}).data
    found = list(uses(found_in(broken + b"{broken\n")))

    assert ["a token count that cannot be read", "not JSON"] == [one.reason for one in found if isinstance(one, Damage)]
    assert [THREE[0]] == [one.tokens for one in found if isinstance(one, Use)]


def test_a_bare_file_tells_no_usage() -> None:
    """The files of early 2025 hold no counts."""
    (path,) = (DATA / "bare").rglob("*.jsonl")

    assert list(uses(_lines(path))) == []


def _lines(path: Path) -> list[Found]:
    with open_source(str(path)) as source:
        return list(forward(source))


@given(st.lists(st.lists(st.integers(0, 3), max_size=3), max_size=6), st.booleans(), st.booleans(), st.integers(0, 60))
def test_any_thread_and_any_fork_of_it_add_up(sizes: list[list[int]], named: bool, codex: bool, keep: int) -> None:
    """Whatever turns there are and wherever a fork is cut: the thread has its own, the fork has its own."""
    source = Recording(1, named=named)
    for turn in sizes:
        source.turn(*(amount(size, size) for size in turn))
    forked = source.fork(2, keep=keep + 1, codex=codex)
    forked.turn(amount(1, 1), amount(2, 2))

    assert source.taken == taken(source)
    assert forked.taken == taken(forked)


def test_the_root_of_a_sub_agent_is_its_topmost_ancestor() -> None:
    """Parents that are not there end the climb, and so does a circle."""
    parents = {"a": None, "b": "a", "c": "b", "d": "gone", "x": "y", "y": "x"}

    assert {"a": "a", "b": "a", "c": "a", "d": "d", "x": "y", "y": "x"} == roots(parents)


def _day(at_ms: int) -> str:
    return timestamp_text(at_ms)[:10]


def test_sums_come_in_a_useful_order() -> None:
    """Days in their order, everything else by the amount."""
    tally, models = Tally(["day"], _day), Tally(["model"], _day)
    for at_ms, model, size in ((START_MS + 30 * HOUR, "a", 900), (START_MS, "b", 5), (None, "b", 1)):
        use = Use("t", at_ms, model, CWD, "openai", amount(size))
        tally.add(use)
        models.add(use)

    assert [("",), ("2026-02-08",), ("2026-02-09",)] == [key for key, _ in tally.rows()]
    assert [(("a",), 910, 1), (("b",), 26, 2)] == [
        (key, cell.tokens.total, cell.requests) for key, cell in models.rows()
    ]


def test_real_files_have_the_usage_that_was_scripted() -> None:
    """A real fork, its source, a rollback, a compaction, a reverted thread: the sums of their requests."""
    found = {path.name[28:41]: taken(path.read_bytes()).total for path in rollouts(DATA / "codex-0.100.0")}
    later = [taken(path.read_bytes()).total for path in sorted((DATA / "codex-0.169.0").rglob("*.jsonl"))]

    assert {
        "019c515e-234d": 4474,
        "019c5166-0008": 2142,
        "019c5166-7694": 5451,
        "019c515d-eb63": 64221,
    }.items() <= found.items()
    assert later == [953, 2335, 731, 945, 2224, 607]


@needs_shared
def test_real_forks_without_their_turn_ids_are_told_by_their_source() -> None:
    """What Codex wrote before turns had ids: the same files with the ids taken out add up the same."""
    files = {path.name[-42:-6]: path.read_bytes() for path in rollouts(shared_path("corpus", "codex-0.100.0"))}
    older = {identity: re.sub(rb'"turn_id":"[^"]*",?', b"", data) for identity, data in files.items()}
    forks = [identity for identity, data in files.items() if b'"forked_from_id"' in data]

    assert 4 == len(forks)
    assert [taken(files[one]) for one in forks] == [taken(older[one], InFiles(older)) for one in forks]


class InFiles:
    """An ancestry of files by id."""

    def __init__(self, files: dict[str, bytes]) -> None:
        """Keep them."""
        self._files = files

    def source(self, identity: str) -> Iterable[Found] | None:
        """The lines of a file."""
        return found_in(self._files[identity])

    def base_back(self) -> None:
        """No file of this home builds on another by reference."""


@needs_shared
def test_the_last_total_of_a_real_home_is_what_its_requests_took() -> None:
    """Without forks a file's last total is the sum; with one, it is the sum and what was inherited."""
    for path in rollouts(shared_path("corpus", "codex-0.100.0")):
        found = _lines(path)
        forked = b'"forked_from_id"' in found[0].data  # type: ignore[union-attr]  # a good line
        assert forked or _last_total(found) == taken(path.read_bytes())


def _last_total(found: list[Found]) -> Tokens:
    from rollout.usage.tokens import count_of

    infos = [
        count_of(line.record) for line in found if not isinstance(line, Damage) and line.record.type == "event_msg"
    ]
    told = [info.amounts()[0] for info in infos if info]
    return told[-1] if told else ZERO


@needs_shared
def test_a_migrated_home_has_the_usage_of_the_home_before() -> None:
    """Codex dropped rolled-back turns and the marks of forks when it migrated; every token is still there."""
    before, after = (
        _by_thread(shared_path("corpus", *name))
        for name in (("codex-0.100.0",), ("extras", "v0.169.0-migrated-from-v0.100.0"))
    )

    assert before == after


def _by_thread(home: Path) -> dict[str, Tokens]:
    page = LocalStore(home).list(EVERYTHING._replace(order=Order("created"), limit=10_000))
    return {row.id: taken(Path(row.path).read_bytes()) for row in page.threads}


def test_wire_and_tokens_agree() -> None:
    """A line without cache writes, and one with a negative amount, are read as 0 there."""
    line = {**wire(amount(5)), "cache_write_input_tokens": -3}
    recording = Recording().add("event_msg", {"type": "token_count", "info": {"total_token_usage": line}})

    assert [amount(5)] == [use.tokens for use in counted(recording)]
