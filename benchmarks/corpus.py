"""Threads of any size for the benchmarks: realistic in their mix, fast to write, the same bytes each time.

A turn is what an agent does: a question, then per step a sealed reasoning, a tool call, its output and the token
counts, then an answer. Half of the bytes are sealed reasoning, as in real threads; the mean line has about 1.5 KB.
The turns are drawn from a pool, so a file of a gigabyte repeats itself; its times and turn ids go on.
"""

from __future__ import annotations

import base64
import os
import random
from functools import cache
from itertools import count, islice
from typing import TYPE_CHECKING, Any, NamedTuple

from rollout.codec import encode, timestamp_text
from rollout.ids import ThreadId
from rollout.items import (
    AgentMessage,
    AgentReasoning,
    Compacted,
    FunctionCall,
    FunctionCallOutput,
    Message,
    Reasoning,
    SessionMeta,
    TaskComplete,
    TaskStarted,
    TokenCount,
    TurnContext,
    UserMessage,
    payload_bytes,
)
from rollout.policy import SEED
from rollout.store.base import Place
from rollout.store.local.paths import new_rollout_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.items import Item

START_MS = 1_767_225_600_000  # 2026-01-01
TURN_MS = 45_000
POOL = 64
TURNS_OF_A_CONTEXT = 100
PROVIDER = "labmock"
_TURN_ID = "01900000-0000-7000-8000-000000000000"
_TIME = timestamp_text(START_MS)
_PROSE = """
write read open close lock flush line offset thread turn token cache index page query error retry guard test build
parser loop buffer socket branch commit merge rename folder server client wait limit slow quick empty whole torn
größe naïve café проверка запись 読む 書く 完了 🙂 the a of to and in is it that for with on as by at from when so
"""
_WORDS = _PROSE.split()


