from __future__ import annotations

import asyncio
import json
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.adapter_words import Json, answered, asked, called, output, params, run, start, tags
from rollout import BusyError, ThreadQuery, WriteError, open_store
from rollout.adapters.keeping import thread_id_of
from rollout.adapters.openai_agents import RolloutSession
from rollout.errors import AmbiguousError, InvalidItemError, InvalidQueryError
from rollout.history import history
from rollout.recorder_sync import SyncRolloutRecorder
from rollout.store.local.store import LocalStore
from rollout.store.memory import MemoryStore
from rollout.testing.faults import FullDisk

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rollout.store.base import ThreadStore

UUID = "019a7c1e-5b8e-7c3a-9f00-0123456789ab"
TURN = [asked("look"), called("c1"), output("c1", "seen"), answered("I looked.")]
ODD: list[Json] = [
    {"type": "from_the_future", "id": "x", "nested": {"z": 1, "a": [1.0, 1e-9, 12345678901234567890123]}},
    {"type": "other", "what": "a kind that no policy keeps"},
    {"type": "compaction_trigger"},
    {"type": "compaction_summary", "encrypted_content": "gAAA"},
    {"no": "type"},
    {"type": 7},
    {"role": "user", "content": None},
    {"role": "system", "content": "Be brief."},
    {"role": "developer", "content": "Be kind.", "extra": True},
    {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be kind."}]},
    {"content": "short and typed", "type": "message", "role": "user"},
    {"role": "user", "content": [{"type": "input_text", "text": "long and untyped"}]},
    {"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png;base64,AA=="}]},
    {"role": "user", "content": "<environment_context>no turn of a person</environment_context>"},
    {"role": "user", "content": ""},
    {"role": "user", "content": "\u2028 grüße\n\x00世界"},
    {"role": "assistant", "content": "short"},
    {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
    {"type": "message", "role": "user", "content": [], "given": ["text"]},
    {"type": "reasoning", "id": "r1", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "gA"},
    {"id": "cc", "type": "computer_call", "action": {"type": "click", "x": 1}},
    {},
]


def session(store: ThreadStore, session_id: str = "chat", wait: float = 5.0) -> RolloutSession:
    """A session in a store."""
    return RolloutSession(session_id, store, params=params(), wait=wait)


def text_of(items: Sequence[Json]) -> str:
    """Items with the order of their keys."""
    return json.dumps(items)


def test_what_was_added_comes_back_byte_for_byte(tmp_path: Path) -> None:
    """Every kind of item, in every form, is read by another session exactly as it was given, in order."""
    items = [*TURN, *ODD, *TURN]
    run(session(LocalStore(tmp_path)).add_items(items))

    assert text_of(items) == text_of(run(session(LocalStore(tmp_path)).get_items()))


@pytest.mark.parametrize(("limit", "expected"), [(None, TURN), (2, TURN[-2:]), (9, TURN), (0, []), (-1, [])])
def test_a_limit_gives_the_newest(limit: int | None, expected: list[Json]) -> None:
    """A limit takes items from the end, in their order."""
    kept = session(MemoryStore())
    run(kept.add_items(TURN))

    assert expected == run(kept.get_items(limit))


def test_the_settings_of_the_session_limit_too() -> None:
    """Without a limit of the call that of the settings holds."""

    class Settings:
        limit = 1

    kept = session(MemoryStore())
    kept.session_settings = Settings()
    run(kept.add_items(TURN))

    assert TURN[-1:] == run(kept.get_items())
    assert TURN[-2:] == run(kept.get_items(2))


def test_looking_makes_nothing(tmp_path: Path) -> None:
    """Reading, popping and clearing a session that is not there leave the home as it is."""
    kept = session(LocalStore(tmp_path))

    assert [] == run(kept.get_items())
    assert run(kept.pop_item()) is None
    run(kept.clear_session())
    run(kept.add_items([]))
    assert kept.thread_id is None
    assert [] == os.listdir(tmp_path)


def test_the_thread_is_listed_with_preview_and_name(tmp_path: Path) -> None:
    """A listing shows the thread by the first thing that was asked, and by the session's id as its name."""
    store = LocalStore(tmp_path)
    run(session(store).add_items(TURN))
    (row,) = store.list(ThreadQuery()).threads

    assert ("look", "chat", "test") == (row.preview, row.name, row.summary.originator)
    assert (row.id,) == store.resolve("chat")


