"""The real Pydantic AI, with a scripted model, beside the SDK's own store in memory."""

from __future__ import annotations

import asyncio
import signal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from adapters.adapter_words import PYDANTIC_MISSING, params, run, start
from rollout import BusyError, ThreadQuery
from rollout.adapters.keeping import thread_id_of
from rollout.history import history
from rollout.recorder_sync import SyncRolloutRecorder
from rollout.store.local.store import LocalStore
from rollout.store.memory import MemoryStore

if TYPE_CHECKING:
    from pathlib import Path

    from rollout.store.base import ThreadStore

stores = pytest.importorskip("pydantic_ai.conversation_store", reason=PYDANTIC_MISSING, exc_type=ImportError)
sdk = pytest.importorskip("pydantic_ai", reason=PYDANTIC_MISSING, exc_type=ImportError)
conversations = pytest.importorskip("pydantic_ai.conversation", reason=PYDANTIC_MISSING, exc_type=ImportError)
messages = pytest.importorskip("pydantic_ai.messages", reason=PYDANTIC_MISSING, exc_type=ImportError)
models = pytest.importorskip("pydantic_ai.models.test", reason=PYDANTIC_MISSING, exc_type=ImportError)
ours = pytest.importorskip("rollout.adapters.pydantic_ai", reason=PYDANTIC_MISSING, exc_type=ImportError)

FILE = b"\x89PNG\r\n\x1a\n\x00\xff"


def kept(store: ThreadStore | Path, **more: Any) -> Any:
    """Our store, over a store of threads or a folder."""
    return ours.RolloutConversationStore(store, params=params(), **more)


def agent() -> Any:
    """An agent with a tool, whose scripted model calls it in every turn."""
    made = sdk.Agent(models.TestModel(), system_prompt="Be brief.")

    def look(where: str) -> str:
        """Look somewhere."""
        return f"seen {where}"

    made.tool_plain(look)
    return made


async def talk(store: Any, conversation_id: str, *prompts: Any, **more: Any) -> Any:
    """Load, run and save, once a prompt; the conversation as loaded in the end."""
    for prompt in prompts:
        conversation = await store.load(conversation_id)
        conversation = conversation or conversations.Conversation(conversation_id=conversation_id)
        await store.save(await agent().run(prompt, conversation=conversation), **more)
    return await store.load(conversation_id)


def parts_of(conversation: Any) -> list[tuple[str, Any]]:
    """Kind and content of every part."""
    return [
        (part.part_kind, getattr(part, "content", None) or getattr(part, "args", None))
        for message in conversation.messages
        for part in message.parts
    ]


async def life(store: Any) -> list[Any]:
    """A conversation with everything that the SDK's interface offers; what there was to see of it."""
    seen: list[Any] = []
    first = await talk(store, "chat", "one", "two", "three", scope="user")
    seen.append(parts_of(first))
    back = await store.branch("chat", at=4, expected_revision=first.revision)
    seen.append(parts_of(await store.load("chat")))
    await store.save(await agent().run("instead", conversation=back))
    seen += [parts_of(await store.load("chat")), parts_of(await store.load("chat", limit=3))]
    fork = await store.fork("chat", at=4, new_conversation_id="fork")
    await store.save(await agent().run("elsewhere", conversation=fork))
    record = await store.read_record("chat")
    seen.append((len(record.branches), record.scope, record.usage.requests))
    old = await store.branch("chat", from_entry=record.branches[0], expected_revision=record.revision)
    seen.append(parts_of(old))
    empty = await store.branch("chat", at=0, expected_revision=old.revision)
    seen.append(parts_of(empty))
    await store.save(await agent().run("from the beginning", conversation=empty))
    seen += [one.conversation_id for one in await store.list_conversations(scope="user")]
    seen += [len(await store.list_conversations(scope="nobody")), len(await store.list_conversations(limit=1))]
    with pytest.raises(stores.ConversationConflict):
        await store.save(await agent().run("too late", conversation=first))
    with pytest.raises(stores.ConversationConflict):
        await store.fork("fork", new_conversation_id="chat")
    await store.delete("chat")
    seen += [await store.load("chat"), parts_of(await store.load("fork"))]
    seen.append(parts_of(await talk(store, "chat", "a new one")))
    return seen


