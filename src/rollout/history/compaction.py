"""A compaction that did not record what it replaced the history with: its result is worked out again.

Kept are the newest user messages within a budget, in their order, and the summary (spec: rollout-format 7.5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.boundaries import is_user_message, user_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rollout.history.rules import Rules

Json = dict[str, Any]

TOKEN_BUDGET = 20_000
BYTES_PER_TOKEN = 4
NO_SUMMARY = "(no summary available)"
# The first words of every summary: a user message that begins so is one, and is not kept a second time.
_SUMMARY_MARK = "Another language model started to solve this problem and produced a summary of its "


def compacted(items: Sequence[Json], summary: str, context: Sequence[Json], rules: Rules) -> list[Json]:
    """The history after such a compaction: context (if the rules want it), user messages, the summary."""
    messages = [user_texts(item) for item in items if is_user_message(item, later=rules.later_boundaries)]
    kept = _newest([texts for texts in messages if not "".join(texts).startswith(_SUMMARY_MARK)])
    if rules.joined_texts:
        kept = [["".join(texts)] for texts in kept]
    head = context if rules.context_in_compaction else ()
    return [*head, *(_user_message(texts) for texts in kept), _user_message([summary or NO_SUMMARY])]


def _newest(messages: list[list[str]]) -> list[list[str]]:
    """The newest messages within the budget; the one that overflows it loses its middle and is the last."""
    left, kept = TOKEN_BUDGET, []
    for texts in reversed(messages):
        if left == 0:
            break
        tokens = _tokens(_length(texts))
        kept.append(texts if tokens <= left else without_middle(texts, left))
        left -= min(tokens, left)
    return kept[::-1]


def without_middle(texts: list[str], tokens: int) -> list[str]:
    """Texts that are too long together, their middle replaced by a mark that is a text of its own.

    Half of the budget is kept before the cut, the rest behind it; no character is split. The mark tells how
    many tokens (of four bytes) are gone and does not count.
    """
    budget = tokens * BYTES_PER_TOKEN
    gone = _length(texts) - budget
    head, tail = budget // 2, budget // 2 + gone
    mark = f"…{_tokens(gone)} tokens truncated…"
    return [*_stretch(texts, 0, head), mark, *_stretch(texts, tail, tail + budget)]


def _stretch(texts: list[str], start: int, end: int) -> Iterator[str]:
    """What of the texts lies between two byte offsets, whole characters only; empty texts are left out."""
    at = 0
    for text in texts:
        data = text.encode()
        if part := data[max(0, start - at) : max(0, end - at)].decode(errors="ignore"):
            yield part
        at += len(data)


def _length(texts: list[str]) -> int:
    return sum(len(text.encode()) for text in texts)


def _tokens(length: int) -> int:
    return -(-length // BYTES_PER_TOKEN)


def _user_message(texts: list[str]) -> Json:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text} for text in texts]}
