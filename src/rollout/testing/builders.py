"""Rollouts in domain words: items, lines and whole files as the formats have them, the same bytes each time.

Items are ``RawItem`` (they can be recorded as they are); ``line`` and ``rollout_bytes`` make them bytes. Time
begins at ``START_MS`` and goes on one second a line.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rollout.codec import decode, encode, timestamp_text
from rollout.errors import FormatError
from rollout.ids import ThreadId
from rollout.items import RawItem, payload_bytes, to_item

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

START_MS = 1_770_534_303_041
CWD = "/home/dev/app"


def thread_id(number: int = 1) -> ThreadId:
    """The id of the ``number``-th thread: version 7, a second apart, the same each time."""
    return ThreadId.new(START_MS + number * 1000, number.to_bytes(10, "big"))


def rollout_name(identity: str, at_ms: int = START_MS, rollout_id: str | None = None) -> str:
    """A rollout's file name for a moment (read as UTC); ``rollout_id`` makes it a further file of its thread."""
    stamp = timestamp_text(at_ms)[:19].replace(":", "-")
    return f"rollout-{stamp}-{identity}{'_' + rollout_id if rollout_id else ''}.jsonl"


# -- items -----------------------------------------------------------------------------------------------------


def item(line_type: str, payload: object) -> RawItem:
    """Any item from plain values."""
    return RawItem(line_type, payload_bytes(to_item({"type": line_type, "payload": payload})))


def event(tag: str, **fields: Any) -> RawItem:  # noqa: ANN401 - JSON
    """An event by its tag."""
    return item("event_msg", {"type": tag, **fields})


def response(tag: str, **fields: Any) -> RawItem:  # noqa: ANN401 - JSON
    """A response item by its tag."""
    return item("response_item", {"type": tag, **fields})


def meta(identity: str, **facts: Any) -> RawItem:  # noqa: ANN401 - JSON
    """The session's metadata; further facts are added, or replace the usual ones."""
    usual = {
        "id": identity,
        "timestamp": timestamp_text(START_MS),
        "cwd": CWD,
        "originator": "codex_cli_rs",
        "cli_version": "0.100.0",
        "source": "cli",
        "model_provider": "openai",
        "base_instructions": None,
    }
    return item("session_meta", {**usual, **facts})


def user(text: str, **fields: Any) -> RawItem:  # noqa: ANN401 - JSON
    """What a person typed, as the event of the legacy era."""
    return event("user_message", **{"message": text, "images": [], "local_images": [], "text_elements": [], **fields})


def agent(text: str) -> RawItem:
    """What the agent said, as the event of the legacy era."""
    return event("agent_message", message=text)


def message(role: str, text: str) -> RawItem:
    """A message to the model (``user``, ``developer``) or from it (``assistant``)."""
    kind = "output_text" if role == "assistant" else "input_text"
    return response("message", role=role, content=[{"type": kind, "text": text}])


def tool_call(name: str, arguments: str = "{}", call_id: str = "call_1") -> RawItem:
    """A call of a function; ``arguments`` is JSON as a string."""
    return response("function_call", name=name, arguments=arguments, call_id=call_id)


def tool_output(output: str, call_id: str = "call_1") -> RawItem:
    """What a function answered."""
    return response("function_call_output", call_id=call_id, output=output)


def turn_context(cwd: str = CWD, model: str = "gpt-5.2-codex", **fields: Any) -> RawItem:  # noqa: ANN401 - JSON
    """The settings of one model request."""
    usual = {"cwd": cwd, "approval_policy": "on-request", "sandbox_policy": {"type": "read-only"}, "model": model}
    return item("turn_context", {**usual, "summary": "auto", **fields})


def compacted(summary: str = "", replacement: Iterable[RawItem] | None = None) -> RawItem:
    """The model's context replaced by a summary, or by the response items of ``replacement``."""
    history = {} if replacement is None else {"replacement_history": [one.object for one in replacement]}
    return item("compacted", {"message": summary, **history})


def rolled_back(turns: int) -> RawItem:
    """The last ``turns`` turns marked as dropped."""
    return event("thread_rolled_back", num_turns=turns)


def tokens(total: int) -> RawItem:
    """The token count so far."""
    usage = {"input_tokens": total, "cached_input_tokens": 0, "output_tokens": 0, "reasoning_output_tokens": 0}
    info = {"total_token_usage": {**usage, "total_tokens": total}, "last_token_usage": {**usage, "total_tokens": total}}
    return event("token_count", info={**info, "model_context_window": 272_000}, rate_limits=None)


