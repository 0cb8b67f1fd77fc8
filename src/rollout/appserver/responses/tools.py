"""The tools that the model is offered, and what comes of a call: items to record, pieces to show."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from rollout.appserver.responses.borrowed import is_borrowed, run_borrowed
from rollout.appserver.responses.commands import run_command
from rollout.appserver.responses.editing import run_patch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rollout.appserver.agent import TurnRequest

Fields = dict[str, Any]
CALLS = frozenset({"function_call", "custom_tool_call", "local_shell_call"})
_SECONDS = 120.0
_PATCH = """\
Edits files. The input is one patch:
*** Begin Patch
*** Add File: PATH, then every line of it behind a +
*** Delete File: PATH
*** Update File: PATH, perhaps *** Move to: PATH, then for each change @@ and perhaps a line that stands above it,
  then lines behind a space (unchanged), a - (taken away) or a + (added)
*** End Patch
Paths are relative to the working folder."""
_SHELL: Fields = {
    "type": "function",
    "name": "shell_command",
    "description": "Runs a command line in bash and gives back its exit code and what it printed.",
    "strict": False,
    "parameters": {
        "type": "object",
        "properties": {
            "command": {"type": "string", "description": "the command line"},
            "workdir": {"type": "string", "description": "where it runs; else the working folder"},
            "timeout_ms": {"type": "number", "description": "when it is ended; else two minutes"},
        },
        "required": ["command"],
        "additionalProperties": False,
    },
}


def offered(model: str) -> list[Fields]:
    """The tools for a model: those of the GPT-5 family know patches as free text, others as a function."""
    if model.startswith(("gpt-5", "codex")):
        return [_SHELL, {"type": "custom", "name": "apply_patch", "description": _PATCH, "format": {"type": "text"}}]
    parameters = {"type": "object", "properties": {"input": {"type": "string", "description": "the patch"}}}
    form = {**parameters, "required": ["input"], "additionalProperties": False}
    told = {"name": "apply_patch", "description": _PATCH, "strict": False, "parameters": form}
    return [_SHELL, {"type": "function", **told}]


async def run_call(request: TurnRequest, call: Fields) -> AsyncIterator[object]:
    """What comes of one call, its output for the model last."""
    call_id, name = str(call.get("call_id") or ""), call.get("name")
    arguments = _arguments(call)
    if arguments is None:
        yield output_of(call, "failed to read the arguments: they are no JSON object")
    elif is_borrowed(request, call):
        async for given in run_borrowed(request, call, arguments):
            yield output_of(call, given) if isinstance(given, str | list) else given
    elif name == "apply_patch":
        async for given in run_patch(request, call_id, str(arguments.get("input") or "")):
            yield output_of(call, given) if isinstance(given, str) else given
    elif words := _words(call, arguments):
        async for given in run_command(request, call_id, words, _how(request, arguments)):
            yield output_of(call, given) if isinstance(given, str) else given
    else:
        yield output_of(call, f"there is no tool {name!r} here")


def _how(request: TurnRequest, arguments: Fields) -> tuple[str, float]:
    """Where a command runs, and for how many seconds at most."""
    folder, limit = arguments.get("workdir") or arguments.get("working_directory") or "", arguments.get("timeout_ms")
    seconds = limit / 1000 if isinstance(limit, int | float) and limit > 0 else _SECONDS
    return os.path.normpath(os.path.join(request.cwd, str(folder))), seconds


def output_of(call: Fields, output: str | list[Fields]) -> Fields:
    """The answer to a call: a text, or parts."""
    kind = "custom_tool_call_output" if call["type"] == "custom_tool_call" else "function_call_output"
    return {"type": "response_item", "payload": {"type": kind, "call_id": call.get("call_id"), "output": output}}


def _arguments(call: Fields) -> Fields | None:
    if call["type"] == "custom_tool_call":
        return {"input": call.get("input")}
    if call["type"] == "local_shell_call":
        action = call.get("action")
        return action if isinstance(action, dict) else None
    try:
        found = json.loads(str(call.get("arguments") or "{}"))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _words(call: Fields, arguments: Fields) -> list[str]:
    """The words of the command that a call wants run; none when it wants something else."""
    if call["type"] != "local_shell_call" and call.get("name") not in ("shell_command", "shell", "exec_command"):
        return []
    command = arguments.get("command") or arguments.get("cmd")
    if isinstance(command, list):
        return [str(word) for word in command]
    return ["/bin/bash", "-lc", command] if isinstance(command, str) and command else []
