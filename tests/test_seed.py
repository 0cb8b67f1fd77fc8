"""Every public name of the seed's recorder, with its arguments, in Python spelling."""

from __future__ import annotations

import errno
import inspect
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from recording_words import asked, messages, options, params, records, run, said, store
from rollout.ephemeral import EphemeralRecorder
from rollout.errors import (
    BusyError,
    ClosedError,
    FormatError,
    InvalidItemError,
    InvalidQueryError,
    NotFoundError,
    RolloutError,
)
from rollout.ids import ThreadId
from rollout.initial_history import Resumed
from rollout.recorder import RolloutRecorder
from rollout.recording import Shutdown
from rollout.seed import (
    Create,
    RecorderConfig,
    Resume,
    ThreadItem,
    ThreadsPage,
    append_rollout_item_to_path,
    session_start_hint,
)
from rollout.testing.builders import (
    START_MS,
    agent,
    item,
    paginated_bytes,
    paginated_turn,
    rollout_bytes,
    rollout_name,
    torn,
    user,
)
from rollout.testing.builders import thread_id as identity_of

if TYPE_CHECKING:
    from collections.abc import Iterable

DAY_MS = 86_400_000
REVIEW = {"subagent": "review"}
SPAWNED = {"subagent": {"thread_spawn": {"parent_thread_id": identity_of(9), "depth": 1}}}


@pytest.fixture(autouse=True)
def _no_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No repository of the machine is found from the folders of these tests."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))


def config(home: Path) -> RecorderConfig:
    """The five settings."""
    return RecorderConfig(codex_home=str(home), cwd=str(home), model_provider_id="openai")


def put(home: Path, number: int, *items: Any, archived: bool = False, **facts: Any) -> str:
    """The ``number``-th thread of a home, a day after the one before it; somebody asked something in it."""
    at = START_MS + number * DAY_MS
    name = rollout_name(identity_of(number), at)
    year, month, day = name[8:18].split("-")
    path = home / "archived_sessions" / name if archived else home / "sessions" / year / month / day / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(rollout_bytes(identity_of(number), *(items or (user(f"question {number}"),)), **facts))
    os.utime(path, ns=(at * 1_000_000, at * 1_000_000))
    return str(path)


def page(home: Path, *, archived: bool = False, **changes: Any) -> ThreadsPage:
    """The seed's listing, with all seven arguments."""
    usual: dict[str, Any] = {
        "page_size": 10, "cursor": None, "sort_key": "created_at", "allowed_sources": [], "model_providers": None,
        "default_provider": "openai",
    }  # fmt: skip
    listing = RolloutRecorder.list_archived_threads if archived else RolloutRecorder.list_threads
    return run(listing(str(home), **{**usual, **changes}))


def numbers(rows: Iterable[ThreadItem]) -> list[int]:
    """Which of the threads that ``put`` made."""
    known = {identity_of(number): number for number in range(1, 10)}
    return [known[ThreadId.parse(row.thread_id or "")] for row in rows]


