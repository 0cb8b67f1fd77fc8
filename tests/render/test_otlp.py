"""An export as OpenTelemetry traces follows the conventions for generative AI."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from render.shared_threads import lines
from rollout.query import EVERYTHING
from rollout.render.otlp import Spans, otlp
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b
from rollout.usage import uses
from rollout.usage.reading import Use
from support import needs_shared, shared_path

if TYPE_CHECKING:
    from rollout.items import RawItem


def spans(*items: RawItem) -> list[dict[str, Any]]:
    """The spans of a small thread, attributes as a mapping."""
    return read(b"".join(otlp(Spans(b.thread_id(1)).spans(lines(*items)), "1")))


def read(document: bytes) -> list[dict[str, Any]]:
    """The spans of a document; its shape is checked on the way."""
    found: list[dict[str, Any]] = json.loads(document)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    for span in found:
        assert re.fullmatch("[0-9a-f]{32}", span["traceId"])
        assert re.fullmatch("[0-9a-f]{16}", span["spanId"])
        assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])
        span["attributes"] = {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}
    return found


def test_a_turn_is_a_trace_with_its_calls() -> None:
    """The agent's span holds what was asked and answered; a tool's span is its child."""
    tool, agent = spans(
        b.turn_context(model="m1"), b.message("user", "do it"), b.tool_call("shell", '{"a":1}', "c1"),
        b.tool_output("done", "c1"), b.message("assistant", "did"),
    )  # fmt: skip

    assert tool["parentSpanId"] == agent["spanId"]
    assert tool["traceId"] == agent["traceId"]
    assert (tool["name"], agent["name"]) == ("execute_tool shell", "invoke_agent codex_cli_rs")
    assert tool["attributes"]["gen_ai.tool.call.arguments"] == '{"a":1}'
    assert tool["attributes"]["gen_ai.tool.call.result"] == "done"
    assert agent["attributes"]["gen_ai.conversation.id"] == b.thread_id(1)
    assert agent["attributes"]["gen_ai.request.model"] == "m1"
    asked = [{"role": "user", "parts": [{"type": "text", "content": "do it"}]}]
    assert json.loads(agent["attributes"]["gen_ai.input.messages"]) == asked
    assert json.loads(agent["attributes"]["gen_ai.output.messages"])[0]["parts"][0]["content"] == "did"


def test_a_turn_ends_with_its_last_line() -> None:
    """The time until the next question is not the agent's."""
    first, second = spans(*b.turn("one", "1"), *b.turn("two", "2"))

    assert int(first["endTimeUnixNano"]) < int(second["startTimeUnixNano"])
    assert first["traceId"] != second["traceId"]


def test_failures_are_errors() -> None:
    """A call without an output and a turn that was aborted have the status of an error."""
    tool, agent = spans(
        b.message("user", "x"), b.tool_call("t", call_id="1"), b.event("turn_aborted", reason="interrupted")
    )

    assert [tool["status"]["code"], agent["status"]["code"]] == [2, 2]
    assert agent["attributes"]["error.type"] == "interrupted"


def test_the_same_thread_gives_the_same_spans() -> None:
    """Ids are made of the thread, so a second export does not double anything."""
    assert spans(*b.turn("one", "1")) == spans(*b.turn("one", "1"))


@needs_shared
@pytest.mark.parametrize("home", ["codex-0.100.0", "codex-0.169.0"])
def test_real_threads_tell_the_tokens_that_were_used(home: str) -> None:
    """Spans of every real thread are well formed, and the requests of unforked ones add up to the thread's use."""
    store = LocalStore(shared_path("corpus", home))
    compared = 0
    for row in store.list(EVERYTHING._replace(limit=10_000)).threads:
        found = read(b"".join(otlp(Spans(row.id).spans(store.lines(row.id)), "1")))
        ids = [span["spanId"] for span in found]
        assert len(ids) == len(set(ids)), row.id
        if row.summary.forked_from_id or row.summary.parent_id or row.segments > 1:
            continue
        used = sum(one.tokens.input for one in uses(store.lines(row.id), row.id) if isinstance(one, Use))
        told = sum(
            int(span["attributes"].get("gen_ai.usage.input_tokens", 0))
            for span in found
            if span["name"].startswith("chat")
        )
        assert told <= used, row.id
        compared += told == used

    assert compared > 150