@pytest.mark.parametrize("where", ["memory", "home"])
def test_a_conversation_lives_as_in_the_sdks_own_store(where: str, tmp_path: Path) -> None:
    """Load, save, branch, fork, list, conflict, delete: every answer is that of InMemoryConversationStore."""
    store: ThreadStore = MemoryStore() if where == "memory" else LocalStore(tmp_path)

    assert run(life(stores.InMemoryConversationStore())) == run(life(kept(store)))


def test_every_message_is_read_back_exactly(tmp_path: Path) -> None:
    """Images, other files and thoughts survive: what is loaded equals what the SDK itself makes of its own JSON."""

    async def scenario() -> None:
        image = messages.BinaryContent(data=FILE, media_type="image/png")
        audio = messages.BinaryContent(data=FILE, media_type="audio/wav")
        link = messages.ImageUrl(url="https://example.com/a.png")
        conversation = conversations.Conversation(conversation_id="chat")
        conversation.messages = [
            messages.ModelRequest(parts=[messages.UserPromptPart(content=["look", image, audio, link])]),
            messages.ModelResponse(
                parts=[messages.ThinkingPart(content="Hm.", signature="s"), messages.TextPart("A pixel.")],
                model_name="m",
            ),
        ]
        adapter = messages.ModelMessagesTypeAdapter
        saved = adapter.validate_json(adapter.dump_json(conversation.messages))
        await kept(tmp_path).save(conversation)
        loaded = await kept(tmp_path).load("chat")

        assert saved == loaded.messages
        assert conversation.revision == loaded.revision

    run(scenario())


def test_the_thread_is_what_codex_reads(tmp_path: Path) -> None:
    """The thread is listed by the first question, and its model history holds calls, outputs and words."""
    store = LocalStore(tmp_path)
    run(talk(kept(store), "chat", "hello"))
    (row,) = store.list(ThreadQuery()).threads
    sent = history(store.lines(row.id))

    assert ("hello", "chat", thread_id_of("chat")) == (row.preview, row.name, row.id)
    assert ["developer", "user", "function_call", "function_call_output", "assistant"] == [
        item.get("role", item["type"]) for item in sent
    ]


def test_a_branch_rolls_the_thread_back(tmp_path: Path) -> None:
    """What the conversation left is not in the thread's model history either; nothing was cut."""

    async def scenario(store: LocalStore) -> None:
        first = await talk(kept(store), "chat", "one", "two")
        back = await kept(store).branch("chat", at=4, expected_revision=first.revision)
        await kept(store).save(await agent().run("instead", conversation=back))

    store = LocalStore(tmp_path)
    run(scenario(store))
    sent = history(store.lines(thread_id_of("chat")))
    stored = b"".join(store.raw(thread_id_of("chat")))

    assert ["one", "instead"] == [item["content"][0]["text"] for item in sent if item.get("role") == "user"]
    assert b'"two"' in stored


def test_a_save_appends_what_is_new_and_no_more(tmp_path: Path) -> None:
    """The tenth turn costs as much as the second, give or take the numbers in it."""
    store = LocalStore(tmp_path)
    sizes = []
    for _ in range(10):
        run(talk(kept(store), "chat", "the same"))
        sizes.append(sum(segment.bytes for segment in store.segments(thread_id_of("chat"))))
    grown = [after - before for before, after in pairwise(sizes)]

    assert max(grown) - min(grown) < 100


def test_an_entry_is_found_by_its_id(tmp_path: Path) -> None:
    """By a store that has not read anything yet; an unknown one is a KeyError."""
    run(talk(kept(tmp_path), "chat", "one"))
    entries = run(kept(tmp_path).load_entries("chat"))

    assert entries[1] == run(kept(tmp_path).read_entry(entries[1].id))
    with pytest.raises(KeyError):
        run(kept(tmp_path).read_entry("nobody"))