class Texts:
    """Prose, program output and sealed blobs from one seed."""

    def __init__(self, seed: int) -> None:
        """The same seed gives the same texts."""
        self._chance = random.Random(seed)

    def prose(self, mean: int) -> str:
        """About ``mean`` characters, sometimes three times as many."""
        length = min(mean * 6, max(12, int(self._chance.lognormvariate(0, 0.6) * mean)))
        words: list[str] = []
        while length > 0:
            words.append(self._chance.choice(_WORDS))
            length -= len(words[-1]) + 1
        return " ".join(words)

    def output(self, mean: int) -> str:
        """Lines as a tool prints them: numbers, paths, quotes, tabs."""
        lines = [f'{number}:\tsrc/part_{number % 7}.py: "{self.prose(50)}"' for number in range(max(1, mean // 90))]
        return "\n".join(lines) + "\n"

    def sealed(self, mean: int) -> str:
        """What only the model's side can read."""
        size = int(self._chance.lognormvariate(0, 0.4) * mean * 3 / 4)
        return base64.urlsafe_b64encode(self._chance.randbytes(max(48, size))).decode()

    def steps(self) -> int:
        """How many tool calls a turn has."""
        return self._chance.randint(1, 7)


def meta(identity: str, instructions: int = 12_000, provider: str = PROVIDER) -> SessionMeta:
    """The first line's payload, with instructions as long as an agent's are."""
    return SessionMeta(
        id=identity,
        timestamp=_TIME,
        cwd="/home/dev/app",
        originator="codex_cli_rs",
        cli_version="0.100.0",
        source="cli",
        model_provider=provider,
        base_instructions={"text": Texts(1).prose(60) + " You are a careful agent." * (instructions // 25)},
    )


def turn(texts: Texts) -> list[Item]:
    """The items of one turn."""
    question = texts.prose(300)
    items: list[Item] = [TaskStarted(turn_id=_TURN_ID, model_context_window=272_000), _message("user", question)]
    items += [UserMessage(message=question, images=[]), _context()]
    for number in range(texts.steps()):
        items += _step(texts, f"call_{number}")
    answer = texts.prose(700)
    items += [_message("assistant", answer), AgentMessage(message=answer), _tokens(900)]
    return [*items, TaskComplete(turn_id=_TURN_ID, last_agent_message=answer)]


def _step(texts: Texts, call: str) -> list[Item]:
    thought = texts.prose(160)
    return [
        Reasoning(
            summary=[{"type": "summary_text", "text": thought}], content=None, encrypted_content=texts.sealed(4_600)
        ),
        AgentReasoning(text=thought),
        FunctionCall(name="shell", arguments='{"command":["rg","-n","limit","src"]}', call_id=call),
        FunctionCallOutput(call_id=call, output=texts.output(2_600)),
        _tokens(len(call)),
    ]


def _message(role: str, text: str) -> Message:
    kind = "output_text" if role == "assistant" else "input_text"
    return Message(role=role, content=[{"type": kind, "text": text}])


def _context() -> TurnContext:
    return TurnContext(
        turn_id=_TURN_ID,
        cwd="/home/dev/app",
        approval_policy="on-request",
        sandbox_policy={"type": "danger-full-access"},
        model="gpt-5.2-codex",
        effort="medium",
        summary="auto",
    )


def _tokens(output: int) -> TokenCount:
    used = {"input_tokens": 48_211, "cached_input_tokens": 40_960, "output_tokens": output}
    total = {**used, "reasoning_output_tokens": 64, "total_tokens": 48_211 + output}
    info: dict[str, Any] = {"total_token_usage": total, "last_token_usage": total, "model_context_window": 272_000}
    return TokenCount(info=info, rate_limits=None)


def recorded_items(number: int, seed: int = 7) -> list[Item]:
    """So many items that a recorder keeps, turn by turn."""
    texts = Texts(seed)
    kept = (item for _ in count() for item in turn(texts) if SEED.keeps(item))
    return list(islice(kept, number))


def line(item: Item, unix_ms: int = START_MS) -> bytes:
    """An item as a line of the legacy era."""
    return encode(item.line_type, payload_bytes(item), timestamp_text(unix_ms))


class Thread(NamedTuple):
    """A file that was written."""

    identity: str
    path: str
    bytes: int
    longest: int


def write_thread(home: str, size: int, *, number: int = 0, longest: int = 0, provider: str = PROVIDER) -> Thread:
    """A thread of at least ``size`` bytes in a home; ``longest``: one line in its middle is so long.

    Every hundred turns its context is compacted, as it is when the window of a model is full.
    """
    identity = _identity(number)
    path = _place(home, identity, START_MS)
    with open(path, "wb", buffering=1 << 20) as file:
        written = file.write(line(meta(identity, provider=provider)))
        for at, block in enumerate(_turn_blocks()):
            if at % TURNS_OF_A_CONTEXT == TURNS_OF_A_CONTEXT - 1:
                written += file.write(_compaction(START_MS + at * TURN_MS))
            if longest and written >= size // 2:
                written += file.write(_long_line(longest, START_MS + at * TURN_MS))
                longest = -longest
            written += file.write(block)
            if written >= size:
                break
    return Thread(identity, path, written, max(abs(longest), *map(len, _pool_lines())))


def write_turns(home: str, turns: int) -> Thread:
    """A thread of so many turns in a home."""
    identity = _identity(0)
    path = _place(home, identity, START_MS)
    with open(path, "wb", buffering=1 << 20) as file:
        blocks = islice(_turn_blocks(), turns)
        written = file.write(line(meta(identity))) + sum(file.write(block) for block in blocks)
    return Thread(identity, path, written, max(map(len, _pool_lines())))


def _long_line(length: int, unix_ms: int) -> bytes:
    around = len(line(FunctionCallOutput(call_id="call_0", output=""), unix_ms))
    return line(FunctionCallOutput(call_id="call_0", output="x" * (length - around)), unix_ms)


def _pool_lines() -> Iterator[bytes]:
    return (one for block in _pool() for one in block.splitlines(keepends=True))


@cache
def _pool() -> list[bytes]:
    texts = Texts(11)
    return [b"".join(map(line, turn(texts))) for _ in range(POOL)]


def _turn_blocks() -> Iterator[bytes]:
    """The lines of turn after turn without end, each with its own time and id."""
    pool, time, turn_id = _pool(), _TIME.encode(), _TURN_ID.encode()
    for number in count():
        now = START_MS + number * TURN_MS
        block = pool[number % POOL].replace(time, timestamp_text(now).encode())
        yield block.replace(turn_id, _identity(number).encode())


def turn_lines(first: int, count: int) -> list[bytes]:
    """The lines of so many turns of the pool, from one of them on."""
    pool = _pool()
    return [pool[(first + number) % POOL] for number in range(count)]


def _compaction(unix_ms: int) -> bytes:
    texts = Texts(5)
    history = [_message("user", texts.prose(300)) for _ in range(20)] + [_message("user", texts.prose(2_000))]
    plain = [{"type": "message", "role": one.role, "content": one.content} for one in history]
    return line(Compacted(message="the work so far", replacement_history=plain), unix_ms)


def write_home(home: str, threads: int, *, a_day: int = 100) -> None:
    """A home of small threads, each with its first question, ``a_day`` in every day's folder."""
    texts = Texts(3)
    question = texts.prose(200)
    asked = (_message("user", question), UserMessage(message=question, images=[]), _context())
    tail = b"".join(map(line, (*asked, AgentMessage(message="done"))))
    model = line(meta("@@"))
    for number in range(threads):
        day, place = divmod(number, a_day)
        at = START_MS - day * 86_400_000 + place * 600_000
        identity = ThreadId.new(at, number.to_bytes(10, "big"))
        with open(_place(home, identity, at), "wb", buffering=0) as file:
            data = model.replace(b"@@", identity.encode()) + tail
            file.write(data.replace(_TIME.encode(), timestamp_text(at).encode()))


def _identity(number: int) -> ThreadId:
    return ThreadId.new(START_MS + number * TURN_MS, number.to_bytes(10, "big"))


def _place(home: str, identity: ThreadId, unix_ms: int) -> str:
    path = new_rollout_path(home, identity, Place(unix_ms))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path
