"""The asyncio recorder: order, deferral, barriers, resume."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from recording_words import NOON, asked, messages, options, params, records, run, said, store
from rollout.errors import BudgetError, BusyError, ClosedError, InvalidItemError
from rollout.ids import ThreadId
from rollout.items import GitInfo, Message, RawItem, SessionMeta
from rollout.policy import EVERYTHING
from rollout.recorder import RolloutRecorder
from rollout.recording import Shutdown
from rollout.testing import builders


async def recording(home: Path, **changes: Any) -> RolloutRecorder:
    """A recorder of a new thread that is persisted."""
    recorder = await RolloutRecorder.create(store(home), params(), options(**changes))
    await recorder.persist()
    return recorder


class TestDeferral:
    """A created thread has a path and no file until persist."""

    def test_materializes_only_after_explicit_persist(self, tmp_path: Path) -> None:
        """The seed's own test: no file after create, record or flush; persist makes it, twice is once, order kept."""

        async def scenario() -> tuple[list[bool], list[str], bool]:
            recorder = await RolloutRecorder.create(store(tmp_path), params(), options())
            there = [os.path.exists(recorder.rollout_path())]
            await recorder.record_items([said("buffered-event")])
            await recorder.flush()
            there.append(os.path.exists(recorder.rollout_path()))
            await recorder.record_items([asked("first-user-message")])
            await recorder.flush()
            there.append(os.path.exists(recorder.rollout_path()))
            await recorder.persist()
            there.append(os.path.exists(recorder.rollout_path()))
            once = Path(recorder.rollout_path()).read_bytes()
            await recorder.persist()
            same = once == Path(recorder.rollout_path()).read_bytes()
            await recorder.shutdown()
            return there, messages(recorder.path), same

        assert ([False, False, False, True], ["buffered-event", "first-user-message"], True) == run(scenario())

    def test_creating_leaves_no_trace(self, tmp_path: Path) -> None:
        """No file, no folder, no lock before persist."""

        async def scenario() -> list[str]:
            recorder = await RolloutRecorder.create(store(tmp_path), params(), options())
            await recorder.record([said("a")])
            return os.listdir(tmp_path)

        assert [] == run(scenario())

    def test_the_first_line_is_the_metadata_of_one_instant(self, tmp_path: Path) -> None:
        """Folder and name are local time, the payload is the same instant in UTC; nulls are explicit."""

        async def scenario() -> str:
            recorder = await RolloutRecorder.create(
                store(tmp_path), params(), options(utc_offset_s=lambda _: 9 * 3600, now_ms=lambda: NOON)
            )
            await recorder.persist()
            return recorder.path

        path = run(scenario())
        meta = records(path)[0]

        assert os.path.relpath(path, tmp_path).startswith("sessions/2026/02/09/rollout-2026-02-09T21-05-03-")
        assert {
            "timestamp": "2026-02-09T12:05:03.041Z",
            "cwd": "/work/app",
            "source": "cli",
            "model_provider": "openai",
            "base_instructions": None,
        } == {key: meta["payload"][key] for key in ("timestamp", "cwd", "source", "model_provider", "base_instructions")}
        assert ["id", "timestamp", "cwd", "originator", "cli_version", "source", "model_provider", "base_instructions"] == (
            list(meta["payload"])
        )

    def test_git_is_asked_when_the_thread_is_persisted(self, tmp_path: Path) -> None:
        """Not at create: the folder may change until then."""
        asked_for: list[str] = []

        def collect(cwd: str) -> GitInfo:
            asked_for.append(cwd)
            return GitInfo(branch="main")

        async def scenario() -> tuple[list[str], Any]:
            recorder = await RolloutRecorder.create(store(tmp_path), params(), options(collect_git=collect))
            before = list(asked_for)
            await recorder.persist()
            return before, records(recorder.path)[0]["payload"]["git"]

        assert ([], {"branch": "main"}) == run(scenario())

    def test_lines_bear_the_time_at_which_they_were_made(self, tmp_path: Path) -> None:
        """What waited for persist is stamped at persist, behind the metadata."""

        async def scenario() -> list[str]:
            recorder = await RolloutRecorder.create(store(tmp_path), params(), options())
            await recorder.record([said("early")])
            await recorder.persist()
            await recorder.record([said("late")])
            await recorder.shutdown()
            return [record["timestamp"] for record in records(recorder.path)]

        stamps = run(scenario())

        assert sorted(stamps) == stamps

    def test_a_thread_that_was_never_persisted_says_what_it_drops(self, tmp_path: Path) -> None:
        """Shutdown of a deferred thread leaves no file and counts the items."""

        async def scenario() -> Shutdown:
            recorder = await RolloutRecorder.create(store(tmp_path), params(), options())
            await recorder.record([said("a"), said("b")])
            return await recorder.shutdown()

        assert Shutdown(persisted=False, dropped=2) == run(scenario())
        assert [] == os.listdir(tmp_path)

    def test_flush_persists_where_asked_to(self, tmp_path: Path) -> None:
        """The later behaviour is an option: flush with waiting items makes the file."""

        async def scenario() -> list[str]:
            recorder = await RolloutRecorder.create(store(tmp_path), params(), options(flush_persists=True))
            await recorder.flush()
            assert not os.path.exists(recorder.path)
            await recorder.record([said("a")])
            await recorder.flush()
            return messages(recorder.path)

        assert ["a"] == run(scenario())

    def test_too_much_before_persist_is_an_error_and_not_a_wait(self, tmp_path: Path) -> None:
        """Nothing of the refused call is accepted; after persist it may be repeated."""

        async def scenario() -> list[str]:
            recorder = await RolloutRecorder.create(store(tmp_path), params(), options(budget=100))
            await recorder.record([said("a")])
            with pytest.raises(BudgetError):
                await recorder.record([said("b" * 100)])
            await recorder.persist()
            await recorder.record([said("b" * 100)])
            await recorder.shutdown()
            return messages(recorder.path)

        assert ["a", "b" * 100] == run(scenario())

    def test_items_recorded_while_persist_is_under_way_come_behind_those_that_waited(self, tmp_path: Path) -> None:
        """Order is the order of acceptance, whatever persist is doing."""

        async def scenario() -> list[str]:
            recorder = await RolloutRecorder.create(store(tmp_path), params(), options())
            await recorder.record([said("0")])
            persisting = asyncio.ensure_future(recorder.persist())
            for number in range(1, 200):
                await recorder.record([said(str(number))])
                await asyncio.sleep(0)
            await persisting
            await recorder.shutdown()
            return messages(recorder.path)

        assert [str(number) for number in range(200)] == run(scenario())


