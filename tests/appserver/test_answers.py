"""What is answered about stored threads, and that looking changes nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from appserver_words import BOTH, HELLO, Peer, RefusedError, run, words_of
from local_homes import Home
from rollout.journal.filesystem import Filesystem
from rollout.store.local.store import LocalStore
from rollout.store.memory import MemoryStore
from rollout.testing import builders as b

if TYPE_CHECKING:
    from pathlib import Path

    from rollout.appserver.levels import Level

NOBODY = "01a00000-0000-7000-8000-000000000000"


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Every path with size and time."""
    found = {}
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            status = os.lstat(os.path.join(place, name))
            found[os.path.join(place, name)] = status.st_size, status.st_mtime_ns
    return found


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with three threads; the third is paginated."""
    made = Home(tmp_path / "home")
    made.talk(1)
    made.talk(2)
    name = b.rollout_name(b.thread_id(3), b.START_MS + 3000)
    turns = [item for n in range(4) for item in b.paginated_turn(f"q{n}", f"a{n}", turn_id=f"t{n}")]
    made.put(f"sessions/2026/02/08/{name}", b.paginated_bytes(b.thread_id(3), *turns))
    return made


@pytest.mark.parametrize("level", BOTH)
def test_hello_comes_first_and_once(home: Home, level: Level) -> None:
    """Anything before it and a second one are refused; a line that is no message is passed over."""

    async def scenario() -> None:
        peer = Peer(home.store, level)
        assert (-32600, "Not initialized") == await peer.refused("thread/list")
        await peer.say(b"garbage\n")
        assert (await peer.ask("initialize", **HELLO))["userAgent"].startswith(f"tester/{level.codex_version} (")
        assert (-32600, "Already initialized") == await peer.refused("initialize", **HELLO)
        assert (-32601, "method not found: thread/dance") == await peer.refused("thread/dance")

    run(scenario())


@pytest.mark.parametrize("level", BOTH)
def test_lists_are_walked_along_their_cursors(home: Home, level: Level) -> None:
    """Page by page, every thread once; only those of the configured provider unless told otherwise."""

    async def scenario() -> None:
        async with Peer(home.store, level) as peer:
            found, cursor = [], None
            while True:
                page = await peer.ask("thread/list", limit=1, cursor=cursor)
                found += [row["id"] for row in page["data"]]
                cursor = page["nextCursor"]
                if cursor is None:
                    break
            assert [b.thread_id(3), b.thread_id(2), b.thread_id(1)] == found
            assert [] == (await peer.ask("thread/list", modelProviders=["other"]))["data"]
            assert (-32600, "invalid cursor: x") == await peer.refused("thread/list", cursor="x")

    run(scenario())


@pytest.mark.parametrize("level", BOTH)
def test_a_thread_is_read_with_and_without_its_turns(home: Home, level: Level) -> None:
    """Legacy and paginated files alike, at both levels."""

    async def scenario() -> None:
        async with Peer(home.store, level) as peer:
            plain = await peer.ask("thread/read", threadId=b.thread_id(1))
            legacy = await peer.ask("thread/read", threadId=b.thread_id(1), includeTurns=True)
            paginated = await peer.ask("thread/read", threadId=b.thread_id(3), includeTurns=True)
        assert [] == plain["thread"]["turns"]
        assert [["question 1", "answer"]] == words_of(legacy["thread"])
        assert [["q0", "a0"], ["q1", "a1"], ["q2", "a2"], ["q3", "a3"]] == words_of(paginated["thread"])

    run(scenario())


@pytest.mark.parametrize("level", BOTH)
def test_what_cannot_be_read_is_said_in_known_words(home: Home, level: Level) -> None:
    """An unknown id, and what is none."""
    found = "expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], found `x` at 1"

    async def scenario() -> None:
        async with Peer(home.store, level) as peer:
            assert (-32600, f"thread not loaded: {NOBODY}") == await peer.refused("thread/read", threadId=NOBODY)
            assert (-32600, f"invalid thread id: invalid character: {found}") == await peer.refused(
                "thread/read", threadId="x"
            )
            assert (-32600, f"no rollout found for thread id {NOBODY}") == await peer.refused(
                "thread/resume", threadId=NOBODY
            )
            assert (-32600, f"thread not found: {NOBODY}") == await peer.refused(
                "turn/start", threadId=NOBODY, input=[]
            )

    run(scenario())


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_turns_are_walked_along_their_cursors(home: Home, number: int, direction: str) -> None:
    """Every turn once, in the wanted direction; the cursor backwards leads to the first row again."""

    async def scenario() -> None:
        async with Peer(home.store) as peer:
            whole = await peer.ask(
                "thread/turns/list", threadId=b.thread_id(number), sortDirection=direction, itemsView="full"
            )
            found, cursor = [], None
            while True:
                page = await peer.ask(
                    "thread/turns/list",
                    threadId=b.thread_id(number), sortDirection=direction, itemsView="full", limit=1, cursor=cursor,
                )  # fmt: skip
                found += page["data"]
                again = await peer.ask(
                    "thread/turns/list",
                    threadId=b.thread_id(number),
                    itemsView="full",
                    limit=1,
                    cursor=page["backwardsCursor"],
                )
                assert again["data"][0] == page["data"][0]
                cursor = page["nextCursor"]
                if cursor is None:
                    break
            assert whole["data"] == found

    run(scenario())


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_items_are_walked_along_their_cursors(home: Home, direction: str) -> None:
    """Every item of a paginated thread once, in the wanted direction; also of one turn alone."""

    async def scenario() -> None:
        async with Peer(home.store) as peer:
            found, cursor = [], None
            while True:
                page = await peer.ask(
                    "thread/items/list", threadId=b.thread_id(3), sortDirection=direction, limit=3, cursor=cursor
                )
                found += [(row["turnId"], row["item"]["type"]) for row in page["data"]]
                cursor = page["nextCursor"]
                if cursor is None:
                    break
            expected = [(f"t{n}", kind) for n in range(4) for kind in ("userMessage", "agentMessage")]
            assert expected == (found if direction == "asc" else found[::-1])
            one = await peer.ask("thread/items/list", threadId=b.thread_id(3), turnId="t2")
            assert ["t2", "t2"] == [row["turnId"] for row in one["data"]]
            assert [] == (await peer.ask("thread/items/list", threadId=b.thread_id(3), turnId="t9"))["data"]
            unsupported = await peer.refused("thread/items/list", threadId=b.thread_id(1))
            assert (-32601, "thread/items/list is not supported yet") == unsupported

    run(scenario())


def test_a_summary_of_a_turn_is_the_first_question_and_the_last_answer(tmp_path: Path) -> None:
    """What lies between them is left out."""
    home = Home(tmp_path)
    items = [
        b.event("task_started", turn_id="t"),
        b.user("q"),
        b.agent("a"),
        b.user("more"),
        b.agent("b"),
        b.agent("c"),
    ]
    home.put(f"sessions/2026/02/08/{b.rollout_name(b.thread_id(1))}", b.rollout_bytes(b.thread_id(1), *items))

    async def scenario() -> None:
        async with Peer(home.store) as peer:
            page = await peer.ask("thread/turns/list", threadId=b.thread_id(1))
            assert [["q", "c"]] == words_of({"turns": page["data"]})
            assert "interrupted" == page["data"][0]["status"]

    run(scenario())


@pytest.mark.parametrize("level", BOTH)
def test_looking_changes_nothing(home: Home, level: Level) -> None:
    """Lists, reads, searches and pages leave every byte and time as it was, and take no lock."""
    before = snapshot(home.folder)

    async def scenario() -> None:
        async with Peer(home.store, level) as peer:
            await peer.ask("thread/list")
            await peer.ask("thread/read", threadId=b.thread_id(3), includeTurns=True)
            await peer.ask("thread/loaded/list")
            if level.later:
                await peer.ask("thread/list", searchTerm="question")
                await peer.ask("thread/search", searchTerm="QUESTION")
                await peer.ask("thread/turns/list", threadId=b.thread_id(3))
            else:
                await peer.ask("listConversations")
                await peer.ask("getConversationSummary", conversationId=b.thread_id(1))

    run(scenario())

    assert before == snapshot(home.folder)


def test_a_search_finds_threads_with_the_place(home: Home) -> None:
    """Case is ignored; a blank text is refused."""

    async def scenario() -> None:
        async with Peer(home.store) as peer:
            found = await peer.ask("thread/search", searchTerm="QUESTION 2")
            assert [(b.thread_id(2), "question 2")] == [(row["thread"]["id"], row["snippet"]) for row in found["data"]]
            assert (-32600, "thread/search requires a non-empty searchTerm") == await peer.refused(
                "thread/search", searchTerm=" "
            )

    run(scenario())


def test_filters_of_a_list_that_cannot_be_honoured_are_refused(home: Home) -> None:
    """Nothing is passed over in silence."""

    async def scenario() -> None:
        async with Peer(home.store) as peer:
            both = await peer.refused("thread/list", parentThreadId=NOBODY, ancestorThreadId=NOBODY)
            assert (-32600, "parentThreadId and ancestorThreadId are mutually exclusive") == both
            assert -32602 == (await peer.refused("thread/list", projectId="p"))[0]
            assert -32602 == (await peer.refused("thread/list", excludedThreadIds=[NOBODY] * 101))[0]
            assert [] == (await peer.ask("thread/list", cwd=[]))["data"]
            left = await peer.ask("thread/list", excludedThreadIds=[b.thread_id(2)])
            assert [b.thread_id(3), b.thread_id(1)] == [row["id"] for row in left["data"]]

    run(scenario())


@pytest.mark.parametrize("level", BOTH)
def test_other_stores_are_served_as_well(level: Level) -> None:
    """A store that is no folder: a whole life of a thread in memory."""
    from rollout.appserver.agent import echo

    async def scenario() -> None:
        async with Peer(MemoryStore(), level, echo()) as peer:
            thread = (await peer.ask("thread/start", cwd="/w"))["thread"]
            await peer.turn(thread["id"], "hello")
            read = await peer.ask("thread/read", threadId=thread["id"], includeTurns=True)
            assert [["hello", "hello"]] == words_of(read["thread"])
            assert [thread["id"]] == [row["id"] for row in (await peer.ask("thread/list"))["data"]]
            with pytest.raises(RefusedError):
                await peer.ask("thread/resume", threadId=NOBODY)

    run(scenario())


class CountingFilesystem(Filesystem):
    """Counts what is opened."""

    opened = 0

    def open(self, path: str, flags: int, mode: int = 0o600) -> int:
        self.opened += 1
        return super().open(path, flags, mode)


def test_a_list_is_not_read_twice(home: Home) -> None:
    """What has not changed since it was listed is not opened again, whatever its era; what has changed is."""
    fs = CountingFilesystem()
    opened: list[int] = []

    async def scenario() -> None:
        async with Peer(LocalStore(home.folder, fs)) as peer:
            for change in (False, False, True):
                if change:
                    path = home.store.find_path(b.thread_id(3)) or ""
                    with open(path, "ab") as file:
                        file.write(b.line(b.event("task_started", turn_id="t9"), 60, ordinal=99))
                fs.opened = 0
                listed = (await peer.ask("thread/list"))["data"]
                opened.append(fs.opened)
        assert b.START_MS // 1000 + 60 == listed[0]["recencyAt"]

    run(scenario())

    assert (True, 0, True) == (opened[0] > 3, opened[1], 0 < opened[2] < opened[0])
