"""Threads with token counts, as Codex writes them, and forks of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.codec import encode, timestamp_text
from rollout.ids import ThreadId
from rollout.items import payload_bytes, to_item
from rollout.journal.reader import classify
from rollout.lines import Damage, Position
from rollout.testing.builders import CWD, START_MS, rollout_name
from rollout.usage import ZERO, Tokens, Use, uses

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from rollout.lines import Found
    from rollout.usage import Ancestry

Json = dict[str, Any]
Entry = tuple[int, str, Json]
MODEL = "gpt-5.2-codex"
HOUR = 3_600_000


def amount(input_tokens: int, output: int = 10, cached: int = 0, reasoning: int = 0) -> Tokens:
    """What one request takes."""
    return Tokens(input_tokens, cached, 0, output, reasoning)


def wire(tokens: Tokens) -> Json:
    """An amount as a line has it."""
    return {
        "input_tokens": tokens.input, "cached_input_tokens": tokens.cached, "cache_write_input_tokens": tokens.cache_write,
        "output_tokens": tokens.output, "reasoning_output_tokens": tokens.reasoning, "total_tokens": tokens.total,
    }  # fmt: skip


class Recording:
    """A rollout in the making; ``total`` is the running total, ``taken`` what its own requests took.

    ``turn_ids``: turns have ids, as since February 2026. ``named``: requests are named, as since July 2026.
    """

    def __init__(self, number: int = 1, *, turn_ids: bool = True, named: bool = False, **meta: Any) -> None:
        """Begin with the metadata; thread ``number`` begins ``number`` hours after the first."""
        self.now_ms = START_MS + number * HOUR
        self.id = ThreadId.new(self.now_ms, number.to_bytes(10, "big"))
        self.turn_ids, self.named = turn_ids, named
        self.paginated = False
        self.total, self.taken = ZERO, ZERO
        self.last: Tokens | None = None
        facts = {
            "id": self.id,
            "timestamp": timestamp_text(self.now_ms),
            "cwd": CWD,
            "originator": "t",
            "cli_version": "1",
        }
        self.meta = {**facts, "source": "cli", "model_provider": "openai", **meta}
        self.name = rollout_name(self.id, self.now_ms)
        self.entries: list[Entry] = [(self.now_ms, "session_meta", self.meta)]

    def add(self, kind: str, payload: Json) -> Recording:
        """One more line, a second later."""
        self.now_ms += 1000
        self.entries.append((self.now_ms, kind, payload))
        return self

    def count(self, total: Tokens | None = None, last: Tokens | None = None) -> Recording:
        """The running total, by default the one that was told before."""
        info = None
        if last is not None or self.last is not None:
            info = {"total_token_usage": wire(total or self.total), "last_token_usage": wire(last or self.last or ZERO)}
        return self.add("event_msg", {"type": "token_count", "info": info, "rate_limits": None})

    def turn(self, *requests: Tokens, model: str = MODEL, cwd: str = CWD) -> Recording:
        """A turn of some model requests; before each one the old total is told again."""
        turn_id = {"turn_id": ThreadId.new(self.now_ms + 1000, len(self.entries).to_bytes(10, "big"))}
        self.add("event_msg", {"type": "task_started", **(turn_id if self.turn_ids else {})})
        self.add("event_msg", {"type": "user_message", "message": "go on"})
        for tokens in requests:
            self.add("turn_context", {"model": model, "cwd": cwd, **(turn_id if self.turn_ids else {})})
            self.count()
            self.request(tokens)
        return self.add("event_msg", {"type": "task_complete"})

    def request(self, tokens: Tokens) -> Recording:
        """What one request took, and the new total."""
        if self.named:
            self.add("token_usage_record", {"thread_id": self.id, "response_id": "r", "usage": wire(tokens)})
        self.total, self.last, self.taken = self.total.plus(tokens), tokens, self.taken.plus(tokens)
        return self.count()

    def fork(
        self, number: int, *, keep: int | None = None, codex: bool = True, pause_ms: int = 5000, **meta: Any
    ) -> Recording:
        """A fork with a copy of the first ``keep`` lines (all); Codex gives them the time of the fork.

        Then a person thinks for a while.
        """
        forked = Recording(number, turn_ids=self.turn_ids, named=self.named, forked_from_id=self.id, **meta)
        copied = self.entries[:keep]
        forked.now_ms += pause_ms
        forked.entries += (
            [(forked.entries[0][0] + 15, kind, payload) for _, kind, payload in copied] if codex else copied
        )
        counts = [
            payload["info"] for _, _, payload in copied if payload.get("type") == "token_count" and payload["info"]
        ]
        if counts:
            forked.total, forked.last = (_tokens(counts[-1][f"{one}_token_usage"]) for one in ("total", "last"))
        return forked

    @property
    def data(self) -> bytes:
        """The file."""
        lines: list[bytes] = []
        for at_ms, kind, payload in self.entries:
            ordinal = len(lines) if self.paginated else None
            body = payload_bytes(to_item({"type": kind, "payload": payload}))
            lines.append(encode(kind, body, timestamp_text(at_ms), ordinal))
        return b"".join(lines)

    @property
    def found(self) -> Iterator[Found]:
        """The lines."""
        return found_in(self.data)

    def put(self, home: Path, *, archived: bool = False) -> Path:
        """Write the file into a home."""
        folder = home / ("archived_sessions" if archived else "sessions/2026/02/08")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / self.name).write_bytes(self.data)
        return folder / self.name


class Known:
    """An ancestry of recordings by id; remembers what it was asked."""

    def __init__(self, *recordings: Recording, base: bytes | None = None) -> None:
        """``base`` is what is inherited by reference."""
        self._by_id = {one.id: one for one in recordings}
        self._base = base
        self.asked: list[str] = []

    def source(self, identity: str) -> Iterable[Found] | None:
        """The lines of a recording."""
        self.asked.append(identity)
        return self._by_id[ThreadId(identity)].found if identity in self._by_id else None

    def base_back(self) -> Iterable[Found] | None:
        """The base from its end."""
        self.asked.append("base")
        return None if self._base is None else reversed(list(found_in(self._base)))


def found_in(data: bytes) -> Iterator[Found]:
    """The lines of a file."""
    offset = 0
    for n, one in enumerate(data.splitlines(keepends=True)):
        yield from classify(one, n, Position(0, offset))
        offset += len(one)


def counted(recording: Recording | bytes, lookup: Ancestry | None = None) -> list[Use]:
    """The uses of a recording, which has no damage."""
    data = recording if isinstance(recording, bytes) else recording.data
    return [use for use in uses(found_in(data), lookup=lookup) if not isinstance(use, Damage)]


def taken(recording: Recording | bytes, lookup: Ancestry | None = None) -> Tokens:
    """What the uses of a recording come to."""
    total = ZERO
    for use in counted(recording, lookup):
        total = total.plus(use.tokens)
    return total


def _tokens(usage: Json) -> Tokens:
    return Tokens(
        usage["input_tokens"], usage["cached_input_tokens"], usage["cache_write_input_tokens"], usage["output_tokens"],
        usage["reasoning_output_tokens"],
    )  # fmt: skip
