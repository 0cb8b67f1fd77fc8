"""Running a command for a model: asked first, in a process group of its own, for a bounded time, with bounded output."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rollout.appserver.agent import Begun, Piece
from rollout.appserver.responses.allowing import may_run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rollout.appserver.agent import TurnRequest

Fields = dict[str, Any]
_BLOCK = 16 * 1024
_KEPT = 256 * 1024
_FOR_MODEL = 40_000
_TIMED_OUT = 124


class _Printed:
    """What a command printed: the beginning and the end of it, and how much is missing between them."""

    def __init__(self, most: int) -> None:
        self._half, self._head, self._tail, self._missing = most // 2, "", "", 0

    def add(self, text: str) -> None:
        room = self._half - len(self._head)
        self._head += text[: max(room, 0)]
        self._tail += text[max(room, 0) :]
        if (over := len(self._tail) - self._half) > 0:
            self._missing += over
            self._tail = self._tail[over:]

    def __str__(self) -> str:
        return self._head + (f"\n[{self._missing} characters left out]\n" if self._missing else "") + self._tail


async def run_command(
    request: TurnRequest, call_id: str, words: list[str], how: tuple[str, float]
) -> AsyncIterator[object]:
    """Run a command ``how``: where, and for how many seconds at most. Its text for the model comes last."""
    cwd, seconds = how
    fields: Fields = {"call_id": call_id, "command": words, "cwd": cwd, "source": "agent"}
    fields["parsed_cmd"] = [{"type": "unknown", "cmd": words[-1]}]
    item = {name: value for name, value in fields.items() if name != "call_id"}
    yield Begun({"type": "CommandExecution", "id": call_id, **item, "status": "in_progress"})
    if (refusal := await may_run(request, call_id, words, cwd)) is not None:
        yield _ended(request, fields, ("", -1, 0.0), "declined")
        yield refusal
        return
    began, printed, shown = time.monotonic(), _Printed(_KEPT), _Printed(_FOR_MODEL)
    code = 0
    async for given in _output(words, cwd, seconds):
        if isinstance(given, int):
            code = given
            continue
        printed.add(given)
        shown.add(given)
        yield Piece(call_id, given, "CommandExecution")
    took = time.monotonic() - began
    yield _ended(request, fields, (str(printed), code, took), "failed" if code else "completed")
    yield f"Exit code: {code}\nWall time: {took:.1f} seconds\nOutput:\n{shown}"


def _ended(request: TurnRequest, fields: Fields, result: tuple[str, int, float], status: str) -> Fields:
    text, code, took = result
    told: Fields = {"stdout": text, "stderr": "", "aggregated_output": text, "formatted_output": text}
    duration = {"secs": int(took), "nanos": int(took % 1 * 1e9)}
    ended = {"turn_id": request.turn_id, "exit_code": code, "duration": duration, "status": status}
    return {"type": "event_msg", "payload": {"type": "exec_command_end", **fields, **told, **ended}}


async def _output(words: list[str], cwd: str, seconds: float) -> AsyncIterator[str | int]:
    """What a command prints, then its exit code; whatever happens, nothing of it runs on afterwards."""
    try:
        process = await asyncio.create_subprocess_exec(
            *words, cwd=cwd, start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        yield f"cannot be run: {error}\n"
        yield 127
        return
    try:
        async with asyncio.timeout(seconds):
            while process.stdout is not None and (block := await process.stdout.read(_BLOCK)):
                yield block.decode("utf-8", "replace")
            code = await process.wait()
    except TimeoutError:
        code = _TIMED_OUT
        yield f"\nended after {seconds:g} seconds\n"
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    yield code
