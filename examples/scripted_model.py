"""A model that follows a script: a small HTTP server on loopback that speaks enough of the Responses API.

It answers ``POST …/responses`` without streaming. Which step of the script comes next is told by the request
itself, by how many tool outputs it carries: an agent that comes back from the dead with its history goes on
where the script was left.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

Json = dict[str, Any]


def shell(command: str) -> Json:
    """A step in which the model calls the shell tool."""
    arguments = json.dumps({"command": ["bash", "-c", command]}, ensure_ascii=False)
    return {"type": "function_call", "name": "shell", "arguments": arguments}


def say(text: str) -> Json:
    """A step in which the model speaks, which ends the turn."""
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}


LOOK_AROUND = (shell("ls"), shell("git log --oneline -3"), say("That is what is here. A real model would now do something."))


class ScriptedModel:
    """The server; a context manager. ``base_url`` is what an agent takes for its endpoint.

    With ``hold_at=n`` the answer to step n (0-based) is held back: ``reached`` is set once it has been asked
    for, and whoever asked waits until ``release`` is called.
    """

    def __init__(self, script: Sequence[Json] = LOOK_AROUND, *, hold_at: int | None = None) -> None:
        """Listen on a free port; answers come from ``start`` on."""
        self.script = tuple(script)
        self.hold_at = hold_at
        self.reached = threading.Event()
        self._released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()

    def release(self) -> None:
        """Let the held step go, and hold nothing any more."""
        self.hold_at = None
        self._released.set()

    def answer(self, request: Json) -> Json:
        """The answer to one request."""
        outputs = [item for item in request["input"] if item.get("type") == "function_call_output"]
        step = min(len(outputs), len(self.script) - 1)
        if step == self.hold_at:
            self.reached.set()
            self._released.wait()
        item = dict(self.script[step])
        if item["type"] == "function_call":
            item["call_id"] = f"call_{step + 1}"
        used = {"input_tokens": 100 + 20 * step, "output_tokens": 20, "total_tokens": 120 + 20 * step}
        return {"id": f"resp_{step + 1}", "object": "response", "status": "completed", "output": [item], "usage": used}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = json.dumps(model.answer(json.loads(body)), ensure_ascii=False).encode()
                try:
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True  # the agent was killed while it waited

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
                """Say nothing."""

        return Handler