def test_lines_are_those_that_codex_writes(tmp_path: Path) -> None:
    """Messages stand with their events, calls and outputs as they are."""
    store = LocalStore(tmp_path)
    kept = session(store)
    run(kept.add_items(TURN))

    assert [
        "session_meta", "message", "user_message", "function_call", "function_call_output", "message", "agent_message",
    ] == tags(store, str(kept.thread_id))  # fmt: skip


@pytest.mark.parametrize("text", [UUID, UUID.upper(), UUID.replace("-", ""), f"urn:uuid:{UUID}"])
def test_a_uuid_is_the_id_of_the_thread(text: str) -> None:
    """In any form; it is no name."""
    store = MemoryStore()
    kept = session(store, text)
    run(kept.add_items(TURN))

    assert UUID == kept.thread_id
    assert {} == dict(store.names())


def test_an_id_that_looks_like_the_beginning_of_another_is_its_own_session() -> None:
    """A session called like a prefix of a thread's id does not get into that thread."""
    store = MemoryStore()
    run(session(store, UUID).add_items(TURN))

    assert [] == run(session(store, UUID[:8]).get_items())


@pytest.mark.parametrize("text", ["", "  ", "a/b", "\n", "名前", "x" * 5000, " chat"])
def test_any_text_is_a_session(text: str, tmp_path: Path) -> None:
    """Blank, long, in any script: the same text finds the same items, another text none."""
    run(session(LocalStore(tmp_path), text).add_items(TURN))

    assert TURN == run(session(LocalStore(tmp_path), text).get_items())
    assert [] == run(session(LocalStore(tmp_path), text + "!").get_items())


def test_a_text_that_is_no_unicode_is_refused() -> None:
    """A lone surrogate cannot name anything."""
    with pytest.raises(InvalidQueryError, match="no valid Unicode"):
        run(session(MemoryStore(), "\ud800").get_items())


def test_a_session_is_found_after_its_thread_was_renamed() -> None:
    """The name is for people; the text of the session means the thread all the same."""
    store = MemoryStore()
    kept = session(store)
    run(kept.add_items(TURN))
    store.set_name(str(kept.thread_id), "something else")

    assert TURN == run(session(store).get_items())


def test_an_existing_thread_is_taken_by_its_name() -> None:
    """A thread that somebody recorded and named goes on as a session of that name."""
    store = MemoryStore()
    thread_id = recorded(store, "chat")
    kept = session(store)
    run(kept.add_items(TURN))

    assert thread_id == kept.thread_id
    assert [asked("before"), *TURN] == run(kept.get_items())


def test_a_name_that_two_threads_bear_is_refused() -> None:
    """Nobody guesses which one is meant."""
    store = MemoryStore()
    recorded(store, "chat")
    recorded(store, "chat")

    with pytest.raises(AmbiguousError, match="2 threads"):
        run(session(store).add_items(TURN))


def recorded(store: ThreadStore, name: str) -> str:
    """A thread with one item, under a name."""
    from rollout.adapters.agents_items import lines_of

    with SyncRolloutRecorder.create(store, params()) as recorder:
        recorder.record(list(lines_of(asked("before"))))
        recorder.persist()
    store.set_name(recorder.thread_id, name)
    return recorder.thread_id


@pytest.mark.parametrize(
    "item", ["text", None, {"x": float("nan")}, {"x": {1, 2}}, {"role": "user", "content": "\ud800"}, {"x": object()}]
)
def test_what_is_no_json_is_refused_and_nothing_is_stored(item: Any) -> None:
    """One bad item of a batch keeps the whole batch out."""
    kept = session(MemoryStore())

    with pytest.raises(InvalidItemError, match="nothing was stored"):
        run(kept.add_items([asked("good"), item]))
    assert kept.thread_id is None


# -- taking back -----------------------------------------------------------------------------------------------


def test_popping_takes_items_from_the_end(tmp_path: Path) -> None:
    """Each pop gives the newest item and leaves the rest; the end gives None."""
    kept = session(LocalStore(tmp_path))
    run(kept.add_items([asked("one"), answered("1"), *TURN]))
    popped = [run(kept.pop_item()) for _ in range(7)]

    assert [*TURN[::-1], answered("1"), asked("one"), None] == popped
    assert [] == run(kept.get_items())


