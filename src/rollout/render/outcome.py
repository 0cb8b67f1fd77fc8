"""How a command ended: its exit status and how long it took, from where each era keeps them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rollout.render.shown import Entry

_HEAD = 400
_HEADED = ("Chunk ID: ", "Wall time: ", "Exit code: ")
_OUTPUT = "Output:\n"
_CODE = re.compile(r"^(?:Exit code: |Process exited with code )(-?\d+)$", re.MULTILINE)
_TIME = re.compile(r"^Wall time: (\d+(?:\.\d+)?) seconds$", re.MULTILINE)


class Outcome(NamedTuple):
    """What an output says without its heading, the exit status and the seconds; None where nothing tells."""

    text: str
    exit_code: int | None = None
    seconds: float | None = None


def outcome(entry: Entry) -> Outcome:
    """How the call of an output ended: by its fields, else by the heading that the model was given."""
    told = Outcome(entry.text, entry.exit_code, entry.seconds)
    if not entry.text.startswith(_HEADED):
        return told
    at = entry.text.find(_OUTPUT, 0, _HEAD)
    if at < 0:
        return told
    head = entry.text[:at]
    code, time = _CODE.search(head), _TIME.search(head)
    return Outcome(
        entry.text[at + len(_OUTPUT) :],
        int(code[1]) if code and told.exit_code is None else told.exit_code,
        float(time[1]) if time and told.seconds is None else told.seconds,
    )


def seconds_text(seconds: float) -> str:
    """A duration as a person says it."""
    if seconds < 0.095:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def verdict(found: Outcome) -> str:
    """Exit status and duration in words, "" where neither is known."""
    told = [] if found.exit_code is None else [f"exit {found.exit_code}"]
    return " · ".join([*told, *([] if found.seconds is None else [seconds_text(found.seconds)])])
