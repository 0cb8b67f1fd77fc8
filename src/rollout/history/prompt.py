"""The edits between a rebuilt history and a prompt: each is a named rule over a list of items.

An edit returns a new list and changes no item in place.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from rollout.codec import to_object

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Json = dict[str, Any]

METADATA = "internal_chat_message_metadata_passthrough"
_ANSWER_OF = {
    "function_call": "function_call_output",
    "local_shell_call": "function_call_output",
    "custom_tool_call": "custom_tool_call_output",
    "tool_search_call": "tool_search_output",
}
_ANSWERS = frozenset(_ANSWER_OF.values())
_SHELL_NAMES = frozenset({"shell", "container.exec", "apply_patch"})
_UNSENT = frozenset({"other", "compaction_trigger"})
_TOTAL_LINES = "Total output lines: "


def edited(items: Sequence[Json], edits: Sequence[str]) -> list[Json]:
    """The items after the named edits, in order; KeyError for a name that is not in ``EDITS``."""
    found = list(items)
    for name in edits:
        found = EDITS[name](found)
    return found


def open_calls_answered(items: list[Json]) -> list[Json]:
    """A call that never got its output is answered ``aborted``, directly behind it: a crash or an interrupt."""
    answered = {(item["type"], _call_id(item)) for item in items if item["type"] in _ANSWERS}
    found: list[Json] = []
    for item in items:
        found.append(item)
        asked = _asked(item)
        if asked is not None and asked not in answered:
            found.append(_aborted(*asked))
    return found


def orphan_outputs_removed(items: list[Json]) -> list[Json]:
    """An output without a call of its kind anywhere is removed; a search that the model's side ran needs none."""
    asked = {_asked(item) for item in items}
    return [item for item in items if item["type"] not in _ANSWERS or _is_wanted(item, asked)]


def ghost_snapshots_removed(items: list[Json]) -> list[Json]:
    """Snapshots for undo are for the program, never for the model."""
    return [item for item in items if item["type"] != "ghost_snapshot"]


def unsent_items_removed(items: list[Json]) -> list[Json]:
    """System messages and nameless items are removed from replacement histories too."""
    return [item for item in items if is_sent(item)]


def shell_results_as_text(items: list[Json]) -> list[Json]:
    """The JSON result of a shell or patch call is shown as ``Exit code`` / ``Wall time`` / ``Output`` text.

    0.100 does so where the model has the free-form patch tool, which its current models have.
    """
    calls: set[str] = set()
    return [_shown(item, calls) for item in items]


def unsealed_reasoning_removed(items: list[Json]) -> list[Json]:
    """The content of a reasoning is sent only when it holds a ``reasoning_text``; an explicit null stays."""
    return [_without(item, "content") if _is_unsealed(item) else item for item in items]


def ids_removed(items: list[Json]) -> list[Json]:
    """The ids of items are accepted on reading and not sent."""
    return [_without(item, "id") if "id" in item else item for item in items]


def metadata_removed(items: list[Json]) -> list[Json]:
    """The program's own notes about a message stay with the program."""
    return [_without(item, METADATA) if METADATA in item else item for item in items]


EDITS: dict[str, Callable[[list[Json]], list[Json]]] = {
    edit.__name__: edit
    for edit in (
        open_calls_answered,
        orphan_outputs_removed,
        ghost_snapshots_removed,
        unsent_items_removed,
        shell_results_as_text,
        unsealed_reasoning_removed,
        ids_removed,
        metadata_removed,
    )
}


def is_sent(item: Json) -> bool:
    """Whether an item can be sent at all: system messages and nameless kinds never are."""
    return item["type"] not in _UNSENT and not (item["type"] == "message" and item.get("role") == "system")


def _without(item: Json, key: str) -> Json:
    return {name: value for name, value in item.items() if name != key}


def _call_id(item: Json) -> str | None:
    call_id = item.get("call_id")
    return call_id if isinstance(call_id, str) else None


def _asked(item: Json) -> tuple[str, str] | None:
    """The answer that a call waits for: its kind and its call's id."""
    kind, call_id = _ANSWER_OF.get(item["type"]), _call_id(item)
    return None if kind is None or call_id is None else (kind, call_id)


def _is_wanted(output: Json, asked: set[tuple[str, str] | None]) -> bool:
    if (output["type"], _call_id(output)) in asked:
        return True
    return output["type"] == "tool_search_output" and output.get("execution") == "server"


def _aborted(kind: str, call_id: str) -> Json:
    if kind == "tool_search_output":
        return {"type": kind, "call_id": call_id, "status": "completed", "execution": "client", "tools": []}
    return {"type": kind, "call_id": call_id, "output": "aborted"}


def _is_unsealed(item: Json) -> bool:
    content = item.get("content")
    if item["type"] != "reasoning" or not isinstance(content, list):
        return False
    return not any(isinstance(part, dict) and part.get("type") == "reasoning_text" for part in content)


def _shown(item: Json, calls: set[str]) -> Json:
    """The item as it is sent, noting the shell calls on the way; each call's first output only."""
    call_id = _shell_call_id(item)
    if call_id is not None:
        calls.add(call_id)
    elif item["type"] in _ANSWERS and _call_id(item) in calls:
        calls.discard(item["call_id"])
        text = _result_text(item.get("output"))
        return item if text is None else {**item, "output": text}
    return item


def _shell_call_id(item: Json) -> str | None:
    if item["type"] == "local_shell_call":
        own = item.get("id")
        return _call_id(item) or (own if isinstance(own, str) else None)
    named = item["type"] == "custom_tool_call" and item.get("name") == "apply_patch"
    shell = item["type"] == "function_call" and item.get("name") in _SHELL_NAMES
    return _call_id(item) if named or shell else None


def _result_text(output: object) -> str | None:
    """The text of a JSON result ``{"output", "metadata": {"exit_code", "duration_seconds"}}``, else None."""
    if not isinstance(output, str) or not output.lstrip().startswith("{"):
        return None
    try:
        result = to_object(output.encode())
    except (ValueError, RecursionError):
        return None
    match result:
        case {
            "output": str(said),
            "metadata": {"exit_code": int(code), "duration_seconds": int() | float() as seconds},
        }:
            return _sections(said, code, seconds)
        case _:
            return None


def _sections(said: str, code: int, seconds: float) -> str | None:
    took = _single_precision(seconds)
    if took is None or isinstance(code, bool) or isinstance(seconds, bool):
        return None
    total, said = _total_lines(said)
    return "\n".join([f"Exit code: {code}", f"Wall time: {took} seconds", *total, "Output:", said])


def _total_lines(said: str) -> tuple[list[str], str]:
    """The head line that counts a cut output's lines, taken from the output, and the rest."""
    head, newline, rest = said.partition("\n")
    count = head.removeprefix(_TOTAL_LINES)
    if not newline or head == count or not (count.isascii() and count.isdigit()):
        return [], said
    return [f"{_TOTAL_LINES}{int(count)}"], rest.removeprefix("\n")


def _single_precision(seconds: float) -> str | None:
    """The shortest decimal text that means the same single-precision number; None when there is none."""
    try:
        wanted = struct.pack("<f", seconds)
    except (OverflowError, struct.error):
        return None
    texts = (f"{seconds:.{digits}g}" for digits in range(1, 10))
    shortest = next(text for text in texts if struct.pack("<f", float(text)) == wanted)
    return f"{float(shortest):.9f}".rstrip("0").rstrip(".")