class TestRecording:
    """What becomes of items."""

    def test_flushed_items_are_in_the_file(self, tmp_path: Path) -> None:
        """After flush another process can read them."""

        async def scenario() -> list[str]:
            recorder = await recording(tmp_path)
            await recorder.record([said("a"), said("b")])
            await recorder.record([said("c")])
            await recorder.flush()
            return messages(recorder.path)

        assert ["a", "b", "c"] == run(scenario())

    def test_items_reach_the_file_without_a_flush_too(self, tmp_path: Path) -> None:
        """One tick of the loop later they are written."""

        async def scenario() -> list[str]:
            recorder = await recording(tmp_path)
            await recorder.record([said("a")])
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return messages(recorder.path)

        assert ["a"] == run(scenario())

    def test_the_policy_filters_and_counts(self, tmp_path: Path) -> None:
        """What the seed does not keep is counted, not written."""

        async def scenario() -> tuple[int, int, list[str]]:
            recorder = await recording(tmp_path)
            kept = await recorder.record([said("a"), RawItem("event_msg", b'{"type":"exec_command_begin"}')])
            filtered = recorder.statistics().filtered
            await recorder.shutdown()
            return kept, filtered, messages(recorder.path)

        assert (1, 1, ["a"]) == run(scenario())

    def test_unknown_kinds_are_kept_byte_for_byte(self, tmp_path: Path) -> None:
        """Key order, numbers and spacing of a raw payload survive."""
        payload = b'{"z":1.50,"a":[1e400, 18446744073709551616]}'

        async def scenario() -> bytes:
            recorder = await recording(tmp_path, policy=EVERYTHING)
            await recorder.record([RawItem("brand_new", payload)])
            await recorder.shutdown()
            return Path(recorder.path).read_bytes().splitlines()[-1].partition(b",")[2]

        assert b'"type":"brand_new","payload":' + payload + b"}" == run(scenario())

    def test_a_batch_with_one_bad_item_is_refused_whole(self, tmp_path: Path) -> None:
        """All or none: nothing of the batch is written, the recorder goes on."""

        async def scenario() -> list[str]:
            recorder = await recording(tmp_path)
            with pytest.raises(InvalidItemError):
                await recorder.record([said("a"), Message(role="user", content=[object()])])
            with pytest.raises(InvalidItemError):
                await recorder.record([said("a"), said("\ud800")])
            with pytest.raises(InvalidItemError):
                await recorder.record(["no item"])
            await recorder.record([said("b")])
            await recorder.shutdown()
            return messages(recorder.path)

        assert ["b"] == run(scenario())

    def test_many_tasks_record_whole_batches(self, tmp_path: Path) -> None:
        """A batch is contiguous, and each task's items keep their order."""

        async def scenario() -> list[str]:
            recorder = await recording(tmp_path)

            async def speak(name: str) -> None:
                for number in range(50):
                    await recorder.record([said(f"{name}{number}"), said(f"{name}{number}'")])
                    await asyncio.sleep(0)

            await asyncio.gather(*(speak(name) for name in "abcd"))
            await recorder.shutdown()
            return messages(recorder.path)

        found = run(scenario())

        assert 400 == len(found)
        assert all(found[at] + "'" == found[at + 1] for at in range(0, 400, 2))
        for name in "abcd":
            own = [text for text in found if text.startswith(name) and not text.endswith("'")]
            assert [f"{name}{number}" for number in range(50)] == own

    def test_a_large_batch_goes_off_the_loop_and_keeps_its_place(self, tmp_path: Path) -> None:
        """A batch over a megabyte is written by a thread; what follows comes behind it."""

        async def scenario() -> list[int]:
            recorder = await recording(tmp_path)
            await recorder.record([said("a")])
            await recorder.record([said("b" * 3_000_000)])
            await asyncio.sleep(0)
            await recorder.record([said("cc")])
            await recorder.flush()
            return [len(text) for text in messages(recorder.path)]

        assert [1, 3_000_000, 2] == run(scenario())

    def test_non_ascii_text_is_left_as_it_is(self, tmp_path: Path) -> None:
        """UTF-8, not escapes."""

        async def scenario() -> bytes:
            recorder = await recording(tmp_path)
            await recorder.record([said("日本語 🎉\u2028")])
            await recorder.shutdown()
            return Path(recorder.path).read_bytes()

        assert "日本語 🎉\u2028".encode() in run(scenario())

    def test_after_shutdown_it_refuses(self, tmp_path: Path) -> None:
        """A second shutdown does nothing; everything else raises."""

        async def scenario() -> None:
            recorder = await recording(tmp_path)
            first = await recorder.shutdown()
            assert first == await recorder.shutdown()
            with pytest.raises(ClosedError):
                await recorder.record([said("a")])
            with pytest.raises(ClosedError):
                await recorder.flush()

        run(scenario())

    def test_it_is_a_context_manager(self, tmp_path: Path) -> None:
        """Leaving the block drains and frees the thread."""

        async def scenario() -> list[str]:
            async with await recording(tmp_path) as recorder:
                await recorder.record([said("a")])
            async with await RolloutRecorder.resume(store(tmp_path), recorder.thread_id, options()) as again:
                await again.record([said("b")])
            return messages(again.path)

        assert ["a", "b"] == run(scenario())

    def test_statistics_tell_what_was_done(self, tmp_path: Path) -> None:
        """Accepted, flushed, synced, without the metadata line."""

        async def scenario() -> tuple[int, int, int, int]:
            recorder = await recording(tmp_path)
            await recorder.record([said("a")])
            await recorder.sync()
            await recorder.record([said("b")])
            await recorder.flush()
            await recorder.record([said("c")])
            found = recorder.statistics()
            await recorder.shutdown()
            return found.accepted, found.flushed, found.synced, int(found.pending_bytes > 0)

        assert (3, 2, 1, 1) == run(scenario())

    def test_many_recorders_share_one_group_commit(self, tmp_path: Path) -> None:
        """Every sync of many recorders ends, and each has its own lines."""

        async def scenario() -> list[list[str]]:
            recorders = [await recording(tmp_path) for _ in range(20)]

            async def work(name: str, recorder: RolloutRecorder) -> None:
                for number in range(3):
                    await recorder.record([said(f"{name}-{number}")])
                    await asyncio.gather(recorder.sync(), recorder.sync())

            await asyncio.gather(*(work(str(at), recorder) for at, recorder in enumerate(recorders)))
            for recorder in recorders:
                await recorder.shutdown()
            return [messages(recorder.path) for recorder in recorders]

        assert [[f"{at}-{number}" for number in range(3)] for at in range(20)] == run(scenario())


