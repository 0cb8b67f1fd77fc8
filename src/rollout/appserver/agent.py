"""Who answers in a turn: the interface of an agent, and ``echo``, the simplest one.

An agent is a callable that takes a ``TurnRequest`` and gives an asynchronous iterator of items; ``--agent
module:factory`` names a function without arguments that makes one. Items are what a recorder takes: values of
``rollout.items`` or mappings ``{"type", "payload"}``. Each is recorded, and what a client can see of it is shown at
once: messages, reasoning, commands, changes of files. ``Begun`` and ``Piece`` are shown and never recorded.

The agent runs in a task of its own. An interrupt cancels it: it meets ``asyncio.CancelledError`` where it waits, may
clean up, and must let it pass. Any other exception makes the turn a failed one, with its text.

An agent that has a method ``compact(request) -> str`` (asynchronous) can replace its context by a summary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from rollout.appserver.settings import Settings

if TYPE_CHECKING:
    from asyncio import Queue
    from collections.abc import AsyncIterator, Callable

Item = dict[str, Any]


class Approvals(Protocol):
    """Whom an agent asks before it does what a person may want to decide. A cancel ends the turn by an exception."""

    async def command(self, call_id: str, words: list[str], cwd: str, reason: str | None = None) -> bool:
        """Whether a command may run."""
        ...

    async def change(self, call_id: str, paths: list[str], reason: str | None = None) -> bool:
        """Whether files may change."""
        ...


class ToolAnswer(NamedTuple):
    """What a client's tool gives back: parts in the words of the wire (``inputText``, ``inputImage``), and whether it went well."""

    content: list[Item]
    success: bool


class ToolCalls(Protocol):
    """The tools that the client brought along: the client runs them. One that goes away ends the turn by an exception."""

    async def call(self, call_id: str, name: str, arguments: object, namespace: str | None = None) -> ToolAnswer:
        """Have a tool run."""
        ...


class _Nobody:
    """Nobody is there to ask: nothing is allowed, and no tool is run."""

    async def call(self, call_id: str, name: str, arguments: object, namespace: str | None = None) -> ToolAnswer:  # noqa: ARG002 - a default that servers override
        return ToolAnswer([{"type": "inputText", "text": "no client is there that could run this tool"}], success=False)

    async def command(self, call_id: str, words: list[str], cwd: str, reason: str | None = None) -> bool:  # noqa: ARG002 - a default that agents override
        return False

    async def change(self, call_id: str, paths: list[str], reason: str | None = None) -> bool:  # noqa: ARG002 - a default that agents override
        return False


NOBODY: Approvals = _Nobody()
NO_CALLS: ToolCalls = _Nobody()


class Begun(NamedTuple):
    """Something that an agent may give, too: an item has begun to be seen, and is recorded when it is there.

    ``shown`` is in the words of the paginated era (``type``, ``id`` and what the kind has); the next item of the
    same kind that is shown ends it, under its id.
    """

    shown: Item


class Piece(NamedTuple):
    """A piece of the text of an item that has begun: streamed, never recorded. ``kind`` is the item's ``type``."""

    item_id: str
    text: str
    kind: str = "AgentMessage"
    part: int = 0


class TurnRequest(NamedTuple):
    """What an agent is asked.

    ``input``: what the client sent, in the words of the wire (``{"type": "text", "text": …}``). ``history``: the
    conversation as a model would be sent it, this turn's message last. ``tools``: those that the client brought along, which
    it runs when they are called through ``calls``.
    ``steering``: what the client sends while the turn runs, one list of parts at a time. ``settings``: model, model
    provider, and what is allowed without asking ``approvals``. ``instructions``: what the thread was begun with.
    ``used``: the tokens that the thread has used so far, as files count them.
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
    settings: Settings = Settings()
    approvals: Approvals = NOBODY
    instructions: str | None = None
    used: Item = {}  # noqa: RUF012 - never changed
    calls: ToolCalls = NO_CALLS

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


def _response(tag: str, **fields: Any) -> Item:  # noqa: ANN401 - JSON as it comes
    return {"type": "response_item", "payload": {"type": tag, **fields}}