class TestNew:
    """``RolloutRecorder.new(config, Create | Resume)``."""

    def test_create_knows_its_path_and_stores_nothing(self, tmp_path: Path) -> None:
        """The path holds the id that was given; no file, no folder."""

        async def scenario() -> tuple[str, str]:
            recorder = await RolloutRecorder.new(config(tmp_path), Create(conversation_id=identity_of(1)))
            path = recorder.rollout_path()
            await recorder.shutdown()
            return path, recorder.thread_id

        path, made = run(scenario())

        assert (identity_of(1), []) == (made, os.listdir(tmp_path))
        assert path.startswith(f"{tmp_path}/sessions/")
        assert path.endswith(f"-{identity_of(1)}.jsonl")

    def test_every_parameter_of_create_stands_in_the_metadata(self, tmp_path: Path) -> None:
        """Under the names that Codex gives them."""
        create = Create(
            conversation_id=identity_of(1),
            source=SPAWNED,
            base_instructions="be brief",
            dynamic_tools=({"name": "t", "description": "d", "inputSchema": {}},),
            forked_from_id=identity_of(2),
        )

        meta = run(recorded(config(tmp_path), create))[0]["payload"]

        assert {
            "id": identity_of(1), "forked_from_id": identity_of(2), "cwd": str(tmp_path), "source": SPAWNED,
            "model_provider": "openai", "base_instructions": {"text": "be brief"},
            "dynamic_tools": [{"name": "t", "description": "d", "inputSchema": {}}],
        }.items() <= meta.items()  # fmt: skip

    def test_the_parameters_of_create_have_the_seeds_defaults(self, tmp_path: Path) -> None:
        """Only the id must be given; what is absent is null or left out as in the seed."""
        meta = run(recorded(config(tmp_path), Create(conversation_id=identity_of(1))))[0]["payload"]

        assert ("cli", None) == (meta["source"], meta["base_instructions"])
        assert meta.keys().isdisjoint({"dynamic_tools", "forked_from_id"})

    def test_resume_appends_to_the_file_at_a_path(self, tmp_path: Path) -> None:
        """No second metadata line; opening alone changes nothing."""
        path = put(tmp_path, 1)

        async def scenario() -> tuple[bytes, str]:
            recorder = await RolloutRecorder.new(config(tmp_path), Resume(path))
            before = Path(path).read_bytes()
            await recorder.record_items([said("more")])
            await recorder.shutdown()
            return before, recorder.rollout_path()

        before, where = run(scenario())

        assert (rollout_bytes(identity_of(1), user("question 1")), path) == (before, where)
        assert ["session_meta", "event_msg", "event_msg"] == [record["type"] for record in records(path)]

    def test_resume_of_a_missing_file_is_an_error(self, tmp_path: Path) -> None:
        """It is named."""
        path = str(tmp_path / rollout_name(identity_of(1)))

        with pytest.raises(NotFoundError, match=rollout_name(identity_of(1))):
            run(RolloutRecorder.new(config(tmp_path), Resume(path)))


async def recorded(settings: RecorderConfig, create: Create) -> list[dict[str, Any]]:
    """The lines of a new thread in which one thing was asked."""
    recorder = await RolloutRecorder.new(settings, create)
    await recorder.record_items([asked("why?")])
    await recorder.persist()
    await recorder.shutdown()
    return records(recorder.rollout_path())


class TestRecording:
    """``record_items``, ``persist``, ``flush``, ``shutdown``."""

    def test_record_items_keeps_what_the_policy_keeps(self, tmp_path: Path) -> None:
        """An event that the seed does not keep is left out."""

        async def scenario() -> str:
            recorder = await RolloutRecorder.new(config(tmp_path), Create(conversation_id=identity_of(1)))
            await recorder.record_items([asked("a"), item("event_msg", {"type": "warning", "message": "w"}), said("b")])
            await recorder.persist()
            await recorder.shutdown()
            return recorder.rollout_path()

        assert ["a", "b"] == messages(run(scenario()))

    def test_flush_before_persist_succeeds_and_writes_nothing(self, tmp_path: Path) -> None:
        """Only ``persist`` makes a file."""

        async def scenario() -> tuple[list[str], bool]:
            recorder = await RolloutRecorder.new(config(tmp_path), Create(conversation_id=identity_of(1)))
            await recorder.record_items([asked("a")])
            await recorder.flush()
            before = os.listdir(tmp_path)
            await recorder.persist()
            await recorder.shutdown()
            return before, os.path.exists(recorder.rollout_path())

        assert ([], True) == run(scenario())

    def test_shutdown_of_an_unpersisted_thread_leaves_no_file_and_says_what_is_gone(self, tmp_path: Path) -> None:
        """The items that waited are dropped, and counted."""

        async def scenario() -> Shutdown:
            recorder = await RolloutRecorder.new(config(tmp_path), Create(conversation_id=identity_of(1)))
            await recorder.record_items([asked("a"), said("b")])
            return await recorder.shutdown()

        assert (Shutdown(persisted=False, dropped=2), []) == (run(scenario()), os.listdir(tmp_path))

    def test_after_shutdown_every_call_says_so(self, tmp_path: Path) -> None:
        """Nothing is written into a closed file, and nothing is lost in silence."""

        async def scenario() -> list[type[BaseException] | None]:
            recorder = await RolloutRecorder.new(config(tmp_path), Create(conversation_id=identity_of(1)))
            await recorder.shutdown()
            calls = partial(recorder.record_items, [asked("a")]), recorder.persist, recorder.flush
            return [await raised(call) for call in calls]

        assert [ClosedError] * 3 == run(scenario())


