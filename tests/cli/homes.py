"""Small homes written by hand, and running the command line on them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

SRC = str(Path(__file__).parents[2] / "src")
PYTHON = [sys.executable, "-m", "rollout"]
Payload = tuple[str, dict[str, Any]]


class Run(NamedTuple):
    """What one run of the command line gave."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output as one JSON document."""
        return json.loads(self.out)

    @property
    def objects(self) -> list[Any]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


def environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a process that works on a home."""
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "CODEX_HOME")}
    return {**kept, "PYTHONPATH": SRC, "ROLLOUT_HOME": str(home), **more}


def thread_id(number: int) -> str:
    """The id of thread ``number``; each begins differently within its first 8 characters."""
    return f"{number:08x}-7694-7593-8030-4683b6e2f9c0"


def line(stamp: str, kind: str, payload: Any) -> bytes:
    """One line of the legacy era."""
    return json.dumps({"timestamp": stamp, "type": kind, "payload": payload}).encode() + b"\n"


def turn(question: str, answer: str) -> list[Payload]:
    """A turn as a legacy file has it."""
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": answer}]}
    return [
        ("response_item", {"type": "message", "role": "user", "content": [{"type": "input_text", "text": question}]}),
        ("event_msg", {"type": "user_message", "message": question}),
        ("response_item", said),
        ("event_msg", {"type": "agent_message", "message": answer}),
    ]


class Home:
    """A home to put threads into."""

    def __init__(self, path: Path) -> None:
        """An empty home."""
        self.path = path
        (path / "sessions").mkdir(parents=True)

    def add(
        self, number: int, payloads: Sequence[Payload] | None = None, *, archived: bool = False, **meta: Any
    ) -> Path:
        """Write a thread that began ``number`` minutes after noon; returns its file."""
        stamp = f"2026-02-0{1 + number // 60}T12:{number % 60:02d}:00.000Z"
        identity = thread_id(number)
        head = {
            "id": identity, "timestamp": stamp, "cwd": "/work/app", "originator": "codex_cli_rs",
            "cli_version": "0.100.0", "source": "cli", "model_provider": "openai", **meta,
        }  # fmt: skip
        body = turn(f"question {number}", f"answer {number}") if payloads is None else payloads
        data = b"".join(line(stamp, kind, payload) for kind, payload in [("session_meta", head), *body])
        return self.write(number, data, archived=archived)

    def write(self, number: int, data: bytes, *, archived: bool = False) -> Path:
        """Write a file with any bytes under the name of thread ``number``."""
        day = f"2026-02-0{1 + number // 60}"
        folder = self.path / ("archived_sessions" if archived else f"sessions/{day.replace('-', '/')}")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"rollout-{day}T12-{number % 60:02d}-00-{thread_id(number)}.jsonl"
        path.write_bytes(data)
        return path

    def name(self, number: int, name: str) -> None:
        """Give a thread a name."""
        entry = {"id": thread_id(number), "thread_name": name, "updated_at": "2026-02-02T00:00:00.000000000Z"}
        with (self.path / "session_index.jsonl").open("a") as index:
            index.write(json.dumps(entry) + "\n")

    def state(self) -> dict[str, tuple[bytes, int]]:
        """Every file with its bytes and its time."""
        files = [path for path in sorted(self.path.rglob("*")) if path.is_file()]
        return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
