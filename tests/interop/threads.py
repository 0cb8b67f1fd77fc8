"""Threads as a Python agent records them, and what a person must see of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rollout.items import (
    AgentMessage,
    Compacted,
    ContextCompacted,
    CustomToolCall,
    CustomToolCallOutput,
    FunctionCall,
    FunctionCallOutput,
    Message,
    Reasoning,
    ThreadRolledBack,
    TokenCount,
    TurnContext,
    UserMessage,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
FOREIGN = "grüße 世界 \u2028 שלום 👩‍👩‍👧 \x7f \t„Ende“"
Seen = list[list[tuple[str, str]]]


class Case(NamedTuple):
    """What is recorded, in one or several sittings, and the turns that must be seen."""

    sittings: tuple[list[object], ...]
    turns: Seen
    preview: str


def context() -> TurnContext:
    """The settings of a request."""
    return TurnContext(
        cwd="/home/dev/app", approval_policy="never", sandbox_policy={"type": "danger-full-access"}, model="gpt-5.2-codex",
        summary="auto",
    )  # fmt: skip


def asked(text: str, image: str | None = None) -> list[object]:
    """What a person says, for the model and for the eye."""
    content: list[object] = [{"type": "input_text", "text": text}]
    images = [] if image is None else [image]
    content += [{"type": "input_image", "image_url": one} for one in images]
    return [Message(role="user", content=content), UserMessage(message=text, images=images), context()]


def answered(text: str) -> list[object]:
    """What the agent says, for the model and for the eye."""
    return [Message(role="assistant", content=[{"type": "output_text", "text": text}]), AgentMessage(message=text)]


def turn(question: str, answer: str, between: Sequence[object] = ()) -> list[object]:
    """A whole turn."""
    return [*asked(question), *between, *answered(answer)]


def seen(*pairs: tuple[str, str]) -> Seen:
    """Turns of one question and one answer each."""
    return [[("user", question), ("agent", answer)] for question, answer in pairs]


TOOLS = [
    Reasoning(summary=[{"type": "summary_text", "text": "Look first"}]),
    FunctionCall(name="shell", arguments='{"command":["ls"]}', call_id="c1"),
    FunctionCallOutput(call_id="c1", output="a.py\nb.py\n"),
    CustomToolCall(status="completed", call_id="c2", name="apply_patch", input="*** Begin Patch\n*** End Patch"),
    CustomToolCallOutput(call_id="c2", output="ok"),
    TokenCount(info=None, rate_limits=None),
]
REPLACED = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Summary: one was asked."}]}]

CASES = {
    "new": Case((turn("one", "1"),), seen(("one", "1")), "one"),
    "resumed": Case((turn("one", "1"), turn("two", "2"), turn("three", "3")), seen(("one", "1"), ("two", "2"), ("three", "3")), "one"),
    "with tools": Case((turn("look", "two files", TOOLS),), seen(("look", "two files")), "look"),
    "compacted by a summary": Case(
        ([*turn("one", "1"), Compacted(message="One was asked."), *turn("two", "2")],), seen(("one", "1"), ("two", "2")), "one"
    ),
    "compacted by a replacement": Case(
        ([*turn("one", "1"), Compacted(message="", replacement_history=REPLACED), ContextCompacted(), *turn("two", "2")],),
        seen(("one", "1"), ("two", "2")), "one",
    ),
    "rolled back": Case(
        ([*turn("one", "1"), *turn("two", "2"), ThreadRolledBack(num_turns=1), *turn("three", "3")],),
        seen(("one", "1"), ("three", "3")), "one",
    ),
    "with an image": Case(([*asked("what is this?", PIXEL), *answered("a pixel")],), seen(("what is this?", "a pixel")), "what is this?"),
    "in other scripts": Case((turn(FOREIGN, FOREIGN),), seen((FOREIGN, FOREIGN)), FOREIGN),
}  # fmt: skip