async def raised(call: Any) -> type[BaseException] | None:
    """What a call raises."""
    try:
        await call()
    except RolloutError as error:
        return type(error)
    return None


class TestListing:
    """``list_threads`` and ``list_archived_threads``."""

    def test_the_arguments_are_the_seeds_in_the_seeds_order(self) -> None:
        """So that ported calls need no keywords."""
        expected = "codex_home page_size cursor sort_key allowed_sources model_providers default_provider".split()  # noqa: SIM905 - one line is read as one signature

        assert expected == list(inspect.signature(RolloutRecorder.list_threads).parameters)
        assert expected == list(inspect.signature(RolloutRecorder.list_archived_threads).parameters)
        assert [*expected, "filter_cwd"] == list(inspect.signature(RolloutRecorder.find_latest_thread_path).parameters)

    def test_a_row_has_the_seeds_fields(self, tmp_path: Path) -> None:
        """Times are RFC 3339 texts: the metadata's own as it stands, the file's in whole seconds."""
        git = {"commit_hash": "c0ffee", "branch": "main", "repository_url": "git@example.com:a/b.git"}
        path = put(tmp_path, 1, git=git)
        os.utime(path, ns=(0, 1_770_620_705_999_999_999))

        (row,) = page(tmp_path).items

        assert ThreadItem(
            path=path, thread_id=identity_of(1), first_user_message="question 1", cwd="/home/dev/app",
            git_branch="main", git_sha="c0ffee", git_origin_url="git@example.com:a/b.git", source="cli", model_provider="openai",
            cli_version="0.100.0", created_at="2026-02-08T07:05:03.041Z", updated_at="2026-02-09T07:05:05Z",
        ) == row  # fmt: skip

    def test_newest_first_by_creation_or_by_file_time(self, tmp_path: Path) -> None:
        """The two keys differ once an old thread is touched."""
        oldest, _, _ = (put(tmp_path, number) for number in (1, 2, 3))
        os.utime(oldest, ns=(0, (START_MS + 9 * DAY_MS) * 1_000_000))

        by_key = [numbers(page(tmp_path, sort_key=key).items) for key in ("created_at", "updated_at")]

        assert [[3, 2, 1], [1, 3, 2]] == by_key

    def test_pages_follow_each_other_by_their_cursors(self, tmp_path: Path) -> None:
        """As a value and as its text; nothing twice, nothing left out, none behind the last."""
        for number in range(1, 6):
            put(tmp_path, number)

        first = page(tmp_path, page_size=2)
        second = page(tmp_path, page_size=2, cursor=first.next_cursor)
        third = page(tmp_path, page_size=2, cursor=str(second.next_cursor))

        assert [5, 4, 3, 2, 1] == numbers([*first.items, *second.items, *third.items])
        assert third.next_cursor is None

    def test_the_seeds_cursor_text_is_understood(self, tmp_path: Path) -> None:
        """Time in the form of the file name, a bar, an id."""
        for number in (1, 2, 3):
            put(tmp_path, number)
        cursor = f"{rollout_name(identity_of(2), START_MS + 2 * DAY_MS)[8:27]}|{identity_of(2)}"

        assert [1] == numbers(page(tmp_path, cursor=cursor).items)

    def test_sources_are_matched_as_they_stand_in_files(self, tmp_path: Path) -> None:
        """Texts, sub-agents as mappings; an empty list is no filter."""
        for number, source in enumerate(("cli", "exec", REVIEW), start=1):
            put(tmp_path, number, source=source)

        wanted: list[list[Any]] = [["cli", "vscode"], ["exec"], [REVIEW], []]
        found = [numbers(page(tmp_path, allowed_sources=each).items) for each in wanted]

        assert [[1], [2], [3], [3, 2, 1]] == found

    def test_providers_filter_and_the_default_stands_for_none(self, tmp_path: Path) -> None:
        """A thread without a provider counts as the caller's default one."""
        for number, provider in enumerate(("openai", "local", None), start=1):
            put(tmp_path, number, model_provider=provider)

        found = [numbers(page(tmp_path, model_providers=wanted).items) for wanted in (["openai"], ["local"], [], None)]

        assert [[3, 1], [2], [3, 2, 1], [3, 2, 1]] == found

    def test_only_threads_in_which_somebody_asked_are_listed(self, tmp_path: Path) -> None:
        """A thread with metadata alone, or with answers alone, is not."""
        put(tmp_path, 1)
        put(tmp_path, 2, agent("hello?"))

        assert [1] == numbers(page(tmp_path).items)

    def test_archived_threads_are_listed_apart(self, tmp_path: Path) -> None:
        """Each listing has its own."""
        put(tmp_path, 1)
        put(tmp_path, 2, archived=True)

        assert ([1], [2]) == (numbers(page(tmp_path).items), numbers(page(tmp_path, archived=True).items))

    def test_the_first_of_two_metadata_lines_counts(self, tmp_path: Path) -> None:
        """A fork bears its own id and folder, not its source's (which the seed itself got wrong)."""
        copied = item("session_meta", {"id": identity_of(9), "cwd": "/elsewhere", "timestamp": "t"})
        put(tmp_path, 1, copied, user("a"))

        (row,) = page(tmp_path).items

        assert (identity_of(1), "/home/dev/app") == (row.thread_id, row.cwd)

    def test_an_empty_home_has_an_empty_page(self, tmp_path: Path) -> None:
        """No cursor, nothing scanned, no cap."""
        assert ThreadsPage((), None, 0, reached_scan_cap=False) == page(tmp_path / "none")

    @pytest.mark.parametrize(("name", "value"), [("sort_key", "size"), ("cursor", "yesterday")])
    def test_what_cannot_be_honoured_is_refused(self, tmp_path: Path, name: str, value: str) -> None:
        """With the bad word in the message."""
        changes: dict[str, Any] = {name: value}

        with pytest.raises(InvalidQueryError, match=value):
            page(tmp_path, **changes)


