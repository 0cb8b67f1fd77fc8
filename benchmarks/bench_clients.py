"""Many clients of one thread server at once, beside the real one: lists, reads and turns, over a socket file and over a port.

Both servers serve the same home, one after the other, ask the same scripted model, and are asked by the same clients in the
same way: each waits for an answer before it asks again. What is reported is how long the slowest hundredth waited.
"""

from __future__ import annotations

import asyncio
import glob
import json
import os
import random
import re
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from websockets.asyncio.client import ClientConnection, connect, unix_connect

from codex import HELLO, binary, driver, shared_script
from harness import ENVIRONMENT, Asked, Figure, main, seconds, skipped, times

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from types import ModuleType

NEW = "0.169.0"
KINDS = ("unix", "ws")
MOST = 1 << 28
PATIENCE = 120.0
MIX = ("list", "read", "read", "list", "turn")


class Load(NamedTuple):
    """How many clients, on how many threads, for how long."""

    clients: int
    threads: int
    seconds: float


class Lab(NamedTuple):
    """A home that both servers know, and where the scripted model is."""

    driven: ModuleType
    folder: str
    home: str

    def ours(self, place: str) -> subprocess.Popen[str]:
        """Our server."""
        where = ("--home", self.home, "--index", os.path.join(self.folder, "index.sqlite"))
        opened = ("--ws-open",) if place.startswith("ws") else ()
        environment = {**ENVIRONMENT, "LAB_API_KEY": "x"}
        return _started([sys.executable, "-m", "rollout", "app-server", *where, "--listen", place, *opened], environment)

    def theirs(self, place: str) -> subprocess.Popen[str]:
        """The real server."""
        program = binary(NEW)
        assert program is not None
        environment = self.driven.clean_env(self.home, home=os.path.join(self.folder, "nobody"))
        return _started([program, "app-server", "--listen", place], environment)


def _started(command: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment, text=True)


def figures(asked: Asked) -> Iterator[Figure]:
    """Both kinds of sockets."""
    driven, generator, model = driver(), shared_script("synth"), shared_script("mock_responses")
    load = Load(20, 200, 5) if asked.quick else Load(200, 2000, 30)
    if driven is None or generator is None or model is None or binary(NEW) is None:
        yield skipped(
            f"app-server: {load.clients} clients at once", "0 errors", f"no Codex {NEW}: set CODEX_BINARIES to its folder, ROLLOUT_SHARED to the generator's"
        )
        return
    home = os.path.join(asked.folder, "home")
    made = ["--sessions", str(load.threads), "--lines", "40", "--archived", "0"]
    subprocess.run([sys.executable, generator, "--home", home, *made], stdout=subprocess.DEVNULL, check=True)
    with scripted(model) as base_url:
        driven.write_config(home, base_url)
        lab = Lab(driven, asked.folder, home)
        for kind in KINDS:
            yield _figure(lab, load, kind)


