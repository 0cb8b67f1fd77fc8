"""Applying a patch for a model: read and worked out whole, then asked for, then written."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from rollout.appserver.agent import Begun, Piece
from rollout.appserver.responses.allowing import may_change
from rollout.appserver.responses.patches import PatchError, parse, worked_out

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from rollout.appserver.agent import TurnRequest
    from rollout.appserver.responses.patches import Change

Fields = dict[str, Any]


async def run_patch(request: TurnRequest, call_id: str, text: str) -> AsyncIterator[object]:
    """Apply a patch; its text for the model comes last. Nothing is written unless all of it fits."""
    try:
        changes = await asyncio.to_thread(lambda: worked_out(parse(text), request.cwd))
    except (PatchError, OSError, UnicodeDecodeError) as error:
        yield f"apply_patch failed, nothing was changed: {error}"
        return
    told = {change.path: change.recorded for change in changes}
    yield Begun({"type": "FileChange", "id": call_id, "changes": told, "status": "in_progress"})
    touched = [path for change in changes for path in (change.path, change.target)]
    refusal = await may_change(request, call_id, list(dict.fromkeys(touched)))
    if refusal is not None:
        yield _ended(request, call_id, told, ("", refusal, "declined"))
        yield refusal
        return
    try:
        await asyncio.to_thread(_write, changes)
    except OSError as error:
        yield _ended(request, call_id, told, ("", str(error), "failed"))
        yield f"apply_patch failed while it wrote: {error}"
        return
    report = _report(changes, request.cwd)
    yield Piece(call_id, report, "FileChange")
    yield _ended(request, call_id, told, (report, "", "completed"))
    yield f"Exit code: 0\nWall time: 0 seconds\nOutput:\n{report}"


def _ended(request: TurnRequest, call_id: str, changes: Fields, result: tuple[str, str, str]) -> Fields:
    stdout, stderr, status = result
    payload = {"type": "patch_apply_end", "call_id": call_id, "turn_id": request.turn_id, "stdout": stdout}
    told = {"stderr": stderr, "success": status == "completed", "changes": changes, "status": status}
    return {"type": "event_msg", "payload": {**payload, **told}}


def _report(changes: Sequence[Change], cwd: str) -> str:
    lines = [f"{change.letter} {os.path.relpath(change.target, cwd)}\n" for change in changes]
    return "".join(["Success. Updated the following files:\n", *lines])


def _write(changes: Sequence[Change]) -> None:
    for change in changes:
        if change.after is not None:
            os.makedirs(os.path.dirname(change.target), exist_ok=True)
            with open(change.target, "w", encoding="utf-8", newline="") as file:
                file.write(change.after)
        if change.after is None or change.target != change.path:
            os.unlink(change.path)