class TestLatest:
    """``find_latest_thread_path``."""

    def find(self, home: Path, cwd: str | None, **changes: Any) -> str | None:
        """The call with all eight arguments."""
        usual: dict[str, Any] = {
            "page_size": 2, "cursor": None, "sort_key": "updated_at", "allowed_sources": ["cli"],
            "model_providers": None, "default_provider": "openai", "filter_cwd": cwd,
        }  # fmt: skip
        return run(RolloutRecorder.find_latest_thread_path(str(home), **{**usual, **changes}))

    def test_without_a_folder_it_is_the_newest(self, tmp_path: Path) -> None:
        """Whatever folder it is of."""
        put(tmp_path, 1)
        newest = put(tmp_path, 2, cwd="/elsewhere")

        assert newest == self.find(tmp_path, None)

    def test_with_a_folder_it_is_the_newest_of_that_folder(self, tmp_path: Path) -> None:
        """However many pages away; a trailing slash does not matter."""
        wanted = put(tmp_path, 1, cwd="/home/dev/wanted")
        for number in range(2, 7):
            put(tmp_path, number)

        assert wanted == self.find(tmp_path, "/home/dev/wanted/")

    def test_a_folder_through_a_link_is_the_same_folder(self, tmp_path: Path) -> None:
        """When both exist."""
        real, link = tmp_path / "real", tmp_path / "link"
        real.mkdir()
        link.symlink_to(real)
        wanted = put(tmp_path / "home", 1, cwd=str(link))

        assert wanted == self.find(tmp_path / "home", str(real))

    def test_filters_count(self, tmp_path: Path) -> None:
        """A newer thread of another source or provider is not taken."""
        wanted = put(tmp_path, 1)
        put(tmp_path, 2, source="exec")
        put(tmp_path, 3, model_provider="local")

        assert wanted == self.find(tmp_path, None, model_providers=["openai"])

    def test_there_may_be_none(self, tmp_path: Path) -> None:
        """In an empty home, and where nobody worked in that folder."""
        put(tmp_path / "home", 1)

        assert (None, None) == (self.find(tmp_path / "empty", None), self.find(tmp_path / "home", "/nowhere"))


