"""A small coding agent whose memory is a rollout: ``agent.py PROMPT``, ``agent.py --resume ID [PROMPT]``.

The model is reached at ``OPENAI_BASE_URL`` with ``OPENAI_API_KEY``; where neither is set, a scripted model
answers. With ``--json`` every item is printed once it is flushed: from then on it survives the agent.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

from rollout import CreateParams, RawItem, RolloutRecorder, open_store
from rollout.history import history
from rollout.items import AgentMessage, FunctionCallOutput, Item, Message, TurnContext, UserMessage, payload_bytes
from scripted_model import ScriptedModel

if TYPE_CHECKING:
    from collections.abc import Sequence

Json = dict[str, Any]
MODEL = os.environ.get("AGENT_MODEL", "gpt-5.2-codex")
INSTRUCTIONS = "You are a coding agent in the folder of a project. Be brief."
SHELL = {
    "type": "function",
    "name": "shell",
    "description": "Run a program and get its output.",
    "parameters": {
        "type": "object",
        "properties": {"command": {"type": "array", "items": {"type": "string"}}},
        "required": ["command"],
    },
}


class Agent:
    """One thread: what the model is sent, and the recorder that keeps it."""

    def __init__(self, recorder: RolloutRecorder, endpoint: str, memory: Sequence[Json] = (), *, as_json: bool) -> None:
        """An agent that remembers what the model was sent before."""
        self.recorder = recorder
        self.endpoint = endpoint
        self.memory = list(memory)
        self.as_json = as_json

    async def hear(self, text: str) -> None:
        """Take what a person asks."""
        await self.keep(Message(role="user", content=[{"type": "input_text", "text": text}]), UserMessage(message=text))

    async def work(self) -> None:
        """Ask the model and run what it calls, until it calls nothing any more."""
        busy = True
        while busy:
            await self.keep(_settings())
            answer = await asyncio.to_thread(_ask, self.endpoint, self.memory)
            busy = False
            for item in answer["output"]:
                await self.keep(RawItem("response_item", json.dumps(item, ensure_ascii=False).encode()))
                if item["type"] == "function_call":
                    busy = True
                    await self.keep(FunctionCallOutput(call_id=item["call_id"], output=await _run(item["arguments"])))
                elif item["type"] == "message":
                    await self.keep(AgentMessage(message="".join(part["text"] for part in item["content"])))

    async def keep(self, *items: Item) -> None:
        """Record items and wait until they are safe from the death of this process; only then go on."""
        await self.recorder.record(items)
        await self.recorder.persist()
        await self.recorder.flush()
        for item in items:
            if item.line_type == "response_item":
                self.memory.append(json.loads(payload_bytes(item)))
            self.tell(item)

    def tell(self, item: Item) -> None:
        """Print one item that is safe."""
        if self.as_json:
            print(json.dumps({"type": item.line_type, "payload": payload_bytes(item).decode()}), flush=True)
        elif isinstance(item, AgentMessage):
            print(item.message, flush=True)


def _settings() -> TurnContext:
    return TurnContext(
        cwd=os.getcwd(), approval_policy="never", sandbox_policy={"type": "danger-full-access"}, model=MODEL, summary="auto"
    )


def _ask(endpoint: str, memory: list[Json]) -> Json:
    """One request to the model, without streaming."""
    body = {"model": MODEL, "instructions": INSTRUCTIONS, "input": memory, "tools": [SHELL], "store": False}
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {os.environ.get('OPENAI_API_KEY', '')}"}
    with urlopen(Request(f"{endpoint}/responses", json.dumps(body).encode(), headers), timeout=600) as answer:
        found: Json = json.load(answer)
        return found


async def _run(arguments: str) -> str:
    """Run what the model wants; what goes wrong is told to the model."""
    command = json.loads(arguments)["command"]
    try:
        made = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    except OSError as error:
        return str(error)
    output, _ = await made.communicate()
    return f"exit status {made.returncode}\n{output.decode(errors='replace')}"


async def main(arguments: argparse.Namespace, endpoint: str) -> None:
    """Open or make the thread, and do one turn."""
    store = open_store()
    memory: Sequence[Json] = ()
    if arguments.resume:
        memory = history(store.lines(arguments.resume))
        recorder = await RolloutRecorder.resume(store, arguments.resume)
    else:
        about = CreateParams(cwd=os.getcwd(), originator="example_agent", source="cli", model_provider="openai")
        recorder = await RolloutRecorder.create(store, about)
    async with recorder:
        agent = Agent(recorder, endpoint, memory, as_json=arguments.json)
        print(f"thread {recorder.thread_id}", file=sys.stderr, flush=True)
        if arguments.prompt:
            await agent.hear(arguments.prompt)
        await agent.work()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prompt", nargs="?", help="what to do; without it, an interrupted turn goes on")
    parser.add_argument("--resume", metavar="ID", help="go on with a thread")
    parser.add_argument("--json", action="store_true", help="print every item as JSON once it is safe")
    with ExitStack() as stack:
        url = os.environ.get("OPENAI_BASE_URL")
        if not url and os.environ.get("OPENAI_API_KEY"):
            url = "https://api.openai.com/v1"
        asyncio.run(main(parser.parse_args(), url or stack.enter_context(ScriptedModel()).base_url))