class TestResume:
    """Going on in an existing thread."""

    def test_resuming_appends_only(self, tmp_path: Path) -> None:
        """What stood there is a prefix of what stands there afterwards; no second metadata line."""

        async def scenario() -> tuple[bytes, bytes]:
            recorder = await recording(tmp_path)
            await recorder.record([said("a")])
            await recorder.shutdown()
            before = Path(recorder.path).read_bytes()
            again = await RolloutRecorder.resume(store(tmp_path), recorder.path, options())
            await again.record([said("b")])
            await again.shutdown()
            return before, Path(recorder.path).read_bytes()

        before, after = run(scenario())

        assert after.startswith(before)
        assert 1 == after.count(b'"session_meta"')

    def test_opening_changes_no_byte_and_no_time(self, tmp_path: Path) -> None:
        """Resume without a record leaves the file as it was, torn tail included."""

        async def scenario() -> bool:
            recorder = await recording(tmp_path)
            await recorder.shutdown()
            with open(recorder.path, "ab") as file:
                file.write(b'{"torn')
            before = os.stat(recorder.path)
            again = await RolloutRecorder.resume(store(tmp_path), recorder.thread_id, options())
            await again.flush()
            await again.shutdown()
            after = os.stat(recorder.path)
            return (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)

        assert run(scenario())

    def test_a_second_recorder_of_a_thread_is_refused(self, tmp_path: Path) -> None:
        """One writer a thread; the owner is named."""

        async def scenario() -> dict[str, object]:
            recorder = await recording(tmp_path)
            with pytest.raises(BusyError) as caught:
                await RolloutRecorder.resume(store(tmp_path), recorder.thread_id, options())
            await recorder.shutdown()
            return caught.value.owner

        assert os.getpid() == run(scenario())["pid"]

    def test_ordinals_go_on_in_a_paginated_file(self, tmp_path: Path) -> None:
        """A gap is accepted, and the next ordinal is one more than the last."""
        thread = ThreadId.new(NOON, bytes(10))
        path = put(tmp_path, thread, builders.paginated_bytes(thread, builders.agent("a")))

        async def scenario() -> list[int]:
            recorder = await RolloutRecorder.resume(store(tmp_path), thread, options(policy=EVERYTHING))
            await recorder.record([said("b"), said("c")])
            await recorder.flush()
            await recorder.record([said("d")])
            await recorder.shutdown()
            return [record["ordinal"] for record in records(path)]

        assert [0, 1, 2, 3, 4] == run(scenario())

    def test_a_paginated_file_follows_its_own_policy(self, tmp_path: Path) -> None:
        """The presentation events of the legacy era are left out there."""
        thread = ThreadId.new(NOON, bytes(10))
        path = put(tmp_path, thread, builders.paginated_bytes(thread))

        async def scenario() -> int:
            recorder = await RolloutRecorder.resume(store(tmp_path), thread, options())
            await recorder.record([said("b")])
            await recorder.shutdown()
            return len(records(path))

        assert 1 == run(scenario())


def put(home: Path, thread: ThreadId, content: bytes) -> str:
    """Lay a rollout into a home by hand."""
    folder = home / "sessions" / "2026" / "02" / "09"
    folder.mkdir(parents=True)
    path = folder / f"rollout-2026-02-09T12-05-03-{thread}.jsonl"
    path.write_bytes(content)
    return str(path)


def test_session_meta_takes_a_thread_id(tmp_path: Path) -> None:
    """A ThreadId is written as the text that it is."""
    thread = ThreadId.new(NOON, bytes(10))

    async def scenario() -> Any:
        recorder = await RolloutRecorder.create(
            store(tmp_path), params(thread_id=thread, forked_from_id=thread), options()
        )
        await recorder.persist()
        await recorder.shutdown()
        return records(recorder.path)[0]["payload"]

    meta = run(scenario())

    assert (thread, thread) == (meta["id"], meta["forked_from_id"])
    assert SessionMeta.line_type == "session_meta"
