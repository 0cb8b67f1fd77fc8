"""Calls of tools and what they answered, as entries."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rollout.render.shown import Entry, Json, command_text, compact, images_of, text_in, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARKS = {"completed": "✓", "in_progress": "▸"}


def call(name: str, arguments: Json, call_id: str) -> Entry:
    """A call by the model: a command, a patch, a plan, or any other tool with its arguments."""
    if name == "apply_patch":
        return patch(arguments if isinstance(arguments, str) else text_in(arguments, "input", "patch"), call_id)
    if isinstance(arguments, dict):
        command = arguments.get("command") or arguments.get("cmd")
        if isinstance(command, list) and command[:1] == ["apply_patch"]:
            return patch("\n".join(map(str, command[1:])), call_id)
        if command and name in ("", "shell", "shell_command", "exec_command", "local_shell", "container.exec"):
            return Entry("call", title=command_text(command), call_id=call_id)
        if name == "update_plan":
            return Entry("plan", _plan(arguments), title="plan", call_id=call_id)
    body = arguments if isinstance(arguments, str) else compact(arguments)
    return Entry("call", body, title=name or "tool", call_id=call_id)


def patch(text: str, call_id: str) -> Entry:
    """A change to files, as the model wrote it."""
    return Entry("patch", text, call_id=call_id)


def changes(found: Json, call_id: str) -> Entry:
    """A change to files, as Codex tells it: a mapping from path to what happens there."""
    named = found.items() if isinstance(found, dict) else ()
    return patch("\n".join(line for path, change in named for line in _change(str(path), change)), call_id)


def _change(path: str, change: Json) -> Iterator[str]:
    kind = text_in(change, "type") or "change"
    moved = text_in(change, "move_path")
    yield f"{kind} {path}" + (f" → {moved}" if moved else "")
    yield from text_in(change, "unified_diff").splitlines()
    if kind == "add":
        yield from ("+" + line for line in text_in(change, "content").splitlines())


def parsed(arguments: Json) -> Json:
    """Arguments that are JSON inside a text, read; anything else as it is."""
    if not isinstance(arguments, str):
        return arguments
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments


def output(found: Json, call_id: str) -> Entry:
    """What a tool answered; the exit status goes into the title where it is told."""
    inner = parsed(found) if isinstance(found, str) and found.startswith('{"output"') else found
    if isinstance(inner, dict) and "output" in inner:
        metadata = inner.get("metadata")
        known = metadata if isinstance(metadata, dict) else {}
        code = known.get("exit_code")
        shown = Entry("output", text_of(inner["output"]), title=exit_text(code), call_id=call_id)
        return ended(shown, code, known.get("duration_seconds"))
    return Entry("output", text_of(found), call_id=call_id, images=images_of(found))


def ended(entry: Entry, code: Json, duration: Json) -> Entry:
    """An output with how its command ended; a duration is in seconds, or in seconds and nanoseconds."""
    if isinstance(duration, dict):
        parts = duration.get("secs"), duration.get("nanos", 0)
        duration = parts[0] + parts[1] / 1e9 if all(isinstance(part, int) for part in parts) else None
    return entry._replace(
        exit_code=code if isinstance(code, int) else None,
        seconds=float(duration) if isinstance(duration, int | float) and duration >= 0 else None,
    )


def exit_text(code: Json) -> str:
    """An exit status in words; success needs none."""
    return f"exit {code}" if isinstance(code, int) and code else ""


def _plan(arguments: dict[str, Json]) -> str:
    steps = arguments.get("plan")
    told = [_step(step) for step in steps] if isinstance(steps, list) else []
    return "\n".join(filter(None, [text_in(arguments, "explanation"), *told]))


def _step(step: Json) -> str:
    return f"{_MARKS.get(text_in(step, 'status'), '·')} {text_in(step, 'step') or compact(step)}"
