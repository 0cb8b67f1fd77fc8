"""The real Codex beside us: where its binaries and their driver are, and a client that times any app-server."""

from __future__ import annotations

import glob
import importlib.util
import json
import os
import subprocess
import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any

from harness import ENVIRONMENT, ROOT, Cost

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from typing import Self

Json = dict[str, Any]
HELLO: Json = {"clientInfo": {"name": "bench", "version": "1"}, "capabilities": {"experimentalApi": True}}
_TICK = os.sysconf("SC_CLK_TCK")


def binary(version: str) -> str | None:
    """The program of a version below the folder that CODEX_BINARIES names; None when there is none."""
    places = os.path.join(os.environ.get("CODEX_BINARIES", ""), version, "node_modules/@openai/*/vendor/*/*/codex")
    return next(iter(sorted(glob.glob(places))), None) if os.environ.get("CODEX_BINARIES") else None


def shared_script(name: str) -> str | None:
    """A script of the shared folder (ROLLOUT_SHARED); None when there is none."""
    shared = os.environ.get("ROLLOUT_SHARED") or os.path.join(os.path.dirname(ROOT), "shared")
    path = os.path.join(shared, "oracle", f"{name}.py")
    return path if os.path.exists(path) else None


def driver() -> ModuleType | None:
    """What sets up a home and an environment for the real program."""
    path = shared_script("codex_driver")
    spec = importlib.util.spec_from_file_location("codex_driver", path) if path else None
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    sys.modules["codex_driver"] = module
    spec.loader.exec_module(module)
    return module


class Client:
    """One app-server on standard input and output; answers are read as bytes and not taken apart."""

    def __init__(self, command: Sequence[str], environment: dict[str, str] | None = None) -> None:
        """Start it and say hello; ``hello`` is what that took, the start included."""
        began, pipe = perf_counter(), subprocess.PIPE
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=environment or ENVIRONMENT, bufsize=1 << 20
        )
        self._number = 0
        self.ask("initialize", HELLO)
        self.hello = Cost(perf_counter() - began, self.cpu, self.peak)
        self._send({"method": "initialized"})

    def ask(self, method: str, params: Json) -> bytes:
        """The line that answers a request; RuntimeError when it is refused or the server ends."""
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(b'{"method"'):
                continue
            if line.startswith((b'{"error"', b'{"id":%d,"error"' % self._number)):
                raise RuntimeError(f"{method}: {line[:200]!r}")
            return line
        raise RuntimeError(f"the server ended before it answered {method}")

    def result(self, method: str, params: Json) -> Json:
        """The answer to a request, taken apart."""
        found: Json = json.loads(self.ask(method, params))["result"]
        return found

    def timed(self, method: str, params: Json, times: int = 1) -> Cost:
        """What the server needs for so many requests of a kind: wall and CPU time of each, and its peak so far."""
        cpu, began = self.cpu, perf_counter()
        for _ in range(times):
            self.ask(method, params)
        return Cost((perf_counter() - began) / times, (self.cpu - cpu) / times, self.peak)

    @property
    def cpu(self) -> float:
        """The CPU time of the process so far, in seconds."""
        with open(f"/proc/{self._process.pid}/stat", encoding="ascii", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    @property
    def peak(self) -> int:
        """The most memory that the process had, in bytes."""
        with open(f"/proc/{self._process.pid}/status", encoding="ascii", errors="replace") as status:
            return next(int(row.split()[1]) * 1024 for row in status if row.startswith("VmHWM:"))

    def _send(self, message: Json) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
