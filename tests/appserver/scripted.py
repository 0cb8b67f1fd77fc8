"""A model on loopback that follows a script and streams its answers as the Responses API does."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Self

Json = dict[str, Any]
USAGE = {
    "input_tokens": 10, "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 3, "output_tokens_details": {"reasoning_tokens": 1}, "total_tokens": 13,
}  # fmt: skip
HANG = "hang"


class Model:
    """The server, a context manager. Each answer is a list of items, a status with an error, or ``HANG``."""

    def __init__(self, *answers: list[Json] | int | str) -> None:
        """The answers in their order; after them it says that it is done."""
        self.asked: list[Json] = []
        self.headers: list[dict[str, str]] = []
        self.reached, self._leave = threading.Event(), threading.Event()
        self._answers = list(answers)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def base_url(self) -> str:
        """What an agent takes for its endpoint."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def provider(self) -> Json:
        """The table of ``config.toml`` that leads here."""
        return {"base_url": self.base_url, "wire_api": "responses", "request_max_retries": 0}

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leave.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                model.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                model.headers.append({name.lower(): value for name, value in self.headers.items()})
                answer = model._answers.pop(0) if model._answers else [said("Done.")]
                self.send_response(answer if isinstance(answer, int) else 200)
                self.end_headers()
                if isinstance(answer, int):
                    self.wfile.write(json.dumps({"error": {"message": "scripted"}}).encode())
                    return
                if isinstance(answer, str):
                    model.reached.set()
                    model._leave.wait(30)
                    return
                for event in streamed(answer):
                    self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called there
                """Say nothing."""

        return Handler


def streamed(items: list[Json]) -> list[Json]:
    """The events of one answer."""
    events: list[Json] = [{"type": "response.created", "response": {}}]
    for item in items:
        events.append({"type": "response.output_item.added", "item": item})
        if item["type"] == "message":
            text = item["content"][0]["text"]
            events.append({"type": "response.output_text.delta", "item_id": item["id"], "delta": text})
        events.append({"type": "response.output_item.done", "item": item})
    return [*events, {"type": "response.completed", "response": {"usage": USAGE}}]


def said(text: str) -> Json:
    """The model speaks."""
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "id": f"msg_{text[:8]}", "role": "assistant", "content": content}


def wants_command(command: str, call_id: str = "call_run") -> Json:
    """The model wants a command run."""
    arguments = json.dumps({"command": command})
    return {"type": "function_call", "id": "fc", "call_id": call_id, "name": "shell_command", "arguments": arguments}


def wants_patch(patch: str, *, free: bool = True) -> Json:
    """The model wants a patch applied, as free text or as a function's argument."""
    if free:
        return {"type": "custom_tool_call", "id": "ctc", "call_id": "call_patch", "name": "apply_patch", "input": patch}
    arguments = json.dumps({"input": patch})
    return {"type": "function_call", "id": "fc", "call_id": "call_patch", "name": "apply_patch", "arguments": arguments}
