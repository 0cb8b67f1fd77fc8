"""Who answers in a turn: the interface of an agent, and ``echo``, the agent in the box.

An agent is a callable that takes a ``TurnRequest`` and gives an asynchronous iterator of items; ``--agent
module:factory`` names a function without arguments that makes one. Items are what a recorder takes: values of
``rollout.items`` or mappings ``{"type", "payload"}``. Each is recorded, and what a client can see of it is shown at
once: messages, reasoning, commands, changes of files.

The agent runs in a task of its own. An interrupt cancels it: it meets ``asyncio.CancelledError`` where it waits, may
clean up, and must let it pass. Any other exception makes the turn a failed one, with its text.

An agent that has a method ``compact(request) -> str`` (asynchronous) can replace its context by a summary.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from asyncio import Queue
    from collections.abc import AsyncIterator, Callable

Item = dict[str, Any]


class TurnRequest(NamedTuple):
    """What an agent is asked.

    ``input``: what the client sent, in the words of the wire (``{"type": "text", "text": …}``). ``history``: the
    conversation as a model would be sent it, this turn's message last. ``tools``: those that the client brought along.
    ``steering``: what the client sends while the turn runs, one list of parts at a time.
    """

    thread_id: str
    turn_id: str
    input: list[Item]
    history: list[Item]
    cwd: str
    model: str
    effort: str | None
    tools: tuple[Item, ...]
    steering: Queue[list[Item]]

    @property
    def text(self) -> str:
        """The texts of the input, one below the other."""
        return "\n".join(part["text"] for part in self.input if isinstance(part.get("text"), str))


Agent: TypeAlias = "Callable[[TurnRequest], AsyncIterator[object]]"
"""Whoever answers: the items of one turn, in order, as they come to be."""


def say(text: str) -> Item:
    """Something that the agent says."""
    return _response("message", role="assistant", content=[{"type": "output_text", "text": text}])


def think(summary: str) -> Item:
    """Something that the agent thinks, as a summary."""
    return _response(
        "reasoning", summary=[{"type": "summary_text", "text": summary}], content=None, encrypted_content=None
    )


def ran(call_id: str, command: list[str], output: str, exit_code: int = 0, *, cwd: str = "") -> Item:
    """A command that has ended."""
    fields = {"call_id": call_id, "command": command, "cwd": cwd, "parsed_cmd": [], "source": "agent"}
    told = {"stdout": output, "stderr": "", "aggregated_output": output, "exit_code": exit_code}
    duration = {"duration": {"secs": 0, "nanos": 0}, "formatted_output": output}
    status = "failed" if exit_code else "completed"
    return {
        "type": "event_msg",
        "payload": {"type": "exec_command_end", **fields, **told, **duration, "status": status},
    }


def echo() -> Agent:
    """The agent in the box: it says what it was told, so that a client can be tried without a model."""
    return _Echo()


class _Echo:
    async def __call__(self, request: TurnRequest) -> AsyncIterator[object]:
        """Say it once, and again whatever comes while the turn runs."""
        yield say(request.text or "(no text)")
        while not request.steering.empty():
            parts = request.steering.get_nowait()
            yield say("\n".join(str(part.get("text", "")) for part in parts))

    async def compact(self, request: TurnRequest) -> str:
        """A summary that says how much it stands for."""
        return f"{len(request.history)} items were said before."


def load(name: str) -> Agent:
    """The agent that ``echo`` or ``module:factory`` means. Raises ImportError, AttributeError, ValueError."""
    if name == "echo":
        return echo()
    module, colon, factory = name.partition(":")
    if not colon or not module or not factory:
        raise ValueError(f"{name!r} names no agent: it is echo, or module:factory")
    made: Agent = getattr(import_module(module), factory)()
    return made


def _response(tag: str, **fields: Any) -> Item:  # noqa: ANN401 - JSON as it comes
    return {"type": "response_item", "payload": {"type": tag, **fields}}