def test_loading_is_offered_by_the_recorder(tmp_path: Path) -> None:
    """``load_rollout_items`` and ``get_rollout_history`` are those of ``rollout.loading``."""
    path = put(tmp_path, 1)

    loaded = run(RolloutRecorder.load_rollout_items(path))
    history = run(RolloutRecorder.get_rollout_history(path))

    assert (2, identity_of(1), 0) == (len(loaded.items), loaded.thread_id, loaded.errors)
    assert Resumed(identity_of(1), loaded.items, path) == history


class TestAppendToPath:
    """``append_rollout_item_to_path``."""

    def test_one_line_is_appended(self, tmp_path: Path) -> None:
        """The rest of the file is as it was, and the time is now's."""
        path = put(tmp_path, 1)
        before = Path(path).read_bytes()

        append_rollout_item_to_path(path, said("more"), options())

        assert Path(path).read_bytes().startswith(before)
        assert {"type": "agent_message", "message": "more"}.items() <= records(path)[-1]["payload"].items()
        assert records(path)[-1]["timestamp"] == "2026-02-09T12:05:03.041Z"

    def test_a_paginated_file_goes_on_with_its_ordinals(self, tmp_path: Path) -> None:
        """One more than the last."""
        path = put(tmp_path, 1)
        Path(path).write_bytes(paginated_bytes(identity_of(1), *paginated_turn("a", "b")))

        append_rollout_item_to_path(path, item("event_msg", {"type": "later"}), options())

        assert list(range(9)) == [record["ordinal"] for record in records(path)]

    def test_a_torn_tail_is_fenced(self, tmp_path: Path) -> None:
        """The fragment costs its own line only."""
        path = put(tmp_path, 1)
        Path(path).write_bytes(torn(rollout_bytes(identity_of(1), user("kept"), agent("lost"))))

        append_rollout_item_to_path(path, said("more"), options())

        loaded = run(RolloutRecorder.load_rollout_items(path))
        assert (["kept", "more"], 1) == ([one.object["message"] for one in loaded.items[1:]], loaded.errors)

    def test_a_thread_that_somebody_writes_is_busy(self, tmp_path: Path) -> None:
        """The file stays as it is; once the other has ended, the same call succeeds."""
        path = put(tmp_path, 1)

        async def scenario() -> bytes:
            async with await RolloutRecorder.resume(store(tmp_path), path, options()):
                with pytest.raises(BusyError):
                    append_rollout_item_to_path(path, said("more"), options())
                return Path(path).read_bytes()

        assert rollout_bytes(identity_of(1), user("question 1")) == run(scenario())
        append_rollout_item_to_path(path, said("more"), options())

    def test_a_missing_file_is_not_made(self, tmp_path: Path) -> None:
        """It is named instead."""
        path = str(tmp_path / "sessions" / rollout_name(identity_of(1)))

        with pytest.raises(NotFoundError):
            append_rollout_item_to_path(path, said("more"), options())

        assert not os.path.exists(path)

    def test_what_is_no_item_is_refused_and_the_thread_is_free(self, tmp_path: Path) -> None:
        """Nothing is written, and no lock is left."""
        path = put(tmp_path, 1)

        with pytest.raises(InvalidItemError):
            append_rollout_item_to_path(path, 42, options())

        append_rollout_item_to_path(path, {"type": "event_msg", "payload": {"type": "x"}}, options())
        assert 3 == len(records(path))


def caused(error: BaseException, cause: BaseException) -> BaseException:
    """An error as it is when another was raised from it."""
    error.__cause__ = cause
    return error