def test_a_head_that_nobody_has_is_a_conflict(tmp_path: Path) -> None:
    """A record whose history was deleted meanwhile is not stored."""
    record = stores.ConversationRecord(conversation_id="chat", head_id="gone")

    with pytest.raises(stores.ConversationConflict):
        run(kept(tmp_path).write_record(record, expected_revision=None))
    assert run(kept(tmp_path).read_record("chat")) is None


def test_a_deleted_conversation_lies_in_the_trash(tmp_path: Path) -> None:
    """It can be restored, with its revision, unless the store erases."""
    from rollout.lifecycle import find_removed, restore

    store = LocalStore(tmp_path)
    run(talk(kept(store), "chat", "one"))
    run(kept(store).delete("chat"))
    gone = run(kept(store).load("chat"))
    restore(store, find_removed(store, thread_id_of("chat"))[0])

    assert gone is None
    assert 4 == len(run(kept(store).load("chat")).messages)


def test_of_savers_at_once_one_wins(tmp_path: Path) -> None:
    """Ten tasks save what they made of the same copy: one gets through, nine are told of the conflict."""

    async def scenario() -> list[str]:
        store = kept(tmp_path)
        await talk(store, "chat", "one")
        copies = [await store.load("chat") for _ in range(10)]
        results = [await agent().run(f"try {number}", conversation=copy) for number, copy in enumerate(copies)]
        ends = await asyncio.gather(*(store.save(result) for result in results), return_exceptions=True)
        return sorted(type(end).__name__ for end in ends)

    assert ["ConversationConflict"] * 9 + ["list"] == run(scenario())
    assert 6 == len(run(kept(tmp_path).load("chat")).messages)


def test_a_thread_that_somebody_writes_is_busy(tmp_path: Path) -> None:
    """BusyError names the writer and the conversation; it is no conflict, and a later save gets through."""
    store = LocalStore(tmp_path)
    run(talk(kept(store), "chat", "one"))
    with SyncRolloutRecorder.resume(store, thread_id_of("chat")), pytest.raises(BusyError) as refused:
        run(talk(kept(store, wait=0), "chat", "two"))
    run(talk(kept(store, wait=0), "chat", "two"))

    assert ["this thread keeps conversation 'chat'; waited 0 s for it"] == refused.value.__notes__
    assert 6 == len(run(kept(store).load("chat")).messages)


def test_a_copy_of_a_thread_is_no_second_conversation(tmp_path: Path) -> None:
    """A fork that was made by other means has the lines of a conversation, and is not listed as one."""
    from rollout.lifecycle import fork

    store = LocalStore(tmp_path)
    run(talk(kept(store), "chat", "one"))
    fork(store, thread_id_of("chat"))

    assert ["chat"] == [record.conversation_id for record in run(kept(store).list_conversations())]


WRITER = """
import asyncio, sys
from pydantic_ai.conversation import Conversation
from pydantic_ai.messages import ModelRequest, UserPromptPart
from rollout.adapters.pydantic_ai import RolloutConversationStore
async def main():
    store = RolloutConversationStore(sys.argv[1])
    conversation = Conversation(conversation_id="chat")
    for number in range(10_000):
        conversation.messages.append(ModelRequest(parts=[UserPromptPart(content=str(number))]))
        await store.save(conversation)
        print(number, flush=True)
asyncio.run(main())
"""


def test_a_killed_process_loses_nothing_that_was_saved(tmp_path: Path) -> None:
    """After a kill in the middle the conversation loads with every saved message, and goes on."""
    victim = start(WRITER, tmp_path)
    with victim:
        assert victim.stdout is not None
        for _ in range(20):
            victim.stdout.readline()
        victim.send_signal(signal.SIGKILL)
        acknowledged = 20 + len(victim.stdout.read().splitlines())
    loaded = run(kept(tmp_path, wait=0).load("chat"))
    said = [part.content for message in loaded.messages for part in message.parts]

    assert [str(number) for number in range(len(said))] == said
    assert len(said) in (acknowledged, acknowledged + 1)
    assert len(said) + 4 == len(run(talk(kept(tmp_path, wait=0), "chat", "after")).messages)
