"""What the adapters write, beside real Codex."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapters.adapter_words import PYDANTIC_MISSING, answered, asked, called, output, run
from interop.lab import ANSWER, PROVIDER
from rollout import BusyError, CreateParams
from rollout.adapters.openai_agents import RolloutSession
from support import corpus_marks

if TYPE_CHECKING:
    from interop.lab import Lab, Turn

pytestmark = [*corpus_marks, pytest.mark.codex]
VERSIONS = ("0.100.0", "0.169.0")
ITEMS = [
    {"role": "system", "content": "Be brief."},
    asked("one grüße"), called("c1"), output("c1", "seen"), answered("1"),
    {"type": "from_the_future", "x": 1}, {"no": "type"},
    asked("two"), answered("2"), asked("three"), answered("3"),
]  # fmt: skip


def session(lab: Lab, wait: float = 5.0) -> RolloutSession:
    """A session in the lab's home."""
    about = CreateParams(cwd=str(lab.project), originator="openai-agents", model_provider=PROVIDER)
    return RolloutSession("chat", lab.store, params=about, wait=wait)


def said(turns: list[Turn]) -> list[Turn]:
    """What was said in each turn; turns in which nothing was said, and what else a version shows, left out."""
    messages = ([item for item in turn if item[0] in ("user", "agent")] for turn in turns)
    return [turn for turn in messages if turn]


def pairs(*words: tuple[str, str]) -> list[Turn]:
    """Turns of a question and an answer each."""
    return [[("user", question), ("agent", answer)] for question, answer in words]


@pytest.mark.parametrize("version", VERSIONS)
def test_codex_lists_reads_and_resumes_a_session(lab: Lab, version: str) -> None:
    """Preview and turns are right, a turn of Codex comes back as items, and while Codex has the thread it is busy."""
    kept = session(lab)
    run(kept.add_items(ITEMS))
    thread_id = str(kept.thread_id)
    with lab.codex(version) as server:
        listed, read = server.listed(), said(server.read(thread_id))
        resumed = said(server.resume(thread_id))
        server.turn(thread_id, "four")
        refused = _refused(lab) if version == "0.169.0" else True  # the older one takes no lock
    items = run(kept.get_items())

    assert "one grüße" == listed[thread_id]
    assert pairs(("one grüße", "1"), ("two", "2"), ("three", "3")) == read == resumed
    assert refused
    assert ITEMS == items[: len(ITEMS)]
    assert ["four", ANSWER] == [_text(item) for item in items if _text(item) in ("four", ANSWER)]


def _refused(lab: Lab) -> bool:
    with pytest.raises(BusyError, match="codex"):
        run(session(lab, wait=0).add_items([asked("no")]))
    return True


def _text(item: dict[str, Any]) -> str:
    content = item.get("content")
    return str(content[-1].get("text")) if isinstance(content, list) and content else ""


@pytest.mark.parametrize("version", VERSIONS)
def test_codex_sees_what_was_taken_back(lab: Lab, version: str) -> None:
    """After pops inside a turn and of a whole turn Codex shows and resumes what the session holds."""
    kept = session(lab)
    run(kept.add_items(ITEMS))
    for _ in range(3):
        run(kept.pop_item())
    run(kept.add_items([answered("instead")]))
    with lab.codex(version) as server:
        read = said(server.read(str(kept.thread_id)))
        resumed = said(server.resume(str(kept.thread_id)))

    assert pairs(("one grüße", "1"), ("two", "instead")) == read == resumed


@pytest.mark.parametrize(("version", "left"), [("0.100.0", []), ("0.169.0", ["Old rules"])])
def test_the_model_is_sent_no_turn_that_was_cleared(lab: Lab, version: str, left: list[str]) -> None:
    """A turn of Codex behind a clearing is sent none of the old turns; 0.169 keeps what stood above the first one."""
    kept = session(lab)
    run(kept.add_items([{"role": "developer", "content": "Old rules."}, *ITEMS]))
    run(kept.clear_session())
    run(kept.add_items([asked("anew"), answered("fresh")]))
    with lab.codex(version) as server:
        turns = said(server.resume(str(kept.thread_id)))
        server.turn(str(kept.thread_id), "probe")
    sent = str(lab.model.last_request["input"])

    assert pairs(("anew", "fresh")) == turns
    assert all(word in sent for word in ("anew", "fresh", "probe"))
    assert left == [word for word in ("Old rules", "grüße", "seen", "three") if word in sent]


@pytest.mark.parametrize("version", VERSIONS)
def test_codex_lists_reads_and_resumes_a_conversation_of_pydantic_ai(lab: Lab, version: str) -> None:
    """With a branch in its life; and the conversation goes on from where Pydantic AI left it."""
    ours = pytest.importorskip("rollout.adapters.pydantic_ai", reason=PYDANTIC_MISSING, exc_type=ImportError)
    sdk = pytest.importorskip("pydantic_ai.messages")
    conversations = pytest.importorskip("pydantic_ai.conversation")
    store = ours.RolloutConversationStore(lab.store, params=CreateParams(cwd=str(lab.project), model_provider=PROVIDER))

    def exchange(question: str, answer: str) -> list[Any]:
        request = sdk.ModelRequest(parts=[sdk.UserPromptPart(content=question)])
        return [request, sdk.ModelResponse(parts=[sdk.TextPart(answer)])]

    async def life() -> str:
        conversation = conversations.Conversation()
        conversation.messages += [*exchange("one grüße", "1"), *exchange("two", "2")]
        await store.save(conversation)
        back = await store.branch(conversation.conversation_id, at=3, expected_revision=conversation.revision)
        back.messages += exchange("", "instead")[1:]
        await store.save(back)
        return str(back.conversation_id)

    thread_id = run(life())
    with lab.codex(version) as server:
        listed, read = server.listed(), said(server.read(thread_id))
        resumed = said(server.resume(thread_id))

    assert "one grüße" == listed[thread_id]
    assert pairs(("one grüße", "1"), ("two", "instead")) == read == resumed
    assert 4 == len(run(store.load(thread_id)).messages)
