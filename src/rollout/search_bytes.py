"""What the bytes of a line tell a search before the line is decoded: whether that may be spared, and what may be cut out.

Every answer errs on the side of looking: what is not written as programs write it is decoded and asked.
"""

from __future__ import annotations

import re

_SEALED = b',"encrypted_content":"'
_HEAD = rb'\{"timestamp":"[^"\\]*",(?:"ordinal":\d+,)?"type":"'
_THOUGHT = re.compile(_HEAD + rb'response_item","payload":\{"type":"reasoning"')
_THOUGHT_BEHIND = b'","type":"response_item","payload":{"type":"reasoning"'
_USUAL_HEAD = len('{"timestamp":"2026-02-08T07:05:03.041Z')
_NO_PERSON = re.compile(
    _HEAD + rb'(?:response_item","payload":\{"type":"(?!message")|event_msg","payload":\{"type":"(?!user_|item_comp))'
)
_SILENT = re.compile(
    _HEAD + rb'(?:event_msg","payload":\{"type":"(?:token_count|task_started|task_complete|turn_started|turn_complete)"'
    rb'|turn_context"|session_meta")'
)
_SAMPLE = 1 << 15
PERSONS = (b"user", b"UserMessage")
"""One of these words stands in every line that begins a turn."""


def may_begin_turn(line: bytes) -> bool:
    """Whether the bytes of a line allow that it begins a turn."""
    if is_no_person(line):
        return False
    return any(word in line for word in PERSONS)


def is_no_person(line: bytes) -> bool:
    """Whether how a line begins tells that no person speaks in it."""
    return _NO_PERSON.match(line) is not None and b"\0" not in line  # behind a NUL another record may stand


def says_nothing(line: bytes) -> bool:
    """Whether the head of a line tells that it has no passages and begins no turn; False when it does not tell."""
    return _SILENT.match(line) is not None and b"\0" not in line


def without_sealed(data: bytes) -> bytes:
    """Any number of whole lines without the sealed parts of an agent's thoughts, which are no passages.

    Half of a rollout may be sealed: to cut that out costs less than to look through it. Where the first lines have
    none, nothing is looked for, nor amid NUL bytes, where one line may hold two records.
    """
    if data.find(_SEALED, 0, _SAMPLE) < 0 or b"\0" in data:
        return data
    kept: list[bytes] = []
    start = at = 0
    while (at := data.find(_SEALED, at)) >= 0 and (end := data.find(b'"', at + len(_SEALED))) >= 0:
        if _is_thought(data, data.rfind(b"\n", 0, at) + 1):
            kept.append(data[start:at])
            start = end
        at = end
    return b"".join((*kept, data[start:]))


def _is_thought(data: bytes, at: int) -> bool:
    """Whether a line is one; with the usual timestamp that is told without an expression."""
    if data.startswith(_THOUGHT_BEHIND, at + _USUAL_HEAD) and data.startswith(b'{"timestamp":"', at):
        return True
    return _THOUGHT.match(data, at) is not None