@contextmanager
def scripted(program: str) -> Generator[str]:
    """The scripted model, in a process of its own."""
    port = _free_port()
    with subprocess.Popen([sys.executable, program, "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as model:
        try:
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            model.kill()


def _figure(lab: Lab, load: Load, kind: str) -> Figure:
    ours, theirs = _measured(lab.ours, lab, load, kind), _measured(lab.theirs, lab, load, kind)
    what = "a socket file" if kind == "unix" else "websockets of a port"
    return Figure(
        job=f"app-server: {load.clients} clients at once over {what}, {load.threads:,} threads, lists, reads and turns: 99 of 100 are answered within",
        ours=f"{seconds(ours.at(0.99))}, {ours.errors} errors",
        baseline=f"{seconds(theirs.at(0.99))}, {theirs.errors} errors, Codex {NEW}",
        ratio=times(ours.at(0.99) / theirs.at(0.99)),
        target="0 errors",
        met=ours.errors == 0,
        note=f"ours {ours.told(load)}; Codex {theirs.told(load)}",
    )


class Waits(NamedTuple):
    """How long each request of a kind took, and what went wrong."""

    took: dict[str, list[float]]
    wrong: Counter[str]
    cpu: list[float]

    @property
    def errors(self) -> int:
        """How much went wrong."""
        return self.wrong.total()

    def at(self, share: float, kind: str = "") -> float:
        """What so many of all requests, or of a kind, stayed within."""
        found = sorted(wait for name, waits in self.took.items() if kind in ("", name) for wait in waits)
        return found[min(len(found) - 1, int(share * len(found)))] if found else float("nan")

    def told(self, load: Load) -> str:
        """In words."""
        each = ", ".join(f"{kind} {seconds(self.at(0.5, kind))} and {seconds(self.at(0.99, kind))}" for kind in sorted(self.took))
        count = sum(map(len, self.took.values()))
        spent = seconds(sum(self.cpu) / count) if count else "no"
        return f"{count / load.seconds:.0f} a second, {spent} CPU of the server for each; half and 99 of 100 of each kind: {each}" + (f"; {dict(self.wrong)}" if self.wrong else "")


def _measured(start: Any, lab: Lab, load: Load, kind: str) -> Waits:
    place = f"unix://{lab.folder}/s" if kind == "unix" else f"ws://127.0.0.1:{_free_port()}"
    server: subprocess.Popen[str]
    with start(place) as server:
        try:
            return asyncio.run(_crowd(place, load, _threads(lab.home), server.pid))
        finally:
            server.terminate()
            try:
                server.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                server.kill()


def _threads(home: str) -> list[str]:
    """Those that the configured provider can go on with."""
    found = set[str]()
    for path in glob.glob(os.path.join(home, "sessions", "*", "*", "*", "*.jsonl")):
        with open(path, encoding="utf-8") as file:
            if '"model_provider":"labmock"' in file.readline():
                found.add(path.removesuffix(".jsonl")[-36:])
    return sorted(found)


async def _crowd(place: str, load: Load, threads: list[str], server: int) -> Waits:
    """Every client has said hello and has a thread of its own before the clock begins to run."""
    waits = Waits({}, Counter(), [])
    await _listening(place)
    asking = [Client(place, threads[number], waits) for number in range(load.clients)]
    for some in range(0, len(asking), 20):
        await asyncio.gather(*(one.begin() for one in asking[some : some + 20]))
    waits.took.clear()
    end, spent = perf_counter() + load.seconds, _cpu(server)
    await asyncio.gather(*(one.go_on(end, threads, random.Random(number)) for number, one in enumerate(asking)))
    waits.cpu.append(_cpu(server) - spent)
    await asyncio.gather(*(one.close() for one in asking))
    return waits


def _cpu(process: int) -> float:
    """The CPU time of a process so far, in seconds."""
    with open(f"/proc/{process}/stat", encoding="ascii", errors="replace") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _listening(place: str) -> None:
    for _ in range(600):
        try:
            await (await _open(place)).close()
        except OSError:
            await asyncio.sleep(0.1)
        else:
            return
    raise RuntimeError(f"nobody listens on {place}")


async def _open(place: str) -> ClientConnection:
    options: Any = {"max_size": MOST, "compression": None, "open_timeout": PATIENCE, "ping_interval": None}
    path = place.removeprefix("unix://")
    return await (unix_connect(path, "ws://localhost/", **options) if path != place else connect(place, **options))


class Client:
    """One client, which does not take answers apart."""

    def __init__(self, place: str, thread: str, waits: Waits) -> None:
        """Nobody is connected yet."""
        self._place, self._thread, self._waits = place, thread, waits
        self._number = 0

    async def begin(self) -> None:
        """Say hello and resume the client's own thread."""
        self._socket = await _open(self._place)
        await self._ask("hello", "initialize", HELLO)
        await self._socket.send('{"method":"initialized"}')
        await self._ask("resume", "thread/resume", {"threadId": self._thread})
        await self._ask("list", "thread/list", {"limit": 25})

    async def go_on(self, end: float, threads: list[str], chance: random.Random) -> None:
        """Ask one thing after the other until the end."""
        turned = chance.randrange(len(MIX))
        while perf_counter() < end:
            kind = MIX[turned % len(MIX)]
            turned += 1
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._one(kind, threads, chance)
            except (TimeoutError, OSError, EOFError, RuntimeError) as error:
                self._waits.wrong[f"{kind}: {type(error).__name__}"] += 1
                return

    async def _one(self, kind: str, threads: list[str], chance: random.Random) -> None:
        if kind == "list":
            await self._ask(kind, "thread/list", {"limit": 25})
        elif kind == "read":
            await self._ask(kind, "thread/read", {"threadId": chance.choice(threads), "includeTurns": True})
        else:
            words = [{"type": "text", "text": "and now?"}]
            await self._ask(kind, "turn/start", {"threadId": self._thread, "input": words}, ended=b'"method":"turn/completed"')

    async def _ask(self, kind: str, method: str, params: dict[str, Any], ended: bytes = b"") -> None:
        """Ask, and wait for the answer; ``ended``: for this notification as well."""
        self._number += 1
        began = perf_counter()
        await self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        await self._answer(method, ended)
        self._waits.took.setdefault(kind, []).append(perf_counter() - began)

    async def _answer(self, method: str, ended: bytes) -> None:
        answered = False
        while True:
            message = await self._socket.recv(decode=False)
            head = message[:200]
            if re.match(rb'\{"(method|emittedAtMs)"', head) is None:
                if re.match(rb'\{("id":\d+,)?"error"', head):
                    self._waits.wrong[f"{method}: {head.decode(errors='replace')}"] += 1
                    return
                answered = True
            elif ended and ended in head + message[-200:]:
                ended = b""
            if answered and not ended:
                return

    async def close(self) -> None:
        """Hang up."""
        await self._socket.close()


def _free_port() -> int:
    import socket  # noqa: PLC0415 - only here

    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


if __name__ == "__main__":
    main(figures)
