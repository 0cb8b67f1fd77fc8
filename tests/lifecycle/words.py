"""Words for tests of what happens to whole threads: threads in a store, and what stands in them."""

from __future__ import annotations

import json
import os
from itertools import count
from typing import TYPE_CHECKING, Any

from rollout.boundaries import message_text
from rollout.history import rebuild
from rollout.lines import Line
from rollout.recording import Options
from rollout.store.base import Segment
from rollout.testing import builders as b

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollout.items import RawItem
    from rollout.store.base import ThreadStore

LATER = b.START_MS + 86_400_000
QUESTIONS = ("one", "two", "three")


def options(now_ms: int = LATER) -> Options:
    """Options without the real clock and git: each instant is a millisecond later."""
    ticks = count(now_ms)
    return Options(
        now_ms=lambda: next(ticks),
        utc_offset_s=lambda _: 0,
        randomness=os.urandom,
        collect_git=lambda _: None,
    )


def legacy_turn(question: str) -> list[RawItem]:
    """A turn of the legacy era whose id is its question."""
    return b.turn(question, f"answer to {question}", turn_id=question)


def paginated_turn(question: str) -> list[RawItem]:
    """The same in the paginated era."""
    return b.paginated_turn(question, f"answer to {question}", turn_id=question)


def legacy(number: int = 1, questions: Iterable[str] = QUESTIONS, **facts: Any) -> bytes:
    """A legacy thread: context, then a turn for each question."""
    items = [item for question in questions for item in legacy_turn(question)]
    return b.rollout_bytes(b.thread_id(number), b.message("developer", "be brief"), *items, **facts)


def paginated(number: int = 1, questions: Iterable[str] = QUESTIONS, **facts: Any) -> bytes:
    """A paginated thread, likewise."""
    items = [item for question in questions for item in paginated_turn(question)]
    return b.paginated_bytes(b.thread_id(number), b.message("developer", "be brief"), *items, **facts)


def keep(
    store: ThreadStore, data: bytes, number: int = 1, rollout: int | None = None, *, archived: bool = False
) -> str:
    """Put a file of thread ``number`` into a store; the thread's id."""
    identity = b.thread_id(number)
    rollout_id = identity if rollout is None else b.thread_id(rollout)
    at_ms = b.START_MS + (number if rollout is None else rollout) * 1000
    name = b.rollout_name(identity, at_ms, None if rollout is None else rollout_id)
    segment = Segment(name, rollout_id, len(data), at_ms * 1_000_000, 0o600, archived=archived, compressed=False)
    store.put(segment, [data])
    return identity


def raw(store: ThreadStore, thread_id: str, rollout_id: str | None = None) -> bytes:
    """The bytes of a file of a thread, by default the newest."""
    return b"".join(store.raw(thread_id, rollout_id))


def files(store: ThreadStore, thread_id: str) -> dict[str, bytes]:
    """Every file of a thread by its rollout id."""
    return {segment.rollout_id: raw(store, thread_id, segment.rollout_id) for segment in store.segments(thread_id)}


def lines(store: ThreadStore, thread_id: str) -> list[bytes]:
    """The lines of the logical thread."""
    return [found.data for found in store.lines(thread_id) if isinstance(found, Line)]


def metas(store: ThreadStore, thread_id: str) -> list[dict[str, Any]]:
    """The metadata lines of the logical thread, in order."""
    records = (json.loads(line) for line in lines(store, thread_id))
    return [record["payload"] for record in records if record["type"] == "session_meta"]


def ordinals(store: ThreadStore, thread_id: str) -> list[int]:
    """The ordinals of the logical thread."""
    return [json.loads(line)["ordinal"] for line in lines(store, thread_id)]


def asked(store: ThreadStore, thread_id: str) -> list[str]:
    """What the user's messages say in the history that the model would get."""
    return [message_text(item) for item in rebuild(store.lines(thread_id)) if item.get("role") == "user"]


def record(store: ThreadStore, thread_id: str, items: Iterable[RawItem]) -> None:
    """Append items to a thread, as its recorder would."""
    writer = store.open_writer(thread_id)
    for item in items:
        writer.append(b.line(item, ordinal=writer.next_ordinal), 1)
    writer.flush()
    writer.close()