class TestHint:
    """``session_start_hint``: one message, with what to do and what the system said."""

    @pytest.mark.parametrize(
        ("error", "told"),
        [
            (PermissionError(errno.EACCES, "Permission denied"), "permission denied"),
            (OSError(errno.EPERM, "Operation not permitted"), "permission denied"),
            (FileNotFoundError(errno.ENOENT, "No such file"), "is missing"),
            (FileExistsError(errno.EEXIST, "File exists"), "A file stands where"),
            (IsADirectoryError(errno.EISDIR, "Is a directory"), "unexpected type: a folder"),
            (NotADirectoryError(errno.ENOTDIR, "Not a directory"), "unexpected type: a file"),
            (ValueError("bad data"), "corrupt or unreadable"),
            (FormatError("bad rollout"), "corrupt or unreadable"),
            (NotFoundError("no thread 42"), "is missing"),
        ],
    )
    def test_each_kind_has_its_hint(self, error: Exception, told: str) -> None:
        """The home is named, and the error itself is there in brackets."""
        hint = session_start_hint(error, "/home/dev/.codex")

        assert told in hint
        assert "/home/dev/.codex" in hint
        assert hint.endswith(f"(underlying error: {error})")

    def test_the_cause_is_looked_for_behind_our_own_errors(self) -> None:
        """Ours wrap the system's."""
        system = PermissionError(errno.EACCES, "Permission denied")

        assert "permission denied" in session_start_hint(caused(RolloutError("wrapped"), system), "/h")

    @pytest.mark.parametrize("error", [RolloutError("the sky fell"), OSError(errno.EIO, "I/O error"), KeyError("x")])
    def test_anything_else_is_told_as_it_is(self, error: Exception) -> None:
        """Without a hint that could mislead."""
        assert f"Failed to initialize session: {error}" == session_start_hint(error, "/h")

    def test_a_file_where_sessions_must_be(self, tmp_path: Path) -> None:
        """The error that persist really raises leads to the hint."""
        (tmp_path / "sessions").write_text("in the way")

        async def scenario() -> BaseException:
            recorder = await RolloutRecorder.create(store(tmp_path), params(), options())
            with pytest.raises(RolloutError) as caught:
                await recorder.persist()
            return caught.value

        assert "a file stands where" in session_start_hint(run(scenario()), str(tmp_path)).lower()


class TestEphemeral:
    """A thread that is not to be kept."""

    def test_it_takes_items_and_stores_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The recorder's calls succeed; there is no path, no file, and the end tells what is gone."""
        monkeypatch.setenv("CODEX_HOME", str(tmp_path))

        async def scenario() -> tuple[Shutdown, int]:
            async with EphemeralRecorder(identity_of(1)) as recorder:
                await recorder.record([asked("a"), said("b")])
                await recorder.flush()
                await recorder.sync()
            return await recorder.shutdown(), recorder.statistics().accepted

        assert ((Shutdown(persisted=False, dropped=2), 2), []) == (run(scenario()), os.listdir(tmp_path))
        assert (identity_of(1), None, False) == facts_of(EphemeralRecorder(identity_of(1)))

    def test_it_cannot_be_persisted(self) -> None:
        """Saying otherwise would be a lie."""
        with pytest.raises(RolloutError, match="ephemeral"):
            run(EphemeralRecorder(identity_of(1)).persist())

    def test_it_refuses_what_a_recorder_refuses(self) -> None:
        """What is no item, and any item after the end."""

        async def scenario() -> list[type[BaseException] | None]:
            recorder = EphemeralRecorder(identity_of(1))
            first = await raised(partial(recorder.record, [42]))
            await recorder.shutdown()
            return [first, await raised(partial(recorder.record, [said("a")]))]

        assert [InvalidItemError, ClosedError] == run(scenario())


def facts_of(recorder: EphemeralRecorder) -> tuple[str, str | None, bool]:
    """What a caller may ask of it at once."""
    return recorder.thread_id, recorder.path, recorder.persisted