def test_nothing_is_ever_cut(tmp_path: Path) -> None:
    """After pops and a clearing the old bytes are still the beginning of the file."""
    store = LocalStore(tmp_path)
    kept = session(store)
    run(kept.add_items(TURN))
    before = b"".join(store.raw(str(kept.thread_id)))
    run(kept.pop_item())
    run(kept.clear_session())

    assert b"".join(store.raw(str(kept.thread_id))).startswith(before)


def test_the_model_history_of_the_thread_is_that_of_the_session(tmp_path: Path) -> None:
    """What was popped is not in the history that a resuming agent would send either."""
    store = LocalStore(tmp_path)
    kept = session(store)
    run(kept.add_items([asked("one"), answered("1"), asked("two"), answered("2")]))
    run(kept.pop_item())
    sent = history(store.lines(str(kept.thread_id)))

    assert ["one", "1", "two"] == [item["content"][0]["text"] for item in sent]


ITEMS = st.sampled_from([*TURN, *ODD, asked("again")])
STEPS = st.lists(
    st.one_of(st.lists(ITEMS, min_size=1, max_size=5), st.sampled_from(["pop", "pop", "clear"])), max_size=12
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_a_session_behaves_like_a_list(steps: list[Any]) -> None:
    """Whatever is added, popped and cleared: the session holds what a list would hold, after each step."""

    async def scenario() -> None:
        store, expected = MemoryStore(), list[Json]()
        for step in steps:
            kept = session(store)
            if step == "pop":
                assert (expected.pop() if expected else None) == await kept.pop_item()
            elif step == "clear":
                await kept.clear_session()
                expected.clear()
            else:
                await kept.add_items(step)
                expected += step
            assert text_of(expected) == text_of(await session(store).get_items())

    run(scenario())


# -- many at once ----------------------------------------------------------------------------------------------


def test_tasks_share_a_session_and_mix_no_batches(tmp_path: Path) -> None:
    """Of batches added by many tasks at once, through one session object and several, each stays together."""

    async def scenario() -> list[Json]:
        store = LocalStore(tmp_path)
        shared = session(store)
        sessions = [shared if number % 2 else session(store) for number in range(30)]
        pairs = [[asked(str(number)), answered(str(number))] for number in range(30)]
        await asyncio.gather(*(one.add_items(pair) for one, pair in zip(sessions, pairs, strict=True)))
        return await shared.get_items()

    items = run(scenario())
    numbers = [item["content"] for item in items[::2]]

    assert sorted(map(str, range(30))) == sorted(numbers)
    assert [answered(number) for number in numbers] == items[1::2]


def test_a_cancelled_call_has_ended_when_its_caller_goes_on(tmp_path: Path) -> None:
    """Cancelling does not leave a write behind that comes later: when CancelledError arrives, it is done."""

    async def scenario() -> list[Json]:
        kept = session(LocalStore(tmp_path))
        adding = asyncio.ensure_future(kept.add_items(TURN))
        await asyncio.sleep(0)
        adding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await adding
        return await kept.get_items()

    assert TURN == run(scenario())


HOLDER = """
import asyncio, sys
from rollout.adapters.openai_agents import RolloutSession
async def main():
    async with RolloutSession("chat", sys.argv[1]) as session:
        await session.add_items([{"role": "user", "content": "mine"}])
        print("held", flush=True)
        sys.stdin.readline()
asyncio.run(main())
"""


def test_a_held_session_refuses_others_and_says_who_holds_it(tmp_path: Path) -> None:
    """BusyError names the process and the session; reading goes on; after the end the session is free."""
    other = start(HOLDER, tmp_path)
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        kept = session(LocalStore(tmp_path), wait=0)
        with pytest.raises(BusyError, match=f"pid {other.pid}") as refused:
            run(kept.add_items(TURN))
        seen = run(kept.get_items())
        other.communicate("\n")
    run(kept.add_items(TURN))

    assert ["this thread keeps session 'chat'; waited 0 s for it"] == refused.value.__notes__
    assert [asked("mine")["content"]] == [item["content"] for item in seen]
    assert 0 == other.returncode
    assert 5 == len(run(kept.get_items()))


def test_a_block_keeps_the_thread_and_gives_it_back(tmp_path: Path) -> None:
    """Inside ``async with`` another session of the same process is refused, behind it served."""

    async def scenario() -> list[Json]:
        store = LocalStore(tmp_path)
        async with session(store) as kept:
            await kept.add_items(TURN)
            with pytest.raises(BusyError):
                await session(store, wait=0).add_items(TURN)
            assert TURN[-1] == await kept.pop_item()
        await session(store, wait=0).add_items(TURN[-1:])
        return await kept.get_items()

    assert TURN == run(scenario())


RIVAL = """
import asyncio, sys
from rollout.adapters.openai_agents import RolloutSession
print("ready", flush=True)
sys.stdin.readline()
async def main():
    session = RolloutSession("chat", sys.argv[1], wait=60)
    for number in range(5):
        await session.add_items([{"role": "user", "content": f"{sys.argv[2]}-{number}"}])
asyncio.run(main())
"""


def test_processes_that_begin_one_session_at_once_share_one_thread(tmp_path: Path) -> None:
    """Nobody's items are hidden by a second file: one makes the thread, the others find it."""
    rivals = [start(RIVAL, tmp_path, str(number)) for number in range(3)]
    for rival in rivals:
        assert rival.stdout is not None
        rival.stdout.readline()
    for rival in rivals:
        assert rival.stdin is not None
        rival.stdin.write("\n")
        rival.stdin.flush()
    ended = [rival.communicate()[0] == "" and rival.returncode == 0 for rival in rivals]
    items = run(session(LocalStore(tmp_path)).get_items())

    assert [True] * 3 == ended
    assert sorted(f"{rival}-{number}" for rival in range(3) for number in range(5)) == sorted(
        item["content"] for item in items
    )
    assert 1 == len(list((tmp_path / "sessions").rglob("*.jsonl")))


# -- what goes wrong -------------------------------------------------------------------------------------------

WRITER = """
import asyncio, sys
from rollout.adapters.openai_agents import RolloutSession
async def main():
    session = RolloutSession("chat", sys.argv[1])
    for number in range(10_000):
        await session.add_items([{"role": "user", "content": str(number)}, {"type": "kept", "number": number}])
        print(number, flush=True)
asyncio.run(main())
"""


def test_a_killed_process_loses_nothing_that_it_was_told_is_kept(tmp_path: Path) -> None:
    """After a kill in the middle every acknowledged batch is there, in order, and the session goes on."""
    victim = start(WRITER, tmp_path)
    with victim:
        assert victim.stdout is not None
        for _ in range(20):
            victim.stdout.readline()
        victim.send_signal(signal.SIGKILL)
        acknowledged = 20 + len(victim.stdout.read().splitlines())
    kept = session(LocalStore(tmp_path), wait=0)
    items = run(kept.get_items())
    run(kept.add_items([asked("after")]))

    whole = [item for number in range(acknowledged + 1) for item in (said(number), {"type": "kept", "number": number})]
    assert whole[: len(items)] == items
    assert acknowledged * 2 <= len(items)
    assert [*items, asked("after")] == run(kept.get_items())


def said(number: int) -> Json:
    """A numbered message, as the program above gives it."""
    return {"role": "user", "content": str(number)}


def test_a_torn_tail_costs_its_own_line_only(tmp_path: Path) -> None:
    """What a power cut left half written is passed over; what is added behind it is whole."""
    store = LocalStore(tmp_path)
    kept = session(store)
    run(kept.add_items(TURN))
    with open(store.find_path(str(kept.thread_id)) or "", "ab") as file:
        file.write(b'{"timestamp":"2026-02-08T07:05:10.000Z","type":"response_item","payl')
    run(kept.add_items([asked("after")]))

    assert [*TURN, asked("after")] == run(kept.get_items())


@pytest.mark.parametrize("held", [False, True])
def test_a_full_disk_is_told_and_the_call_can_be_repeated(tmp_path: Path, held: bool) -> None:
    """WriteError reaches the caller and the thread becomes free; once there is room, the repeated call gets through."""

    async def scenario() -> list[Json]:
        disk = FullDisk(1 << 16)
        store = LocalStore(tmp_path, fs=disk)
        kept = session(store, wait=0)
        if held:
            await kept.__aenter__()
        await kept.add_items(TURN)
        with pytest.raises(WriteError):
            await kept.add_items([asked("x" * (1 << 17))])
        disk.heal()
        await kept.add_items([asked("after")])
        await kept.close()
        await session(store, wait=0).add_items(TURN)
        return await kept.get_items()

    assert [*TURN, asked("after"), *TURN] == run(scenario())


def test_a_store_may_be_given_as_a_path(tmp_path: Path) -> None:
    """The one line that changes names a folder at most."""
    run(RolloutSession("chat", tmp_path, params=params()).add_items(TURN))

    assert (thread_id_of("chat"),) == open_store(tmp_path).resolve("chat")