def turn_item(kind: str, text: str, *, turn_id: str = "turn-1", identity: str | None = None) -> RawItem:
    """A completed item of a turn, as the paginated era records it (``UserMessage``, ``AgentMessage``, ``Plan``)."""
    part = "Text" if kind == "AgentMessage" else "text"
    content = {"text": text} if kind == "Plan" else {"content": [{"type": part, "text": text}]}
    inner = {"type": kind, "id": f"{turn_id}-{kind}", **content}
    return event("item_completed", thread_id=identity or thread_id(), turn_id=turn_id, item=inner)


def turn(question: str, answer: str, *, turn_id: str = "turn-1") -> list[RawItem]:
    """One whole turn of the legacy era, in the order in which Codex writes it."""
    return [
        event("task_started", turn_id=turn_id, model_context_window=None),
        message("user", question),
        user(question),
        turn_context(turn_id=turn_id),
        message("assistant", answer),
        agent(answer),
        event("task_complete", turn_id=turn_id, last_agent_message=answer),
    ]


def paginated_turn(question: str, answer: str, *, turn_id: str = "turn-1") -> list[RawItem]:
    """One whole turn of the paginated era."""
    return [
        event("task_started", turn_id=turn_id, model_context_window=None),
        message("user", question),
        turn_item("UserMessage", question, turn_id=turn_id),
        turn_context(turn_id=turn_id),
        message("assistant", answer),
        turn_item("AgentMessage", answer, turn_id=turn_id),
        event("task_complete", turn_id=turn_id, last_agent_message=answer),
    ]


# -- lines and files -------------------------------------------------------------------------------------------


def line(one: RawItem, step: int = 0, *, ordinal: int | None = None) -> bytes:
    """An item as the line of second ``step``, newline included; an ``ordinal`` makes it a paginated one."""
    return encode(one.line_type, one.payload, timestamp_text(START_MS + step * 1000), ordinal)


def meta_line(identity: str, *, ordinal: int | None = None, **facts: Any) -> bytes:  # noqa: ANN401 - JSON
    """The first line of a rollout."""
    return line(meta(identity, **facts), ordinal=ordinal)


def lines_of(items: Iterable[RawItem], *, step: int = 0, ordinal: int | None = None) -> Iterator[bytes]:
    """Items as consecutive lines from second ``step`` on, with ordinals from ``ordinal`` on."""
    for at, one in enumerate(items):
        yield line(one, step + at, ordinal=None if ordinal is None else ordinal + at)


def rollout_bytes(identity: str, *items: RawItem, **facts: Any) -> bytes:  # noqa: ANN401 - JSON
    """A whole file of the legacy era: the metadata, then the items."""
    return b"".join(lines_of([meta(identity, **facts), *items]))


def paginated_bytes(identity: str, *items: RawItem, ordinal: int = 0, **facts: Any) -> bytes:  # noqa: ANN401 - JSON
    """A whole file of the paginated era, its ordinals from ``ordinal`` on."""
    first = meta(identity, **{"session_id": identity, "history_mode": "paginated", "cli_version": "0.169.0", **facts})
    return b"".join(lines_of([first, *items], ordinal=ordinal))


def bare_bytes(identity: str, *items: RawItem) -> bytes:
    """A whole file of early 2025: a header without type, then naked response items."""
    header = item("session_meta", {"id": identity, "timestamp": timestamp_text(START_MS), "instructions": None})
    return b"".join(one.payload + b"\n" for one in (header, *items))


def fork_bytes(identity: str, base: str, prefix: bytes, *items: RawItem, **facts: Any) -> bytes:  # noqa: ANN401 - JSON
    """A paginated fork by reference: it builds on ``prefix``, the first lines of the file whose id is ``base``."""
    cut = next_ordinal(prefix)
    inherited = {"thread_id": base, "end_ordinal_exclusive": cut, "end_byte_offset": len(prefix)}
    lineage = {"forked_from_id": base, "forked_from_ordinal_exclusive": cut, "history_base": inherited}
    return paginated_bytes(identity, *items, ordinal=cut, **{**lineage, **facts})


def next_ordinal(data: bytes) -> int:
    """The ordinal behind that of the last good line, or behind the number of lines where none has one."""
    for one in reversed(data.splitlines()):
        with suppress(FormatError):
            last = decode(one).ordinal
            return data.count(b"\n") if last is None else last + 1
    return 0


def first_lines(data: bytes, number: int) -> bytes:
    """The first lines of a file."""
    return b"".join(data.splitlines(keepends=True)[:number])


def torn(data: bytes, missing: int = 5) -> bytes:
    """A file whose last line has lost its newline and ``missing`` bytes before it, as a crash leaves it."""
    return data.removesuffix(b"\n")[: -missing or None]
